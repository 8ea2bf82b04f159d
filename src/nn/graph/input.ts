/** @file Inputs of graph models. */
import { type DType, dtypes } from "../../ir/dtype.ts";
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import { type Shape, checkShape, formatShape, sameShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { Layer } from "../layer.ts";
import { type SymbolicTensor, applyInGraph } from "./symbolic.ts";

/** Options of `input`. */
export interface InputOptions {
  /** Shape of one sample, without the batch. */
  readonly shape: Shape;
  readonly name?: string;
  /** float32 unless given. */
  readonly dtype?: DType;
}

/** Where samples enter a graph model: checks them, and passes them on. */
export class InputLayer extends Layer {
  constructor(options: InputOptions) {
    const { shape, name, dtype = "float32" } = options;
    super(name === undefined ? {} : { name });
    if (!dtypes.includes(dtype))
      throw new ArgumentError(
        complaint(`${this.label}: dtype`, `one of ${dtypes.join(", ")}`, describe(dtype)),
      );
    checkShape(`${this.label}: shape`, shape);
    this.grow(shape);
    this.dtype = dtype;
  }

  get kind(): string {
    return "input";
  }

  override get className(): string {
    return "InputLayer";
  }

  /** x [batch, ...shape] of the input's dtype -> x. Throws ShapeError or DTypeError naming the input. */
  forward(x: Tensor): Tensor {
    requireTensor(this.label, x);
    const shape = this.inputShape!;
    if (x.rank !== shape.length + 1 || !sameShape(x.shape.slice(1), shape))
      throw new ShapeError(
        complaint(
          this.label,
          `a batch of samples of shape ${formatShape(shape)}`,
          `shape ${formatShape(x.shape)}`,
          sameShape(x.shape, shape) ? "Add the batch's axis: x.expandDims(0)." : undefined,
        ),
      );
    if (x.dtype !== this.dtype)
      throw new DTypeError(
        complaint(this.label, this.dtype, x.dtype, `Use cast("${this.dtype}").`),
      );
    return x;
  }
}

/**
 * An input of a graph model: `const x = input({ shape: [28, 28, 1] })`. Layers are applied to it (`dense({ units: 10 }).apply(x)`),
 * and `model({ inputs: x, outputs })` makes a model of the result. Throws ArgumentError or ShapeError for options it cannot use.
 */
export function input(options: InputOptions): SymbolicTensor {
  checkOptions("input", options, ["shape", "name", "dtype"]);
  const layer = new InputLayer(options);
  return symbolOf(layer);
}

/** A new symbolic tensor for an input layer. */
export function symbolOf(layer: InputLayer): SymbolicTensor {
  return applyInGraph(layer, [], false, [layer.inputShape!], layer.dtype).outputs[0]!;
}
