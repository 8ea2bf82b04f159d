/** @file Loads and stores of lanes. Kernels with float64 have two lanes, and 4-byte types then lie in the lower half. */
import type { DType } from "../../../ir/dtype.ts";
import type { FunctionBuilder } from "../asm/index.ts";
import type { Place, Pointers } from "./pointers.ts";
import { bytesOf } from "./schedule.ts";

/** How many lanes are alive, and how far along the vector axis (`shift` elements) an unrolled copy stands. */
export interface Lanes {
  readonly count: number;
  readonly shift: number;
}

/** Leaves a vector: element i at `place` + i * stride in lane i (stride in elements; 0: the same in every lane). Unused lanes are 0 or equal. */
export function loadLanes(
  fn: FunctionBuilder,
  pointers: Pointers,
  place: Place,
  dtype: DType,
  stride: number,
  { count, shift }: Lanes,
): void {
  const bytes = bytesOf(dtype);
  const at = (index: number): number => pointers.push(place, (shift + index) * stride * bytes);
  if (stride === 0) fn.load(bytes === 8 ? "v128.load64_splat" : "v128.load32_splat", at(0));
  else if (stride === 1 && count * bytes === 16) fn.load("v128.load", at(0), bytes);
  else if (stride === 1 && bytes === 4 && count >= 2) {
    fn.load("v128.load64_zero", at(0), bytes);
    if (count === 3) loadLane(fn, bytes, 2, () => at(2));
  } else {
    fn.load(bytes === 8 ? "v128.load64_zero" : "v128.load32_zero", at(0));
    for (let lane = 1; lane < count; lane++) loadLane(fn, bytes, lane, () => at(lane));
  }
  if (dtype === "bool") fn.op("i32x4.neg"); // 1 in memory, all ones in a register
}

function loadLane(fn: FunctionBuilder, bytes: number, lane: number, address: () => number): void {
  // The address has to lie below the vector.
  const vector = scratchVector(fn);
  fn.set(vector);
  const offset = address();
  fn.get(vector);
  fn.loadLane(bytes === 8 ? "v128.load64_lane" : "v128.load32_lane", lane, offset);
}

const vectors = new WeakMap<FunctionBuilder, ReturnType<FunctionBuilder["local"]>>();

/** A vector local for passing moments. */
function scratchVector(fn: FunctionBuilder): ReturnType<FunctionBuilder["local"]> {
  let local = vectors.get(fn);
  if (local === undefined) vectors.set(fn, (local = fn.local("v128")));
  return local;
}

/** Stores the lanes alive, element i at `place` + i * stride. `value` puts the vector on the stack. */
export function storeLanes(
  fn: FunctionBuilder,
  pointers: Pointers,
  place: Place,
  dtype: DType,
  stride: number,
  { count, shift }: Lanes,
  value: () => void,
): void {
  const bytes = bytesOf(dtype);
  const vector = scratchVector(fn);
  value();
  if (dtype === "bool") fn.op("i32x4.neg");
  fn.set(vector);
  const store = (lane: number, width: number): void => {
    const offset = pointers.push(place, (shift + lane) * stride * bytes);
    fn.get(vector);
    if (width === 16) fn.store("v128.store", offset, bytes);
    else
      fn.storeLane(
        width === 8 ? "v128.store64_lane" : "v128.store32_lane",
        width === 8 && bytes === 4 ? lane / 2 : lane,
        offset,
        bytes,
      );
  };
  if (stride === 1 && count * bytes === 16) store(0, 16);
  else if (stride === 1 && bytes === 4 && count >= 2) {
    store(0, 8);
    if (count === 3) store(2, 4);
  } else for (let lane = 0; lane < count; lane++) store(lane, bytes);
}
