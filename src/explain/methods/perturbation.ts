/**
 * @file Methods that alter the image or its feature maps and see what becomes of the score, without gradients. One entry for
 * each method, with its paper and equation.
 */
import { complaint } from "../../base/errors.ts";
import { count, within } from "../../base/kinds.ts";
import { type OptionsOf, optional } from "../../base/options.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { iota, random, scalar, tensor } from "../../ops/index.ts";
import { ExplainError } from "../errors.ts";
import { type Explainer, explainer } from "../explainer.ts";
import { resizeBilinear, unitRange } from "../maps.ts";
import type { Study } from "../method.ts";
import type { BatchOptions, ExplainOptions } from "../method.ts";
import { batchOptions, randomOptions } from "../options.ts";
import { baseline, baselineLike, drawEach, portions } from "./batches.ts";

/**
 * Feature maps times weights [C], which follow from the scores [C] of one pass for each channel: `scoresOf` takes channels
 * int32 [size].
 */
function* weighedByScores(
  { activations }: Study,
  size: number,
  scoresOf: (channels: Tensor) => Tensor,
  weightsOf: (scores: Tensor) => Tensor,
): Generator<number, Tensor> {
  const channels = activations.shape[3]!;
  const scores = new Float64Array(channels);
  for (const { numbers, start, count: counting } of portions(channels, size)) {
    yield start / channels;
    scores.set(scoresOf(numbers).data().subarray(0, counting), start);
  }
  return activations.mul(weightsOf(tensor(scores, { dtype: activations.dtype })));
}

/**
 * Each feature map, enlarged to the image (corners aligned, as in pytorch-grad-cam) and scaled to [0, 1], masks the image. The
 * softmax of the scores over the channels weighs the maps.
 */
export const scoreCam: Explainer<BatchOptions> = explainer({
  name: "scoreCam",
  title: "Score-CAM",
  source: "Wang et al. 2020, eq. 3 to 7 and algorithm 1",
  at: "layer",
  fold: "sum",
  relu: true,
  options: batchOptions,
  study(study, { batchSize }) {
    const { image, activations, program } = study;
    const [, height, width] = image.shape as [number, number, number];
    const size = Math.min(batchSize, activations.shape[3]!);
    const masked = program([], size, (look, picture, maps, channels) => {
      const chosen = maps!.take(channels!, 3);
      const masks = unitRange(resizeBilinear(chosen, height, width, "corners"));
      return look(picture!.mul(masks.transpose([3, 1, 2, 0]))).scores;
    });
    return weighedByScores(
      study,
      size,
      (channels) => masked(image, activations, channels),
      (scores) => scores.softmax(),
    );
  },
});

/**
 * Weights are (y - y_k) / |y|, where y_k is the score with channel k zero everywhere: one pass above the layer for each
 * channel. The paper divides by y, which for a negative score would flip the map's sign.
 */
export const ablationCam: Explainer<BatchOptions> = explainer({
  name: "ablationCam",
  title: "Ablation-CAM",
  source: "Desai and Ramaswamy 2020, eq. 3 and 4",
  at: "layer",
  fold: "sum",
  relu: true,
  options: batchOptions,
  study(study, { batchSize }) {
    const { image, activations, program, score } = study;
    const size = Math.min(batchSize, activations.shape[3]!);
    const ablated = program([], size, (look, picture, maps, channels) => {
      const isOff = channels!.oneHot(maps!.shape[3]!, { dtype: maps!.dtype });
      return look(picture!).scoresWith(maps!.mul(isOff.neg().add(1).expandDims([1, 2])));
    });
    const magnitude = score === 0 ? 1 : Math.abs(score);
    return weighedByScores(
      study,
      size,
      (channels) => ablated(image, activations, channels),
      (scores) => scores.neg().add(score).div(magnitude),
    );
  },
});

const occlusionOptions = {
  ...batchOptions,
  window: optional(
    count,
    undefined,
    "Rows and columns of the window; an eighth of the image's smaller side unless given.",
  ),
  stride: optional(
    count,
    undefined,
    "Distance between windows, at most their size; half of it unless given.",
  ),
  baseline,
};

/** Options of `occlusion`. */
export type OcclusionOptions = ExplainOptions & OptionsOf<typeof occlusionOptions>;

/**
 * How much the score falls, for each pixel the mean over the windows that cover it, as in Captum; all channels are covered
 * together. The last windows of a row or column may reach beyond the image. Throws ExplainError for windows larger than the
 * image or further apart than their size.
 */
export const occlusion: Explainer<OcclusionOptions> = explainer({
  name: "occlusion",
  title: "Occlusion",
  source: "Zeiler and Fergus 2013, section 4.2",
  at: "image",
  fold: "sum",
  relu: false,
  options: occlusionOptions,
  *study({ who, image, score, program }, settings) {
    const [, height, width] = image.shape as [number, number, number];
    const smaller = Math.min(height, width);
    const { window = Math.max(1, Math.round(smaller / 8)) } = settings;
    const { stride = Math.ceil(window / 2), batchSize } = settings;
    if (window > smaller || stride > window)
      throw new ExplainError(
        complaint(
          who,
          `a window of at most ${smaller} and a stride of at most the window`,
          `window ${window} and stride ${stride}`,
        ),
      );
    // The last window covers the last pixel.
    const starts = (extent: number): number[] =>
      Array.from({ length: Math.ceil((extent - window) / stride) + 1 }, (_, i) => i * stride);
    const corners = starts(height).flatMap((top) => starts(width).map((left) => [top, left]));
    const size = Math.min(batchSize, corners.length);
    const covered = program([window], size, (look, picture, cover, top, left) => {
      const isWithin = (axis: 1 | 2, extent: number, from: Tensor): Tensor => {
        const at = iota([1, extent], 1);
        const first = from.expandDims(1);
        const inside = at.greaterEqual(first).logicalAnd(at.less(first.add(window)));
        return inside.expandDims(axis === 1 ? [2, 3] : [1, 3]);
      };
      const inWindow = isWithin(1, height, top!).logicalAnd(isWithin(2, width, left!));
      return look(cover!.where(inWindow, picture!)).scores;
    });
    const cover = baselineLike(who, image, settings.baseline);
    const falls = new Float64Array(height * width);
    const times = new Float64Array(height * width);
    for (const { start, count: counting } of portions(corners.length, size)) {
      yield start / corners.length;
      const its = (which: 0 | 1): Tensor =>
        tensor(Int32Array.from({ length: size }, (_, i) => corners[start + i]?.[which] ?? 0));
      const scores = covered(image, cover, its(0), its(1)).data();
      for (let i = 0; i < counting; i++) {
        const [top, left] = corners[start + i] as [number, number];
        for (let y = top; y < Math.min(top + window, height); y++)
          for (let x = left; x < Math.min(left + window, width); x++) {
            falls[y * width + x]! += score - scores[i]!;
            times[y * width + x]!++;
          }
      }
    }
    const mean = falls.map((fall, index) => fall / times[index]!);
    return tensor(mean, { shape: [1, height, width, 1], dtype: image.dtype });
  },
});

const riseOptions = {
  ...randomOptions,
  masks: optional(count, 1000, "Number of masks; the authors take 4000 to 8000."),
  cells: optional(count, 7, "Cells along each side of a mask."),
  open: optional(within(0, 1), 0.5, "Probability that a cell is open."),
};

/** Options of `rise`. */
export type RiseOptions = ExplainOptions & OptionsOf<typeof riseOptions>;

/**
 * The mean of random masks weighted by the score of the masked image, divided by the probability of an open cell. Masks are
 * grids of open and closed cells, enlarged bilinearly to one cell more than the image and cropped at a random offset.
 */
export const rise: Explainer<RiseOptions> = explainer({
  name: "rise",
  title: "RISE",
  source: "Petsiuk et al. 2018, eq. 6 and section 3.3",
  at: "image",
  fold: "sum",
  relu: false,
  score: "probability",
  options: riseOptions,
  *study({ image, program }, { masks, cells, open, seed, batchSize }) {
    const [, height, width] = image.shape as [number, number, number];
    const size = Math.min(batchSize, masks);
    const weighted = program([cells], size, (look, picture, key, probability, numbers, total) => {
      const { dtype } = picture!;
      const mask = drawEach(key!, numbers!, (own) => {
        const [forCells, forRows, forColumns] = random.split(own, 3) as [Tensor, Tensor, Tensor];
        const grid = random.uniform(forCells, [cells, cells]).less(probability!).cast(dtype);
        const rows = stretched(forRows, cells, height, dtype);
        const columns = stretched(forColumns, cells, width, dtype);
        return rows.matmul(grid).matmul(columns.transpose()).expandDims(2);
      });
      const { scores } = look(picture!.mul(mask));
      const counts = numbers!.less(total!).cast(dtype);
      return mask.mul(scores.mul(counts).reshape([size, 1, 1, 1])).sum([0], true);
    });
    const probability = scalar(open);
    const total = scalar(masks, { dtype: "int32" });
    let sum = image.sum([3], true).zerosLike();
    for (const { numbers, start } of portions(masks, size)) {
      yield start / masks;
      sum = sum.add(weighted(image, random.key(seed), probability, numbers, total));
    }
    return sum.div(masks * open);
  },
});

/**
 * [extent, cells]: the weights of cells in pixels if `cells` of them are stretched over `extent` and one cell more, and the
 * pixels begin at a random offset within the first.
 */
function stretched(key: Tensor, cells: number, extent: number, dtype: Tensor["dtype"]): Tensor {
  const cell = Math.ceil(extent / cells);
  const shift = random.randint(key, [], { max: cell }).cast(dtype);
  const pixel = iota([extent, 1], 0).cast(dtype);
  const position = pixel
    .add(shift)
    .add(0.5)
    .mul(cells / (cells + 1) / cell);
  const inside = position.sub(0.5).clip(0, cells - 1);
  return inside
    .sub(iota([1, cells], 1).cast(dtype))
    .abs()
    .neg()
    .add(1)
    .relu();
}
