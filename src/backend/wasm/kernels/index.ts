// The kernels written by hand rather than generated from loop nests, by the primitive they compute.
import { argEmitter } from "./arg-extreme.ts";
import { emitCumSum } from "./cum-sum.ts";
import type { DirectEmitter, DirectPrim } from "./direct.ts";
import { emitGather } from "./gather.ts";
import { emitRandomBits } from "./random-bits.ts";
import { emitScatterAdd } from "./scatter-add.ts";

export type { DirectEmitter, DirectPrim, DirectWork } from "./direct.ts";
export { emitMatmul } from "./matmul.ts";

/** Emitters of the primitives that have a kernel of their own; all take contiguous operands of any dtype. */
export const directEmitters: Readonly<Record<DirectPrim, DirectEmitter>> = {
  gather: emitGather,
  scatterAdd: emitScatterAdd,
  argMax: argEmitter("argMax"),
  argMin: argEmitter("argMin"),
  cumSum: emitCumSum,
  randomBits: emitRandomBits,
};
