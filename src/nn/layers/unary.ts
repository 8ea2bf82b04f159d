/** @file Elementary functions as layers: what networks in files have between their layers, and no activation is. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";

const operations = {
  abs: (x: Tensor): Tensor => x.abs(),
  erf: (x: Tensor): Tensor => x.erf(),
  exp: (x: Tensor): Tensor => x.exp(),
  log: (x: Tensor): Tensor => x.log(),
  negate: (x: Tensor): Tensor => x.neg(),
  reciprocal: (x: Tensor): Tensor => x.reciprocal(),
  sqrt: (x: Tensor): Tensor => x.sqrt(),
} as const;

/** Options of `unary`. */
export interface UnaryOptions extends LayerOptions {
  readonly operation: keyof typeof operations;
}

/** An elementary function of each element. */
export class Unary extends Layer {
  readonly operation: keyof typeof operations;

  constructor(options: UnaryOptions) {
    checkOptions("unary", options, ["operation"]);
    super(options);
    if (!Object.hasOwn(operations, options.operation))
      throw new ArgumentError(
        complaint(
          `${this.label}: operation`,
          `one of ${Object.keys(operations).join(", ")}`,
          describe(options.operation),
        ),
      );
    this.operation = options.operation;
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "unary";
  }

  protected make(inputShape: Shape): Shape {
    return inputShape;
  }

  /** Every element by itself. */
  forward(x: Tensor): Tensor {
    return operations[this.operation](requireTensor(this.label, x));
  }
}

/** An elementary function as a layer: `unary({ operation: "sqrt" })`. Throws ArgumentError for operations that are none. */
export function unary(options: UnaryOptions): Unary {
  return new Unary(options);
}
