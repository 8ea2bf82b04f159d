/** @file Layers one after another. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { input } from "../graph/input.ts";
import type { SymbolicTensor } from "../graph/symbolic.ts";
import {
  type AnyLayer,
  Layer,
  type LayerOptions,
  type ModelLayer,
  type Setting,
  checkOptions,
} from "../layer.ts";
import { type Mode, childMode, inference, watched } from "../mode.ts";
import { Module } from "../module.ts";
import { nameMaker, snakeCase } from "../names.ts";
import { findLayer, modelName, nameLayers } from "../naming.ts";
import { rowOf } from "../summary-row.ts";
import { type SummaryOptions, type SummaryRow, formatSummary } from "../summary.ts";
import { traceShape } from "../trace-shape.ts";
import { lambda } from "./lambda.ts";

/** A module that can stand in a `sequential`. */
export interface ForwardModule extends Module {
  forward(x: Tensor, mode?: Mode): Tensor;
}

/** A layer, any module with `forward(x, mode?)`, or a function of one tensor. */
export type SequentialItem = ForwardModule | ((x: Tensor) => Tensor);

/** The symbolic values of a sequential: its input, and the output of each layer. */
const graphs = new WeakMap<Sequential, readonly SymbolicTensor[]>();

/** Its layers applied in order. */
export class Sequential extends Layer {
  readonly layers: readonly SequentialItem[];
  private inputDType: "float32" | "float64" = "float32";

  constructor(layers: readonly SequentialItem[], options: LayerOptions = {}) {
    if (!Array.isArray(layers) || layers.length === 0)
      throw new ArgumentError(
        complaint("sequential", "an array of at least one layer", describe(layers)),
      );
    checkOptions("sequential", options, []);
    super(options);
    for (const [index, layer] of layers.entries())
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
    this.layers = [...(layers as readonly SequentialItem[])];
    nameLayers(this.label, layersOf(this.layers));
    const first = this.layers[0];
    const inputShape =
      options.inputShape ??
      (first instanceof Layer ? (first.inputShape as Shape | undefined) : undefined);
    if (inputShape !== undefined) this.grow(inputShape);
    if (options.trainable === false) this.trainable = false;
  }

  get kind(): string {
    return "sequential";
  }

  protected make(inputShape: Shape, setting: Setting): Shape {
    this.inputDType = setting.dtype;
    return this.layers.reduce<Shape>(
      (shape, layer, index) =>
        layer instanceof Layer
          ? (this.growChild(layer, shape, setting, index) as Shape)
          : this.shapeAfter(index, shape, setting.dtype),
      inputShape,
    );
  }

  /** Which of the layers keep their parameters is for each of them to say. */
  protected override regrows(): boolean {
    return true;
  }

  override computeOutputShape(inputShape: Shape): Shape {
    return this.layers.reduce<Shape>(
      (shape, layer, index) =>
        layer instanceof Layer
          ? (layer.computeOutputShape(shape) as Shape)
          : this.shapeAfter(index, shape, this.inputDType),
      inputShape,
    );
  }

  /** What a function or module at a position makes of a sample's shape. */
  private shapeAfter(index: number, shape: Shape, dtype: "float32" | "float64"): Shape {
    const layer = this.layers[index]!;
    const who = `${this.label}: layers[${index}]`;
    return traceShape(who, ([x]) => applyItem(layer, x!, inference), [shape], dtype).shape;
  }

  /** The output of the last layer for a batch of inputs. */
  forward(x: Tensor, mode?: Mode): Tensor {
    this.requireGrown();
    return this.layers.reduce<Tensor>(
      (value, layer, index) => applyItem(layer, value, childMode(mode, index)),
      x,
    );
  }

  /** The symbolic input, to build on: `model({ inputs: s.input, outputs: s.getLayer("conv2d").output })`. */
  override get input(): SymbolicTensor {
    return this.symbols()[0]!;
  }

  /** The symbolic output of the last layer. */
  override get output(): SymbolicTensor {
    return this.symbols().at(-1)!;
  }

  /** The symbolic input as a list. */
  get inputs(): SymbolicTensor[] {
    return [this.input];
  }

  /** The symbolic output as a list. */
  get outputs(): SymbolicTensor[] {
    return [this.output];
  }

  /** The layer of a name. Throws ArgumentError listing the names most like it. */
  getLayer(name: string): ModelLayer {
    const layer = findLayer(this.label, layersOf(this.layers), name);
    if (this.inputShape !== undefined) this.symbols();
    return layer;
  }

  /** The symbolic output that a layer has in this model. Throws ArgumentError for unknown names. */
  outputOf(name: string): SymbolicTensor {
    const position = this.layers.indexOf(this.getLayer(name) as unknown as SequentialItem);
    return this.symbols()[position + 1]!;
  }

  /** Keras' table of the layers as text: `console.log(model.summary())`. */
  summary(options: SummaryOptions = {}): string {
    return formatSummary(
      { name: modelName(this), model: this, rows: this.summaryRows(), isChain: true },
      options,
    );
  }

  /** @internal The rows of the summary. */
  summaryRows(): SummaryRow[] {
    const nextName = nameMaker(new Set(layersOf(this.layers).flatMap(({ name }) => name ?? [])));
    let shape = this.inputShape;
    return this.layers.map((item, index) => {
      if (item instanceof Layer) {
        shape = item.outputShape as Shape | undefined;
        return rowOf(item);
      }
      if (shape !== undefined) shape = this.shapeAfter(index, shape, this.inputDType);
      const className = typeof item === "function" ? "Lambda" : item.constructor.name;
      return {
        name: nextName(snakeCase(className)),
        className,
        outputShape: shape,
        layer: item,
      };
    });
  }

  /** The input and every layer's output, made when they are first asked for. */
  private symbols(): readonly SymbolicTensor[] {
    this.requireGrown();
    let values = graphs.get(this);
    if (values === undefined) {
      let value = input({ shape: this.inputShape!, dtype: this.inputDType });
      const made = [value];
      for (const item of this.layers) {
        const layer: Layer = item instanceof Layer ? item : lambda(item);
        made.push((value = layer.apply(value)));
      }
      graphs.set(this, (values = made));
    }
    return values;
  }
}

function layersOf(items: readonly SequentialItem[]): AnyLayer[] {
  return items.filter((item) => item instanceof Layer);
}

function applyItem(layer: SequentialItem, x: Tensor, mode: Mode): Tensor {
  if (typeof layer === "function") return layer(x);
  const output = layer.forward(x, mode);
  return layer instanceof Layer ? watched(mode, layer, output) : output;
}

/**
 * Layers one after another: `sequential([dense({ units: 50, activation: "tanh", inputShape: [2] }), dense({ units: 2 })])`.
 * Parameters are made at once if the first layer or the options say what comes in (or else when an outer model does).
 * Layer i draws from the model's key folded with i, so `seed` here seeds all layers that have no seed of their own.
 */
export function sequential(
  layers: readonly SequentialItem[],
  options: LayerOptions = {},
): Sequential {
  return new Sequential(layers, options);
}
