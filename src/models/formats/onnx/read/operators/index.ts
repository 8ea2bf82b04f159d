/** @file Every operator that is read. An operator is an entry in one of these tables. */
import { activations, arithmetics } from "./elementwise.ts";
import { constants, shapings } from "./shapes.ts";
import { convolutions, pools } from "./windows.ts";
import { products, normalizations, resizings } from "./layers.ts";
import type { Operators } from "./operator.ts";
import { parts } from "./parts.ts";

/** Operators by ONNX' names. */
export const operators: Operators = {
  ...convolutions,
  ...products,
  ...pools,
  ...normalizations,
  ...activations,
  ...arithmetics,
  ...shapings,
  ...parts,
  ...resizings,
  ...constants,
};
