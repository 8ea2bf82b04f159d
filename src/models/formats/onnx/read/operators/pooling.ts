/** @file Pooling, and means and maxima along axes. */
import type { Pair } from "../../../../../ir/conv.ts";
import { formatShape } from "../../../../../ir/shape.ts";
import type { SymbolicTensor } from "../../../../../nn/graph/symbolic.ts";
import {
  type AnyLayer,
  averagePool2d,
  globalAveragePool2d,
  globalMaxPool2d,
  maxPool2d,
  reduce,
  zeroPadding2d,
} from "../../../../../nn/index.ts";
import type { Base } from "../builder.ts";
import type { Signal } from "../signal.ts";
import type { Step } from "../step.ts";
import type { Operator, Operators } from "./operator.ts";
import { type Windows, borderWidths, pairOf, windowsOf } from "./windows.ts";

/**
 * Rows or columns that windows reach beyond the border at the end when their number is rounded up (ceil_mode); the last one
 * begins on the image or the border before it (ONNX from opset 19 on, and PyTorch always).
 */
function beyond(
  { window, strides }: Windows,
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

function pool(step: Step, kind: "max" | "average"): void {
  step.requireOutputs(1);
  const x = step.images(0);
  const window = pairOf(step, "kernel_shape", step.ints("kernel_shape") ?? [], 1);
  const windows = windowsOf(step, window);
  if (Math.max(...windows.dilation) > 1)
    throw step.error("dilations of 1", formatShape(windows.dilation));
  const { strides } = windows;
  const size: Pair = [x.shape[2]!, x.shape[3]!];
  const widths = borderWidths(windows, size);
  const counts = kind === "average" && step.flag("count_include_pad", false);
  const isCeil = step.flag("ceil_mode", false) && !windows.autoPad.startsWith("SAME");
  const extra = ([0, 1] as const).map((axis) =>
    isCeil ? beyond(windows, axis, size[axis], widths[axis]) : 0,
  );
  let { symbol } = x;
  if (counts && widths.flat().some((n) => n > 0))
    symbol = step.helper("pad", (base) => zeroPadding2d({ padding: widths, ...base }), symbol);
  const border = (axis: 0 | 1): Pair => {
    const [before, after] = counts ? [0, 0] : widths[axis];
    return [before, after + extra[axis]!];
  };
  const borders = [border(0), border(1)] as const;
  const padding = borders.flat().every((n) => n === 0) ? ("valid" as const) : borders;
  const make = kind === "max" ? maxPool2d : averagePool2d;
  const y = step.layer((base) => make({ poolSize: window, strides, padding, ...base }), symbol);
  const [h, w, c] = y.shape as [number, number, number];
  step.give({ ...x, symbol: y, shape: [x.shape[0]!, c, h, w] });
}

/** One number a channel. */
function global(step: Step, make: (base: Base) => AnyLayer, operation: "mean" | "max"): void {
  const signal = step.signal(0);
  const rank = signal.shape.length;
  if (rank < 3) throw step.error("a value of at least three axes", formatShape(signal.shape));
  const axes = signal.shape.map((_, axis) => axis).slice(2);
  if (rank === 4) return keep(step, step.layer(make, step.images(0).symbol), signal, axes, true);
  reduced(step, operation, signal, axes, true);
}

/** Gives a value without some axes, or with extent 1 on them. */
function keep(
  step: Step,
  symbol: SymbolicTensor,
  { type, shape }: Signal,
  axes: readonly number[],
  keepDims: boolean,
  left: readonly number[] = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis)),
): void {
  const renumbered = (axis: number): number =>
    keepDims ? axis : axis - axes.filter((other) => other < axis).length;
  step.give({
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
  step: Step,
  operation: Reduction,
  given: Signal,
  axes: readonly number[],
  keepDims: boolean,
): void {
  const signal = step.builder.unflattened(step.who, step.name, given);
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
  const symbol = axis.length === 0 ? signal.symbol : step.layer(make, signal.symbol);
  keep(step, symbol, signal, axes, keepDims, left);
}

function reduction(operation: Reduction, axesAreInputFrom: number): Operator {
  return {
    note: "axes other than the batch's",
    async build(step) {
      const signal = step.signal(0);
      const rank = signal.shape.length;
      const given =
        step.opset < axesAreInputFrom
          ? step.ints("axes")
          : step.has(1)
            ? await step.numbers(1, "axes")
            : undefined;
      if ((given === undefined || given.length === 0) && step.flag("noop_with_empty_axes", false))
        return step.give(signal);
      const axes = (
        given === undefined || given.length === 0 ? signal.shape.map((_, i) => i) : given
      )
        .map((axis) => step.axis(axis, rank))
        .toSorted((a, b) => a - b);
      if (axes.includes(0) || new Set(axes).size < axes.length)
        throw step.error(
          "axes of a sample, each once",
          formatShape(axes),
          "Axis 0 is the batch, and samples must not depend on one another.",
        );
      reduced(step, operation, signal, axes, step.flag("keepdims", true));
    },
  };
}

export const pools: Operators = {
  MaxPool: {
    note: "two-dimensional, dilations of 1, without indices",
    build: (step) => pool(step, "max"),
  },
  AveragePool: { note: "two-dimensional, dilations of 1", build: (step) => pool(step, "average") },
  GlobalAveragePool: { build: (step) => global(step, globalAveragePool2d, "mean") },
  GlobalMaxPool: { build: (step) => global(step, globalMaxPool2d, "max") },
  ReduceMean: reduction("mean", 18),
  ReduceSum: reduction("sum", 13),
  ReduceMax: reduction("max", 18),
  ReduceMin: reduction("min", 18),
};
