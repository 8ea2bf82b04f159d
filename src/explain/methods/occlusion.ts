/** @file Occlusion: how much the score falls when a window of the image is covered. No gradients. */
import { ExplainError } from "../errors.ts";
import { complaint } from "../../base/errors.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { iota, tensor } from "../../ops/index.ts";
import { type Baseline, baselineOf } from "../baseline.ts";
import { type BatchOptions, batchSizeOf, countOf, portions } from "../batches.ts";
import { type Explainer, explainer } from "../explain.ts";

/** Options of `occlusion`. */
export interface OcclusionOptions extends BatchOptions {
  /** Rows and columns of the window: an eighth of the image's smaller side unless given. */
  readonly window?: number;
  /** How far windows are apart, at most their size: half of it unless given. */
  readonly stride?: number;
  /** What covers the image: a number or an image, in the numbers that the network takes. 0 unless given. */
  readonly baseline?: Baseline;
}

/**
 * Each pixel's mean fall of the score over the windows that cover it, as in Captum; all channels are covered together. The
 * last windows of a row or column may reach beyond the image.
 */
export const occlusion: Explainer<OcclusionOptions> = explainer<OcclusionOptions>({
  name: "occlusion",
  title: "Occlusion",
  source: "Zeiler and Fergus 2013, section 4.2",
  at: "image",
  fold: "sum",
  relu: false,
  options: ["batchSize", "window", "stride", "baseline"],
  *study({ who, image, score, program }, options) {
    const [, height, width] = image.shape as [number, number, number];
    const smaller = Math.min(height, width);
    const window = countOf(`${who}: window`, options.window, Math.max(1, Math.round(smaller / 8)));
    const stride = countOf(`${who}: stride`, options.stride, Math.ceil(window / 2));
    if (window > smaller || stride > window)
      throw new ExplainError(
        complaint(
          who,
          `a window of at most ${smaller} and a stride of at most the window`,
          `window ${window} and stride ${stride}`,
        ),
      );
    const [rows, columns] = [starts(height, window, stride), starts(width, window, stride)];
    const places = rows.flatMap((row) => columns.map((column) => [row, column] as const));
    const size = batchSizeOf(who, options, places.length);
    const covered = program(`${window}`, size, (batch, picture, cover, top, left) => {
      const within = (axis: number, extent: number, from: Tensor): Tensor => {
        const at = iota([1, extent], 1);
        const first = from.expandDims(1);
        const inside = at.greaterEqual(first).logicalAnd(at.less(first.add(window)));
        return inside.expandDims(axis === 1 ? [2, 3] : [1, 3]);
      };
      const inWindow = within(1, height, top!).logicalAnd(within(2, width, left!));
      return [batch.scoresOf(cover!.where(inWindow, picture!))];
    });
    const baseline = baselineOf(who, image, options.baseline);
    const falls = new Float64Array(height * width);
    const times = new Float64Array(height * width);
    for (const { start, count } of portions(places.length, size)) {
      yield start / places.length;
      const own = (which: 0 | 1): Tensor =>
        tensor(Int32Array.from({ length: size }, (_, i) => places[start + i]?.[which] ?? 0));
      const scores = covered(image, baseline, own(0), own(1))[0]!.data();
      for (let i = 0; i < count; i++) {
        const [top, left] = places[start + i]!;
        for (let y = top; y < Math.min(top + window, height); y++)
          for (let x = left; x < Math.min(left + window, width); x++) {
            falls[y * width + x]! += score - scores[i]!;
            times[y * width + x]!++;
          }
      }
    }
    const mean = falls.map((fall, index) => fall / times[index]!);
    return [tensor(mean, { shape: [1, height, width, 1], dtype: image.dtype })];
  },
});

/** Where windows begin: the last one covers the last pixel. */
function starts(extent: number, window: number, stride: number): number[] {
  return Array.from({ length: Math.ceil((extent - window) / stride) + 1 }, (_, i) => i * stride);
}
