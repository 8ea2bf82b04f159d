/** @file Layers that bring inputs to another scale, as the first ones of a network do, and dropout. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { between, flag, kind, whole } from "../../base/kinds.ts";
import { type Kind, type OptionsOf, optional, required } from "../../base/options.ts";
import { type DType, isFloat } from "../../ir/dtype.ts";
import { type Shape, formatShape, sameShape, sizeOf } from "../../ir/shape.ts";
import { type Nested, Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { random, tensor, where, zerosLike } from "../../ops/index.ts";
import { type OptionsFor, factory, layer, state } from "../declare.ts";
import { ones, zeros } from "../initializers.ts";
import { axes as axesKind, numberPerChannel, openExtents } from "../kinds.ts";
import type { LayerOptions } from "../layer.ts";
import { type Mode, isTraining } from "../mode.ts";
import { requireDType, requireExtents, requireRank, sampleAxes } from "./checks.ts";

/** x scale + offset. Integers are taken as floats of the layer's dtype. */
export class Rescaling extends layer(
  "rescaling",
  {
    scale: required(numberPerChannel, "Factor, or one for each channel (the last axis)."),
    offset: optional(numberPerChannel, 0, "Added after that, or one number for each channel."),
  },
  {
    outputShape({ label, scale, offset }, shape) {
      for (const factor of [scale, offset])
        if (typeof factor !== "number" && factor.length !== shape.at(-1))
          throw new ShapeError(
            complaint(
              label,
              `samples with ${factor.length} channels, as scale and offset have`,
              formatShape(shape),
            ),
          );
      return shape;
    },
  },
) {
  override computeOutputDType(inputDType: DType): DType {
    return isFloat(inputDType) ? inputDType : this.dtype;
  }

  /** x [batch, ..., channels] -> the same shape. Throws ShapeError for other numbers of channels. */
  forward(x: Tensor): Tensor {
    const dtype = this.computeOutputDType(requireTensor(this.label, x).dtype);
    const operand = (factor: number | readonly number[]): number | Tensor =>
      typeof factor === "number" ? factor : tensor([...factor], { dtype });
    const scaled = x.cast(dtype).mul(operand(this.scale));
    return this.offset === 0 ? scaled : scaled.add(operand(this.offset));
  }
}

/** Options of `rescaling`, with Keras' names and defaults. */
export type RescalingOptions = OptionsFor<typeof Rescaling>;

/** x scale + offset: `rescaling({ scale: 1 / 127.5, offset: -1 })`. Throws ArgumentError for options it does not know or cannot use. */
export const rescaling = factory(Rescaling);

/** A number, nested arrays of numbers, or a tensor. */
export type Statistic = Nested | Tensor;

/** Statistics as numbers: tensors in fields would be parameters. */
interface Statistics {
  readonly mean: Nested;
  readonly variance: Nested;
}

const statistic: Kind<Statistic> = kind(
  "a number, nested arrays of numbers, or a tensor",
  () => true,
);

const statisticOptions = {
  axis: optional(
    { ...axesKind, takesNull: true, read: readAxes } as Kind<number | readonly number[] | null>,
    -1,
    "Axes with statistics for each of their places, the batch being axis 0; null for one mean of all.",
  ),
  invert: optional(flag, false, "Whether to turn normalised inputs back into what they were."),
};

function readAxes(...given: Parameters<typeof axesKind.read>): number | readonly number[] | null {
  return given[1] === null ? null : axesKind.read(...given);
}

const givenStatistics = {
  mean: optional(
    statistic,
    undefined,
    "Mean, which broadcasts to the extents of the axes. Given with the variance, when both are constants and no variables of the layer.",
  ),
  variance: optional(statistic, undefined, "Variance, in the shape of the mean."),
};

/** Options of `normalization`, with Keras' names and defaults. */
export type NormalizationOptions = LayerOptions &
  OptionsOf<typeof statisticOptions & typeof givenStatistics>;

/** Keras divides by no less than this. */
const leastDeviation = 1e-7;

const axesOf = (
  { label, axis }: { label: string; axis: number | readonly number[] | null },
  sample: Shape,
): readonly number[] => (axis === null ? [] : sampleAxes(label, axis, sample));

const ownOptions = {
  ...statisticOptions,
  constants: optional(
    kind("{ mean, variance }", () => true) as Kind<Statistics>,
    undefined,
    "Given statistics.",
  ),
};

/** (x - mean) / sqrt(variance), or back. Without statistics it leaves inputs as they are, as if mean 0 and variance 1 had been found. */
export class Normalization extends layer("normalization", ownOptions, {
  parameters(of, sample) {
    const shape = axesOf(of, sample).map((axis) => sample[axis - 1]!);
    const isOwn = of.constants === undefined;
    return {
      /** The input's extents on the axes. State that training leaves alone; undefined where statistics were given. */
      mean: isOwn ? state(shape, zeros) : undefined,
      /** The input's extents on the axes. State that training leaves alone; undefined where statistics were given. */
      variance: isOwn ? state(shape, ones) : undefined,
      /** A scalar, always 0: Keras' files have it, and its summaries count it. Undefined where statistics were given. */
      count: isOwn ? state([], zeros) : undefined,
    };
  },
  outputShape(of, sample) {
    if (of.constants === undefined) return sample;
    const shape = axesOf(of, sample).map((axis) => sample[axis - 1]!);
    const { shape: own } = tensor(of.constants.mean);
    const start = shape.length - own.length;
    if (start < 0 || own.some((n, i) => n !== 1 && n !== shape[start + i]))
      throw new ShapeError(
        complaint(
          `${of.label}: mean and variance`,
          `shapes that broadcast to ${formatShape(shape)}, the input's extents on the axes`,
          formatShape(own),
        ),
      );
    return sample;
  },
}) {
  constructor(options: NormalizationOptions = {}) {
    super(withConstants(options));
  }

  override computeOutputDType(inputDType: DType): DType {
    return isFloat(inputDType) ? inputDType : this.dtype;
  }

  /** x [batch, ...] -> the same shape; integers become floats. Throws ShapeError and DTypeError naming the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    requireRank(this.label, x, this.inputShape!);
    const dtype = this.dtype as "float32" | "float64";
    const floats = isFloat(x.dtype) ? x : x.cast(dtype);
    requireDType(this.label, floats, dtype);
    const axes = axesOf(this, this.inputShape!);
    requireExtents(this.label, x, this.inputShape!, axes);
    const extents = axes.map((axis) => x.shape[axis]!);
    const aligned = (given: Tensor): Tensor =>
      given
        .broadcastTo(extents)
        .reshape(x.shape.map((extent, axis) => (axes.includes(axis) ? extent : 1)));
    const { constants } = this;
    const mean = aligned(constants === undefined ? this.mean! : tensor(constants.mean, { dtype }));
    const variance = aligned(
      constants === undefined ? this.variance! : tensor(constants.variance, { dtype }),
    );
    const deviation = variance.sqrt().maximum(leastDeviation);
    return this.invert ? floats.mul(deviation).add(mean) : floats.sub(mean).div(deviation);
  }

  /**
   * The layer with the mean and variance of data: a batch of samples, or batches one after another (an array or any iterable).
   * The sums are taken in float64. The layer itself stays as it was: `const layer = normalization().adapt(samples)`.
   * Throws ArgumentError for no data, ShapeError for samples that the layer cannot take.
   */
  adapt(data: Tensor | Iterable<Tensor>): Normalization {
    let count = 0;
    let total: { readonly mean: Tensor; readonly squares: Tensor } | undefined;
    let sample: Shape | undefined;
    for (const batch of data instanceof Tensor ? [data] : batchesOf(this.label, data)) {
      if (!(batch instanceof Tensor) || batch.rank === 0)
        throw new ArgumentError(
          complaint(`${this.label}: adapt`, "batches of samples", describe(batch)),
        );
      sample ??= this.inputShape ?? batch.shape.slice(1);
      requireRank(this.label, batch, sample);
      const axes = axesOf(this, sample);
      requireExtents(`${this.label}: adapt`, batch, sample, axes);
      const others = [...batch.shape.keys()].filter((axis) => !axes.includes(axis));
      const added = sizeOf(others.map((axis) => batch.shape[axis]!));
      if (added === 0) continue;
      const values = batch.cast("float64");
      const mean = values.mean(others);
      const squares = values.variance(others).mul(added);
      // Sums of squares about different means (Chan et al. 1979, eq. 2.1).
      const shift = total === undefined ? mean : mean.sub(total.mean);
      total =
        total === undefined
          ? { mean, squares }
          : {
              mean: total.mean.add(shift.mul(added / (count + added))),
              squares: total.squares
                .add(squares)
                .add(shift.mul(shift).mul((count * added) / (count + added))),
            };
      count += added;
    }
    if (total === undefined)
      throw new ArgumentError(complaint(`${this.label}: adapt`, "at least one sample", "none"));
    const adapted = new Normalization({
      axis: this.axis,
      invert: this.invert,
      dtype: this.dtype as "float32" | "float64",
      trainable: this.trainable,
      inputShape: sample!,
      ...(this.name !== undefined && { name: this.name }),
    });
    adapted.mean = total.mean.cast(this.dtype);
    adapted.variance = total.squares.div(count).cast(this.dtype);
    return adapted;
  }
}

/** The options with mean and variance as constants. Throws ArgumentError for one without the other, and for negative variances. */
function withConstants(options: NormalizationOptions): LayerOptions & OptionsOf<typeof ownOptions> {
  if (typeof options !== "object" || options === null || Array.isArray(options)) return options;
  const { mean, variance, ...rest } = options;
  const who = typeof rest.name === "string" ? `normalization "${rest.name}"` : "normalization";
  if ((mean ?? undefined) === undefined && (variance ?? undefined) === undefined) return rest;
  if (mean === undefined || variance === undefined)
    throw new ArgumentError(
      complaint(
        who,
        "mean and variance, or neither",
        mean === undefined ? "variance alone" : "mean alone",
      ),
    );
  const [m, v] = [asTensor(mean), asTensor(variance)];
  if (!sameShape(m.shape, v.shape) || v.data().some((value) => !(value >= 0)))
    throw new ArgumentError(
      complaint(
        who,
        "mean and variance of one shape, no variance negative",
        `shapes ${formatShape(m.shape)} and ${formatShape(v.shape)}, least variance ${Math.min(...v.data())}`,
      ),
    );
  return { ...rest, constants: { mean: m.toArray(), variance: v.toArray() } };
}

function asTensor(value: Statistic): Tensor {
  return value instanceof Tensor ? value.cast("float64") : tensor(value, { dtype: "float64" });
}

function batchesOf(who: string, data: unknown): Iterable<unknown> {
  if (typeof data !== "object" || data === null || !(Symbol.iterator in data))
    throw new ArgumentError(
      complaint(`${who}: adapt`, "a tensor, or an iterable of tensors", describe(data)),
    );
  return data as Iterable<unknown>;
}

/**
 * Inputs brought to mean 0 and variance 1: `normalization({ mean: [0.485, 0.456, 0.406], variance: [0.052, 0.05, 0.051] })`, or
 * `normalization().adapt(samples)`. Throws ArgumentError for options it does not know or cannot use.
 */
export const normalization = factory(Normalization);

/** x with elements dropped in training, and the others divided by 1 - rate (Srivastava et al. 2014, section 10). */
export class Dropout extends layer("dropout", {
  rate: required(between(0, 1), "The probability with which an element becomes 0."),
  noiseShape: optional(
    openExtents,
    undefined,
    "Shape of the mask with the batch: 1 drops along a whole axis, null is the input's extent.",
  ),
  seed: optional(whole(0), undefined, "Tells the masks of two layers apart that get the same key."),
}) {
  /**
   * x [batch, ...] -> the same shape: in training with another mask for each key and each `seed` of the layer, otherwise x. Throws
   * ArgumentError in training without a key, ShapeError where `noiseShape` does not fit x.
   */
  forward(x: Tensor, mode?: Mode): Tensor {
    requireTensor(this.label, x);
    if (!isTraining(this.label, mode) || this.rate === 0) return x;
    const { key } = mode;
    if (key === undefined)
      throw new ArgumentError(
        complaint(
          this.label,
          "a random key in a mode of training",
          "none",
          "Pass one: model.forward(x, nn.training(key)); losses of trainers get a mode that has it.",
        ),
      );
    if (this.rate === 1) return zerosLike(x);
    const own = this.seed === undefined ? key : random.foldIn(key, this.seed | 0);
    const keep = random.bernoulli(own, this.maskShape(x.shape), { p: 1 - this.rate });
    return where(keep, x.mul(1 / (1 - this.rate)), zerosLike(x));
  }

  private maskShape(shape: Shape): Shape {
    const { noiseShape } = this;
    if (noiseShape === undefined) return shape;
    const mask = noiseShape.map((extent, axis) => extent ?? shape[axis] ?? 0);
    if (
      mask.length !== shape.length ||
      mask.some((extent, axis) => extent !== 1 && extent !== shape[axis])
    )
      throw new ShapeError(
        complaint(
          `${this.label}: noiseShape`,
          `extents of 1 or of the input's shape ${formatShape(shape)}`,
          formatShape(mask),
        ),
      );
    return mask;
  }
}

/** Options of `dropout`, with Keras' names. */
export type DropoutOptions = OptionsFor<typeof Dropout>;

/**
 * Dropout: `dropout({ rate: 0.5 })`. In training it needs a key (`nn.training(key)`), from which models give each dropout
 * another one; in inference it passes its input on. Throws ArgumentError for options it does not know or cannot use.
 */
export const dropout = factory(Dropout);
