/** @file Group normalisation. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Shape, formatShape, sizeOf } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { childKey } from "../at-once.ts";
import type { Initializer } from "../initializers.ts";
import { Layer, type Setting, checkCount, checkOptions } from "../layer.ts";
import { requireDType, requireExtents, requireRank, sampleAxes } from "./input.ts";
import { type NormOptions, normForm, normOptions } from "./layer-norm.ts";

/** Options of `groupNorm`, with Keras' names and defaults. */
export interface GroupNormOptions extends NormOptions {
  /** Number of groups of neighbouring channels: 32 unless given; -1 for as many as channels (instance normalisation). */
  readonly groups?: number;
  /** The axis of channels, the batch being axis 0: the last unless given. */
  readonly axis?: number;
}

/** gamma (x - mean) / sqrt(variance + epsilon) + beta, with the mean and variance of each sample's groups of channels (Wu and He 2018, eq. 1 to 7). */
export class GroupNorm extends Layer {
  /** [channels]; undefined without scale. */
  gamma: Tensor | undefined;
  /** [channels]; undefined without center. */
  beta: Tensor | undefined;
  readonly groups: number;
  readonly axis: number;
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
  readonly betaInitializer: Initializer;
  readonly gammaInitializer: Initializer;

  constructor(options: GroupNormOptions = {}) {
    checkOptions("groupNorm", options, ["groups", "axis", ...normOptions]);
    super(options);
    this.groups = options.groups ?? 32;
    if (this.groups !== -1) checkCount(`${this.label}: groups`, this.groups);
    this.axis = options.axis ?? -1;
    if (!Number.isInteger(this.axis))
      throw new ArgumentError(complaint(`${this.label}: axis`, "an axis", describe(this.axis)));
    const form = normForm(this.label, options);
    this.epsilon = form.epsilon;
    this.center = form.center;
    this.scale = form.scale;
    this.betaInitializer = form.betaInitializer;
    this.gammaInitializer = form.gammaInitializer;
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "groupNorm";
  }

  override get className(): string {
    return "GroupNormalization";
  }

  protected make(inputShape: Shape, { key, dtype }: Setting): Shape {
    const [axis] = sampleAxes(this.label, this.axis, inputShape);
    const channels = inputShape[axis! - 1]!;
    if (channels < 1 || channels % this.groupsOf(channels) !== 0)
      throw new ShapeError(
        complaint(
          this.label,
          `channels that ${this.groups} groups divide`,
          `${channels} channels, shape ${formatShape(inputShape)}`,
          "Give groups that divide the channels; -1 makes each channel a group.",
        ),
      );
    if (this.scale) this.gamma = this.gammaInitializer(childKey(key, 0), [channels], dtype);
    if (this.center) this.beta = this.betaInitializer(childKey(key, 1), [channels], dtype);
    return inputShape;
  }

  private groupsOf(channels: number): number {
    return this.groups === -1 ? channels : this.groups;
  }

  /** x [batch, ...] -> the same shape. ShapeError and DTypeError name the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    const { gamma, beta, epsilon } = this;
    requireRank(this.label, x, this.inputShape!);
    if (gamma ?? beta) requireDType(this.label, x, (gamma ?? beta)!.dtype);
    const [axis] = sampleAxes(this.label, this.axis, this.inputShape!);
    requireExtents(this.label, x, this.inputShape!, [axis!]);
    const channels = x.shape[axis!]!;
    const mean = groupMeans(x, axis!, this.groupsOf(channels));
    // Deviations before squares: no cancellation however far the mean is from 0.
    const deviation = x.sub(mean);
    const variance = groupMeans(deviation.mul(deviation), axis!, this.groupsOf(channels));
    const aligned = (parameter: Tensor): Tensor =>
      parameter.reshape(mean.shape.map((extent, i) => (i === axis ? extent : 1)));
    const inverse = variance.add(epsilon).rsqrt();
    const scaled = deviation.mul(gamma === undefined ? inverse : inverse.mul(aligned(gamma)));
    return beta === undefined ? scaled : scaled.add(aligned(beta));
  }
}

/**
 * The mean of every sample's groups of channels, once for each channel, other axes having extent 1. Channels are summed one by
 * one first, and grouped after that: the one pass over all elements has the channels side by side, as they are in memory.
 */
function groupMeans(x: Tensor, axis: number, groups: number): Tensor {
  const [batch, channels] = [x.shape[0]!, x.shape[axis]!];
  const others = Array.from({ length: x.rank - 1 }, (_, i) => i + 1).filter((i) => i !== axis);
  const sums = x.sum(others);
  const count = sizeOf(x.shape) / Math.max(1, batch) / groups;
  const means = sums
    .reshape([batch, groups, channels / groups])
    .sum(2, true)
    .div(count)
    .broadcastTo([batch, groups, channels / groups]);
  return means.reshape(x.shape.map((extent, i) => (i === 0 || i === axis ? extent : 1)));
}

/**
 * Normalisation of groups of channels, each sample for itself: `groupNorm({ groups: 32, epsilon: 1e-5 })`. Keras' epsilon, the
 * default, is 1e-3; PyTorch's is 1e-5. Throws ArgumentError for options it does not know or cannot use, ShapeError for
 * channels that the groups do not divide.
 */
export function groupNorm(options: GroupNormOptions = {}): GroupNorm {
  return new GroupNorm(options);
}
