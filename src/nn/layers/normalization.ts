/** @file Inputs brought to mean 0 and variance 1 by statistics of the data. */
import { type DType, isFloat } from "../../ir/dtype.ts";
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Shape, formatShape, sameShape, sizeOf } from "../../ir/shape.ts";
import { type Nested, Tensor } from "../../ir/tensor.ts";
import { tensor } from "../../ops/index.ts";
import { type Initializer, initializerOf } from "../initializers.ts";
import { Layer, type LayerOptions, type Setting, checkOptions } from "../layer.ts";
import { checkFlag, requireDType, requireExtents, requireRank, sampleAxes } from "./input.ts";

/** A number, nested arrays of numbers, or a tensor. */
export type Statistic = Nested | Tensor;

/** Options of `normalization`, with Keras' names and defaults. */
export interface NormalizationOptions extends LayerOptions {
  /** Axes with statistics for each of their places, the batch being axis 0: the last unless given; null for one mean of all. */
  readonly axis?: number | readonly number[] | null;
  /**
   * Mean, which broadcasts to the extents of the axes. Given together with the variance, when both are constants rather than
   * variables of the layer, or found by `adapt`.
   */
  readonly mean?: Statistic;
  /** Variance, in the shape of the mean. */
  readonly variance?: Statistic;
  /** Whether to turn normalised inputs back into what they were: false unless given. */
  readonly invert?: boolean;
}

/** Keras divides by no less than this. */
const leastDeviation = 1e-7;

/** (x - mean) / sqrt(variance), or back. Without statistics it leaves inputs as they are, as if mean 0 and variance 1 had been found. */
export class Normalization extends Layer {
  /** The input's extents on the axes. State that training leaves alone; undefined where statistics were given. */
  mean: Tensor | undefined;
  /** The input's extents on the axes. State that training leaves alone; undefined where statistics were given. */
  variance: Tensor | undefined;
  /** A scalar, always 0: Keras' files have it, and its summaries count it. Undefined where statistics were given. */
  count: Tensor | undefined;
  readonly axis: number | readonly number[] | null;
  readonly invert: boolean;
  /** As numbers: tensors in fields would be parameters. */
  readonly constants: { readonly mean: Nested; readonly variance: Nested } | undefined;
  private floats: "float32" | "float64";
  private readonly zeros: Initializer;
  private readonly ones: Initializer;

  constructor(options: NormalizationOptions = {}) {
    checkOptions("normalization", options, ["axis", "mean", "variance", "invert"]);
    super(options);
    const { axis = -1, mean, variance, invert = false } = options;
    checkFlag(`${this.label}: invert`, invert);
    if ((mean === undefined) !== (variance === undefined))
      throw new ArgumentError(
        complaint(
          this.label,
          "mean and variance, or neither",
          mean === undefined ? "variance alone" : "mean alone",
        ),
      );
    if (mean !== undefined) {
      const [m, v] = [asTensor(mean), asTensor(variance!)];
      if (!sameShape(m.shape, v.shape) || v.data().some((value) => !(value >= 0)))
        throw new ArgumentError(
          complaint(
            this.label,
            "mean and variance of one shape, no variance negative",
            `shapes ${formatShape(m.shape)} and ${formatShape(v.shape)}, least variance ${Math.min(...v.data())}`,
          ),
        );
      this.constants = { mean: m.toArray(), variance: v.toArray() };
    }
    this.axis = axis;
    this.invert = invert;
    this.floats = options.dtype ?? "float32";
    this.zeros = initializerOf(this.label, "zeros");
    this.ones = initializerOf(this.label, "ones");
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "normalization";
  }

  override get stateFields(): readonly string[] {
    return ["mean", "variance", "count"];
  }

  override computeOutputDType(inputDType: DType): DType {
    return isFloat(inputDType) ? inputDType : this.floats;
  }

  protected make(inputShape: Shape, { key, dtype }: Setting): Shape {
    const shape = this.axes(inputShape).map((axis) => inputShape[axis - 1]!);
    if (this.constants === undefined) {
      this.mean = this.zeros(key, shape, dtype);
      this.variance = this.ones(key, shape, dtype);
      this.count = this.zeros(key, [], dtype);
    } else {
      const { shape: own } = tensor(this.constants.mean);
      const start = shape.length - own.length;
      if (start < 0 || own.some((n, i) => n !== 1 && n !== shape[start + i]))
        throw new ShapeError(
          complaint(
            `${this.label}: mean and variance`,
            `shapes that broadcast to ${formatShape(shape)}, the input's extents on the axes`,
            formatShape(own),
          ),
        );
    }
    this.floats = dtype;
    return inputShape;
  }

  private axes(sample: Shape): readonly number[] {
    return this.axis === null ? [] : sampleAxes(this.label, this.axis, sample);
  }

  /** x [batch, ...] -> the same shape; integers become floats. ShapeError and DTypeError name the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    requireRank(this.label, x, this.inputShape!);
    const floats = isFloat(x.dtype) ? x : x.cast(this.floats);
    requireDType(this.label, floats, this.floats);
    const axes = this.axes(this.inputShape!);
    requireExtents(this.label, x, this.inputShape!, axes);
    const extents = axes.map((axis) => x.shape[axis]!);
    const aligned = (statistic: Tensor): Tensor =>
      statistic
        .broadcastTo(extents)
        .reshape(x.shape.map((extent, axis) => (axes.includes(axis) ? extent : 1)));
    const { constants, floats: dtype } = this;
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
      const axes = this.axes(sample);
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
      dtype: this.floats,
      trainable: this.trainable,
      inputShape: sample!,
      ...(this.name !== undefined && { name: this.name }),
    });
    adapted.mean = total.mean.cast(this.floats);
    adapted.variance = total.squares.div(count).cast(this.floats);
    return adapted;
  }
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
export function normalization(options: NormalizationOptions = {}): Normalization {
  return new Normalization(options);
}
