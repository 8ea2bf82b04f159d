/** @file Models made of a graph of layers: several inputs and outputs, shared layers, branches that meet again. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { Child, Layer, type LayerOptions, type ModelLayer, type Outline } from "../layer.ts";
import { lambda } from "../layers/lambda.ts";
import { type Mode, childMode, inference, watched } from "../mode.ts";
import type { Module } from "../module.ts";
import { nameMaker, snakeCase } from "../names.ts";
import { findLayer, modelName, nameLayers } from "../naming.ts";
import {
  type ShapeOrList,
  type ShapesOf,
  type TensorOrList,
  formatShapes,
  listOfShapes,
  sameShapes,
  traceShape,
} from "../shapes.ts";
import { type SummaryOptions, type SummaryRow, formatSummary, rowOf } from "../summary.ts";
import { InputLayer, symbolOf } from "./input.ts";
import { type Plan, isChain, mapGraph, planOf, runPlan } from "./plan.ts";
import { SymbolicTensor, type SymbolsOf } from "./symbolic.ts";

/** A symbolic tensor, or a list. */
export type SymbolOrList = SymbolicTensor | readonly SymbolicTensor[];

/** The tensors that belong to symbolic ones. */
export type TensorsOf<S extends SymbolOrList> = S extends readonly unknown[]
  ? readonly Tensor[]
  : Tensor;

/** Options of `model`: the symbolic ends of its graph, and the options that it has in common with layers. */
export interface ModelOptions<I extends SymbolOrList, O extends SymbolOrList> extends Pick<
  LayerOptions,
  "name" | "seed" | "key" | "dtype" | "trainable" | "initialize"
> {
  /** What `forward` takes: a tensor or, where this is a list, a list. */
  readonly inputs: I;
  /** What `forward` gives. */
  readonly outputs: O;
}

/** A module that can be one of a model's layers. */
export interface ForwardModule extends Module {
  forward(x: Tensor, mode?: Mode): Tensor;
}

/** A layer, any module with `forward(x, mode?)`, or a function of one tensor. */
export type SequentialItem = ForwardModule | ((x: Tensor) => Tensor);

/** What a model is made of. */
interface Parts<In extends TensorOrList, Item> {
  readonly layers: readonly Item[];
  /** Absent where it follows from the layers. */
  readonly plan?: Plan;
  readonly inputShape: ShapesOf<In> | undefined;
  /** The symbolic graph that the model was made of, where it consists of the layers alone. */
  readonly symbols?: readonly SymbolicTensor[];
}

/** The field of a model's symbolic graph: modules are copied by the fields that have names, and copies have other layers. */
const graph: unique symbol = Symbol("graph");

/** A graph of layers as one layer (Keras' Functional). */
export class Model<
  In extends TensorOrList = TensorOrList,
  Out extends TensorOrList = TensorOrList,
  Item extends SequentialItem | ModelLayer = ModelLayer,
> extends Layer<In, Out> {
  /** Every layer once, input layers too, in Keras' order: from the inputs to the outputs. */
  readonly layers: readonly Item[];
  declare private readonly ownPlan: Plan;
  /** @internal */
  declare [graph]?: readonly SymbolicTensor[];

  /** @internal Use `model()` or `sequential()`. */
  constructor(parts: Parts<In, Item>, options: LayerOptions) {
    super(options);
    this.layers = parts.layers;
    if (parts.plan !== undefined) this.ownPlan = parts.plan;
    nameLayers(this.label, layersOf(this.layers));
    if (parts.inputShape !== undefined) this.grow(parts.inputShape);
    if (parts.symbols !== undefined) this[graph] = parts.symbols;
    if (options.trainable === false) this.trainable = false;
  }

  get kind(): string {
    return "model";
  }

  override get className(): string {
    return "Functional";
  }

  /** @internal Which layer is applied to what. */
  get plan(): Plan {
    return this.ownPlan;
  }

  override get takesList(): boolean {
    return this.plan.takesList;
  }

  /** Throws ShapeError unless the model takes inputs of these shapes. */
  protected requireShapes(inputShape: ShapesOf<In>): void {
    if (this.inputShape !== undefined && !sameShapes(this.inputShape, inputShape))
      throw new ShapeError(
        complaint(
          this.label,
          `inputs of shape ${formatShapes(this.inputShape)}`,
          formatShapes(inputShape),
        ),
      );
  }

  protected override outline(inputShape: ShapesOf<In>): Outline<Out> {
    this.requireShapes(inputShape);
    const { shapes, layers } = this.shapesFor(inputShape);
    const outputs = this.plan.outputs.map((number) => shapes[number]!);
    const outputShape = (this.plan.givesList ? outputs : outputs[0]!) as ShapeOrList;
    return { holds: { layers }, outputShape: outputShape as ShapesOf<Out> };
  }

  /** The shapes of all values of the plan, and each layer with the shape of what it is applied to. */
  private shapesFor(inputShape: ShapeOrList): {
    readonly shapes: readonly Shape[];
    readonly layers: readonly Child[];
  } {
    const layers: Child[] = [];
    const shapes = runPlan<Shape, Item>(
      this.plan,
      this.layers,
      listOfShapes(inputShape),
      (item, given, step) => {
        const position = this.plan.steps[step]!.layer;
        if (item instanceof Layer) {
          layers.push(new Child(item, given as ShapeOrList, position));
          return listOfShapes(item.computeOutputShape(given as ShapeOrList as Shape));
        }
        const who = `${this.label}: layers[${position}]`;
        const { shape } = traceShape(
          who,
          ([x]) => applied(item, x!, inference),
          [given as Shape],
          this.dtype,
        );
        return [shape];
      },
    );
    return { shapes, layers };
  }

  override computeOutputDType(_inputDType: DType): DType {
    return this.outputs[0]!.dtype;
  }

  /** The inputs as a list. Throws ArgumentError, ShapeError or DTypeError for what the model cannot take. */
  protected accept(x: In): readonly Tensor[] {
    const { takesList, inputs } = this.plan;
    const list = asList<Tensor>(x);
    if (takesList !== Array.isArray(x) || list.length !== inputs.length)
      throw new ArgumentError(
        complaint(
          this.label,
          takesList ? `a list of ${inputs.length} tensors` : "one tensor",
          describe(x),
        ),
      );
    const layers = this.layers as readonly unknown[];
    return list.map((tensor, index) => (layers[inputs[index]!] as InputLayer).forward(tensor));
  }

  /**
   * The outputs for a batch: a tensor, or a list where `outputs` was one. Throws ArgumentError for another number of inputs,
   * ShapeError or DTypeError naming the input or the layer that cannot take what came.
   */
  forward(x: In, mode?: Mode): Out {
    const { plan } = this;
    const values = runPlan<Tensor, Item>(plan, this.layers, this.accept(x), (item, given, step) =>
      asList(applied(item, given, childMode(mode, step))),
    );
    const outputs = plan.outputs.map((number) => values[number]!);
    return (plan.givesList ? outputs : outputs[0]!) as Out;
  }

  /** The symbolic inputs, to build on: `model({ inputs: m.inputs, outputs: m.getLayer("conv2d").output })`. */
  get inputs(): SymbolicTensor[] {
    return this.symbols().slice(0, this.plan.inputs.length);
  }

  /** The symbolic outputs. */
  get outputs(): SymbolicTensor[] {
    const values = this.symbols();
    return this.plan.outputs.map((number) => values[number]!);
  }

  /** The symbolic input, or inputs where the model takes a list. */
  override get input(): SymbolsOf<In> {
    return (this.plan.takesList ? this.inputs : this.inputs[0]!) as SymbolsOf<In>;
  }

  /** The symbolic output, or outputs where the model gives a list. */
  override get output(): SymbolsOf<Out> {
    return (this.plan.givesList ? this.outputs : this.outputs[0]!) as SymbolsOf<Out>;
  }

  /**
   * The layer of a name. Its `output` is the symbolic tensor that it gives in this model (if it was not applied elsewhere
   * before). Throws ArgumentError listing the names most like it.
   */
  getLayer(name: string): ModelLayer {
    if (this.inputShape !== undefined) this.symbols();
    return findLayer(this.label, layersOf(this.layers), name);
  }

  /**
   * The symbolic output that a layer has in this model, by its first application here: what `getLayer(name).output` is for
   * layers that are in no other model. Throws ArgumentError for unknown names.
   */
  outputOf(name: string): SymbolicTensor {
    const layer = findLayer(this.label, layersOf(this.layers), name);
    const position = (this.layers as readonly unknown[]).indexOf(layer);
    const input = this.plan.inputs.indexOf(position);
    if (input >= 0) return this.symbols()[input]!;
    const step = this.plan.steps.find((one) => one.layer === position)!;
    return this.symbols()[step.outputs[0]!]!;
  }

  /** Keras' table of the layers as text: `console.log(model.summary())`. Throws ArgumentError for options it does not know or cannot use. */
  summary(options: SummaryOptions = {}): string {
    return formatSummary(
      { name: modelName(this), model: this, rows: this.summaryRows(), isChain: isChain(this.plan) },
      options,
    );
  }

  /** @internal The rows of the summary. */
  summaryRows(): SummaryRow[] {
    const { plan } = this;
    const layers = layersOf(this.layers);
    const nextName = nameMaker(new Set(layers.flatMap(({ name }) => name ?? [])));
    const isPlain = layers.length === this.layers.length || this.inputShape === undefined;
    const shapes = isPlain ? [] : this.shapesFor(this.inputShape!).shapes;
    const sources = new Map<number, string>();
    const nameAt = (position: number): string => layers[position]?.name ?? "";
    for (const [number, position] of plan.inputs.entries())
      sources.set(number, `${nameAt(position)}[0][0]`);
    for (const { layer, application, outputs } of plan.steps)
      for (const [index, number] of outputs.entries())
        sources.set(number, `${nameAt(layer)}[${application}][${index}]`);
    return this.layers.map((item, position) => {
      const steps = plan.steps
        .filter(({ layer }) => layer === position)
        .toSorted((a, b) => a.application - b.application);
      if (!(item instanceof Layer)) {
        const className = typeof item === "function" ? "Lambda" : item.constructor.name;
        const outputShape = shapes[steps[0]!.outputs[0]!];
        return { name: nextName(snakeCase(className)), className, outputShape, layer: item };
      }
      // In a chain whose input is not a layer every connection is known.
      if (plan.inputs[0]! < 0) return rowOf(item);
      return {
        ...rowOf(item),
        connections: steps.flatMap(({ inputs }) => inputs.map((number) => sources.get(number)!)),
      };
    });
  }

  /** New symbolic inputs. */
  protected sources(): readonly SymbolicTensor[] {
    const layers = this.layers as readonly unknown[];
    return this.plan.inputs.map((position) => symbolOf(layers[position] as InputLayer));
  }

  /** The values of the graph. Copies of a model (as trainers give back) get a graph of their own layers when it is asked for. */
  private symbols(): readonly SymbolicTensor[] {
    this.requireGrown();
    this[graph] ??= runPlan<SymbolicTensor, Item>(
      this.plan,
      this.layers,
      this.sources(),
      (item, given) => {
        const layer: ModelLayer = item instanceof Layer ? item : lambda(item as ForwardModule);
        return asList(layer.apply(given) as SymbolOrList);
      },
    );
    return this[graph];
  }
}

/** The layers among a model's items. */
export function layersOf(items: readonly unknown[]): ModelLayer[] {
  return items.filter((item): item is ModelLayer => item instanceof Layer);
}

/** What a layer, module or function gives. */
function applied(
  item: SequentialItem | ModelLayer,
  x: Tensor | Tensor[],
  mode: Mode,
): TensorOrList {
  if (typeof item === "function") return item(x as Tensor);
  const output: TensorOrList = item.forward(x as Tensor, mode);
  return item instanceof Layer ? watched(mode, item, output) : output;
}

function asList<T extends Tensor | SymbolicTensor>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

function symbolsAmong(who: string, given: unknown): readonly SymbolicTensor[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (list.length === 0)
    throw new ArgumentError(complaint(who, "at least one symbolic tensor", "an empty list"));
  for (const item of list)
    if (!(item instanceof SymbolicTensor))
      throw new ArgumentError(
        complaint(
          who,
          "symbolic tensors",
          describe(item),
          "They come from input() and layer.apply().",
        ),
      );
  return list as readonly SymbolicTensor[];
}

/**
 * A model of everything between symbolic inputs and outputs:
 * `const x = input({ shape: [4] }); model({ inputs: x, outputs: dense({ units: 2 }).apply(x) })`.
 * Layers that have no parameters yet draw them from the model's key folded with their position among `layers`. Models may
 * share layers, and a model is a layer: it can be applied to symbolic tensors itself.
 * Throws ArgumentError for outputs that need other inputs, inputs that no output needs, and two layers of one name.
 */
export function model<I extends SymbolOrList, O extends SymbolOrList>(
  options: ModelOptions<I, O>,
): Model<TensorsOf<I>, TensorsOf<O>> {
  if ((options as unknown) instanceof SymbolicTensor)
    throw new ArgumentError(complaint("model", "{ inputs, outputs }", describe(options)));
  checkOptions("model", options, [
    "inputs",
    "outputs",
    "name",
    "seed",
    "key",
    "dtype",
    "trainable",
    "initialize",
  ]);
  const { inputs, outputs, ...layerOptions } = options;
  const who = options.name === undefined ? "model" : `model "${options.name}"`;
  const given = symbolsAmong(`${who}: inputs`, inputs);
  const wanted = symbolsAmong(`${who}: outputs`, outputs);
  const twice = given.find((symbol, index) => given.indexOf(symbol) < index);
  if (twice !== undefined)
    throw new ArgumentError(
      complaint(`${who}: inputs`, "each input once", `${twice.node.layer.label} twice`),
    );
  // A model may begin in the middle of another one: what comes in there gets an input layer of its own.
  const replaced = new Map(
    given
      .filter(({ node }) => !(node.layer instanceof InputLayer))
      .map((symbol) => [
        symbol,
        symbolOf(new InputLayer({ shape: symbol.shape, dtype: symbol.dtype })),
      ]),
  );
  const resolve = (symbol: SymbolicTensor): SymbolicTensor => replaced.get(symbol) ?? symbol;
  const sources = given.map(resolve);
  const map = mapGraph(who, sources, wanted, resolve);
  const plan = Object.freeze({
    ...planOf(map, sources, wanted, resolve),
    takesList: Array.isArray(inputs),
    givesList: Array.isArray(outputs),
  });
  const shapes = given.map(({ shape }) => shape);
  const symbols = [...sources, ...map.nodes.flatMap((node) => node.outputs)];
  return new Model(
    {
      layers: map.layers as readonly ModelLayer[],
      plan,
      inputShape: (plan.takesList ? shapes : shapes[0]!) as ShapesOf<TensorsOf<I>>,
      ...(replaced.size === 0 && { symbols }),
    },
    layerOptions,
  );
}
