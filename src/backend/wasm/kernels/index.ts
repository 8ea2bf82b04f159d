// The kernels written by hand rather than generated from loop nests, by the primitive they compute.
import { argEmitter } from "./arg-extreme.ts";
import { emitCumSum } from "./cum-sum.ts";
import type { PhasedEmitter } from "../emit.ts";
import type { DirectEmitter, DirectPrim, DirectWork, PhasedPrim } from "./direct.ts";
import { emitGather } from "./gather.ts";
import { emitAddAtPlaces } from "./pool/add-at-places.ts";
import { maxPoolEmitter } from "./pool/max-pool.ts";
import { emitPickPlaces } from "./pool/pick-places.ts";
import { emitRandomBits } from "./random-bits.ts";
import { emitScatterAdd } from "./scatter-add.ts";

export type { DirectEmitter, DirectPrim, DirectWork, PhasedPrim } from "./direct.ts";
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

/** Emitters of the primitives whose kernels come in phases; all take contiguous float operands. */
export const phasedEmitters: Readonly<Record<PhasedPrim, PhasedEmitter<DirectWork>>> = {
  maxPool: maxPoolEmitter("values"),
  maxPoolIndices: maxPoolEmitter("places"),
  pickPlaces: emitPickPlaces,
  addAtPlaces: emitAddAtPlaces,
};
