// Kernels prepared for Winograd's algorithm: U = G k G^T, in panels of eight filters.
import { winogradKernelPlane, winogradTile } from "../../../../../ir/conv.ts";
import type { PrepareKernelWork } from "../../../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../../../asm/index.ts";
import type { PhaseContext, PhasedEmitter } from "../../../emit.ts";
import { repeat } from "../../flow.ts";
import { lanesOf, loadLanes } from "../../lanes.ts";
import { advance, pointAt, pointerTo } from "../../pointers.ts";
import { transpose } from "../../transpose.ts";
import { chunkRange, chunksOf, placeAt, upTo } from "./chunks.ts";
import { panelFilters, planes, vectorBytes } from "./layout.ts";
import { kernelMatrix } from "./matrices.ts";
import { Vectors } from "./vectors.ts";

const side = 3;
const taps = side * side;
/** Channels taken at once. */
const square = 4;

/**
 * Emits the preparation of a 3 x 3 kernel of any strides. Filters and channels are taken four by four, so that kernels
 * whose channels (rather than filters) lie side by side are read by whole vectors, too.
 */
export const emitWinogradKernel: PhasedEmitter<PrepareKernelWork> = (context, work) => {
  const { channels, filters } = work.shape;
  const vectors = filters / 4;
  const chunks = chunksOf(vectors, channels * 1000);
  const { address, step } = context.privateScratch(taps * square * vectorBytes);
  context.phase(chunks, ({ fn, chunk, thread }) => {
    const source = new KernelSource(context, fn, work, placeAt(fn, address, thread, step));
    const out = pointerTo(context, fn, work.out);
    const { from, to } = chunkRange(fn, chunk, vectors, chunks);
    const target = fn.local("i32");
    upTo(fn, from, to, 1, () => {
      source.goTo(from);
      targetOf(fn, out, from, channels);
      fn.set(target);
      repeat(fn, channels / square, () => {
        const taps = source.next();
        for (let channel = 0; channel < square; channel++) {
          const at = channel * panelFilters * 4;
          transformTaps(fn, taps(channel), target, at, 4 * winogradKernelPlane(work.shape));
        }
        advance(fn, target, square * panelFilters * 4);
      });
    });
    if (filters % panelFilters > 0) clearRest(fn, work, chunk, out);
  });
};

/** Pushes the address of a vector of filters, those of the first channel, in the first plane. */
function targetOf(fn: FunctionBuilder, out: Local, vector: Local, channels: number): void {
  fn.get(vector);
  fn.i32(1);
  fn.op("i32.shr_u");
  fn.i32(channels * panelFilters * 4);
  fn.op("i32.mul");
  fn.get(vector);
  fn.i32(1);
  fn.op("i32.and");
  fn.i32(vectorBytes);
  fn.op("i32.mul");
  fn.op("i32.add");
  fn.get(out);
  fn.op("i32.add");
}

/** Where the nine vectors of a channel lie: [row * 3 + column]. */
type Taps = (channel: number) => readonly { pointer: Local; offset: number }[];

function transformTaps(
  fn: FunctionBuilder,
  taps: ReturnType<Taps>,
  target: Local,
  at: number,
  plane: number,
): void {
  const v = new Vectors(fn);
  const columns = Array.from({ length: side }, (_, column) =>
    kernelMatrix(
      v,
      Array.from({ length: side }, (_, row) => {
        const { pointer, offset } = taps[row * side + column]!;
        return v.load(pointer, offset);
      }),
    ),
  );
  for (let y = 0; y < winogradTile.in; y++) {
    const row = columns.map((column) => column[y]!);
    kernelMatrix(v, row).forEach((element, x) =>
      v.store(target, (y * winogradTile.in + x) * plane + at, element),
    );
  }
}

/** Zeroes the filters that fill up the last panel. */
function clearRest(fn: FunctionBuilder, work: PrepareKernelWork, chunk: Local, out: Local): void {
  const { channels, filters } = work.shape;
  fn.get(chunk);
  fn.op("i32.eqz");
  fn.if(() => {
    const at = fn.local("i32");
    const plane = 4 * winogradKernelPlane(work.shape);
    const used = Math.floor(filters / panelFilters) * channels * panelFilters * 4 + vectorBytes;
    pointAt(fn, at, out);
    advance(fn, at, used);
    repeat(fn, planes, () => {
      repeat(fn, channels, () => {
        fn.get(at);
        fn.v128({ f32x4: [0, 0, 0, 0] });
        fn.store("v128.store", 0, 4);
        advance(fn, at, panelFilters * 4);
      });
      advance(fn, at, plane - channels * panelFilters * 4);
    });
  });
}

/** Reads a kernel of any strides, four channels by four filters at a time. */
class KernelSource {
  readonly #fn: FunctionBuilder;
  readonly #scratch: Local;
  readonly #base: Local;
  /** The lowest address of the elements of four channels and filters. */
  readonly #at: Local;
  /** Bytes from row to row, column to column, channel to channel, filter to filter of the kernel. */
  readonly #strides: readonly [row: number, column: number, channel: number, filter: number];
  /** Bytes from the lowest element to the first one. */
  readonly #origin: number;

  constructor(
    context: PhaseContext,
    fn: FunctionBuilder,
    { kernel: { value, view } }: PrepareKernelWork,
    scratch: Local,
  ) {
    this.#fn = fn;
    this.#scratch = scratch;
    this.#at = fn.local("i32");
    const strides = view.strides.map((stride) => 4 * stride);
    this.#strides = strides as [number, number, number, number];
    const spans = [side, side, square, 4];
    this.#origin = -strides.reduce(
      (sum, stride, axis) => sum + Math.min(0, stride) * (spans[axis]! - 1),
      0,
    );
    this.#base = pointerTo(context, fn, value, 4 * view.offset - this.#origin);
  }

  /** Goes to the first channels of a vector of filters. */
  goTo(vector: Local): void {
    pointAt(this.#fn, this.#at, placeAt(this.#fn, this.#base, vector, 4 * this.#strides[3]));
  }

  /** Goes on from the next four channels to those after them. */
  next(): Taps {
    const fn = this.#fn;
    const [rowStep, columnStep, channelStep, filterStep] = this.#strides;
    const tapAt = (tap: number): number =>
      this.#origin + Math.floor(tap / side) * rowStep + (tap % side) * columnStep;
    const lanes = lanesOf("float32");
    for (let tap = 0; tap < taps; tap++) {
      const inTurn = channelStep === 4;
      const [outer, inner] = inTurn ? [filterStep, channelStep] : [channelStep, filterStep];
      const lines = Array.from({ length: square }, (_, i) => {
        const line = fn.local("v128");
        const offset = tapAt(tap) + i * outer;
        this.#loadLine(offset, inner);
        fn.set(line);
        return line;
      });
      const channels = inTurn ? transpose(fn, lanes, lines) : lines;
      channels.forEach((vector, channel) => {
        fn.get(this.#scratch);
        fn.get(vector);
        fn.store("v128.store", (channel * taps + tap) * vectorBytes, 4);
      });
    }
    advance(fn, this.#at, square * channelStep);
    return (channel) =>
      Array.from({ length: taps }, (_, tap) => ({
        pointer: this.#scratch,
        offset: (channel * taps + tap) * vectorBytes,
      }));
  }

  /** Pushes four elements `step` bytes apart. */
  #loadLine(offset: number, step: number): void {
    const fn = this.#fn;
    if (step >= 0) return loadLanes(fn, lanesOf("float32"), this.#at, offset, 4, step);
    fn.get(this.#at);
    fn.load("v128.load32_zero", offset);
    for (let lane = 1; lane < 4; lane++) {
      const below = fn.local("v128");
      fn.set(below);
      fn.get(this.#at);
      fn.get(below);
      fn.loadLane("v128.load32_lane", lane, offset + lane * step);
    }
  }
}
