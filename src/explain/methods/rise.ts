/** @file RISE: random masks, weighted by what the network says of the image seen through them. No gradients. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { iota, random, scalar } from "../../ops/index.ts";
import { type RandomOptions, batchSizeOf, countOf, drawEach, portions } from "../batches.ts";
import { type Explainer, explainer } from "../explain.ts";

/** Options of `rise`. */
export interface RiseOptions extends RandomOptions {
  /** How many masks: 1000 unless given; the authors take 4000 to 8000. */
  readonly masks?: number;
  /** Cells along each side of a mask: 7 unless given. */
  readonly cells?: number;
  /** Probability that a cell is open: 0.5 unless given. */
  readonly open?: number;
}

/**
 * The mean of random masks weighted by the score of the masked image, divided by the probability of an open cell. Masks are
 * grids of open and closed cells, enlarged bilinearly by a cell more than the image and cut out at a random place.
 */
export const rise: Explainer<RiseOptions> = explainer<RiseOptions>({
  name: "rise",
  title: "RISE",
  source: "Petsiuk et al. 2018, eq. 6 and section 3.3",
  at: "image",
  fold: "sum",
  relu: false,
  score: "probability",
  options: ["batchSize", "seed", "masks", "cells", "open"],
  *study({ who, image, program }, options) {
    const [, height, width] = image.shape as [number, number, number];
    const masks = countOf(`${who}: masks`, options.masks, 1000);
    const cells = countOf(`${who}: cells`, options.cells, 7);
    const { open = 0.5, seed = 0 } = options;
    if (!(open > 0 && open < 1))
      throw new ArgumentError(
        complaint(`${who}: open`, "a probability between 0 and 1", describe(open)),
      );
    const size = batchSizeOf(who, options, masks);
    const weighted = program(
      `${cells}`,
      size,
      (batch, picture, key, probability, numbers, total) => {
        const { dtype } = picture!;
        const mask = drawEach(key!, numbers!, (own) => {
          const [forCells, forRows, forColumns] = random.split(own, 3) as [Tensor, Tensor, Tensor];
          const grid = random.uniform(forCells, [cells, cells]).less(probability!).cast(dtype);
          const rows = interpolation(forRows, cells, height, dtype);
          const columns = interpolation(forColumns, cells, width, dtype);
          return rows.matmul(grid).matmul(columns.transpose()).expandDims(2);
        });
        const scores = batch.scoresOf(picture!.mul(mask));
        const counts = numbers!.less(total!).cast(dtype);
        return [mask.mul(scores.mul(counts).reshape([size, 1, 1, 1])).sum([0], true)];
      },
    );
    const probability = scalar(open);
    const total = scalar(masks, { dtype: "int32" });
    let sum = image.sum([3], true).zerosLike();
    for (const { numbers, start } of portions(masks, size)) {
      yield start / masks;
      sum = sum.add(weighted(image, random.key(seed), probability, numbers, total)[0]!);
    }
    return [sum.div(masks * open)];
  },
});

/**
 * [extent, cells]: how cells make up pixels when `cells` of them are stretched over `extent` and one cell more, and the pixels
 * begin at a random place in the first.
 */
function interpolation(key: Tensor, cells: number, extent: number, dtype: Tensor["dtype"]): Tensor {
  const cell = Math.ceil(extent / cells);
  const shift = random.randint(key, [], { max: cell }).cast(dtype);
  const pixel = iota([extent, 1], 0).cast(dtype);
  const place = pixel
    .add(shift)
    .add(0.5)
    .mul(cells / (cells + 1) / cell);
  const inside = place.sub(0.5).clip(0, cells - 1);
  return inside
    .sub(iota([1, cells], 1).cast(dtype))
    .abs()
    .neg()
    .add(1)
    .relu();
}
