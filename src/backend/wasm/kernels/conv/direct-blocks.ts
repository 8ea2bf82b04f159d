// Which convolutions are summed by tiles of pixels, how wide the tiles are, and how the work is cut into chunks.
import { type ConvShape, panelWidth } from "../../../../ir/conv.ts";
import { type Cut, cut } from "../chunks.ts";
import { lanesOf } from "../lanes.ts";
import { type RowChunks, rowChunks, type TileRun, tileRuns } from "../sliding.ts";
import { axesOf, mostRuns } from "./depthwise.ts";
import { patchesAreRows } from "./patches.ts";

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
