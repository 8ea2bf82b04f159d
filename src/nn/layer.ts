/** @file Layers: modules from one tensor to another whose parameters follow from the shape of their input. */
import type { DType } from "../ir/dtype.ts";
import { ArgumentError, ShapeError, complaint } from "../base/errors.ts";
import { type Shape, sameShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { trace, untraced } from "../ir/trace.ts";
import { random } from "../ops/index.ts";
import { childKey } from "./at-once.ts";
import { SymbolicTensor, type SymbolsOf, applicationsOf, applyInGraph } from "./graph/symbolic.ts";
import { type LayerOptions, type Setting, checkLayerOptions } from "./layer-options.ts";
import type { Mode } from "./mode.ts";
import { Module, childModules } from "./module.ts";
import { classNameOf } from "./names.ts";
import { originOf, setOrigin } from "./origin.ts";
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

export { checkCount, checkOptions } from "./layer-options.ts";
export type { LayerOptions, Setting } from "./layer-options.ts";

/** A list of symbolic tensors where a layer takes a list. */
type SymbolicListOf<In extends TensorOrList> = In extends readonly unknown[]
  ? readonly SymbolicTensor[]
  : never;

/** A layer of whatever takes and gives. */
// Layers take one tensor or a list: a common type of both has to give up on saying which.
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyLayer = Layer<any, any>;

/** A layer as models give it: what goes into it and comes out of it is typed as one symbolic tensor, as it nearly always is. */
// oxlint-disable-next-line typescript/no-explicit-any
export interface ModelLayer extends Layer<any, any> {
  get output(): SymbolicTensor;
  get input(): SymbolicTensor;
}

const noAliases: readonly string[] = Object.freeze([]);

/** Base of layers, from a tensor to a tensor unless `In` and `Out` say lists. A layer has parameters as soon as its input shape is known. */
export abstract class Layer<
  In extends TensorOrList = Tensor,
  Out extends TensorOrList = Tensor,
> extends Module {
  /** What kind of layer this is, named as the function that makes it: `dense`. */
  abstract get kind(): string;
  /** Name in errors and summaries; a model gives one to layers that have none. */
  name: string | undefined;
  /** Other names under which a model finds it: in some files values have names too. */
  aliases: readonly string[] = noAliases;
  /** Shape of one input sample, without the batch (a list of shapes for layers of several inputs); undefined until known. */
  inputShape: ShapesOf<In> | undefined;
  /** Shape of one output sample, without the batch; undefined until known. */
  outputShape: ShapesOf<Out> | undefined;
  private isTrainable: boolean;

  constructor(options: LayerOptions) {
    super();
    const { name, seed, key, dtype, trainable = true } = options;
    this.name = name;
    this.isTrainable = trainable;
    checkLayerOptions(this.label, options);
    setOrigin(this, seed === undefined ? key : untraced(() => random.key(seed)), dtype);
  }

  /** Output for a batch of inputs. Without a mode it is that of inference. */
  abstract forward(x: In, mode?: Mode): Out;

  /** Makes the parameters for an input shape, and says what the output's shape is. */
  protected abstract make(inputShape: ShapesOf<In>, setting: Setting): ShapesOf<Out>;

  /** The name of Keras' class, in summaries and files: `Dense`. */
  get className(): string {
    return classNameOf(this.kind);
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
    const origin = originOf(this);
    if (this.inputShape !== undefined && !sameShapes(this.inputShape, inputShape))
      throw this.wrongShape(inputShape);
    if (this.inputShape !== undefined && !this.regrows(origin?.made)) return;
    checkShapes(`${this.label}: inputShape`, inputShape);
    untraced(() => {
      const key = origin?.key ?? setting?.key ?? random.key(0);
      const dtype = origin?.dtype ?? setting?.dtype ?? "float32";
      this.outputShape = copyShapes(this.make(inputShape, { key, dtype }));
    });
    this.inputShape = copyShapes(inputShape);
    if (origin === undefined) return;
    origin.made = this.parameters();
    origin.inModel = setting !== undefined;
  }

  /**
   * Gives a layer in this one its input shape and, unless another model drew them before (it may share the layer), parameters
   * from the key of its position. Returns its output shape.
   */
  protected growChild(
    child: AnyLayer,
    inputShape: ShapeOrList,
    { key, dtype }: Setting,
    position: number,
  ): ShapeOrList {
    const origin = originOf(child);
    const isTaken = child.inputShape !== undefined && origin?.inModel !== false;
    if (this.inputShape === undefined && isTaken) return child.computeOutputShape(inputShape);
    child.grow(inputShape, { key: childKey(key, position), dtype });
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
    const { outputShape, parameters } = this.rehearse(inputShape);
    const now = this.parameters();
    if (
      this.inputShape !== undefined &&
      !(now.length === parameters.length && now.every((p, i) => sameShape(p.shape, parameters[i]!)))
    )
      throw this.wrongShape(inputShape);
    return outputShape;
  }

  /** The dtype of the output for inputs of a dtype: the same, unless the layer casts. */
  computeOutputDType(inputDType: DType): DType {
    return inputDType;
  }

  /** What `make` would do: it only writes a trace, of which nothing is computed. The layer stays as it was. */
  private rehearse(inputShape: ShapesOf<In>): {
    readonly outputShape: ShapesOf<Out>;
    readonly parameters: readonly Shape[];
  } {
    const before = { ...this } as object;
    let outputShape: ShapesOf<Out> | undefined;
    let parameters: readonly Shape[] = [];
    try {
      trace(
        (key) => {
          outputShape = this.make(inputShape, { key: key!, dtype: "float32" });
          parameters = this.parameters().map(({ shape }) => shape);
          return [];
        },
        [{ shape: [2], dtype: "int32" }],
      );
    } finally {
      for (const field of Object.keys(this))
        if (!(field in before)) delete (this as Record<string, unknown>)[field];
      Object.assign(this, before);
    }
    return { outputShape: outputShape!, parameters };
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

  private firstApplication(): ReturnType<typeof applicationsOf>[number] {
    const [first] = applicationsOf(this);
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

  /** Whether parameters that are there may be drawn anew: not those of a copy (a trained layer, say), which has no origin. */
  protected regrows(made: readonly Tensor[] | undefined): boolean {
    const now = this.parameters();
    return (
      made !== undefined &&
      now.length === made.length &&
      now.every((parameter, index) => parameter === made[index])
    );
  }

  /** Throws ArgumentError while the input shape is unknown. */
  protected requireGrown(): void {
    if (this.outputShape === undefined)
      throw new ArgumentError(
        `${this.label}: it has no parameters yet, because its input's shape is not known. Give inputShape, or put it after a layer of a sequential.`,
      );
  }
}

function copyShapes<T extends ShapeOrList>(shapes: T): T {
  const copies = listOfShapes(shapes).map((shape) => Object.freeze([...shape]));
  return (isShapeList(shapes) ? Object.freeze(copies) : copies[0]!) as unknown as T;
}
