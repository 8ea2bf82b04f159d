/** @file A function, or a module with forward, as a layer. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { Layer, type LayerOptions, type Outline, commonOptions } from "../layer.ts";
import { type Mode, inference } from "../mode.ts";
import type { Module } from "../module.ts";
import {
  type ShapeOrList,
  type ShapesOf,
  type TensorOrList,
  isShapeList,
  listOfShapes,
  traceShape,
} from "../shapes.ts";

/** What `lambda` makes a layer of: a function of a tensor (or a list), or a module with `forward(x, mode?)`. */
export type LambdaFunction<In extends TensorOrList> =
  | ((x: In) => Tensor)
  | (Module & { forward(x: In, mode?: Mode): Tensor });

/** The layer that `lambda` makes. Parameters of a module are parameters of the layer. */
export class Lambda<In extends TensorOrList = Tensor> extends Layer<In> {
  readonly fn: LambdaFunction<In>;

  constructor(fn: LambdaFunction<In>, options: LayerOptions = {}) {
    checkOptions("lambda", options, Object.keys(commonOptions));
    super(options);
    const { forward } = (fn ?? {}) as { forward?: unknown };
    if (typeof fn !== "function" && typeof forward !== "function")
      throw new ArgumentError(
        complaint(this.label, "a function of tensors, or a module with forward", describe(fn)),
      );
    this.fn = fn;
    if (options.inputShape !== undefined) this.grow(options.inputShape as ShapesOf<In>);
  }

  get kind(): string {
    return "lambda";
  }

  protected override outline(inputShape: ShapesOf<In>): Outline {
    const { shape } = traceShape(
      this.label,
      (inputs) =>
        this.forward((isShapeList(inputShape) ? inputs : inputs[0]!) as TensorOrList as In),
      listOfShapes(inputShape as ShapeOrList),
      this.dtype,
    );
    return { holds: {}, outputShape: shape };
  }

  /** The function's result. */
  forward(x: In, mode: Mode = inference): Tensor {
    return typeof this.fn === "function" ? this.fn(x) : this.fn.forward(x, mode);
  }
}

/**
 * A function of tensors as a layer, for graph models: `lambda((x) => x.relu()).apply(x)`,
 * `lambda(([a, b]) => a.sub(b)).apply([a, b])`. It must keep the batch as the first axis. Tensors that the function closes
 * over are constants: parameters belong into a module, which is given in place of a function.
 */
export function lambda<In extends TensorOrList = Tensor>(
  fn: LambdaFunction<In>,
  options: LayerOptions = {},
): Lambda<In> {
  return new Lambda(fn, options);
}
