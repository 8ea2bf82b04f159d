/** @file How layers came by their parameters: kept beside them, since a key in a field would be taken for a parameter. */
import type { Tensor } from "../ir/tensor.ts";

/** What is known of how a layer came about. */
export interface Origin {
  readonly key: Tensor | undefined;
  readonly dtype: "float32" | "float64" | undefined;
  made?: readonly Tensor[];
  /** Whether a model around the layer drew them. */
  inModel?: boolean;
  /** Whether a model chose the name. */
  isNamedByModel?: boolean;
  /** Counts the layers: names are given in the order in which layers were made. */
  readonly order: number;
}

const origins = new WeakMap<object, Origin>();
let nextOrder = 0;

/** Writes down that a layer was made just now. */
export function setOrigin(layer: object, key: Origin["key"], dtype: Origin["dtype"]): void {
  origins.set(layer, { key, dtype, order: nextOrder++ });
}

/** The origin of a layer; undefined for copies (trained layers, say). */
export function originOf(layer: object): Origin | undefined {
  return origins.get(layer);
}
