/**
 * @file The one declaration of a layer: its options as a schema, what it holds for an input shape, and the shape of its output.
 * The class, the types and checks of its options, its fields and its entry in Keras' files follow from it.
 */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import {
  type OptionsOf,
  type Schema,
  type SettingsOf,
  type Spec,
  checkOptions,
  schema,
} from "../base/options.ts";
import type { Shape } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { Initializer } from "./initializers.ts";
import {
  type AnyLayer,
  Child,
  Layer,
  type LayerOptions,
  type Outline,
  type ParameterSpec,
  type Specs,
  among,
  commonOptions,
} from "./layer.ts";
import { Module, childModules } from "./module.ts";
import { nameLayers } from "./naming.ts";
import { type ShapeOrList, type ShapesOf, type TensorOrList, isShapeList } from "./shapes.ts";

/** A parameter of a shape, drawn by an initialiser. */
export function weight(shape: Shape, initializer: Initializer): ParameterSpec {
  return { shape, initializer, isState: false };
}

/** State of a shape, made by an initialiser: what training changes, but not along its gradient. */
export function state(shape: Shape, initializer: Initializer): ParameterSpec {
  return { shape, initializer, isState: true };
}

/** A layer in this one, for inputs of a shape: `child(inner, shape).outputShape` is the shape of what it gives. */
export function child<L extends AnyLayer>(layer: L, inputShape: ShapeOrList): Child<L> {
  return new Child(layer, inputShape);
}

/** The fields that specs become; lists of children have their type from `children`. */
type Fields<P> = {
  -readonly [Name in keyof P]: P[Name] extends infer One
    ? One extends ParameterSpec
      ? Tensor
      : One extends Child<infer L>
        ? L
        : One extends readonly unknown[]
          ? unknown
          : undefined
    : never;
};

type Input<List extends boolean> = List extends true ? readonly Tensor[] : Tensor;

/** What a declaration's functions know of a layer: its settings, the layers in it, and its name for errors. */
type Known<S extends Spec, C> = SettingsOf<S> & C & Pick<Layer, "label" | "dtype">;

/** What is declared of a layer besides its options. */
export interface Definition<S extends Spec, C, P extends Specs, List extends boolean> {
  /** Keras' name of the class, where it is not the kind with a capital. */
  readonly className?: string;
  /** Other names that files have for the class. */
  readonly aliases?: readonly string[];
  /** Old names of settings in files, by the name of the option that they are now. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Whether the layer takes a list of tensors: it takes one unless this is true. */
  readonly takesList?: List;
  /** Throws ArgumentError, its message beginning with `who`, for settings that do not go together. */
  readonly check?: (settings: SettingsOf<S>, who: string) => void;
  /** Layers that the layer makes for itself, as fields. */
  readonly children?: (settings: SettingsOf<S>) => C;
  /** What the layer holds for an input shape: parameters (`weight`), state (`state`) and layers (`child`), by field. */
  readonly parameters?: (layer: Known<S, C>, inputShape: ShapesOf<Input<List>>) => P;
  /** Shape of an output sample: that of the input unless given. */
  readonly outputShape?: (
    layer: Known<S, C>,
    inputShape: ShapesOf<Input<List>>,
    parameters: P,
  ) => Shape;
  /** The input shape, where the settings or children know it. */
  readonly inputShape?: (layer: Known<S, C>) => Shape | undefined;
}

/** A declaration, as it can be asked of a class: `Dense.declaration`. */
export interface Declaration {
  readonly kind: string;
  /** The layer's own options. */
  readonly options: Schema<Spec>;
  /** The names of all options, those that every layer has among them. */
  readonly names: readonly string[];
  readonly definition: Definition<Spec, object, Specs, boolean>;
}

type Arguments<Options> =
  Record<never, never> extends Options ? [options?: Options] : [options: Options];

/** A class that `layer` makes. */
export type LayerClass<S extends Spec, C, P extends Specs, List extends boolean> = {
  readonly declaration: Declaration;
} & (abstract new (
  ...options: Arguments<OptionsOf<S> & LayerOptions>
) => DeclaredLayer<Input<List>> & SettingsOf<S> & C & Fields<P>);

/** Base of the classes that `layer` makes. */
export abstract class DeclaredLayer<In extends TensorOrList = Tensor> extends Layer<In> {
  constructor(given: LayerOptions | undefined, { options, definition, names }: Declaration) {
    const isOptional = Object.values(options.spec).every(({ needed }) => !needed);
    const written = given === undefined && isOptional ? {} : given!;
    super(written);
    checkOptions(this.label, written, names);
    if (definition.takesList === true && written.inputShape !== undefined)
      throw new ArgumentError(
        complaint(
          `${this.label}: inputShape`,
          "none: it takes several inputs",
          describe(written.inputShape),
          "Use it in a graph model: its shapes come from what it is applied to.",
        ),
      );
    const settings = options.read(this.label, among(written, options.spec));
    definition.check?.(settings, this.label);
    Object.assign(this, settings, definition.children?.(settings));
    const holdsModules =
      definition.children !== undefined ||
      Object.values(settings).some((value) => value instanceof Module);
    const inside = holdsModules ? childModules(this) : [];
    if (inside.length > 0)
      nameLayers(
        this.label,
        inside.filter((module) => module instanceof Layer),
      );
    const inputShape = written.inputShape ?? definition.inputShape?.(this);
    if (inputShape !== undefined) this.grow(inputShape as ShapeOrList as ShapesOf<In>);
    if (inside.length > 0 && written.trainable === false) this.trainable = false;
  }

  private get declaration(): Declaration {
    return (this.constructor as unknown as { readonly declaration: Declaration }).declaration;
  }

  override get kind(): string {
    return this.declaration.kind;
  }

  override get className(): string {
    return this.declaration.definition.className ?? super.className;
  }

  override get takesList(): boolean {
    return this.declaration.definition.takesList === true;
  }

  protected override outline(inputShape: ShapesOf<In>): Outline {
    const { parameters, outputShape } = this.declaration.definition;
    if (this.takesList && !isShapeList(inputShape)) throw notAList(this, "one input");
    const shape = inputShape as Shape & readonly Shape[];
    const holds = parameters?.(this, shape) ?? {};
    return { holds, outputShape: outputShape?.(this, shape, holds) ?? shape };
  }
}

/**
 * A class of layers from a declaration, to be extended by `forward`:
 *
 *     class Scale extends layer("scale", { initial: optional(finite, 1, "The factor before training.") }, {
 *       parameters: ({ initial }, shape) => ({ factor: weight([shape.at(-1)!], initializers.constant(initial)) }),
 *     }) {
 *       forward(x: Tensor): Tensor {
 *         return x.mul(this.factor);
 *       }
 *     }
 *     const scale = factory(Scale);
 *
 * Settings, parameters and children are fields of the layer. Options that all layers have (`name`, `seed`, `trainable`, ...) are
 * understood, too. `kind` names the layer in errors. Throws ArgumentError, when a layer is made, for options it does not know
 * and for values that their kinds do not accept.
 */
export function layer<
  const S extends Spec,
  C extends object = Record<never, never>,
  P extends Specs = Record<never, never>,
  List extends boolean = false,
>(kind: string, options: S, definition: Definition<S, C, P, List> = {}): LayerClass<S, C, P, List> {
  const names = [...new Set([...Object.keys(options), ...Object.keys(commonOptions)])];
  const declaration = {
    kind,
    options: schema(options),
    names,
    definition,
  } as unknown as Declaration;
  abstract class Declared extends DeclaredLayer<TensorOrList> {
    static readonly declaration = declaration;
    constructor(given?: LayerOptions) {
      super(given, declaration);
    }
  }
  return Declared as unknown as LayerClass<S, C, P, List>;
}

/** The error of a layer that takes a list and got something else. */
export function notAList({ label, kind }: AnyLayer, got: string): ArgumentError {
  return new ArgumentError(
    complaint(
      label,
      "a list of at least one tensor",
      got,
      `Apply it to a list: ${kind}().apply([a, b]).`,
    ),
  );
}

/** The function that makes layers of a class: `const dense = factory(Dense)` for `dense({ units: 2 })`. */
export function factory<Given extends unknown[], L extends AnyLayer>(
  Class: new (...given: Given) => L,
): (...given: Given) => L {
  return (...given) => new Class(...given);
}

/** The options of a class that `layer` makes: `OptionsFor<typeof Dense>`. */
export type OptionsFor<Class extends abstract new (...given: never) => unknown> = NonNullable<
  ConstructorParameters<Class>[0]
>;
