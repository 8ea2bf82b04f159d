/**
 * @file Convolution as sums of products without patches: tiles of neighbouring pixels times one vector of filters. An
 * element of the image is loaded once for all windows of a tile.
 */
import type { ConvShape } from "../../../../ir/conv.ts";
import type { ConvWork } from "../../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../../asm/index.ts";
import type { PhasedEmitter } from "../../emit.ts";
import {
  addScaled,
  type Cut,
  copyOf,
  divided,
  eachSize,
  forRange,
  scaled,
  smaller,
  withExits,
  repeat,
  advance,
  pointAt,
  pointerTo,
  cut,
} from "../flow.ts";
import { type Lanes, lanesOf, loadLanes, multiplyAdd } from "../lanes.ts";
import {
  canMiss,
  type Clip,
  clip,
  forRows,
  type SlidingAxis,
  type TileRun,
  tileRuns,
  times,
  type RowChunks,
  rowChunks,
} from "../sliding.ts";
import { axesOf, mostRuns } from "./depthwise.ts";
import { type Epilogue, epilogueOf } from "./epilogue.ts";
import { patchesAreRows } from "./patches.ts";
import { panelWidth } from "../../target.ts";

/** Emits the convolution, its kernel laid out in panels. Each element is summed by rows, channels and columns of the window. */
export const emitDirect: PhasedEmitter<ConvWork> = (context, work) => {
  const { shape } = work;
  const { batch, outHeight, outWidth, filters } = shape;
  if (batch * outHeight * outWidth * filters === 0) return;
  const { rows, panels, panelsFirst } = blocksOf(shape);
  context.phase(rows.count * panels.count, ({ fn, chunk }) => {
    const emitter = new DirectConv(fn, work, epilogueOf(context, fn, work), {
      x: pointerTo(context, fn, work.x),
      kernel: pointerTo(context, fn, work.kernel),
    });
    const { quotient: block, rest: part } = divided(fn, chunk, panels.count);
    const eachRow = (body: (row: Row) => void): void =>
      forRows(fn, block, rows, outHeight, (sample, row, index) =>
        body(emitter.row(sample, row, index)),
      );
    const eachPanel = (body: (panel: Panel) => void): void => emitter.eachPanel(part, panels, body);
    if (panelsFirst) eachPanel((panel) => eachRow((row) => emitter.tiles(row, panel)));
    else eachRow((row) => eachPanel((panel) => emitter.tiles(row, panel)));
  });
};

/** A row of outputs. */
interface Row {
  /** Which rows of the window lie inside. */
  readonly inside: Clip;
  /** Address of the first row of the image in the window. */
  readonly from: Local;
  /** Bytes from the kernel's first row to the one that lies there. */
  readonly skipped: Local;
  /** Where the row's outputs begin, in bytes from the result's. */
  readonly to: Local;
}

/** A panel of filters of one group. */
interface Panel {
  readonly weights: Local;
  /** Byte of the group's first channel. */
  readonly channel: Local;
  /** Byte of the first filter. */
  readonly filter: Local;
  readonly filters: number;
}

class DirectConv {
  readonly #fn: FunctionBuilder;
  readonly #shape: ConvShape;
  readonly #lanes: Lanes;
  readonly #epilogue: Epilogue;
  readonly #bases: { readonly x: Local; readonly kernel: Local };
  readonly #axes: { rows: SlidingAxis; columns: SlidingAxis };
  readonly #runs: readonly TileRun[];
  /** Channels of a group. */
  readonly #channels: number;
  /** Bytes of a pixel of the image, of one of the result, and from one element of the kernel to the next. */
  readonly #pixel: number;
  readonly #outPixel: number;
  readonly #panel: number;

  constructor(
    fn: FunctionBuilder,
    { shape }: ConvWork,
    epilogue: Epilogue,
    bases: { readonly x: Local; readonly kernel: Local },
  ) {
    this.#fn = fn;
    this.#shape = shape;
    this.#lanes = lanesOf(shape.dtype);
    this.#epilogue = epilogue;
    this.#bases = bases;
    this.#axes = axesOf(shape);
    this.#runs = tileRuns(this.#axes.columns, tileWidth(shape));
    this.#channels = shape.channels / shape.groups;
    this.#pixel = shape.channels * this.#lanes.bytes;
    this.#outPixel = shape.filters * this.#lanes.bytes;
    this.#panel = panelWidth(shape.dtype) * this.#lanes.bytes;
  }

  /** Row `row` of a sample's outputs, the `index`-th of all. */
  row(sample: Local, row: Local, index: Local): Row {
    const fn = this.#fn;
    const { height, width, kernelWidth, outWidth } = this.#shape;
    const line = width * this.#pixel;
    const inside = clip(fn, this.#axes.rows, row);
    const from = copyOf(fn, this.#bases.x);
    addScaled(fn, from, sample, height * line);
    addScaled(fn, from, inside.start, line);
    const skipped = scaled(fn, inside.first, kernelWidth * this.#channels * this.#panel);
    return { inside, from, skipped, to: scaled(fn, index, outWidth * this.#outPixel) };
  }

  /** Runs `body` for every panel of a part of them; it is emitted for whole panels and for a group's last one. */
  eachPanel(part: Local, parts: Cut, body: (panel: Panel) => void): void {
    const fn = this.#fn;
    const { filters, groups, dtype } = this.#shape;
    const { bytes } = this.#lanes;
    const own = filters / groups;
    const panels = panelsOf(this.#shape);
    const index = scaled(fn, part, parts.size);
    const limit = copyOf(fn, index);
    advance(fn, limit, parts.size);
    forRange(fn, index, smaller(fn, limit, groups * panels), 1, () => {
      const { quotient: group, rest: panel } = divided(fn, index, panels);
      const weights = copyOf(fn, this.#bases.kernel);
      addScaled(fn, weights, index, depthOf(this.#shape) * this.#panel);
      const channel = scaled(fn, group, this.#channels * bytes);
      const filter = scaled(fn, group, own * bytes);
      addScaled(fn, filter, panel, this.#panel);
      eachSize(fn, panel, { size: panelWidth(dtype), count: panels }, own, (count) =>
        body({ weights, channel, filter, filters: count }),
      );
    });
  }

  /** A row of outputs for a panel of filters. */
  tiles(row: Row, panel: Panel): void {
    const fn = this.#fn;
    const sumOf = (x: Local, y: Local): Local => {
      const sum = copyOf(fn, x);
      addScaled(fn, sum, y, 1);
      return sum;
    };
    const from = sumOf(row.from, panel.channel);
    const weights = sumOf(panel.weights, row.skipped);
    const to = sumOf(row.to, panel.filter);
    const filter = copyOf(fn, panel.filter);
    const { bytes, count } = this.#lanes;
    const vector = (width: number): void => {
      this.#vector(from, weights, to, filter, row.inside, width);
      for (const pointer of [weights, to, filter]) advance(fn, pointer, width * bytes);
    };
    repeat(fn, Math.floor(panel.filters / count), () => vector(count));
    if (panel.filters % count > 0) vector(panel.filters % count);
  }

  /** A row of outputs for a vector of filters, `width` of them. */
  #vector(from: Local, weights: Local, to: Local, filter: Local, rows: Clip, width: number): void {
    const fn = this.#fn;
    const { stride } = this.#axes.columns;
    const [tileFrom, tileTo] = [fn.local("i32"), fn.local("i32")];
    for (const run of this.#runs) {
      pointAt(fn, tileFrom, from);
      advance(fn, tileFrom, run.start * this.#pixel);
      pointAt(fn, tileTo, to);
      advance(fn, tileTo, run.first * this.#outPixel);
      repeat(fn, run.repeats, () => {
        this.#sums(tileFrom, weights, rows, run).forEach((sum, output) =>
          this.#epilogue.finish(sum, tileTo, output * this.#outPixel, filter, 0, width),
        );
        advance(fn, tileFrom, run.width * stride * this.#pixel);
        advance(fn, tileTo, run.width * this.#outPixel);
      });
    }
  }

  /** The sums of a tile's windows. */
  #sums(from: Local, weights: Local, rows: Clip, { width, columns }: TileRun): Local[] {
    const fn = this.#fn;
    const { bytes } = this.#lanes;
    const { rows: rowAxis, columns: columnAxis } = this.#axes;
    const sums = Array.from({ length: width }, () => fn.local("v128"));
    for (const sum of sums) {
      fn.v128({ i32x4: [0, 0, 0, 0] });
      fn.set(sum);
    }
    if (columns.length === 0) return sums;
    const [x, w] = [copyOf(fn, from), copyOf(fn, weights)];
    times(fn, rows.count, canMiss(rowAxis), () => {
      repeat(fn, this.#channels, () => {
        this.#line(sums, x, w, columns);
        advance(fn, x, bytes);
        advance(fn, w, this.#panel);
      });
      advance(fn, x, rowAxis.dilation * columnAxis.extent * this.#pixel - this.#channels * bytes);
      advance(fn, w, (columnAxis.window - 1) * this.#channels * this.#panel);
    });
    return sums;
  }

  /** Adds the products of one row of the window and one channel. */
  #line(sums: readonly Local[], x: Local, w: Local, columns: TileRun["columns"]): void {
    const fn = this.#fn;
    const lanes = this.#lanes;
    const loaded = new Map<number, Local>();
    const weightOf = (tap: number): Local => {
      let vector = loaded.get(tap);
      if (vector === undefined) {
        loaded.set(tap, (vector = fn.local("v128")));
        loadLanes(fn, lanes, w, tap * this.#channels * this.#panel, lanes.count);
        fn.set(vector);
      }
      return vector;
    };
    const element = fn.local("v128");
    withExits(fn, sums, w, columns.length, (wayOut) => {
      for (const { at, uses } of columns) {
        fn.get(x);
        fn.load(lanes.splat, at * this.#pixel);
        fn.set(element);
        for (const { output, tap } of uses)
          multiplyAdd(fn, lanes.shape, sums[output]!, element, weightOf(tap));
        wayOut();
      }
    });
  }
}

// Which convolutions are summed by tiles of pixels, how wide the tiles are, and how the work is cut into chunks.

/** Registers for sums and for the weights of a row of the window; others hold an element of the image and a product. */
const registers = 13;
const mostSums = 8;
/** Fewer sums than this do not hide the latency of additions. */
const leastSums = 4;

/** Windows of a tile: as even as can be. */
export function tileWidth({ kernelWidth, outWidth }: ConvShape): number {
  const most = Math.min(mostSums, registers - kernelWidth);
  return Math.ceil(outWidth / Math.ceil(outWidth / most));
}

/** Channels of a group below which gathering patches costs more than anything. */
const fewChannels = 8;
/** Loads for a product up to which tiles are faster than patches, which take three quarters of one and have to be gathered. */
const mostLoads = 0.75;

/** Whether a convolution is one for this file: windows that share columns, or see few channels, in rows that fill tiles. */
export function isDirect(shape: ConvShape): boolean {
  const { kernelWidth, channels, groups, outWidth } = shape;
  if (kernelWidth > registers - leastSums || outWidth < leastSums) return false;
  if (patchesAreRows(shape) && groups === 1) return false;
  const runs = tileRuns(axesOf(shape).columns, tileWidth(shape));
  if (runs.length > mostRuns) return false;
  const loads = (run: TileRun): number =>
    (run.columns.length + kernelWidth) / (run.width * kernelWidth);
  return channels / groups < fewChannels || Math.max(...runs.map(loads)) <= mostLoads;
}

/** Bytes of a prepared kernel up to which it stays in a near cache while rows of pixels go by. */
const nearBytes = 128 * 1024;
/** Bytes of rows of the image and of the result that stay in a second-level cache while filters go by. */
const blockBytes = 384 * 1024;
const wantedChunks = 16;
/** Nanoseconds of a multiplication. */
const productTime = 1 / 30;
const leastTime = 10_000;

/** How a convolution is cut: a chunk is a block of rows of outputs, and of panels of filters. */
export interface Blocks {
  readonly rows: RowChunks;
  /** Panels of all groups. */
  readonly panels: Cut;
  /** Whether a panel meets all the rows of its block before the next panel does. */
  readonly panelsFirst: boolean;
}

export function blocksOf(shape: ConvShape): Blocks {
  const { batch, outHeight, outWidth, filters, groups, width, channels, dtype, strides } = shape;
  const { bytes } = lanesOf(dtype);
  const panels = groups * panelsOf(shape);
  const total = batch * outHeight;
  const perPanel = outWidth * panelWidth(dtype) * depthOf(shape) * productTime;
  if (panels * panelWidth(dtype) * depthOf(shape) * bytes <= nearBytes) {
    const rows = rowChunks(total, perPanel * panels);
    return { rows, panels: { size: panels, count: 1 }, panelsFirst: false };
  }
  const lines = (strides[0] * width * channels + outWidth * filters) * bytes;
  const fitting = Math.max(1, Math.floor(blockBytes / lines));
  const rows = { total, ...cut(total, 1, Math.ceil(total / fitting)) };
  const least = Math.ceil(leastTime / (perPanel * rows.size));
  return {
    rows,
    panels: cut(panels, least, Math.ceil(wantedChunks / rows.count)),
    panelsFirst: true,
  };
}

/** Panels of a group. */
export const panelsOf = ({ filters, groups, dtype }: ConvShape): number =>
  Math.ceil(filters / groups / panelWidth(dtype));

/** Elements of the image that a window sees. */
export const depthOf = ({ kernelHeight, kernelWidth, channels, groups }: ConvShape): number =>
  (kernelHeight * kernelWidth * channels) / groups;
