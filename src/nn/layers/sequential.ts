/** @file Layers one after another: a model whose graph is a chain. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { input } from "../graph/input.ts";
import { type ForwardModule, Model, type SequentialItem, layersOf } from "../graph/model.ts";
import { type Plan, chainOf } from "../graph/plan.ts";
import type { SymbolicTensor } from "../graph/symbolic.ts";
import { Layer, type LayerOptions, commonOptions } from "../layer.ts";
import { Module } from "../module.ts";

/** Its layers applied in order. */
export class Sequential extends Model<Tensor, Tensor, SequentialItem> {
  /** The chains of all lengths: a plan that follows from the number of layers is not a field. */
  static readonly #chains: Plan[] = [];

  constructor(layers: readonly SequentialItem[], options: LayerOptions = {}) {
    if (!Array.isArray(layers) || layers.length === 0)
      throw new ArgumentError(
        complaint("sequential", "an array of at least one layer", describe(layers)),
      );
    checkOptions("sequential", options, Object.keys(commonOptions));
    const items = [...(layers as readonly SequentialItem[])];
    for (const [index, item] of items.entries())
      if (
        typeof item !== "function" &&
        !(item instanceof Module && typeof (item as Partial<ForwardModule>).forward === "function")
      )
        throw new ArgumentError(
          complaint(
            `sequential: layers[${index}]`,
            "a layer, a module with forward(x), or a function",
            describe(item),
          ),
        );
    const [first] = items;
    const known = first instanceof Layer ? (first.inputShape as Shape | undefined) : undefined;
    super({ layers: items, inputShape: options.inputShape ?? known }, options);
  }

  override get kind(): string {
    return "sequential";
  }

  override get className(): string {
    return "Sequential";
  }

  override get plan(): Plan {
    return (Sequential.#chains[this.layers.length] ??= chainOf(this.layers.length));
  }

  override computeOutputDType(inputDType: DType): DType {
    return layersOf(this.layers).reduce(
      (dtype, layer) => layer.computeOutputDType(dtype),
      inputDType,
    );
  }

  protected override requireShapes(): void {
    // Layers that do not care about rows and columns take images of other sizes.
  }

  protected override accept(x: Tensor): readonly Tensor[] {
    this.requireGrown();
    return [x];
  }

  protected override sources(): readonly SymbolicTensor[] {
    return [input({ shape: this.inputShape!, dtype: this.dtype })];
  }
}

/**
 * Layers one after another: `sequential([dense({ units: 50, activation: "tanh", inputShape: [2] }), dense({ units: 2 })])`.
 * Parameters are made at once if the first layer or the options say what comes in (otherwise when an outer model does).
 * Layer i draws from the model's key folded with i, so `seed` here seeds all layers that have no seed of their own.
 * Throws ArgumentError for what is not a layer, module or function, ShapeError naming the layer that cannot take its input.
 */
export function sequential(
  layers: readonly SequentialItem[],
  options: LayerOptions = {},
): Sequential {
  return new Sequential(layers, options);
}
