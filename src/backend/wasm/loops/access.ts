/**
 * @file How a loop nest walks through memory: one local per way of walking, moved as loops advance, and loads and stores
 * of lanes at such places.
 */
import { kernelBytes, type DType } from "../../../ir/dtype.ts";
import type { Value } from "../../../ir/graph.ts";
import type { View } from "../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../asm/index.ts";
import { type Address, type EmitContext, addressOf } from "../emit.ts";

interface Walk {
  readonly local: Local;
  /** Bytes moved by one step of each loop. */
  readonly strides: readonly number[];
}

/** A place in memory that moves with the loops: the sum of some locals and a constant. */
export interface Place {
  readonly locals: readonly Local[];
  readonly offset: number;
}

export class Pointers {
  readonly #context: EmitContext;
  readonly #fn: FunctionBuilder;
  readonly #walks = new Map<string, Walk>();
  readonly #addresses = new Map<Value, Address>();
  /** Byte offset of the current chunk, keyed by the number of bytes per chunk. */
  readonly #shifts = new Map<number, Local>();
  readonly #chunk: Local | undefined;

  /** `chunk` is the number that views with `perChunk` ask for. */
  constructor(context: EmitContext, fn: FunctionBuilder, chunk: Local | undefined) {
    this.#context = context;
    this.#fn = fn;
    this.#chunk = chunk;
  }

  /** The place of a view of a value. To be asked for before the first loop. */
  place(value: Value, view: View, bytes: number): Place {
    let address = this.#addresses.get(value);
    if (address === undefined)
      this.#addresses.set(value, (address = addressOf(this.#context, this.#fn, value)));
    return this.at(
      address,
      view.offset * bytes,
      view.strides.map((stride) => stride * bytes),
      (view.perChunk ?? 0) * bytes,
    );
  }

  /** A place that moves by `strides` bytes from `shift` bytes behind an address, and `perChunk` bytes for every chunk. */
  at(address: Address, shift: number, strides: readonly number[], perChunk = 0): Place {
    const locals = address.base === undefined ? [] : [address.base];
    const offset = address.offset + shift;
    const chunk = this.#shift(perChunk);
    const start = chunk === undefined ? [] : [chunk];
    if (strides.every((stride) => stride === 0)) return { locals: [...locals, ...start], offset };
    // A walk may go below its start only if it starts at a true address: offsets of memory instructions are unsigned.
    if (strides.some((stride) => stride < 0)) {
      const walk = this.#walk(strides, offset, [...locals, ...start]);
      return { locals: [walk.local], offset: 0 };
    }
    // Views of equal strides go on by as much from chunk to chunk, and so share the walk all the same.
    return { locals: [this.#walk(strides, 0, start).local, ...locals], offset };
  }

  /** A counter that moves by the view's strides in each loop, from where the chunk begins. */
  counter({ strides, perChunk }: View): Local {
    const shift = this.#shift(perChunk ?? 0);
    return this.#walk(strides, 0, shift === undefined ? [] : [shift]).local;
  }

  #shift(perChunk: number): Local | undefined {
    if (perChunk === 0 || this.#chunk === undefined) return undefined;
    let shift = this.#shifts.get(perChunk);
    if (shift === undefined) {
      shift = this.#fn.local("i32");
      this.#shifts.set(perChunk, shift);
      this.#fn.get(this.#chunk);
      this.#fn.i32(perChunk);
      this.#fn.op("i32.mul");
      this.#fn.set(shift);
    }
    return shift;
  }

  /** Moves every walk by `steps` steps of loop `loop`. */
  advance(loop: number, steps: number): void {
    if (steps === 0) return;
    for (const { local, strides } of this.#walks.values()) {
      const move = strides[loop]! * steps;
      if (move === 0) continue;
      this.#fn.get(local);
      this.#fn.i32(move | 0);
      this.#fn.op("i32.add");
      this.#fn.set(local);
    }
  }

  /** Puts the address of a place, moved by `shift` bytes, on the stack; what is left goes into the instruction's offset. */
  push(place: Place, shift = 0): number {
    const fn = this.#fn;
    const [first, ...others] = place.locals;
    if (first === undefined) fn.i32(0);
    else fn.get(first);
    for (const local of others) {
      fn.get(local);
      fn.op("i32.add");
    }
    const offset = place.offset + shift;
    if (offset >= 0) return offset;
    fn.i32(offset);
    fn.op("i32.add");
    return 0;
  }

  #walk(strides: readonly number[], start: number, base: readonly Local[]): Walk {
    const key = `${start} ${base.map((local) => local.index).join(",")} ${strides.join(",")}`;
    let walk = this.#walks.get(key);
    if (walk === undefined) {
      const local = this.#fn.local("i32");
      this.#fn.i32(start | 0);
      for (const other of base) {
        this.#fn.get(other);
        this.#fn.op("i32.add");
      }
      this.#fn.set(local);
      walk = { local, strides };
      this.#walks.set(key, walk);
    }
    return walk;
  }
}

// Loads and stores of lanes. Kernels with float64 have two lanes, and 4-byte types then lie in the lower half.

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
  const bytes = kernelBytes[dtype];
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
  const bytes = kernelBytes[dtype];
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
