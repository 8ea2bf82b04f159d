/** @file What stands for "nothing there" in an image. */
import { complaint, describe } from "../base/errors.ts";
import { Tensor } from "../ir/tensor.ts";
import { full } from "../ops/index.ts";
import { ExplainError } from "./errors.ts";

/** A number for all pixels, or an image [H, W, channels] (or anything that broadcasts to it). */
export type Baseline = number | Tensor;

/**
 * A baseline as an image like `image`, [1, H, W, channels]; zeros where none is given, in the numbers that the network takes: the
 * mean colour after most kinds of preprocessing. Throws ExplainError naming `who`.
 */
export function baselineOf(who: string, image: Tensor, baseline: Baseline = 0): Tensor {
  const { shape, dtype } = image;
  if (typeof baseline === "number" && Number.isFinite(baseline))
    return full(shape, baseline, { dtype });
  const fits =
    baseline instanceof Tensor &&
    baseline.dtype === dtype &&
    baseline.rank <= shape.length &&
    baseline.shape
      .toReversed()
      .every((extent, index) => extent === 1 || extent === shape[shape.length - 1 - index]);
  if (!fits)
    throw new ExplainError(
      complaint(
        `${who}: baseline`,
        `a finite number, or an image ${dtype}[${shape.slice(1).join(", ")}]`,
        baseline instanceof Tensor ? baseline.toString() : describe(baseline),
      ),
    );
  return baseline.broadcastTo(shape);
}
