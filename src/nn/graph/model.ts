/** @file Models made of a graph of layers: several inputs and outputs, shared layers, branches that meet again. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { checkOptions } from "../../base/options.ts";
import {
  type AnyLayer,
  Layer,
  type LayerOptions,
  type ModelLayer,
  type Setting,
} from "../layer.ts";
import { type Mode, childMode, watched } from "../mode.ts";
import type { Module } from "../module.ts";
import { findLayer, modelName, nameLayers } from "../naming.ts";
import {
  type ShapeOrList,
  type ShapesOf,
  type TensorOrList,
  formatShapes,
  listOfShapes,
  sameShapes,
} from "../shapes.ts";
import { rowOf } from "../summary-row.ts";
import { type SummaryOptions, type SummaryRow, formatSummary } from "../summary.ts";
import { InputLayer, symbolOf } from "./input.ts";
import { mapGraph } from "./map.ts";
import { type Plan, isChain, planOf, runPlan } from "./plan.ts";
import { SymbolicTensor, type SymbolsOf } from "./symbolic.ts";

/** A symbolic tensor, or a list. */
export type SymbolOrList = SymbolicTensor | readonly SymbolicTensor[];

/** The tensors that belong to symbolic ones. */
export type TensorsOf<S extends SymbolOrList> = S extends readonly unknown[]
  ? readonly Tensor[]
  : Tensor;

/** What `model` needs. */
export interface ModelOptions<I extends SymbolOrList, O extends SymbolOrList> extends Pick<
  LayerOptions,
  "name" | "seed" | "key" | "dtype" | "trainable"
> {
  /** What `forward` takes: a tensor or, where this is a list, a list. */
  readonly inputs: I;
  /** What `forward` gives. */
  readonly outputs: O;
}

/** A symbolic graph of a model's own layers: every value by its number. */
const graphs = new WeakMap<Module, readonly SymbolicTensor[]>();

/** A graph of layers as one layer (Keras' Functional). */
export class Model<
  In extends TensorOrList = TensorOrList,
  Out extends TensorOrList = TensorOrList,
> extends Layer<In, Out> {
  /** Every layer once, input layers too, in Keras' order: from the inputs to the outputs. */
  readonly layers: readonly ModelLayer[];
  /** @internal */
  readonly plan: Plan;

  /** @internal Use `model()`. */
  constructor(options: ModelOptions<SymbolOrList, SymbolOrList>) {
    if (options instanceof SymbolicTensor)
      throw new ArgumentError(complaint("model", "{ inputs, outputs }", describe(options)));
    checkOptions("model", options, [
      "inputs",
      "outputs",
      "name",
      "seed",
      "key",
      "dtype",
      "trainable",
    ]);
    const { inputs, outputs, ...layerOptions } = options;
    super(layerOptions);
    const given = symbols(`${this.label}: inputs`, inputs);
    const wanted = symbols(`${this.label}: outputs`, outputs);
    const twice = given.find((symbol, index) => given.indexOf(symbol) < index);
    if (twice !== undefined)
      throw new ArgumentError(
        complaint(`${this.label}: inputs`, "each input once", `${twice.node.layer.label} twice`),
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
    const map = mapGraph(this.label, sources, wanted, resolve);
    this.layers = map.layers as readonly ModelLayer[];
    this.plan = Object.freeze({
      ...planOf(map, sources, wanted, resolve),
      takesList: Array.isArray(inputs),
      givesList: Array.isArray(outputs),
    });
    nameLayers(this.label, this.layers);
    const shapes = given.map(({ shape }) => shape);
    this.grow((this.plan.takesList ? shapes : shapes[0]!) as ShapesOf<In>);
    if (replaced.size === 0)
      graphs.set(this, [...sources, ...map.nodes.flatMap((node) => node.outputs)]);
    if (options.trainable === false) this.trainable = false;
  }

  get kind(): string {
    return "model";
  }

  override get className(): string {
    return "Functional";
  }

  protected make(inputShape: ShapesOf<In>, setting: Setting): ShapesOf<Out> {
    const grown = new Set<AnyLayer>();
    const shapes = runPlan<Shape>(
      this.plan,
      this.layers,
      listOfShapes(inputShape),
      (layer, given, step) => {
        const position = this.plan.steps[step]!.layer;
        const isNew = !grown.has(layer);
        grown.add(layer);
        return listOfShapes(
          isNew
            ? this.growChild(layer, given as ShapeOrList, setting, position)
            : layer.computeOutputShape(given as ShapeOrList),
        );
      },
    );
    const outputs = this.plan.outputs.map((number) => shapes[number]!);
    return (this.plan.givesList ? outputs : outputs[0]!) as ShapeOrList as ShapesOf<Out>;
  }

  /** Which of the layers keep their parameters is for each of them to say. */
  protected override regrows(): boolean {
    return true;
  }

  override computeOutputShape(inputShape: ShapesOf<In>): ShapesOf<Out> {
    if (!sameShapes(this.inputShape!, inputShape))
      throw new ShapeError(
        complaint(
          this.label,
          `inputs of shape ${formatShapes(this.inputShape!)}`,
          formatShapes(inputShape),
        ),
      );
    return this.outputShape!;
  }

  override computeOutputDType(): DType {
    return this.outputs[0]!.dtype;
  }

  /**
   * The outputs for a batch: a tensor, or a list where `outputs` was one. Throws ArgumentError for another number of inputs,
   * ShapeError or DTypeError naming the input or the layer that cannot take what came.
   */
  forward(x: In, mode?: Mode): Out {
    const { plan } = this;
    const list = asList<Tensor>(x);
    if (plan.takesList !== Array.isArray(x) || list.length !== plan.inputs.length)
      throw new ArgumentError(
        complaint(
          this.label,
          plan.takesList ? `a list of ${plan.inputs.length} tensors` : "one tensor",
          describe(x),
        ),
      );
    const inputs = list.map((tensor, index) =>
      (this.layers[plan.inputs[index]!] as InputLayer).forward(tensor),
    );
    const values = runPlan<Tensor>(plan, this.layers, inputs, (layer, given, step) =>
      asList(watched(mode, layer, layer.forward(given, childMode(mode, step)) as TensorOrList)),
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
    this.symbols();
    return findLayer(this.label, this.layers, name);
  }

  /**
   * The symbolic output that a layer has in this model, by its first application here: what `getLayer(name).output` is for
   * layers that are in no other model. Throws ArgumentError for unknown names.
   */
  outputOf(name: string): SymbolicTensor {
    const position = this.layers.indexOf(findLayer(this.label, this.layers, name));
    const input = this.plan.inputs.indexOf(position);
    if (input >= 0) return this.symbols()[input]!;
    const step = this.plan.steps.find(({ layer }) => layer === position)!;
    return this.symbols()[step.outputs[0]!]!;
  }

  /** Keras' table of the layers as text: `console.log(model.summary())`. */
  summary(options: SummaryOptions = {}): string {
    return formatSummary(
      { name: modelName(this), model: this, rows: this.summaryRows(), isChain: isChain(this.plan) },
      options,
    );
  }

  /** @internal The rows of the summary. */
  summaryRows(): SummaryRow[] {
    const sources = new Map<number, string>(
      this.plan.inputs.map((position, number) => [number, `${this.layers[position]!.name}[0][0]`]),
    );
    for (const { layer, application, outputs } of this.plan.steps)
      for (const [index, number] of outputs.entries())
        sources.set(number, `${this.layers[layer]!.name}[${application}][${index}]`);
    return this.layers.map((layer, position) => {
      const steps = this.plan.steps
        .filter((step) => step.layer === position)
        .toSorted((a, b) => a.application - b.application);
      return {
        ...rowOf(layer),
        connections: steps.flatMap(({ inputs }) => inputs.map((number) => sources.get(number)!)),
      };
    });
  }

  /** The values of the graph. Copies of a model (as trainers give back) get a graph of their own layers when it is asked for. */
  private symbols(): readonly SymbolicTensor[] {
    let values = graphs.get(this);
    if (values === undefined) {
      const sources = this.plan.inputs.map((position) =>
        symbolOf(this.layers[position] as InputLayer),
      );
      values = runPlan<SymbolicTensor>(this.plan, this.layers, sources, (layer, given) =>
        asList(layer.apply(given as SymbolicTensor) as SymbolOrList),
      );
      graphs.set(this, values);
    }
    return values;
  }
}

function asList<T extends Tensor | SymbolicTensor>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

function symbols(who: string, given: unknown): readonly SymbolicTensor[] {
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
  return new Model(options);
}
