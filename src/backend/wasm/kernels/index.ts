/** @file The kernels written by hand rather than generated from loop nests, by the primitive they compute. */
import {
  argEmitter,
  emitCumSum,
  type DirectEmitter,
  type DirectPrim,
  type DirectWork,
  type PhasedPrim,
  emitGather,
  emitScatterAdd,
} from "./primitives.ts";
import type { PhasedEmitter } from "../emit.ts";
import { emitAddAtPlaces, emitPickPlaces } from "./pooling/places.ts";
import { maxPoolEmitter } from "./pooling/max-pool.ts";
import { emitRandomBits } from "./random-bits.ts";

export type { DirectEmitter, DirectPrim, DirectWork, PhasedPrim } from "./primitives.ts";
export { emitMatmul } from "./matmul/index.ts";

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
