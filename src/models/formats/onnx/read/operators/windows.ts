/** @file Windows on images: Conv, ConvTranspose and pooling, with kernel_shape, strides, dilations, pads and auto_pad. */
import type { Pair } from "../../../../../ir/conv.ts";
import { formatShape } from "../../../../../ir/shape.ts";
import {
  type PaddingOption,
  concatenate,
  conv2d,
  conv2dTranspose,
  depthwiseConv2d,
  slice,
  type AnyLayer,
  averagePool2d,
  globalAveragePool2d,
  globalMaxPool2d,
  maxPool2d,
  reduce,
  zeroPadding2d,
} from "../../../../../nn/index.ts";
import type { NodeReader } from "../node.ts";
import type { SymbolicTensor } from "../../../../../nn/graph/symbolic.ts";
import type { Parameters, Base, Signal } from "../builder.ts";
import type { Operators, Operator } from "./operator.ts";

/** What the attributes say. */
export interface WindowAttributes {
  readonly window: Pair;
  readonly strides: Pair;
  readonly dilation: Pair;
  readonly autoPad: "NOTSET" | "VALID" | "SAME_UPPER" | "SAME_LOWER";
  /** [[top, bottom], [left, right]] */
  readonly pads: readonly [Pair, Pair];
}

/** No stride, border or window is as large. */
const largest = 1 << 20;

/** Rows and columns of an attribute, `otherwise` being the default of both. */
export function pairOf(
  node: NodeReader,
  name: string,
  given: readonly number[] | undefined,
  otherwise: number,
  least: number = otherwise,
): Pair {
  const pair = given ?? [otherwise, otherwise];
  if (pair.length !== 2 || !pair.every((n) => n >= least && n <= largest))
    throw node.error(`${name}: two integers of at least ${least}`, formatShape(pair));
  return [pair[0]!, pair[1]!];
}

/** Reads the attributes. */
export function windowsOf(node: NodeReader, window: Pair): WindowAttributes {
  const pads = node.ints("pads") ?? [0, 0, 0, 0];
  if (pads.length !== 4 || !pads.every((n) => n >= 0 && n <= largest))
    throw node.error("pads: four integers of at least 0", formatShape(pads));
  return {
    window,
    strides: pairOf(node, "strides", node.ints("strides"), 1),
    dilation: pairOf(node, "dilations", node.ints("dilations"), 1),
    autoPad: node.text("auto_pad", ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"], "NOTSET"),
    pads: [
      [pads[0]!, pads[2]!],
      [pads[1]!, pads[3]!],
    ],
  };
}

/** The borders that the attributes give in numbers; with VALID none. */
export function givenBorders({ autoPad, pads }: WindowAttributes): readonly [Pair, Pair] {
  return autoPad === "NOTSET"
    ? pads
    : [
        [0, 0],
        [0, 0],
      ];
}

/** The borders of images of a size, in numbers. */
export function borderWidths(windows: WindowAttributes, size: Pair): readonly [Pair, Pair] {
  if (!windows.autoPad.startsWith("SAME")) return givenBorders(windows);
  const border = (axis: 0 | 1): Pair => {
    const reach = windows.dilation[axis] * (windows.window[axis] - 1) + 1;
    const count = Math.ceil(size[axis] / windows.strides[axis]);
    const total = Math.max(0, (count - 1) * windows.strides[axis] + reach - size[axis]);
    const less = Math.floor(total / 2);
    return windows.autoPad === "SAME_UPPER" ? [less, total - less] : [total - less, less];
  };
  return [border(0), border(1)];
}

/** The padding of a layer: by name where Keras has one for it whatever the size, in numbers otherwise. */
export function bordersOf(windows: WindowAttributes, size: Pair): PaddingOption {
  if (windows.autoPad === "SAME_UPPER") return "same";
  const widths = borderWidths(windows, size);
  if (widths.flat().every((n) => n === 0)) return "valid";
  const isSame = widths.every(([before, after], axis) => {
    const total = windows.dilation[axis]! * (windows.window[axis]! - 1);
    return (
      windows.strides[axis] === 1 && before === Math.floor(total / 2) && before + after === total
    );
  });
  return isSame ? "same" : widths;
}

/** [filters, channels of a group, rows, columns] of a kernel. */
function kernelShape(node: NodeReader): readonly [number, number, number, number] {
  const { shape } = node.constant(1, "the kernel");
  if (shape.length !== 4) throw node.error("a kernel of four axes", `shape ${formatShape(shape)}`);
  const given = node.ints("kernel_shape");
  if (given !== undefined && (given[0] !== shape[2] || given[1] !== shape[3] || given.length !== 2))
    throw node.error(
      `kernel_shape ${formatShape(shape.slice(2))}, as the kernel has`,
      formatShape(given),
    );
  return shape as unknown as readonly [number, number, number, number];
}

async function biasOf(node: NodeReader, filters: number): Promise<Parameters> {
  return node.has(2) ? { bias: await node.vector(2, "the bias", filters) } : {};
}

async function convolution(node: NodeReader): Promise<void> {
  const x = node.images(0);
  const [filters, within, rows, columns] = kernelShape(node);
  const channels = x.shape[1]!;
  const groups = node.int("group", 1);
  if (groups < 1 || within * groups !== channels || filters % groups !== 0)
    throw node.error(
      `a kernel [filters, ${channels} / group, rows, columns] with group dividing the filters`,
      `${formatShape([filters, within, rows, columns])} and group ${groups}`,
    );
  const windows = windowsOf(node, [rows, columns]);
  const padding = bordersOf(windows, [x.shape[2]!, x.shape[3]!]);
  const bias = await biasOf(node, filters);
  // No layer has both; the second is then a choice among the results of the first.
  const skips = Math.max(...windows.strides) > 1 && Math.max(...windows.dilation) > 1;
  const common = {
    kernelSize: [rows, columns] as const,
    strides: skips ? 1 : windows.strides,
    dilationRate: windows.dilation,
    padding,
    useBias: node.has(2),
  };
  const isDepthwise = groups > 1 && within === 1;
  const kernel = isDepthwise
    ? await node.weights(
        1,
        "the kernel",
        [channels, filters / channels, rows, columns],
        [2, 3, 0, 1],
      )
    : await node.weights(1, "the kernel", [filters, within, rows, columns], [2, 3, 1, 0]);
  const make = (base: object): ReturnType<typeof conv2d | typeof depthwiseConv2d> =>
    isDepthwise
      ? depthwiseConv2d({ ...common, depthMultiplier: filters / channels, ...base })
      : conv2d({ ...common, filters, groups, ...base });
  let symbol: SymbolicTensor;
  if (skips) {
    const all = node.helper("stride1", make, x.symbol, { kernel, ...bias });
    symbol = node.layer(
      (base) =>
        slice({
          starts: [0, 0, 0],
          stops: all.shape,
          steps: [...windows.strides, 1],
          ...base,
        }),
      all,
    );
  } else symbol = node.layer(make, x.symbol, { kernel, ...bias });
  give(node, x.shape[0]!, symbol);
}

function give(node: NodeReader, batch: number, symbol: SymbolicTensor): void {
  const [h, w, c] = symbol.shape as [number, number, number];
  node.give({
    symbol,
    type: node.signal(0).type,
    shape: [batch, c, h, w],
    order: [0, 2, 3, 1],
  });
}

/** Each group of a transposed convolution becomes a layer; there are at most this many. */
const mostGroups = 64;

async function transposedConvolution(node: NodeReader): Promise<void> {
  const x = node.images(0);
  const [channels, filters, rows, columns] = kernelShape(node);
  const groups = node.int("group", 1);
  if (channels !== x.shape[1] || groups < 1 || channels % groups !== 0 || groups > mostGroups)
    throw node.error(
      `a kernel [${x.shape[1]}, filters / group, rows, columns] with group dividing the channels, at most ${mostGroups}`,
      `${formatShape([channels, filters, rows, columns])} and group ${groups}`,
    );
  const windows = windowsOf(node, [rows, columns]);
  const outputPadding = pairOf(node, "output_padding", node.ints("output_padding"), 0);
  const padding = transposedBorders(node, windows, [x.shape[2]!, x.shape[3]!], outputPadding);
  const bias = await biasOf(node, filters * groups);
  const kernel = await node.weights(
    1,
    "the kernel",
    [groups, channels / groups, filters, rows, columns],
    [0, 3, 4, 2, 1],
  );
  const make = (base: object): ReturnType<typeof conv2dTranspose> =>
    conv2dTranspose({
      filters,
      kernelSize: [rows, columns],
      strides: windows.strides,
      dilationRate: windows.dilation,
      padding,
      outputPadding,
      useBias: node.has(2),
      ...base,
    });
  const part = (group: number): Parameters => ({
    kernel: kernel.at(group),
    ...(bias["bias"] && {
      bias: bias["bias"].slice(group * filters, (group + 1) * filters),
    }),
  });
  if (groups === 1) return give(node, x.shape[0]!, node.layer(make, x.symbol, part(0)));
  const [h, w] = x.symbol.shape as [number, number];
  const size = channels / groups;
  const parts = Array.from({ length: groups }, (_, group) => {
    const channelsOf = node.helper(
      `group${group}/slice`,
      (base) => slice({ starts: [0, 0, group * size], stops: [h, w, (group + 1) * size], ...base }),
      x.symbol,
    );
    return node.helper(`group${group}`, make, channelsOf, part(group));
  });
  give(
    node,
    x.shape[0]!,
    node.layer((base) => concatenate({ ...base }), parts),
  );
}

/** The number of rows and columns to crop at each border (ONNX, operator ConvTranspose). */
function transposedBorders(
  node: NodeReader,
  windows: WindowAttributes,
  size: Pair,
  outputPadding: Pair,
): readonly [Pair, Pair] {
  const wanted = node.ints("output_shape");
  if (wanted !== undefined && wanted.length !== 2)
    throw node.error("output_shape of rows and columns", formatShape(wanted));
  if (wanted === undefined && !windows.autoPad.startsWith("SAME")) return givenBorders(windows);
  const border = (axis: 0 | 1): Pair => {
    const reach = windows.dilation[axis] * (windows.window[axis] - 1) + 1;
    const full = (size[axis] - 1) * windows.strides[axis] + reach + outputPadding[axis];
    const total = full - (wanted?.[axis] ?? size[axis] * windows.strides[axis]);
    if (total < 0)
      throw node.error(`an output of at most ${full} along axis ${axis + 2}`, String(full - total));
    const less = Math.floor(total / 2);
    return windows.autoPad === "SAME_UPPER" ? [less, total - less] : [total - less, less];
  };
  return [border(0), border(1)];
}

export const convolutions: Operators = {
  Conv: {
    note: "two-dimensional, with a constant kernel",
    build: convolution,
  },
  ConvTranspose: {
    note: "two-dimensional, with a constant kernel; strides or dilations, not both",
    build: transposedConvolution,
  },
};

/**
 * Rows or columns that windows reach beyond the border at the end when their number is rounded up (ceil_mode); the last one
 * begins on the image or the border before it (ONNX from opset 19 on, and PyTorch always).
 */
function beyond(
  { window, strides }: WindowAttributes,
  axis: 0 | 1,
  extent: number,
  [before, after]: Pair,
): number {
  const stride = strides[axis];
  const room = before + extent + after - window[axis];
  let last = Math.ceil(room / stride);
  if (last * stride >= extent + before) last--;
  return Math.max(0, last * stride - room);
}

function pool(node: NodeReader, kind: "max" | "average"): void {
  node.requireOutputs(1);
  const x = node.images(0);
  const window = pairOf(node, "kernel_shape", node.ints("kernel_shape") ?? [], 1);
  const windows = windowsOf(node, window);
  if (Math.max(...windows.dilation) > 1)
    throw node.error("dilations of 1", formatShape(windows.dilation));
  const { strides } = windows;
  const size: Pair = [x.shape[2]!, x.shape[3]!];
  const widths = borderWidths(windows, size);
  const counts = kind === "average" && node.flag("count_include_pad", false);
  const isCeil = node.flag("ceil_mode", false) && !windows.autoPad.startsWith("SAME");
  const extra = ([0, 1] as const).map((axis) =>
    isCeil ? beyond(windows, axis, size[axis], widths[axis]) : 0,
  );
  let { symbol } = x;
  if (counts && widths.flat().some((n) => n > 0))
    symbol = node.helper("pad", (base) => zeroPadding2d({ padding: widths, ...base }), symbol);
  const border = (axis: 0 | 1): Pair => {
    const [before, after] = counts ? [0, 0] : widths[axis];
    return [before, after + extra[axis]!];
  };
  const borders = [border(0), border(1)] as const;
  const padding = borders.flat().every((n) => n === 0) ? ("valid" as const) : borders;
  const make = kind === "max" ? maxPool2d : averagePool2d;
  const y = node.layer((base) => make({ poolSize: window, strides, padding, ...base }), symbol);
  const [h, w, c] = y.shape as [number, number, number];
  node.give({ ...x, symbol: y, shape: [x.shape[0]!, c, h, w] });
}

/** One number a channel. */
function global(node: NodeReader, make: (base: Base) => AnyLayer, operation: "mean" | "max"): void {
  const signal = node.signal(0);
  const rank = signal.shape.length;
  if (rank < 3) throw node.error("a value of at least three axes", formatShape(signal.shape));
  const axes = signal.shape.map((_, axis) => axis).slice(2);
  if (rank === 4) return keep(node, node.layer(make, node.images(0).symbol), signal, axes, true);
  reduced(node, operation, signal, axes, true);
}

/** Gives a value without some axes, or with extent 1 on them. */
function keep(
  node: NodeReader,
  symbol: SymbolicTensor,
  { type, shape }: Signal,
  axes: readonly number[],
  keepDims: boolean,
  left: readonly number[] = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis)),
): void {
  const renumbered = (axis: number): number =>
    keepDims ? axis : axis - axes.filter((other) => other < axis).length;
  node.give({
    symbol,
    type,
    shape: shape.flatMap((extent, axis) =>
      axes.includes(axis) ? (keepDims ? [1] : []) : [extent],
    ),
    order: left.map(renumbered),
  });
}

type Reduction = "mean" | "sum" | "max" | "min";

function reduced(
  node: NodeReader,
  operation: Reduction,
  given: Signal,
  axes: readonly number[],
  keepDims: boolean,
): void {
  const signal = node.builder.unflattened(node.who, node.name, given);
  const left = signal.order.filter((axis) => !axes.includes(axis));
  const axis = axes.flatMap((one) => {
    const position = signal.order.indexOf(one);
    return position < 0 ? [] : [position];
  });
  const isImage =
    axes.length === 2 &&
    axis.length === 2 &&
    axis.includes(1) &&
    axis.includes(2) &&
    signal.order.length === 4;
  const make = (base: Base): AnyLayer =>
    isImage && operation === "mean"
      ? globalAveragePool2d(base)
      : isImage && operation === "max"
        ? globalMaxPool2d(base)
        : reduce({ operation, axis, ...base });
  const symbol = axis.length === 0 ? signal.symbol : node.layer(make, signal.symbol);
  keep(node, symbol, signal, axes, keepDims, left);
}

function reduction(operation: Reduction, axesAreInputFrom: number): Operator {
  return {
    note: "axes other than the batch's",
    async build(node) {
      const signal = node.signal(0);
      const rank = signal.shape.length;
      const given =
        node.opset < axesAreInputFrom
          ? node.ints("axes")
          : node.has(1)
            ? await node.numbers(1, "axes")
            : undefined;
      if ((given === undefined || given.length === 0) && node.flag("noop_with_empty_axes", false))
        return node.give(signal);
      const axes = (
        given === undefined || given.length === 0 ? signal.shape.map((_, i) => i) : given
      )
        .map((axis) => node.axis(axis, rank))
        .toSorted((a, b) => a - b);
      if (axes.includes(0) || new Set(axes).size < axes.length)
        throw node.error(
          "axes of a sample, each once",
          formatShape(axes),
          "Axis 0 is the batch, and samples must not depend on one another.",
        );
      reduced(node, operation, signal, axes, node.flag("keepdims", true));
    },
  };
}

export const pools: Operators = {
  MaxPool: {
    note: "two-dimensional, dilations of 1, without indices",
    build: (node) => pool(node, "max"),
  },
  AveragePool: { note: "two-dimensional, dilations of 1", build: (node) => pool(node, "average") },
  GlobalAveragePool: { build: (node) => global(node, globalAveragePool2d, "mean") },
  GlobalMaxPool: { build: (node) => global(node, globalMaxPool2d, "max") },
  ReduceMean: reduction("mean", 18),
  ReduceSum: reduction("sum", 13),
  ReduceMax: reduction("max", 18),
  ReduceMin: reduction("min", 18),
};
