/** @file The fully connected layer. */
import { ShapeError, complaint } from "../../base/errors.ts";
import { type Shape, formatShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { type Activation, type ActivationName, activated, activationOf } from "../activations.ts";
import { childKey } from "../at-once.ts";
import { type Initializer, type InitializerName, initializerOf } from "../initializers.ts";
import { Layer, type LayerOptions, type Setting, checkCount, checkOptions } from "../layer.ts";
import { checkFlag, requireDType } from "./input.ts";

/** Options of `dense`, with Keras' names and defaults. */
export interface DenseOptions extends LayerOptions {
  /** Number of outputs. */
  readonly units: number;
  /** `linear` unless given. */
  readonly activation?: ActivationName | Activation;
  /** Whether there is a bias: true unless given. */
  readonly useBias?: boolean;
  /** `glorotUniform` unless given. */
  readonly kernelInitializer?: InitializerName | Initializer;
  /** `zeros` unless given. */
  readonly biasInitializer?: InitializerName | Initializer;
}

/** activation(x · kernel + bias) along the last axis; all other axes are batches. */
export class Dense extends Layer {
  /** [inputs, units] */
  kernel!: Tensor;
  /** [units]; undefined without bias. */
  bias: Tensor | undefined;
  readonly units: number;
  readonly useBias: boolean;
  readonly activation: Activation;
  readonly kernelInitializer: Initializer;
  readonly biasInitializer: Initializer;

  constructor(options: DenseOptions) {
    checkOptions("dense", options, [
      "units",
      "activation",
      "useBias",
      "kernelInitializer",
      "biasInitializer",
    ]);
    super(options);
    checkCount(`${this.label}: units`, options.units);
    this.units = options.units;
    checkFlag(`${this.label}: useBias`, options.useBias);
    this.useBias = options.useBias ?? true;
    this.activation = activationOf(this.label, options.activation);
    this.kernelInitializer = initializerOf(
      `${this.label}: kernelInitializer`,
      options.kernelInitializer ?? "glorotUniform",
    );
    this.biasInitializer = initializerOf(
      `${this.label}: biasInitializer`,
      options.biasInitializer ?? "zeros",
    );
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "dense";
  }

  protected make(inputShape: Shape, { key, dtype }: Setting): Shape {
    const inputs = inputShape.at(-1);
    if (inputs === undefined || inputs < 1)
      throw new ShapeError(
        complaint(
          `${this.label}: inputShape`,
          "a last extent of at least 1",
          formatShape(inputShape),
        ),
      );
    this.kernel = this.kernelInitializer(childKey(key, 0), [inputs, this.units], dtype);
    if (this.useBias) this.bias = this.biasInitializer(childKey(key, 1), [this.units], dtype);
    return [...inputShape.slice(0, -1), this.units];
  }

  /** x [..., inputs] -> [..., units]. ShapeError and DTypeError name the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    requireTensor(this.label, x);
    const inputs = this.kernel.shape[0]!;
    if (x.shape.at(-1) !== inputs)
      throw new ShapeError(
        complaint(
          this.label,
          `an input whose last extent is ${inputs}`,
          `shape ${formatShape(x.shape)}`,
        ),
      );
    requireDType(this.label, x, this.kernel.dtype);
    const product = x.matmul(this.kernel);
    const y = this.bias === undefined ? product : product.add(this.bias);
    return activated(this.label, this.activation, y);
  }
}

/**
 * A fully connected layer: `dense({ units: 50, activation: "tanh", inputShape: [2] })`. Without `inputShape` its parameters
 * are made when a `sequential` says what comes in. Throws ArgumentError for options it does not know or cannot use.
 */
export function dense(options: DenseOptions): Dense {
  return new Dense(options);
}
