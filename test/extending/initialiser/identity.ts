/** @file An initialiser: the identity, for recurrent kernels (Le, Jaitly and Hinton 2015). */
import { eye } from "../../../src/index.ts";
import type { Initializer } from "../../../src/nn/index.ts";

export const identity: Initializer = (_key, [rows, columns], dtype) =>
  eye(rows!, columns, { dtype });
