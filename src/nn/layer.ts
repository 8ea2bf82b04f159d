/** @file Layers: modules from one tensor to another whose parameters follow from the shape of their input. */
import { ArgumentError, ShapeError, complaint, describe } from "../ir/errors.ts";
import { type Shape, checkShape, formatShape, sameShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { untraced } from "../ir/trace.ts";
import { random } from "../ops/index.ts";
import { Module } from "./module.ts";

/** Options of every layer. */
export interface LayerOptions {
  /** Shape of one sample, without the batch. Needed by the first layer only: the others take it from the layer before. */
  readonly inputShape?: Shape;
  /** What errors and summaries call the layer; its kind and position unless given. */
  readonly name?: string;
  /** Of the parameters: float32 unless given. */
  readonly dtype?: "float32" | "float64";
  /**
   * An integer from which the parameters are drawn. Without it the seed comes from the model around the layer and the layer's
   * position in it, or is 0: equal models have equal parameters, in every run and on every machine. Two models that
   * must differ need seeds that differ.
   */
  readonly seed?: number;
  /** A random key in place of a seed. */
  readonly key?: Tensor;
}

/** What a model passes on to the layers in it. */
export interface Setting {
  readonly key: Tensor;
  readonly dtype: "float32" | "float64";
}

/** How a layer came by its parameters: kept beside the layer, since a key in a field would be taken for a parameter. */
interface Origin {
  readonly key: Tensor | undefined;
  readonly dtype: "float32" | "float64" | undefined;
  made?: readonly Tensor[];
}

const origins = new WeakMap<Layer, Origin>();

/** Base of layers. A layer has parameters as soon as its input shape is known. */
export abstract class Layer extends Module {
  /** What kind of layer this is, in lower case: `dense`. */
  abstract get kind(): string;
  /** Name in errors and summaries. */
  name: string | undefined;
  /** Shape of one input sample, without the batch; undefined until known. */
  inputShape: Shape | undefined;
  /** Shape of one output sample, without the batch; undefined until known. */
  outputShape: Shape | undefined;

  constructor(options: LayerOptions) {
    super();
    const { name, seed, key, dtype } = options;
    this.name = name;
    const who = this.label;
    if (seed !== undefined && key !== undefined)
      throw new ArgumentError(complaint(who, "a seed or a key", "both"));
    if (dtype !== undefined && dtype !== "float32" && dtype !== "float64")
      throw new ArgumentError(complaint(`${who}: dtype`, "float32 or float64", describe(dtype)));
    if (
      key !== undefined &&
      (!(key instanceof Tensor) || key.dtype !== "int32" || !sameShape(key.shape, [2]))
    )
      throw new ArgumentError(
        complaint(`${who}: key`, "a random key (random.key(seed))", describe(key)),
      );
    origins.set(this, { key: seed === undefined ? key : untraced(() => random.key(seed)), dtype });
  }

  /** Output for a batch of inputs. */
  abstract forward(x: Tensor): Tensor;

  /** Makes the parameters for an input shape, and says what the output's shape is. */
  protected abstract make(inputShape: Shape, setting: Setting): Shape;

  /**
   * Gives the layer its input shape. Parameters that were drawn before are drawn anew from the model's key, unless the layer
   * has a seed of its own or they were replaced since. Throws ShapeError if the layer was made for another shape.
   */
  grow(inputShape: Shape, setting?: Setting): void {
    const origin = origins.get(this) ?? { key: undefined, dtype: undefined };
    if (this.inputShape !== undefined && !sameShape(this.inputShape, inputShape))
      throw new ShapeError(
        complaint(
          this.label,
          `an input of shape ${formatShape(this.inputShape)} (its inputShape)`,
          formatShape(inputShape),
        ),
      );
    if (this.inputShape !== undefined && !this.regrows(origin.made)) return;
    checkShape(`${this.label}: inputShape`, inputShape);
    untraced(() => {
      const key = origin.key ?? setting?.key ?? random.key(0);
      this.outputShape = this.make(inputShape, {
        key,
        dtype: origin.dtype ?? setting?.dtype ?? "float32",
      });
    });
    this.inputShape = [...inputShape];
    origin.made = this.parameters();
  }

  /** The layer as errors name it. */
  get label(): string {
    return this.name === undefined ? this.kind : `${this.kind} "${this.name}"`;
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

/** Throws ArgumentError naming an option that the layer does not have. */
export function checkOptions(who: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null)
    throw new ArgumentError(complaint(who, "an object of options", describe(options)));
  const all = [...known, "inputShape", "name", "dtype", "seed", "key"];
  const unknown = Object.keys(options).find((option) => !all.includes(option));
  if (unknown !== undefined)
    throw new ArgumentError(complaint(who, `options among ${all.join(", ")}`, unknown));
}

/** Throws ArgumentError unless the value is a positive integer. */
export function checkCount(who: string, value: unknown): asserts value is number {
  if (!Number.isInteger(value) || (value as number) < 1)
    throw new ArgumentError(complaint(who, "a positive integer", describe(value)));
}
