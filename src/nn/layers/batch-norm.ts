/** @file Batch normalisation. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Shape, formatShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { childKey } from "../at-once.ts";
import { type Initializer, type InitializerName, initializerOf } from "../initializers.ts";
import { Layer, type LayerOptions, type Setting, checkOptions } from "../layer.ts";
import { type Mode, isTraining } from "../mode.ts";
import { checkFlag, requireDType } from "./input.ts";

/** Options of `batchNorm`, with Keras' names and defaults. */
export interface BatchNormOptions extends LayerOptions {
  /** The axis of the features; the batch counts as axis 0. -1, the last, unless given. */
  readonly axis?: number;
  /** What the moving statistics keep of themselves in a step: 0.99 unless given. */
  readonly momentum?: number;
  /** Added to the variance: 0.001 unless given. */
  readonly epsilon?: number;
  /** Whether beta is added: true unless given. */
  readonly center?: boolean;
  /** Whether there is a factor gamma: true unless given. */
  readonly scale?: boolean;
  /** `zeros` unless given. */
  readonly betaInitializer?: InitializerName | Initializer;
  /** `ones` unless given. */
  readonly gammaInitializer?: InitializerName | Initializer;
  /** `zeros` unless given. */
  readonly movingMeanInitializer?: InitializerName | Initializer;
  /** `ones` unless given. */
  readonly movingVarianceInitializer?: InitializerName | Initializer;
}

const names = ["beta", "gamma", "movingMean", "movingVariance"] as const;
type Initializers = Readonly<Record<(typeof names)[number], Initializer>>;

/** gamma (x - mean) / sqrt(variance + epsilon) + beta for each feature (Ioffe and Szegedy 2015, algorithms 1 and 2). */
export class BatchNorm extends Layer {
  /** [features]; undefined without scale. */
  gamma: Tensor | undefined;
  /** [features]; undefined without center. */
  beta: Tensor | undefined;
  /** [features], state: what inference takes for the mean. */
  movingMean!: Tensor;
  /** [features], state: what inference takes for the variance. */
  movingVariance!: Tensor;
  readonly axis: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
  readonly initializers: Initializers;

  constructor(options: BatchNormOptions = {}) {
    checkOptions("batchNorm", options, [
      "axis",
      "momentum",
      "epsilon",
      "center",
      "scale",
      ...names.map((name) => `${name}Initializer`),
    ]);
    super(options);
    checkFlag(`${this.label}: center`, options.center);
    checkFlag(`${this.label}: scale`, options.scale);
    const { axis = -1, momentum = 0.99, epsilon = 1e-3, center = true, scale = true } = options;
    if (!Number.isInteger(axis) || axis === 0)
      throw new ArgumentError(
        complaint(`${this.label}: axis`, "an axis other than 0, the batch", describe(axis)),
      );
    if (!(typeof momentum === "number" && momentum >= 0 && momentum <= 1))
      throw new ArgumentError(
        complaint(`${this.label}: momentum`, "a number in [0, 1]", describe(momentum)),
      );
    if (!(typeof epsilon === "number" && epsilon >= 0 && epsilon < Infinity))
      throw new ArgumentError(
        complaint(`${this.label}: epsilon`, "a number of at least 0", describe(epsilon)),
      );
    this.axis = axis;
    this.momentum = momentum;
    this.epsilon = epsilon;
    this.center = center;
    this.scale = scale;
    const defaults = {
      beta: "zeros",
      gamma: "ones",
      movingMean: "zeros",
      movingVariance: "ones",
    } as const;
    this.initializers = Object.fromEntries(
      names.map((name) => [
        name,
        initializerOf(
          `${this.label}: ${name}Initializer`,
          options[`${name}Initializer`] ?? defaults[name],
        ),
      ]),
    ) as Initializers;
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "batchNorm";
  }

  override get className(): string {
    return "BatchNormalization";
  }

  override get stateFields(): readonly string[] {
    return ["movingMean", "movingVariance"];
  }

  protected make(inputShape: Shape, { key, dtype }: Setting): Shape {
    const features = [1, ...inputShape][this.axisOf(inputShape.length + 1)]!;
    const draw = (name: (typeof names)[number]): Tensor =>
      this.initializers[name](childKey(key, names.indexOf(name)), [features], dtype);
    if (this.scale) this.gamma = draw("gamma");
    if (this.center) this.beta = draw("beta");
    this.movingMean = draw("movingMean");
    this.movingVariance = draw("movingVariance");
    return inputShape;
  }

  /** The features' axis in a batch of a rank. */
  private axisOf(rank: number): number {
    const axis = this.axis < 0 ? this.axis + rank : this.axis;
    if (axis < 1 || axis >= rank)
      throw new ShapeError(
        complaint(
          `${this.label}: axis`,
          `an axis of its input, which has rank ${rank} with the batch`,
          String(this.axis),
        ),
      );
    return axis;
  }

  /**
   * x normalised. In training by mean and (biased) variance of the batch, which then move the moving statistics:
   * moving = momentum moving + (1 - momentum) batch; otherwise, and where the layer is not `trainable`, by the moving
   * statistics. Throws ArgumentError in training where state cannot change, such as inside a solve.
   */
  forward(x: Tensor, mode?: Mode): Tensor {
    this.requireGrown();
    requireTensor(this.label, x);
    const axis = this.axisOf(x.rank);
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
    // A factor and a summand for each feature, whichever the statistics: that fuses behind a convolution.
    const inverse = variance.add(this.epsilon).rsqrt();
    const factor = this.gamma === undefined ? inverse : this.gamma.mul(inverse);
    const away = mean.mul(factor);
    const summand = this.beta === undefined ? away.neg() : this.beta.sub(away);
    const along = x.shape.map((_, index) => (index === axis ? features : 1)).slice(axis);
    return x.mul(factor.reshape(along)).add(summand.reshape(along));
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
          "Make modes with nn.training(key). Inside a solve (odeBlock), where a layer runs any number of times a step, use layerNorm or groupNorm, set trainable to false, or keep batchNorm outside.",
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

/**
 * Batch normalisation: `batchNorm()`. In training (`model.forward(x, nn.training(key))`) it uses the batch's statistics and moves
 * its own along, in inference it uses its own. Throws ArgumentError for options it does not know or cannot use.
 */
export function batchNorm(options: BatchNormOptions = {}): BatchNorm {
  return new BatchNorm(options);
}
