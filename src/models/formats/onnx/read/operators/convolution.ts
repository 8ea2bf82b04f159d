/** @file Convolutions: Conv and ConvTranspose. */
import type { Pair } from "../../../../../ir/conv.ts";
import { formatShape } from "../../../../../ir/shape.ts";
import type { SymbolicTensor } from "../../../../../nn/graph/symbolic.ts";
import {
  concatenate,
  conv2d,
  conv2dTranspose,
  depthwiseConv2d,
  slice,
} from "../../../../../nn/index.ts";
import type { Parameters } from "../builder.ts";
import type { Step } from "../step.ts";
import type { Operators } from "./operator.ts";
import { type Windows, bordersOf, givenBorders, pairOf, windowsOf } from "./windows.ts";

/** [filters, channels of a group, rows, columns] of a kernel. */
function kernelShape(step: Step): readonly [number, number, number, number] {
  const { shape } = step.constant(1, "the kernel");
  if (shape.length !== 4) throw step.error("a kernel of four axes", `shape ${formatShape(shape)}`);
  const given = step.ints("kernel_shape");
  if (given !== undefined && (given[0] !== shape[2] || given[1] !== shape[3] || given.length !== 2))
    throw step.error(
      `kernel_shape ${formatShape(shape.slice(2))}, as the kernel has`,
      formatShape(given),
    );
  return shape as unknown as readonly [number, number, number, number];
}

async function biasOf(step: Step, filters: number): Promise<Parameters> {
  return step.has(2) ? { bias: await step.vector(2, "the bias", filters) } : {};
}

async function convolution(step: Step): Promise<void> {
  const x = step.images(0);
  const [filters, within, rows, columns] = kernelShape(step);
  const channels = x.shape[1]!;
  const groups = step.int("group", 1);
  if (groups < 1 || within * groups !== channels || filters % groups !== 0)
    throw step.error(
      `a kernel [filters, ${channels} / group, rows, columns] with group dividing the filters`,
      `${formatShape([filters, within, rows, columns])} and group ${groups}`,
    );
  const windows = windowsOf(step, [rows, columns]);
  const padding = bordersOf(windows, [x.shape[2]!, x.shape[3]!]);
  const bias = await biasOf(step, filters);
  // No layer has both; the second is then a choice among the results of the first.
  const skips = Math.max(...windows.strides) > 1 && Math.max(...windows.dilation) > 1;
  const common = {
    kernelSize: [rows, columns] as const,
    strides: skips ? 1 : windows.strides,
    dilationRate: windows.dilation,
    padding,
    useBias: step.has(2),
  };
  const isDepthwise = groups > 1 && within === 1;
  const kernel = isDepthwise
    ? await step.weights(
        1,
        "the kernel",
        [channels, filters / channels, rows, columns],
        [2, 3, 0, 1],
      )
    : await step.weights(1, "the kernel", [filters, within, rows, columns], [2, 3, 1, 0]);
  const make = (base: object): ReturnType<typeof conv2d | typeof depthwiseConv2d> =>
    isDepthwise
      ? depthwiseConv2d({ ...common, depthMultiplier: filters / channels, ...base })
      : conv2d({ ...common, filters, groups, ...base });
  let symbol: SymbolicTensor;
  if (skips) {
    const all = step.helper("stride1", make, x.symbol, { kernel, ...bias });
    symbol = step.layer(
      (base) =>
        slice({
          starts: [0, 0, 0],
          stops: all.shape,
          steps: [...windows.strides, 1],
          ...base,
        }),
      all,
    );
  } else symbol = step.layer(make, x.symbol, { kernel, ...bias });
  give(step, x.shape[0]!, symbol);
}

function give(step: Step, batch: number, symbol: SymbolicTensor): void {
  const [h, w, c] = symbol.shape as [number, number, number];
  step.give({
    symbol,
    type: step.signal(0).type,
    shape: [batch, c, h, w],
    order: [0, 2, 3, 1],
  });
}

/** Groups of a transposed convolution are layers of their own: so many at most. */
const mostGroups = 64;

async function transposedConvolution(step: Step): Promise<void> {
  const x = step.images(0);
  const [channels, filters, rows, columns] = kernelShape(step);
  const groups = step.int("group", 1);
  if (channels !== x.shape[1] || groups < 1 || channels % groups !== 0 || groups > mostGroups)
    throw step.error(
      `a kernel [${x.shape[1]}, filters / group, rows, columns] with group dividing the channels, at most ${mostGroups}`,
      `${formatShape([channels, filters, rows, columns])} and group ${groups}`,
    );
  const windows = windowsOf(step, [rows, columns]);
  const outputPadding = pairOf(step, "output_padding", step.ints("output_padding"), 0);
  const padding = transposedBorders(step, windows, [x.shape[2]!, x.shape[3]!], outputPadding);
  const bias = await biasOf(step, filters * groups);
  const kernel = await step.weights(
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
      useBias: step.has(2),
      ...base,
    });
  const part = (group: number): Parameters => ({
    kernel: kernel.at(group),
    ...(bias["bias"] && {
      bias: bias["bias"].slice(group * filters, (group + 1) * filters),
    }),
  });
  if (groups === 1) return give(step, x.shape[0]!, step.layer(make, x.symbol, part(0)));
  const [h, w] = x.symbol.shape as [number, number];
  const size = channels / groups;
  const parts = Array.from({ length: groups }, (_, group) => {
    const channelsOf = step.helper(
      `group${group}/slice`,
      (base) => slice({ starts: [0, 0, group * size], stops: [h, w, (group + 1) * size], ...base }),
      x.symbol,
    );
    return step.helper(`group${group}`, make, channelsOf, part(group));
  });
  give(
    step,
    x.shape[0]!,
    step.layer((base) => concatenate({ ...base }), parts),
  );
}

/** What is cut off the borders (ONNX, operator ConvTranspose). */
function transposedBorders(
  step: Step,
  windows: Windows,
  size: Pair,
  outputPadding: Pair,
): readonly [Pair, Pair] {
  const wanted = step.ints("output_shape");
  if (wanted !== undefined && wanted.length !== 2)
    throw step.error("output_shape of rows and columns", formatShape(wanted));
  if (wanted === undefined && !windows.autoPad.startsWith("SAME")) return givenBorders(windows);
  const border = (axis: 0 | 1): Pair => {
    const reach = windows.dilation[axis] * (windows.window[axis] - 1) + 1;
    const full = (size[axis] - 1) * windows.strides[axis] + reach + outputPadding[axis];
    const total = full - (wanted?.[axis] ?? size[axis] * windows.strides[axis]);
    if (total < 0)
      throw step.error(`an output of at most ${full} along axis ${axis + 2}`, String(full - total));
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
