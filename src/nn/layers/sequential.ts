/** @file Layers one after another. */
import { ArgumentError, complaint, describe } from "../../ir/errors.ts";
import { type Shape, formatShape } from "../../ir/shape.ts";
import { Tensor } from "../../ir/tensor.ts";
import { trace } from "../../ir/trace.ts";
import { childKey } from "../at-once.ts";
import { Layer, type LayerOptions, type Setting, checkOptions } from "../layer.ts";
import { type Mode, childMode, inference } from "../mode.ts";
import { Module } from "../module.ts";

/** A module that can stand in a `sequential`. */
export interface ForwardModule extends Module {
  forward(x: Tensor, mode?: Mode): Tensor;
}

/** A layer, any module with `forward(x, mode?)`, or a function of one tensor. */
export type SequentialItem = ForwardModule | ((x: Tensor) => Tensor);

/** Its layers applied in order. */
export class Sequential extends Layer {
  readonly layers: readonly SequentialItem[];

  constructor(layers: readonly SequentialItem[], options: LayerOptions = {}) {
    checkOptions("sequential", options, []);
    super(options);
    if (!Array.isArray(layers) || layers.length === 0)
      throw new ArgumentError(
        complaint(this.label, "an array of at least one layer", describe(layers)),
      );
    for (const [index, layer] of layers.entries()) {
      if (
        typeof layer !== "function" &&
        !(
          layer instanceof Module && typeof (layer as Partial<ForwardModule>).forward === "function"
        )
      )
        throw new ArgumentError(
          complaint(
            `${this.label}: layers[${index}]`,
            "a layer, a module with forward(x), or a function",
            describe(layer),
          ),
        );
      if (layer instanceof Layer) layer.name ??= `${layer.kind}_${index}`;
    }
    this.layers = [...(layers as readonly SequentialItem[])];
    const first = this.layers[0];
    const inputShape =
      options.inputShape ??
      (first instanceof Layer ? (first.inputShape as Shape | undefined) : undefined);
    if (inputShape !== undefined) this.grow(inputShape);
  }

  get kind(): string {
    return "sequential";
  }

  protected make(inputShape: Shape, { key, dtype }: Setting): Shape {
    return this.layers.reduce<Shape>((shape, layer, index) => {
      if (!(layer instanceof Layer)) return this.outputOf(layer, index, shape, dtype);
      layer.grow(shape, { key: childKey(key, index), dtype });
      return layer.outputShape as Shape;
    }, inputShape);
  }

  /** Which of the layers keep their parameters is for each of them to say. */
  protected override regrows(): boolean {
    return true;
  }

  /** What a function makes of a sample's shape, found by tracing it. */
  private outputOf(
    layer: SequentialItem,
    index: number,
    inputShape: Shape,
    dtype: "float32" | "float64",
  ): Shape {
    let output: unknown;
    trace(
      (x) => {
        output = apply(layer, x, inference);
        return output instanceof Tensor ? [output] : [];
      },
      [{ shape: [1, ...inputShape], dtype }],
    );
    if (!(output instanceof Tensor) || output.shape[0] !== 1)
      throw new ArgumentError(
        complaint(
          `${this.label}: layers[${index}]`,
          "a tensor that keeps the batch as its first axis",
          output instanceof Tensor
            ? `shape ${formatShape(output.shape)} for a batch of 1`
            : describe(output),
        ),
      );
    return output.shape.slice(1);
  }

  /** The output of the last layer for a batch of inputs. */
  forward(x: Tensor, mode?: Mode): Tensor {
    this.requireGrown();
    return this.layers.reduce<Tensor>(
      (value, layer, index) => apply(layer, value, childMode(mode, index)),
      x,
    );
  }
}

function apply(layer: SequentialItem, x: Tensor, mode: Mode): Tensor {
  return typeof layer === "function" ? layer(x) : layer.forward(x, mode);
}

/**
 * Layers one after another: `sequential([dense({ units: 50, activation: "tanh", inputShape: [2] }), dense({ units: 2 })])`.
 * Parameters are made at once if the first layer or the options say what comes in (or else when an outer sequential does).
 * Layer i draws from the model's key folded with i, so `seed` here seeds all layers that have no seed of their own.
 */
export function sequential(
  layers: readonly SequentialItem[],
  options: LayerOptions = {},
): Sequential {
  return new Sequential(layers, options);
}
