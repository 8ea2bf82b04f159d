/** @file The rectifier whose slope below 0 is learnt. */
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { where } from "../../ops/index.ts";
import { childKey } from "../at-once.ts";
import { type Initializer, type InitializerName, initializerOf } from "../initializers.ts";
import { Layer, type LayerOptions, type Setting, checkOptions } from "../layer.ts";
import { requireDType, requireRank, sampleAxes } from "./input.ts";

/** Options of `prelu`, with Keras' names and defaults. */
export interface PreluOptions extends LayerOptions {
  /** `zeros` unless given. */
  readonly alphaInitializer?: InitializerName | Initializer;
  /** Axes along which the slope is the same, 1 being the first of a sample: [1, 2] for one slope a channel. None unless given. */
  readonly sharedAxes?: readonly number[];
}

/** x where positive, alpha x elsewhere, alpha being learnt (He et al. 2015, eq. 1). */
export class Prelu extends Layer {
  /** Shape of a sample, with extent 1 on shared axes. */
  alpha!: Tensor;
  readonly alphaInitializer: Initializer;
  readonly sharedAxes: readonly number[];

  constructor(options: PreluOptions = {}) {
    checkOptions("prelu", options, ["alphaInitializer", "sharedAxes"]);
    super(options);
    this.alphaInitializer = initializerOf(
      `${this.label}: alphaInitializer`,
      options.alphaInitializer ?? "zeros",
    );
    this.sharedAxes = options.sharedAxes ?? [];
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "prelu";
  }

  override get className(): string {
    return "PReLU";
  }

  protected make(inputShape: Shape, { key, dtype }: Setting): Shape {
    const given = this.sharedAxes;
    const shared =
      Array.isArray(given) && given.length === 0
        ? []
        : sampleAxes(`${this.label}: sharedAxes`, given, inputShape);
    this.alpha = this.alphaInitializer(
      childKey(key, 0),
      inputShape.map((extent, i) => (shared.includes(i + 1) ? 1 : extent)),
      dtype,
    );
    return inputShape;
  }

  /** x [batch, ...] -> the same shape. ShapeError and DTypeError name the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    requireRank(this.label, x, this.alpha.shape);
    requireDType(this.label, x, this.alpha.dtype);
    return where(x.greater(0), x, x.mul(this.alpha));
  }
}

/** A rectifier with a learnt slope below 0: `prelu({ sharedAxes: [1, 2] })`. Throws ArgumentError for options it does not know or cannot use. */
export function prelu(options: PreluOptions = {}): Prelu {
  return new Prelu(options);
}
