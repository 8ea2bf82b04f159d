/** @file Options that all layers share, and their checks. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { checkOptions as checkNames } from "../base/options.ts";
import { type Shape, sameShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";

/** Options of every layer. */
export interface LayerOptions {
  /** Shape of one sample, without the batch. Needed by the first layer only: the others take it from the layer before. */
  readonly inputShape?: Shape;
  /** What errors and summaries call the layer; a model names it after its kind unless given: dense, dense_1, ... */
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
  /** False: the parameters stay as they are in training (see `Layer.trainable`). */
  readonly trainable?: boolean;
}

/** Their names. */
export const layerOptionNames: readonly string[] = [
  "inputShape",
  "name",
  "dtype",
  "seed",
  "key",
  "trainable",
];

/** What a model passes on to the layers in it. */
export interface Setting {
  readonly key: Tensor;
  readonly dtype: "float32" | "float64";
}

/** Throws ArgumentError naming `who` where the value of an option that all layers share is none. */
export function checkLayerOptions(who: string, options: LayerOptions): void {
  const { name, seed, key, dtype, trainable } = options;
  if (name !== undefined && (typeof name !== "string" || name === ""))
    throw new ArgumentError(complaint(`${who}: name`, "a name", describe(name)));
  if (seed !== undefined && key !== undefined)
    throw new ArgumentError(complaint(who, "a seed or a key", "both"));
  if (dtype !== undefined && dtype !== "float32" && dtype !== "float64")
    throw new ArgumentError(complaint(`${who}: dtype`, "float32 or float64", describe(dtype)));
  if (trainable !== undefined && typeof trainable !== "boolean")
    throw new ArgumentError(complaint(`${who}: trainable`, "true or false", describe(trainable)));
  if (
    key !== undefined &&
    (!(key instanceof Tensor) || key.dtype !== "int32" || !sameShape(key.shape, [2]))
  )
    throw new ArgumentError(
      complaint(`${who}: key`, "a random key (random.key(seed))", describe(key)),
    );
}

/** Throws ArgumentError naming an option that the layer does not have. */
export function checkOptions(who: string, options: unknown, known: readonly string[]): void {
  checkNames(who, options, [...known, ...layerOptionNames]);
}

/** Throws ArgumentError unless the value is a positive integer. */
export function checkCount(who: string, value: unknown): asserts value is number {
  if (!Number.isInteger(value) || (value as number) < 1)
    throw new ArgumentError(complaint(who, "a positive integer", describe(value)));
}
