/** @file Normalisation inside networks: by the batch's statistics, by each sample's own, and by neighbouring channels. */
import { ArgumentError, ShapeError, complaint } from "../../base/errors.ts";
import { between, count, finite, flag, kind } from "../../base/kinds.ts";
import { type Kind, optional } from "../../base/options.ts";
import { type Shape, formatShape, sizeOf } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { composite } from "../../ops/composite.ts";
import { type OptionsFor, factory, layer, state, weight } from "../declare.ts";
import { axes as axesKind, axis as axisKind, initializer } from "../kinds.ts";
import { type Mode, isTraining } from "../mode.ts";
import {
  imageShape,
  requireDType,
  requireExtents,
  requireImages,
  requireRank,
  sampleAxes,
} from "./checks.ts";

const formOptions = {
  epsilon: optional(between(0, Infinity), 1e-3, "Added to variances (PyTorch's default is 1e-5)."),
  center: optional(flag, true, "Whether beta is added."),
  scale: optional(flag, true, "Whether gamma multiplies."),
  betaInitializer: optional(initializer, "zeros", "Makes beta."),
  gammaInitializer: optional(initializer, "ones", "Makes gamma."),
};

/** A list of the tensor; empty if it is undefined. */
function present(tensor: Tensor | undefined): Tensor[] {
  return tensor === undefined ? [] : [tensor];
}

/** The axes of x that a layer's setting names. Throws ShapeError and DTypeError where x does not suit the layer. */
function normalizedAxes(of: LayerNorm | GroupNorm, x: Tensor): readonly number[] {
  const { label, axis, gamma, beta } = of;
  const sample = of.inputShape!;
  requireRank(label, x, sample);
  if (gamma ?? beta) requireDType(label, x, (gamma ?? beta)!.dtype);
  const axes = sampleAxes(label, axis, sample);
  requireExtents(label, x, sample, axes);
  return axes;
}

const groupCount = kind(
  "a positive integer, or -1",
  (given) => Number.isInteger(given) && ((given as number) > 0 || given === -1),
) as Kind<number>;

/** The features' axis in a batch of a rank. */
function featureAxis({ label, axis }: { label: string; axis: number }, rank: number): number {
  const at = axis < 0 ? axis + rank : axis;
  if (at < 1 || at >= rank)
    throw new ShapeError(
      complaint(
        `${label}: axis`,
        `an axis of its input, which has rank ${rank} with the batch`,
        String(axis),
      ),
    );
  return at;
}

/** gamma (x - mean) / sqrt(variance + epsilon) + beta for each feature (Ioffe and Szegedy 2015, algorithms 1 and 2). */
export class BatchNorm extends layer(
  "batchNorm",
  {
    axis: optional(axisKind, -1, "The axis of the features; the batch counts as axis 0."),
    ...formOptions,
    momentum: optional(between(0, 1), 0.99, "What moving statistics keep per step."),
    movingMeanInitializer: optional(initializer, "zeros", "Makes the moving mean."),
    movingVarianceInitializer: optional(initializer, "ones", "Makes the moving variance."),
  },
  {
    className: "BatchNormalization",
    aliases: ["BatchNormalizationV1", "BatchNormalizationV2", "SyncBatchNormalization"],
    parameters(of, shape) {
      const features = [[1, ...shape][featureAxis(of, shape.length + 1)]!];
      return {
        // Keys are those of beta, gamma, mean, variance in this order.
        /** [features]; undefined without scale. */
        gamma: of.scale ? { ...weight(features, of.gammaInitializer), position: 1 } : undefined,
        /** [features]; undefined without center. */
        beta: of.center ? { ...weight(features, of.betaInitializer), position: 0 } : undefined,
        /** [features], state: what inference takes for the mean. */
        movingMean: state(features, of.movingMeanInitializer),
        /** [features], state: what inference takes for the variance. */
        movingVariance: state(features, of.movingVarianceInitializer),
      };
    },
  },
) {
  /**
   * x [batch, ...] normalised, of the same shape. In training by mean and (biased) variance of the batch, which then move the
   * moving statistics: moving = momentum moving + (1 - momentum) batch; otherwise, and where the layer is not `trainable`, by the
   * moving statistics. Throws ArgumentError in training where state cannot change, such as inside a solve.
   */
  forward(x: Tensor, mode?: Mode): Tensor {
    this.requireGrown();
    requireTensor(this.label, x);
    const axis = featureAxis(this, x.rank);
    const features = this.movingMean.shape[0]!;
    if (x.shape[axis] !== features)
      throw new ShapeError(
        complaint(
          this.label,
          `${features} features along axis ${axis}`,
          `shape ${formatShape(x.shape)}`,
        ),
      );
    requireDType(this.label, x, this.movingMean.dtype);
    const { mean, variance } =
      isTraining(this.label, mode) && this.trainable
        ? this.batchStatistics(x, axis, mode)
        : { mean: this.movingMean, variance: this.movingVariance };
    const { epsilon, scale, center } = this;
    const inputs = [x, mean, variance, ...present(this.gamma), ...present(this.beta)];
    return composite("batchNorm", { axis, epsilon, scale, center }, inputs, (a, m, v, ...rest) => {
      const gamma = scale ? rest[0] : undefined;
      const beta = center ? rest.at(-1) : undefined;
      // A factor and a summand per feature, whichever the statistics: that fuses behind a convolution.
      const inverse = v!.add(epsilon).rsqrt();
      const factor = gamma === undefined ? inverse : gamma.mul(inverse);
      const away = m!.mul(factor);
      const summand = beta === undefined ? away.neg() : beta.sub(away);
      const along = a!.shape.map((_, index) => (index === axis ? features : 1)).slice(axis);
      return a!.mul(factor.reshape(along)).add(summand.reshape(along));
    });
  }

  private batchStatistics(
    x: Tensor,
    axis: number,
    mode: Mode,
  ): { readonly mean: Tensor; readonly variance: Tensor } {
    if (mode.update === undefined)
      throw new ArgumentError(
        complaint(
          this.label,
          "a mode of training in which its moving statistics can change",
          "one without update",
          "Make modes with nn.training(key). Inside a solve (odeBlock), where a layer runs any number of times per step, use layerNorm or groupNorm, set trainable to false, or keep batchNorm outside.",
        ),
      );
    const others = x.shape.flatMap((_, index) => (index === axis ? [] : [index]));
    const mean = x.mean(others, true);
    const difference = x.sub(mean);
    const variance = difference.mul(difference).mean(others);
    const flat = mean.reshape([mean.size]);
    const move = (moving: Tensor, batch: Tensor): void => {
      const now = mode.latest?.(moving) ?? moving;
      mode.update!(moving, now.mul(this.momentum).add(batch.mul(1 - this.momentum)));
    };
    move(this.movingMean, flat);
    move(this.movingVariance, variance);
    return { mean: flat, variance };
  }
}

/** Options of `batchNorm`, with Keras' names and defaults. */
export type BatchNormOptions = OptionsFor<typeof BatchNorm>;

/**
 * Batch normalisation: `batchNorm()`. In training (`model.forward(x, nn.training(key))`) it uses the batch's statistics and moves
 * its own along, in inference it uses its own. Throws ArgumentError for options it does not know or cannot use.
 */
export const batchNorm = factory(BatchNorm);

/** gamma (x - mean) / sqrt(variance + epsilon) + beta, with each sample's own mean and variance (Ba et al. 2016, eq. 3 and 4). */
export class LayerNorm extends layer(
  "layerNorm",
  {
    axis: optional(axesKind, -1, "Axes that mean and variance are taken along; 0 is the batch."),
    ...formOptions,
  },
  {
    className: "LayerNormalization",
    parameters(of, sample) {
      const shape = sampleAxes(of.label, of.axis, sample).map((axis) => sample[axis - 1]!);
      return {
        /** The input's extents on the axes; undefined without scale. */
        gamma: of.scale ? weight(shape, of.gammaInitializer) : undefined,
        /** The input's extents on the axes; undefined without center. */
        beta: of.center ? weight(shape, of.betaInitializer) : undefined,
      };
    },
  },
) {
  /** x [batch, ...] -> the same shape. Throws ShapeError and DTypeError naming the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    const { gamma, beta, epsilon } = this;
    const axes = normalizedAxes(this, x);
    const { scale, center } = this;
    const aligned = (parameter: Tensor): Tensor =>
      parameter.reshape(x.shape.map((extent, axis) => (axes.includes(axis) ? extent : 1)));
    const inputs = [x, ...present(gamma), ...present(beta)];
    return composite("layerNorm", { axes, epsilon, scale, center }, inputs, (a, ...rest) => {
      // Deviations before squares: no cancellation however far the mean is from 0.
      const deviation = a!.sub(a!.mean(axes, true));
      const variance = deviation.mul(deviation).mean(axes, true);
      const normal = deviation.mul(variance.add(epsilon).rsqrt());
      const scaled = scale ? normal.mul(aligned(rest[0]!)) : normal;
      return center ? scaled.add(aligned(rest.at(-1)!)) : scaled;
    });
  }
}

/** Options of `layerNorm`, with Keras' names and defaults. */
export type LayerNormOptions = OptionsFor<typeof LayerNorm>;

/**
 * Normalisation of each sample on its own: `layerNorm()` along the channels, `layerNorm({ axis: [1, 2, 3] })` over whole images.
 * Throws ArgumentError for options it does not know or cannot use.
 */
export const layerNorm = factory(LayerNorm);

/** gamma (x - mean) / sqrt(variance + epsilon) + beta, with the mean and variance of each sample's groups of channels (Wu and He 2018, eq. 1 to 7). */
export class GroupNorm extends layer(
  "groupNorm",
  {
    axis: optional(axisKind, -1, "The axis of channels, the batch being axis 0."),
    ...formOptions,
    groups: optional(groupCount, 32, "Groups of neighbouring channels; -1 for one per channel."),
  },
  {
    className: "GroupNormalization",
    parameters(of, shape) {
      const channels = shape[sampleAxes(of.label, of.axis, shape)[0]! - 1]!;
      if (channels < 1 || channels % groupsOf(of.groups, channels) !== 0)
        throw new ShapeError(
          complaint(
            of.label,
            `channels that ${of.groups} groups divide`,
            `${channels} channels, shape ${formatShape(shape)}`,
            "Give groups that divide the channels; -1 makes each channel a group.",
          ),
        );
      return {
        /** [channels]; undefined without scale. */
        gamma: of.scale ? weight([channels], of.gammaInitializer) : undefined,
        /** [channels]; undefined without center. */
        beta: of.center ? weight([channels], of.betaInitializer) : undefined,
      };
    },
  },
) {
  /** x [batch, ...] -> the same shape. Throws ShapeError and DTypeError naming the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    const { gamma, beta, epsilon } = this;
    const [axis] = normalizedAxes(this, x);
    const groups = groupsOf(this.groups, x.shape[axis!]!);
    const { scale, center } = this;
    const attributes = { axis: axis!, groups, epsilon, scale, center };
    const inputs = [x, ...present(gamma), ...present(beta)];
    return composite("groupNorm", attributes, inputs, (a, ...rest) => {
      const mean = groupMeans(a!, axis!, groups);
      // Deviations before squares: no cancellation however far the mean is from 0.
      const deviation = a!.sub(mean);
      const variance = groupMeans(deviation.mul(deviation), axis!, groups);
      const aligned = (parameter: Tensor): Tensor =>
        parameter.reshape(mean.shape.map((extent, i) => (i === axis ? extent : 1)));
      const inverse = variance.add(epsilon).rsqrt();
      const scaled = deviation.mul(scale ? inverse.mul(aligned(rest[0]!)) : inverse);
      return center ? scaled.add(aligned(rest.at(-1)!)) : scaled;
    });
  }
}

function groupsOf(groups: number, channels: number): number {
  return groups === -1 ? channels : groups;
}

/**
 * The mean of every sample's groups of channels, once for each channel, other axes having extent 1. Channels are summed one by
 * one first, and grouped after that: the one pass over all elements has the channels side by side, as they are in memory.
 */
function groupMeans(x: Tensor, axis: number, groups: number): Tensor {
  const [batch, channels] = [x.shape[0]!, x.shape[axis]!];
  const others = Array.from({ length: x.rank - 1 }, (_, i) => i + 1).filter((i) => i !== axis);
  const sums = x.sum(others);
  const size = sizeOf(x.shape) / Math.max(1, batch) / groups;
  const means = sums
    .reshape([batch, groups, channels / groups])
    .sum(2, true)
    .div(size)
    .broadcastTo([batch, groups, channels / groups]);
  return means.reshape(x.shape.map((extent, i) => (i === 0 || i === axis ? extent : 1)));
}

/** Options of `groupNorm`, with Keras' names and defaults. */
export type GroupNormOptions = OptionsFor<typeof GroupNorm>;

/**
 * Normalisation of groups of channels, each sample on its own: `groupNorm({ groups: 32, epsilon: 1e-5 })`. Keras' epsilon, the
 * default, is 1e-3; PyTorch's is 1e-5. Throws ArgumentError for options it does not know or cannot use, ShapeError for
 * channels that the groups do not divide.
 */
export const groupNorm = factory(GroupNorm);

/**
 * x / (k + alpha mean(x²))^beta, the mean being over `size` channels around each, those beyond the first and last counted as 0
 * (Krizhevsky et al. 2012, section 3.3, where alpha is what alpha / size is here).
 */
export class LocalResponseNorm extends layer(
  "localResponseNorm",
  {
    size: optional(count, 5, "Number of neighbouring channels whose squares are summed."),
    alpha: optional(finite, 1e-4, "Factor of the mean of the squares."),
    beta: optional(finite, 0.75, "Exponent."),
    k: optional(finite, 1, "Added to the mean before the power is taken."),
  },
  { outputShape: ({ label }, shape): Shape => imageShape(label, shape) },
) {
  /** x [batch, rows, columns, channels] -> the same shape. Throws ShapeError naming the layer. */
  forward(x: Tensor): Tensor {
    const channels = requireImages(this.label, x, this.inputShape?.[2]).shape[3]!;
    const before = Math.floor((this.size - 1) / 2);
    const after = this.size - 1 - before;
    const squares = x.mul(x);
    // Channels farther away than the last one add nothing.
    const nearest = Math.max(-before, 1 - channels);
    const farthest = Math.min(after, channels - 1);
    const around = squares.pad([0, 0, 0, [-nearest, farthest]]);
    let sum = around.slice([0, 0, 0, 0], [undefined, undefined, undefined, channels]);
    for (let first = 1; first <= farthest - nearest; first++)
      sum = sum.add(
        around.slice([0, 0, 0, first], [undefined, undefined, undefined, first + channels]),
      );
    return x.mul(
      sum
        .mul(this.alpha / this.size)
        .add(this.k)
        .pow(-this.beta),
    );
  }
}

/** Options of `localResponseNorm`, with PyTorch's names and defaults. */
export type LocalResponseNormOptions = OptionsFor<typeof LocalResponseNorm>;

/**
 * Local response normalisation: `localResponseNorm({ size: 5, alpha: 1e-4, beta: 0.75, k: 2 })`. Throws ArgumentError for options
 * it does not know or cannot use.
 */
export const localResponseNorm = factory(LocalResponseNorm);
