/**
 * @file Vectors of one float type: loads and stores of some lanes, transposes in registers, and panels packed from an
 * operand.
 */
import type { FunctionBuilder, Local, WasmModule } from "../asm/index.ts";
import { repeat, sharedFunction, advance } from "./flow.ts";

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

// Rearranges lanes between vectors: merges, and transposes of squares.

/** Byte numbers of a shuffle that picks `words` of `bytes` bytes each out of two vectors. */
function pick(bytes: number, ...words: number[]): number[] {
  return words.flatMap((word) => Array.from({ length: bytes }, (_, byte) => word * bytes + byte));
}

/** A register holding lanes of `bytes` bytes picked out of two vectors, those of y numbered after those of x. */
export function merge(
  fn: FunctionBuilder,
  x: Local,
  y: Local,
  bytes: number,
  ...words: number[]
): Local {
  const merged = fn.local("v128");
  fn.get(x);
  fn.get(y);
  fn.shuffle(pick(bytes, ...words));
  fn.set(merged);
  return merged;
}

/** Registers holding the transpose of a square of registers. */
export function transpose(fn: FunctionBuilder, lanes: Lanes, rows: readonly Local[]): Local[] {
  if (lanes.count === 2) {
    const [a, b] = rows as [Local, Local];
    return [merge(fn, a, b, 8, 0, 2), merge(fn, a, b, 8, 1, 3)];
  }
  const [a, b, c, d] = rows as [Local, Local, Local, Local];
  const [lowAB, highAB] = [merge(fn, a, b, 4, 0, 4, 1, 5), merge(fn, a, b, 4, 2, 6, 3, 7)];
  const [lowCD, highCD] = [merge(fn, c, d, 4, 0, 4, 1, 5), merge(fn, c, d, 4, 2, 6, 3, 7)];
  return [
    merge(fn, lowAB, lowCD, 8, 0, 2),
    merge(fn, lowAB, lowCD, 8, 1, 3),
    merge(fn, highAB, highCD, 8, 0, 2),
    merge(fn, highAB, highCD, 8, 1, 3),
  ];
}

// Copies an operand's panel into scratch memory, so that the tile walks through it without jumps.

/** Steps in memory, in elements: between rows and columns of an operand as the product's indices name them. */
export interface Steps {
  readonly row: number;
  readonly column: number;
}

/** A panel: `k` lines of `width` elements, packed to lines of `panel` elements (whole vectors, the rest zero). */
export interface PanelSpec {
  readonly dtype: "float32" | "float64";
  readonly k: number;
  readonly width: number;
  readonly panel: number;
  /** Steps of the operand in memory: `row` between lines (k), `column` along a line. */
  readonly from: Steps;
}

const unroll = 4;

/** A function (from, to: addresses) -> nothing that packs one panel. */
export function packFunction(module: WasmModule, spec: PanelSpec): FunctionBuilder {
  const { dtype, k, width, panel, from } = spec;
  const name = `pack_${dtype}_${k}x${width}_${panel}_${from.row}_${from.column}`;
  return sharedFunction(module, name, { params: ["i32", "i32"], results: [] }, (fn) =>
    emitPack(fn, spec),
  );
}

function emitPack(fn: FunctionBuilder, spec: PanelSpec): void {
  const { k, width, panel, from } = spec;
  const lanes = lanesOf(spec.dtype);
  const [source, target] = [fn.param(0), fn.param(1)];
  const lowest = Math.min(0, (width - 1) * from.column) * lanes.bytes;
  advance(fn, source, lowest);

  const line = (u: number): void => {
    const up = from.row > 0 ? u * from.row * lanes.bytes : 0;
    let done = 0;
    for (const part of vectorWidths(lanes, width)) {
      fn.get(target);
      loadLanes(
        fn,
        lanes,
        source,
        up + done * from.column * lanes.bytes - lowest,
        part,
        from.column * lanes.bytes,
      );
      fn.store("v128.store", (u * panel + done) * lanes.bytes, lanes.bytes);
      done += lanes.count;
    }
    if (from.row < 0) advance(fn, source, from.row * lanes.bytes);
  };
  const group = (count: number, body: () => void): void => {
    body();
    if (from.row > 0) advance(fn, source, count * from.row * lanes.bytes);
    advance(fn, target, count * panel * lanes.bytes);
  };
  const lines = (count: number): void => {
    group(count, () => {
      for (let u = 0; u < count; u++) line(u);
    });
  };

  // Lines across the memory's order: square blocks are read along it and turned around in registers.
  const turned = from.row === 1 && from.column !== 1 && width % lanes.count === 0;
  const block = turned ? lanes.count : unroll;
  const rounds = Math.floor(k / block);
  repeat(fn, rounds, () => {
    if (!turned) return lines(block);
    group(block, () => {
      for (let done = 0; done < width; done += lanes.count) {
        const base = done * from.column * lanes.bytes - lowest;
        turnBlock(
          fn,
          lanes,
          source,
          base,
          from.column * lanes.bytes,
          target,
          done * lanes.bytes,
          panel * lanes.bytes,
        );
      }
    });
  });
  if (k % block > 0) lines(k % block);
}

/** Reads a square of vectors `readStep` bytes apart and stores its transpose, `writeStep` bytes apart. */
function turnBlock(
  fn: FunctionBuilder,
  lanes: Lanes,
  source: Local,
  readAt: number,
  readStep: number,
  target: Local,
  writeAt: number,
  writeStep: number,
): void {
  const columns = Array.from({ length: lanes.count }, (_, i) => {
    const vector = fn.local("v128");
    loadLanes(fn, lanes, source, readAt + i * readStep, lanes.count);
    fn.set(vector);
    return vector;
  });
  transpose(fn, lanes, columns).forEach((row, i) => {
    fn.get(target);
    fn.get(row);
    fn.store("v128.store", writeAt + i * writeStep, lanes.bytes);
  });
}
