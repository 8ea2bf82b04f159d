/** @file What methods of many passes share: work in batches of one size, random numbers, and images of nothing. */
import { complaint } from "../../base/errors.ts";
import { kind } from "../../base/kinds.ts";
import { type Kind, optional } from "../../base/options.ts";
import { Tensor } from "../../ir/tensor.ts";
import { full, random, stack, tensor } from "../../ops/index.ts";
import { ExplainError } from "../errors.ts";

/** One batch of the work. */
interface Portion {
  /** Number of its first item. */
  readonly start: number;
  /** How many of its items count; a last batch is filled up. */
  readonly count: number;
  /** The numbers of its items, int32 [size], including those beyond the total. */
  readonly numbers: Tensor;
}

/** The items 0 to total - 1 in batches of one size, so that one program serves all of them. */
export function portions(total: number, size: number): Portion[] {
  return Array.from({ length: Math.ceil(total / size) }, (_, index) => {
    const start = index * size;
    const numbers = tensor(Int32Array.from({ length: size }, (__, i) => start + i));
    return { start, count: Math.min(size, total - start), numbers };
  });
}

/** Draws with a random key of its own for each number, stacked: the same values for any size of batches. */
export function drawEach(key: Tensor, numbers: Tensor, draw: (key: Tensor) => Tensor): Tensor {
  return stack(
    Array.from({ length: numbers.size }, (_, i) => draw(random.foldIn(key, numbers.at(i)))),
  );
}

/** A number for all pixels, or an image [H, W, channels] (or a tensor that broadcasts to it). */
export type Baseline = number | Tensor;

const baselineKind: Kind<Baseline> = kind(
  "a finite number, or an image",
  (given) => Number.isFinite(given) || given instanceof Tensor,
  { parse: Number },
);

/** The option of methods that compare with an image of nothing: most preprocessing makes 0 the mean colour. */
export const baseline = optional(
  baselineKind,
  0,
  'What stands for "nothing there": a number or an image, in the numbers that the network takes.',
);

/** A baseline as an image like `image`, [1, H, W, channels]. Throws ExplainError naming `who` if it does not broadcast to it. */
export function baselineLike(who: string, image: Tensor, given: Baseline): Tensor {
  const { shape, dtype } = image;
  if (typeof given === "number") return full(shape, given, { dtype });
  const fits =
    given.dtype === dtype &&
    given.rank <= shape.length &&
    given.shape
      .toReversed()
      .every((extent, index) => extent === 1 || extent === shape[shape.length - 1 - index]);
  if (!fits)
    throw new ExplainError(
      complaint(
        `${who}: baseline`,
        `a finite number, or an image ${dtype}[${shape.slice(1).join(", ")}]`,
        given.toString(),
      ),
    );
  return given.broadcastTo(shape);
}
