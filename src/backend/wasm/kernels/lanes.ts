// Vectors of one float type: how many lanes, and how to load and store some of them.
import type { FunctionBuilder, Local } from "../asm/index.ts";

/** A float type as vectors of 128 bits. */
export interface Lanes {
  readonly shape: "f32x4" | "f64x2";
  /** Lanes a vector. */
  readonly count: number;
  /** Bytes a lane. */
  readonly bytes: number;
  /** Loads one number into every lane. */
  readonly splat: string;
  readonly loadOne: string;
  readonly loadLane: string;
  readonly storeLane: string;
}

const f32x4: Lanes = {
  shape: "f32x4",
  count: 4,
  bytes: 4,
  splat: "v128.load32_splat",
  loadOne: "v128.load32_zero",
  loadLane: "v128.load32_lane",
  storeLane: "v128.store32_lane",
};

const f64x2: Lanes = {
  shape: "f64x2",
  count: 2,
  bytes: 8,
  splat: "v128.load64_splat",
  loadOne: "v128.load64_zero",
  loadLane: "v128.load64_lane",
  storeLane: "v128.store64_lane",
};

export function lanesOf(dtype: "float32" | "float64"): Lanes {
  return dtype === "float32" ? f32x4 : f64x2;
}

/** Splits `width` lanes over vectors: 7 lanes of f32x4 are [4, 3]. */
export function vectorWidths(lanes: Lanes, width: number): number[] {
  const widths: number[] = [];
  for (let rest = width; rest > 0; rest -= lanes.count) widths.push(Math.min(rest, lanes.count));
  return widths;
}

/**
 * Pushes `width` lanes from memory, `stride` bytes apart, the lanes beyond them zero. Touches no byte but theirs.
 * `offset` is the first lane's, in bytes from `pointer`; no lane's may be negative.
 */
export function loadLanes(
  fn: FunctionBuilder,
  lanes: Lanes,
  pointer: Local,
  offset: number,
  width: number,
  stride: number = lanes.bytes,
): void {
  if (stride === lanes.bytes && width === lanes.count) {
    fn.get(pointer);
    fn.load("v128.load", offset, lanes.bytes);
    return;
  }
  if (stride === 0 && width === lanes.count) {
    fn.get(pointer);
    fn.load(lanes.splat, offset);
    return;
  }
  const pair = stride === lanes.bytes && lanes.count === 4 && width >= 2;
  const first = pair ? 2 : 1;
  // Each lane load takes an address below the vector: all of them are pushed before.
  for (let lane = first - 1; lane < width; lane++) fn.get(pointer);
  if (pair) fn.load("v128.load64_zero", offset, lanes.bytes);
  else fn.load(lanes.loadOne, offset);
  for (let lane = first; lane < width; lane++)
    fn.loadLane(lanes.loadLane, lane, offset + lane * stride);
}

/**
 * Stores the first `width` lanes of `vector`, `stride` bytes apart. Touches no byte but theirs; no lane's offset may be
 * negative.
 */
export function storeLanes(
  fn: FunctionBuilder,
  lanes: Lanes,
  pointer: Local,
  offset: number,
  width: number,
  vector: Local,
  stride: number = lanes.bytes,
): void {
  const store = (emit: () => void): void => {
    fn.get(pointer);
    fn.get(vector);
    emit();
  };
  const dense = stride === lanes.bytes;
  if (dense && width === lanes.count) {
    store(() => fn.store("v128.store", offset, lanes.bytes));
    return;
  }
  const pair = dense && lanes.count === 4 && width >= 2;
  if (pair) store(() => fn.storeLane("v128.store64_lane", 0, offset, lanes.bytes));
  for (let lane = pair ? 2 : 0; lane < width; lane++) {
    store(() => fn.storeLane(lanes.storeLane, lane, offset + lane * stride));
  }
}

/** sum += x * y, lane by lane and rounded twice. */
export function multiplyAdd(
  fn: FunctionBuilder,
  shape: string,
  sum: Local,
  x: Local,
  y: Local,
): void {
  fn.get(sum);
  fn.get(x);
  fn.get(y);
  fn.op(`${shape}.mul`);
  fn.op(`${shape}.add`);
  fn.set(sum);
}
