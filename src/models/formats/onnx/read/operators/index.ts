/** @file Every operator that is read. An operator is an entry in one of these tables. */
import { activations } from "./activations.ts";
import { arithmetics } from "./arithmetic.ts";
import { constants } from "./constants.ts";
import { convolutions } from "./convolution.ts";
import { products } from "./linear.ts";
import { normalizations } from "./normalization.ts";
import type { Operators } from "./operator.ts";
import { parts } from "./parts.ts";
import { pools } from "./pooling.ts";
import { resizings } from "./resizing.ts";
import { shapings } from "./shaping.ts";

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
