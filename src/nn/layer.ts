/**
 * @file Layers: modules from tensors to tensors that know what they hold for a shape of their input. A layer says it in its
 * `outline`; drawing parameters, counting them, filling them from files and inferring shapes all read that.
 */
import { ArgumentError, ShapeError, complaint, describe } from "../base/errors.ts";
import { flag, text, whole } from "../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../base/options.ts";
import type { DType } from "../ir/dtype.ts";
import { type Shape, formatShape, sameShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { untraced } from "../ir/trace.ts";
import { flatten, treeProtocol } from "../ir/tree.ts";
import { random } from "../ops/index.ts";
import {
  type GraphNode,
  SymbolicTensor,
  type SymbolsOf,
  applications,
  applyInGraph,
} from "./graph/symbolic.ts";
import type { Initializer } from "./initializers.ts";
import { floatDType, randomKey, uncheckedShape } from "./kinds.ts";
import { childKey } from "./large.ts";
import type { Mode } from "./mode.ts";
import { Module, childModules } from "./module.ts";
import { classNameOf } from "./names.ts";
import {
  type ShapeOrList,
  type ShapesOf,
  type TensorOrList,
  checkShapes,
  formatShapes,
  isShapeList,
  listOfShapes,
  sameShapes,
} from "./shapes.ts";

/** The options of every layer. */
export const commonOptions = {
  inputShape: optional(
    uncheckedShape,
    undefined,
    "Shape of one sample, without the batch. Needed by the first layer only: the others take it from the layer before.",
  ),
  name: optional(
    text,
    undefined,
    "What errors and summaries call the layer; a model names it after its class otherwise: dense, dense_1, ...",
  ),
  dtype: optional(floatDType, undefined, "dtype of the parameters: float32 unless given."),
  seed: optional(
    whole(0),
    undefined,
    "An integer from which the parameters are drawn. Otherwise the seed comes from the model around the layer and the layer's position in it, or is 0.",
  ),
  key: optional(randomKey, undefined, "A random key in place of a seed."),
  trainable: optional(flag, true, "False: the parameters stay as they are in training."),
  initialize: optional(
    flag,
    true,
    "False: parameters get shapes and no elements; they are to be filled from a file before anything is computed.",
  ),
};

const common = schema(commonOptions);

/**
 * Options of every layer: `inputShape` (of one sample, without the batch), `name`, `dtype` of the parameters, `seed` or `key`
 * from which they are drawn, and `trainable`. Equal models have equal parameters, in every run and on every machine: two models
 * that must differ need seeds that differ.
 */
export type LayerOptions = OptionsOf<typeof commonOptions>;

/** What a model passes on to the layers in it. */
export interface Setting {
  readonly key: Tensor;
  readonly dtype: "float32" | "float64";
  /** Whether parameters get elements: they do unless this is false. */
  readonly initialize?: boolean;
}

/** A parameter before it is drawn. */
export interface ParameterSpec {
  readonly shape: Shape;
  readonly initializer: Initializer;
  /** Whether it is state: training changes it, but not along its gradient. */
  readonly isState: boolean;
  /** Which of the layer's keys it is drawn from, if not the one of its position. */
  readonly position?: number;
}

/** A layer within a layer, and the shape of its input. */
export class Child<L extends AnyLayer = AnyLayer> {
  readonly layer: L;
  readonly inputShape: ShapeOrList;
  /** Which of the outer layer's keys it is drawn from, if not the one of its position. */
  readonly position: number | undefined;

  constructor(layer: L, inputShape: ShapeOrList, position?: number) {
    this.layer = layer;
    this.inputShape = inputShape;
    this.position = position;
  }

  /** Shape of one of its output samples. */
  get outputShape(): Shape {
    return this.layer.computeOutputShape(this.inputShape) as Shape;
  }
}

/** What a layer holds, by field. Keys for drawing are counted along it; entries that are undefined keep their number. */
export type Specs = Readonly<
  Record<string, ParameterSpec | Child | readonly (Child | undefined)[] | undefined>
>;

/** What a layer is for a shape of its input. */
export interface Outline<Out extends TensorOrList = Tensor> {
  readonly holds: Specs;
  /** Shape of one output sample, without the batch. */
  readonly outputShape: ShapesOf<Out>;
}

/** A list of symbolic tensors where a layer takes a list. */
type SymbolicListOf<In extends TensorOrList> = In extends readonly unknown[]
  ? readonly SymbolicTensor[]
  : never;

/** A layer of any input and output types. */
// Layers take one tensor or a list: a common type of both has to give up on saying which.
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyLayer = Layer<any, any>;

/** A layer as models give it: its input and output are typed as one symbolic tensor, which they nearly always are. */
// oxlint-disable-next-line typescript/no-explicit-any
export interface ModelLayer extends Layer<any, any> {
  get output(): SymbolicTensor;
  get input(): SymbolicTensor;
}

/** How a layer was made. */
interface Origin {
  readonly key: Tensor | undefined;
  readonly dtype: "float32" | "float64" | undefined;
  readonly initialize: boolean;
  /** Counts the layers: names are given in the order in which layers were made. */
  readonly order: number;
  /** The layer's own parameters as they were drawn. */
  drawn?: readonly Tensor[];
  /** Whether a model around the layer drew them. */
  inModel?: boolean;
  /** Whether a model chose the name. */
  isNamedByModel?: boolean;
}

/** Classes without an outline, which draw into their fields themselves, have this method in its place. */
interface Making<In, Out> {
  make?(inputShape: In, setting: Setting): Out;
}

/** The field of a layer's origin: modules are copied by the fields that have names, so copies (trained layers, say) have none. */
export const origin: unique symbol = Symbol("origin");

const noNames: readonly string[] = Object.freeze([]);

/**
 * Base of layers, from a tensor to a tensor unless `In` and `Out` say lists. A layer has parameters as soon as the shape of its
 * input is known. `layer()` makes such classes from a declaration; one written by hand has `kind`, `forward` and `outline`.
 */
export abstract class Layer<
  In extends TensorOrList = Tensor,
  Out extends TensorOrList = Tensor,
> extends Module {
  /** How many layers were made. */
  static #count = 0;

  /** What kind of layer this is, named as the function that makes it: `dense`. */
  abstract get kind(): string;
  /** Name in errors and summaries; a model gives one to layers that have none. */
  name: string | undefined;
  /** Other names under which a model finds it: in some files values have names too. */
  aliases: readonly string[] = noNames;
  /** Shape of one input sample, without the batch (a list of shapes for layers of several inputs); undefined until known. */
  inputShape: ShapesOf<In> | undefined;
  /** Shape of one output sample, without the batch; undefined until known. */
  outputShape: ShapesOf<Out> | undefined;
  /** dtype of the parameters, and of what the layer makes of integers. */
  dtype: DType;
  private isTrainable: boolean;
  /** Fields that hold state; most layers have none, and are spared the field. */
  declare private states?: readonly string[];
  /** @internal */
  readonly [origin]: Origin | undefined;
  /** @internal */
  declare [applications]?: GraphNode[];

  constructor(options: LayerOptions = {}) {
    super();
    const given = (options ?? {}) as LayerOptions;
    this.name = typeof given.name === "string" && given.name !== "" ? given.name : undefined;
    const written = among(given, commonOptions);
    const { seed, key, dtype, trainable, initialize } = common.read(this.label, written);
    if (seed !== undefined && key !== undefined)
      throw new ArgumentError(complaint(this.label, "a seed or a key", "both"));
    this.dtype = dtype ?? "float32";
    this.isTrainable = trainable;
    this[origin] = {
      key: seed === undefined ? key : untraced(() => random.key(seed)),
      dtype,
      initialize,
      order: Layer.#count++,
    };
  }

  /** Output for a batch of inputs. Without a mode it is that of inference. */
  abstract forward(x: In, mode?: Mode): Out;

  /**
   * What the layer holds for an input shape, and the shape of its output. Holds nothing and keeps the shape unless a class says
   * otherwise. Throws ShapeError for inputs that the layer cannot take.
   */
  protected outline(inputShape: ShapesOf<In>): Outline<Out> {
    return { holds: {}, outputShape: inputShape as ShapeOrList as ShapesOf<Out> };
  }

  /** The name of Keras' class, in summaries and files: `Dense`. */
  get className(): string {
    return classNameOf(this.kind);
  }

  /** Whether the layer takes a list of tensors. */
  get takesList(): boolean {
    return false;
  }

  override get stateFields(): readonly string[] {
    return this.states ?? noNames;
  }

  /**
   * Whether a trainer changes the layer's parameters (and those of the layers in it: setting it sets theirs, as in Keras).
   * batchNorm that is not trainable uses its moving statistics in training too.
   */
  get trainable(): boolean {
    return this.isTrainable;
  }
  set trainable(value: boolean) {
    this.isTrainable = value;
    const freeze = (module: Module): void => {
      for (const child of childModules(module)) {
        if (child instanceof Layer) child.trainable = value;
        else freeze(child);
      }
    };
    freeze(this);
  }

  /**
   * Gives the layer its input shape. Parameters that were drawn before are drawn anew from the model's key, unless the layer
   * has a seed of its own or they were replaced since. Throws ShapeError if the layer was made for another shape.
   */
  grow(inputShape: ShapesOf<In>, setting?: Setting): void {
    const past = this[origin];
    if (this.inputShape !== undefined) {
      if (!sameShapes(this.inputShape, inputShape)) throw this.wrongShape(inputShape);
      const own = this.ownTensors();
      if (past?.drawn?.length !== own.length || own.some((one, i) => one !== past.drawn![i]))
        return;
    }
    checkShapes(`${this.label}: inputShape`, inputShape);
    untraced(() => {
      const key = past?.key ?? setting?.key ?? random.key(0);
      const dtype = past?.dtype ?? setting?.dtype ?? "float32";
      this.dtype = dtype;
      const initialize = past?.initialize !== false && setting?.initialize !== false;
      this.outputShape = copyShapes(this.build(inputShape, { key, dtype, initialize }));
    });
    this.inputShape = copyShapes(inputShape);
    if (past === undefined) return;
    past.drawn = this.ownTensors();
    past.inModel = setting !== undefined;
  }

  /** Makes what the outline says, and gives the output's shape. */
  private build(inputShape: ShapesOf<In>, setting: Setting): ShapesOf<Out> {
    const own = this as Making<ShapesOf<In>, ShapesOf<Out>>;
    if (own.make !== undefined) return own.make(inputShape, setting);
    const { holds, outputShape } = this.outline(inputShape);
    const fields = this as unknown as Record<string, Tensor>;
    const grown = new Set<AnyLayer>();
    const states: string[] = [];
    let position = 0;
    for (const [field, spec] of Object.entries(holds))
      for (const one of Array.isArray(spec) ? spec : [spec]) {
        const at: number = one?.position ?? position;
        position++;
        if (one instanceof Child) {
          if (grown.has(one.layer)) one.layer.computeOutputShape(one.inputShape);
          else this.growChild(one.layer, one.inputShape, setting, at);
          grown.add(one.layer);
        } else if (one !== undefined) {
          fields[field] = parameterOf(one, at, setting);
          if (one.isState) states.push(field);
        }
      }
    if (states.length > 0) this.states = Object.freeze(states);
    return outputShape;
  }

  /**
   * Gives a layer in this one its input shape and, unless another model drew them before (it may share the layer), parameters
   * from the key of its position. Returns its output shape.
   */
  protected growChild(
    child: AnyLayer,
    inputShape: ShapeOrList,
    { key, ...setting }: Setting,
    position: number,
  ): ShapeOrList {
    const isTaken = child.inputShape !== undefined && child[origin]?.inModel !== false;
    if (this.inputShape === undefined && isTaken) return child.computeOutputShape(inputShape);
    child.grow(inputShape, { key: childKey(key, position), ...setting });
    return child.outputShape!;
  }

  /**
   * The shape of an output sample for the shape of an input sample, without making parameters. Throws ShapeError where the
   * layer cannot take the input, or has parameters of other shapes than it would need.
   */
  computeOutputShape(inputShape: ShapesOf<In>): ShapesOf<Out> {
    if (this.inputShape !== undefined && sameShapes(this.inputShape, inputShape))
      return this.outputShape!;
    checkShapes(`${this.label}: inputShape`, inputShape);
    if ((this as Making<unknown, unknown>).make !== undefined)
      return this.shapeByMaking(inputShape);
    const { holds, outputShape } = this.outline(inputShape);
    const fields = this as unknown as Record<string, Tensor | undefined>;
    const fits = ([field, spec]: [string, Specs[string]]): boolean =>
      spec === undefined ||
      Array.isArray(spec) ||
      spec instanceof Child ||
      sameShape(fields[field]?.shape ?? [], (spec as ParameterSpec).shape);
    if (this.inputShape !== undefined && !Object.entries(holds).every(fits))
      throw this.wrongShape(inputShape);
    return outputShape;
  }

  /** What a class that makes its fields itself gives: a copy makes them. */
  private shapeByMaking(inputShape: ShapesOf<In>): ShapesOf<Out> {
    const shapesOf = (layer: this): Shape[] => layer.parameters().map(({ shape }) => shape);
    const { leaves, def } = flatten(this.label, this);
    const copy = def.rebuild(leaves) as this;
    const outputShape = untraced(() =>
      copy.build(inputShape, { key: random.key(0), dtype: "float32" }),
    );
    const [now, then] = [shapesOf(this), shapesOf(copy)];
    if (
      this.inputShape !== undefined &&
      !(now.length === then.length && now.every((shape, i) => sameShape(shape, then[i]!)))
    )
      throw this.wrongShape(inputShape);
    return outputShape;
  }

  /** The dtype of the output for inputs of a dtype: the same, unless the layer casts. */
  computeOutputDType(inputDType: DType): DType {
    return inputDType;
  }

  /**
   * Applies the layer: to symbolic tensors, for a graph model (`nn.model`), or to tensors, where it is `forward` that makes the
   * parameters first if there are none. A layer applied several times has one set of parameters.
   * Throws ShapeError for inputs the layer cannot take, ArgumentError for a mixture of symbolic tensors and others.
   */
  apply(x: SymbolsOf<In> | SymbolicListOf<In>): SymbolsOf<Out>;
  apply(x: In, mode?: Mode): Out;
  apply(x: unknown, mode?: Mode): unknown {
    const list: readonly unknown[] = Array.isArray(x) ? x : [x];
    const symbols = list.filter((item) => item instanceof SymbolicTensor);
    if (symbols.length === 0) {
      if (this.inputShape === undefined && list.every((item) => item instanceof Tensor)) {
        const samples = list.map(({ shape }) => shape.slice(1));
        this.grow((Array.isArray(x) ? samples : samples[0]!) as ShapeOrList as ShapesOf<In>);
      }
      return this.forward(x as In, mode);
    }
    if (symbols.length < list.length)
      throw new ArgumentError(
        complaint(
          this.label,
          "symbolic tensors alone (or tensors alone)",
          `${symbols.length} of ${list.length} inputs symbolic`,
          "A tensor that is the same for every sample is a parameter: put it into a module or layer.",
        ),
      );
    const inputShape = Array.isArray(x) ? symbols.map(({ shape }) => shape) : symbols[0]!.shape;
    const outputShape = this.computeOutputShape(inputShape as ShapesOf<In>);
    const { outputs } = applyInGraph(
      this,
      symbols,
      Array.isArray(x),
      listOfShapes(outputShape),
      this.computeOutputDType(symbols[0]!.dtype),
    );
    return isShapeList(outputShape) ? [...outputs] : outputs[0]!;
  }

  /** The symbolic output of the layer's first application (one for each output). Throws ArgumentError if there was none. */
  get output(): SymbolsOf<Out> {
    const { outputs } = this.firstApplication();
    const single = this.outputShape === undefined || !isShapeList(this.outputShape);
    return (outputs.length === 1 && single ? outputs[0]! : [...outputs]) as SymbolsOf<Out>;
  }

  /** The symbolic input of the layer's first application. Throws ArgumentError if there was none. */
  get input(): SymbolsOf<In> {
    const { inputs, takesList } = this.firstApplication();
    return (takesList ? [...inputs] : inputs[0]!) as SymbolsOf<In>;
  }

  private firstApplication(): GraphNode {
    const first = this[applications]?.[0];
    if (first === undefined)
      throw new ArgumentError(
        `${this.label}: it has no symbolic input or output, because it was not applied to any. Use apply(), or ask for the model's inputs first.`,
      );
    return first;
  }

  /** The layer as errors name it. */
  get label(): string {
    return this.name === undefined ? this.kind : `${this.kind} "${this.name}"`;
  }

  private wrongShape(inputShape: ShapeOrList): ShapeError {
    return new ShapeError(
      complaint(
        this.label,
        `an input of shape ${formatShapes(this.inputShape!)} (its inputShape)`,
        formatShapes(inputShape),
      ),
    );
  }

  /** The tensors of the layer itself, without those of layers and modules in it. */
  private ownTensors(): Tensor[] {
    const isMaking = (this as Making<unknown, unknown>).make !== undefined;
    const values = isMaking ? this[treeProtocol]().children : Object.values(this);
    return values.filter((value) => value instanceof Tensor);
  }

  /** Throws ArgumentError while the input shape is unknown. */
  protected requireGrown(): void {
    if (this.outputShape === undefined)
      throw new ArgumentError(
        `${this.label}: it has no parameters yet, because its input's shape is not known. Give inputShape, or put it after a layer of a sequential.`,
      );
  }
}

/** Those of the options that are in a spec. */
export function among(options: object, spec: object): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) if (name in spec) found[name] = value;
  return found;
}

/** A parameter from the `position`-th key. Throws ShapeError if the initialiser makes anything but what it is asked for. */
function parameterOf(
  { shape, initializer }: ParameterSpec,
  position: number,
  { key, dtype, initialize }: Setting,
): Tensor {
  if (initialize === false) return new Tensor({ shape: [...shape], dtype }, new Float32Array(0));
  const made: unknown = initializer(childKey(key, position), shape, dtype);
  if (made instanceof Tensor && sameShape(made.shape, shape) && made.dtype === dtype) return made;
  throw new ShapeError(
    complaint(
      "initializer",
      `a tensor of ${dtype} and shape ${formatShape(shape)}`,
      made instanceof Tensor ? `${made.dtype} ${formatShape(made.shape)}` : describe(made),
      "It is called with a key, a shape and a dtype.",
    ),
  );
}

function copyShapes<T extends ShapeOrList>(shapes: T): T {
  const copies = listOfShapes(shapes).map((shape) => Object.freeze([...shape]));
  return (isShapeList(shapes) ? Object.freeze(copies) : copies[0]!) as unknown as T;
}
