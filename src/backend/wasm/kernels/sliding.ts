/**
 * @file Windows that slide over images: which of their taps lie inside. Rows are clipped while a kernel runs, columns
 * when it is emitted.
 */
import type { FunctionBuilder, Local } from "../asm/index.ts";
import {
  addScaled,
  copyOf,
  type Cut,
  cut,
  divided,
  forRange,
  smaller,
  repeat,
  advance,
  pointAt,
} from "./flow.ts";
import type { Lanes } from "./lanes.ts";

/** One axis of images: tap k of window o lies at o * stride - before + k * dilation, in or outside [0, extent). */
export interface SlidingAxis {
  readonly extent: number;
  /** How many windows. */
  readonly count: number;
  /** Taps a window. */
  readonly window: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
}

/** An input column of a tile: `at` columns from the tile's first, used by tap `tap` of output `output`. */
export interface Column {
  readonly at: number;
  readonly uses: readonly { readonly output: number; readonly tap: number }[];
}

/** `repeats` tiles of `width` neighbouring windows, one after another, all with the same taps inside the image. */
export interface TileRun {
  /** The first window. */
  readonly first: number;
  readonly repeats: number;
  readonly width: number;
  /** Where the first tile's first column lies. */
  readonly start: number;
  /** Ascending; uses within a column too, by output. */
  readonly columns: readonly Column[];
}

/** Cuts the windows of a row into tiles of at most `width`. */
export function tileRuns(axis: SlidingAxis, width: number): TileRun[] {
  const runs: (TileRun & { key: string })[] = [];
  for (let first = 0; first < axis.count; first += width) {
    const tile = tileAt(axis, first, Math.min(width, axis.count - first));
    const key = JSON.stringify([tile.width, tile.columns]);
    const last = runs.at(-1);
    const follows =
      last?.key === key &&
      (tile.columns.length === 0 || tile.start === last.start + last.repeats * width * axis.stride);
    if (follows) runs[runs.length - 1] = { ...last, repeats: last.repeats + 1 };
    else runs.push({ ...tile, repeats: 1, key });
  }
  return runs;
}

function tileAt(axis: SlidingAxis, first: number, width: number): Omit<TileRun, "repeats"> {
  const uses = new Map<number, { output: number; tap: number }[]>();
  for (let output = 0; output < width; output++) {
    for (let tap = 0; tap < axis.window; tap++) {
      const at = (first + output) * axis.stride - axis.before + tap * axis.dilation;
      if (at < 0 || at >= axis.extent) continue;
      const found = uses.get(at);
      if (found === undefined) uses.set(at, [{ output, tap }]);
      else found.push({ output, tap });
    }
  }
  const ats = [...uses.keys()].sort((a, b) => a - b);
  const start = ats[0] ?? 0;
  const columns = ats.map((at) => ({ at: at - start, uses: uses.get(at)! }));
  return { first, width, start, columns };
}

/** The taps of a window inside the image, known when the kernel runs: `count` from `first` on, which lies at `start`. */
export interface Clip {
  readonly first: Local;
  /** May be negative where none is. */
  readonly count: Local;
  readonly start: Local;
}

/** Finds the taps of window `index` that lie inside. */
export function clip(fn: FunctionBuilder, axis: SlidingAxis, index: Local): Clip {
  const { extent, window, stride, dilation, before } = axis;
  const [first, count, start] = [fn.local("i32"), fn.local("i32"), fn.local("i32")];
  const divide = (): void => {
    if (dilation === 1) return;
    fn.i32(dilation - 1);
    fn.op("i32.add");
    fn.i32(dilation);
    fn.op("i32.div_s");
  };
  pointAt(fn, start, -before);
  addScaled(fn, start, index, stride);
  // first = ceil(-start / dilation), at least 0
  fn.i32(0);
  fn.get(start);
  fn.op("i32.sub");
  divide();
  fn.tee(first);
  fn.i32(0);
  fn.get(first);
  fn.i32(0);
  fn.op("i32.gt_s");
  fn.select();
  fn.set(first);
  // count = min(window, ceil((extent - start) / dilation)) - first
  fn.i32(extent);
  fn.get(start);
  fn.op("i32.sub");
  divide();
  fn.set(count);
  fn.get(smaller(fn, count, window));
  fn.get(first);
  fn.op("i32.sub");
  fn.set(count);
  addScaled(fn, start, first, dilation);
  return { first, count, start };
}

/** Whether some window has no tap inside. */
export function canMiss({ extent, count, window, stride, dilation, before }: SlidingAxis): boolean {
  for (let index = 0; index < count; index++) {
    const start = index * stride - before;
    const first = start < 0 ? Math.ceil(-start / dilation) : 0;
    if (first >= window || start + first * dilation >= extent) return true;
  }
  return false;
}

/** Runs `body` `times` times, a local that may be 0 or less where `mayBeNone`. */
export function times(
  fn: FunctionBuilder,
  count: Local,
  mayBeNone: boolean,
  body: () => void,
): void {
  const left = copyOf(fn, count);
  const loop = (): void =>
    fn.loop((top) => {
      body();
      advance(fn, left, -1);
      fn.get(left);
      fn.brIf(top);
    });
  if (!mayBeNone) return loop();
  fn.get(left);
  fn.i32(0);
  fn.op("i32.gt_s");
  fn.if(loop);
}

/** Runs `body` with all the lanes of a vector for every whole one, then once with those left over. Pointers move by vectors. */
export function forVectors(
  fn: FunctionBuilder,
  lanes: Lanes,
  elements: number,
  pointers: readonly Local[],
  body: (width: number) => void,
  vectors = 1,
): void {
  const size = vectors * lanes.count;
  repeat(fn, Math.floor(elements / size), () => {
    body(size);
    for (const pointer of pointers) advance(fn, pointer, size * lanes.bytes);
  });
  if (elements % size > 0) body(elements % size);
}

/** The rows of all samples' outputs as chunks worth sharing. */
export interface RowChunks extends Cut {
  readonly total: number;
}

/** Chunks are worth at least this many nanoseconds, and there are at most this many. */
const leastNanoseconds = 10_000;
const mostChunks = 32;

/** Cuts `total` rows, each of about `cost` nanoseconds, into chunks of at least `least` rows. */
export function rowChunks(total: number, cost: number, least = 1): RowChunks {
  const worth = Math.ceil(leastNanoseconds / Math.max(cost, 1));
  return { total, ...cut(total, Math.max(worth, least), mostChunks) };
}

/** Runs `body` for every row of a chunk, with the sample it belongs to and its number there. */
export function forRows(
  fn: FunctionBuilder,
  chunk: Local,
  { total, size }: RowChunks,
  rowsEach: number,
  body: (sample: Local, row: Local, index: Local) => void,
): void {
  const index = fn.local("i32");
  const end = fn.local("i32");
  fn.get(chunk);
  fn.i32(size);
  fn.op("i32.mul");
  fn.tee(index);
  fn.i32(size);
  fn.op("i32.add");
  fn.set(end);
  forRange(fn, index, smaller(fn, end, total), 1, () => {
    const { quotient, rest } = divided(fn, index, rowsEach);
    body(quotient, rest, index);
  });
}
