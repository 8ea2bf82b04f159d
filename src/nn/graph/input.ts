/** @file Inputs of graph models. */
import { dtypes } from "../../ir/dtype.ts";
import { DTypeError, ShapeError, complaint } from "../../base/errors.ts";
import { oneOf, text } from "../../base/kinds.ts";
import { type OptionsOf, optional, required, schema } from "../../base/options.ts";
import { uncheckedShape } from "../kinds.ts";
import { checkShape, formatShape, sameShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { Layer } from "../layer.ts";
import { type SymbolicTensor, applyInGraph } from "./symbolic.ts";

const inputOptions = schema({
  shape: required(uncheckedShape, "Shape of one sample, without the batch."),
  name: optional(text, undefined, "What errors and summaries call the input."),
  dtype: optional(oneOf(dtypes), "float32", "dtype of the samples."),
});

/** Options of `input`: `shape` of one sample, without the batch, `name` and `dtype` (float32). */
export type InputOptions = OptionsOf<typeof inputOptions.spec>;

/** Where samples enter a graph model: checks them, and passes them on. */
export class InputLayer extends Layer {
  constructor(options: InputOptions) {
    const { shape, name, dtype } = inputOptions.read("input", options);
    super(name === undefined ? {} : { name });
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
  const layer = new InputLayer(options);
  return symbolOf(layer);
}

/** A new symbolic tensor for an input layer. */
export function symbolOf(layer: InputLayer): SymbolicTensor {
  return applyInGraph(layer, [], false, [layer.inputShape!], layer.dtype).outputs[0]!;
}
