/** @file Layer normalisation. */
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { childKey } from "../at-once.ts";
import { type Initializer, type InitializerName, initializerOf } from "../initializers.ts";
import { Layer, type LayerOptions, type Setting, checkOptions } from "../layer.ts";
import {
  checkFlag,
  checkNumber,
  requireDType,
  requireExtents,
  requireRank,
  sampleAxes,
} from "./input.ts";

/** Options of layers that normalise by their input's own statistics, with Keras' names and defaults. */
export interface NormOptions extends LayerOptions {
  /** Added to variances: 1e-3 unless given (PyTorch's default is 1e-5). */
  readonly epsilon?: number;
  /** Whether beta is added: true unless given. */
  readonly center?: boolean;
  /** Whether gamma multiplies: true unless given. */
  readonly scale?: boolean;
  /** `zeros` unless given. */
  readonly betaInitializer?: InitializerName | Initializer;
  /** `ones` unless given. */
  readonly gammaInitializer?: InitializerName | Initializer;
}

/** Options of `layerNorm`, with Keras' names and defaults. */
export interface LayerNormOptions extends NormOptions {
  /** The axis, or axes, along which mean and variance are taken, the batch being axis 0: the last unless given. */
  readonly axis?: number | readonly number[];
}

/** gamma (x - mean) / sqrt(variance + epsilon) + beta, with each sample's own mean and variance (Ba et al. 2016, eq. 3 and 4). */
export class LayerNorm extends Layer {
  /** The input's extents on the axes; undefined without scale. */
  gamma: Tensor | undefined;
  /** The input's extents on the axes; undefined without center. */
  beta: Tensor | undefined;
  readonly axis: number | readonly number[];
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
  readonly betaInitializer: Initializer;
  readonly gammaInitializer: Initializer;

  constructor(options: LayerNormOptions = {}) {
    checkOptions("layerNorm", options, ["axis", ...normOptions]);
    super(options);
    this.axis = options.axis ?? -1;
    const form = normForm(this.label, options);
    this.epsilon = form.epsilon;
    this.center = form.center;
    this.scale = form.scale;
    this.betaInitializer = form.betaInitializer;
    this.gammaInitializer = form.gammaInitializer;
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "layerNorm";
  }

  override get className(): string {
    return "LayerNormalization";
  }

  protected make(inputShape: Shape, { key, dtype }: Setting): Shape {
    const shape = sampleAxes(this.label, this.axis, inputShape).map(
      (axis) => inputShape[axis - 1]!,
    );
    if (this.scale) this.gamma = this.gammaInitializer(childKey(key, 0), shape, dtype);
    if (this.center) this.beta = this.betaInitializer(childKey(key, 1), shape, dtype);
    return inputShape;
  }

  /** x [batch, ...] -> the same shape. ShapeError and DTypeError name the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    const { gamma, beta, epsilon } = this;
    requireRank(this.label, x, this.inputShape!);
    if (gamma ?? beta) requireDType(this.label, x, (gamma ?? beta)!.dtype);
    const axes = sampleAxes(this.label, this.axis, this.inputShape!);
    requireExtents(this.label, x, this.inputShape!, axes);
    const aligned = (parameter: Tensor): Tensor =>
      parameter.reshape(x.shape.map((extent, axis) => (axes.includes(axis) ? extent : 1)));
    // Deviations before squares: no cancellation however far the mean is from 0.
    const deviation = x.sub(x.mean(axes, true));
    const variance = deviation.mul(deviation).mean(axes, true);
    const normal = deviation.mul(variance.add(epsilon).rsqrt());
    const scaled = gamma === undefined ? normal : normal.mul(aligned(gamma));
    return beta === undefined ? scaled : scaled.add(aligned(beta));
  }
}

/** Options of layers that normalise, but for what they normalise. */
export const normOptions: readonly string[] = [
  "epsilon",
  "center",
  "scale",
  "betaInitializer",
  "gammaInitializer",
];

/** What the options say of how to normalise. Throws ArgumentError for values that cannot be used. */
export function normForm(
  who: string,
  options: NormOptions,
): {
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
  readonly betaInitializer: Initializer;
  readonly gammaInitializer: Initializer;
} {
  const { epsilon = 1e-3, center = true, scale = true } = options;
  checkNumber(`${who}: epsilon`, epsilon, 0);
  checkFlag(`${who}: center`, center);
  checkFlag(`${who}: scale`, scale);
  return {
    epsilon,
    center,
    scale,
    betaInitializer: initializerOf(`${who}: betaInitializer`, options.betaInitializer ?? "zeros"),
    gammaInitializer: initializerOf(`${who}: gammaInitializer`, options.gammaInitializer ?? "ones"),
  };
}

/**
 * Normalisation of each sample for itself: `layerNorm()` along the channels, `layerNorm({ axis: [1, 2, 3] })` over whole images.
 * Throws ArgumentError for options it does not know or cannot use.
 */
export function layerNorm(options: LayerNormOptions = {}): LayerNorm {
  return new LayerNorm(options);
}
