/** @file Means of windows and of whole images, and images enlarged by whole factors. */
import type { Pair, PoolGeometry } from "../../../../../ir/conv.ts";
import { windowCount } from "../../../../../ir/conv.ts";
import type { Value } from "../../../../../ir/graph.ts";
import { axisIn, orderedIn, padded } from "../forms.ts";
import { sameShape } from "../../../../../ir/shape.ts";
import { layoutWithout } from "../lower/axes.ts";
import { windowAttributes } from "../lower/products.ts";
import { numberOf, unbroadcast } from "../statics.ts";
import type { Pattern, Sight, Step } from "../step.ts";

/** What is summed over which axes and then divided by how many there are. The axes may stay, with extent 1. */
function meanOf(see: Sight, value: Value): { x: Value; axes: readonly number[] } | undefined {
  const [total, count] = see.node(value, "div")?.inputs ?? [];
  if (total === undefined || count === undefined) return undefined;
  const sum = see.node(see.node(total, "reshape")?.inputs[0] ?? total, "reduceSum");
  if (sum === undefined) return undefined;
  const x = sum.inputs[0]!;
  const { axes } = sum.params;
  const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  if (!sameShape(total.shape, sum.outputs[0]!.shape) && !sameShape(total.shape, kept))
    return undefined;
  const size = axes.reduce((product, axis) => product * x.shape[axis]!, 1);
  return numberOf(count) === size ? { x, axes } : undefined;
}

const mean: Pattern = {
  name: "ReduceMean, GlobalAveragePool",
  match: (value, see) => {
    const { x, axes } = meanOf(see, value) ?? {};
    if (x === undefined || axes === undefined) return undefined;
    const keeps = value.shape.length === x.shape.length;
    return {
      inputs: [x],
      lower: (to) => {
        const layout = to.commonLayout([x]);
        if (layout === "image" && axes.join() === "1,2") {
          const kept = axes.reduce((dims, axis) => dims.with(axis, 1), to.dims(x));
          const dims = orderedIn(layout, kept);
          const made = keeps ? value : undefined;
          const pooled = to.emit(
            "GlobalAveragePool",
            [to.exact(x, layout)],
            dims,
            layout,
            {},
            made,
          );
          if (!keeps) to.reshaped(pooled, to.dims(value), "plain", value);
          return;
        }
        const lies = keeps ? layout : layoutWithout(to, x, axes);
        const along = axes.map((axis) => axisIn(lies, axis)).toSorted((a, b) => a - b);
        const attributes = { axes: along, keepdims: keeps ? 1 : 0 };
        const dims = keeps ? to.dims(value, lies) : to.dims(value);
        const result = keeps ? lies : "plain";
        to.emit("ReduceMean", [to.exact(x, lies)], dims, result, attributes, value);
      },
    };
  },
};

function averageStep(x: Value, value: Value, geometry: PoolGeometry): Step {
  return {
    inputs: [x],
    lower: (to) => {
      const attributes = {
        ...windowAttributes(geometry.window, geometry),
        count_include_pad: 0,
      };
      const dims = to.dims(value, "image");
      to.emit("AveragePool", [to.exact(x, "image")], dims, "image", attributes, value);
    },
  };
}

/** Windows side by side: the mean over two axes of [N, OH, KH, OW, KW, C]. */
const tiles: Pattern = {
  name: "AveragePool",
  single: true,
  match: (value, see) => {
    const { x: apart, axes } = meanOf(see, value) ?? {};
    if (apart?.shape.length !== 6 || axes!.join() !== "2,4" || value.shape.length !== 4)
      return undefined;
    const cropped = see.node(apart, "reshape")?.inputs[0];
    if (cropped?.shape.length !== 4) return undefined;
    const [, rows, high, columns, wide, channels] = apart.shape as number[];
    const expected = [rows! * high!, columns! * wide!, channels!];
    if (expected.some((extent, axis) => extent !== cropped.shape[axis + 1])) return undefined;
    const window: Pair = [high!, wide!];
    const none: Pair = [0, 0];
    const geometry = { window, strides: window, padding: [none, none] as const };
    // Rows and columns that no window reaches are left out by AveragePool too.
    const cut = see.node(cropped, "slice");
    const whole = cut?.inputs[0];
    const fits =
      whole !== undefined &&
      cut!.params.start.every((start) => start === 0) &&
      cut!.params.step.every((step) => step === 1) &&
      windowCount(whole.shape[1]!, high!, high!, none) === rows &&
      windowCount(whole.shape[2]!, wide!, wide!, none) === columns &&
      whole.shape[3] === channels;
    return averageStep(fits ? whole : cropped, value, geometry);
  },
};

/** Windows that overlap: a convolution with ones, divided by how many pixels of the image each covers. */
const overlapping: Pattern = {
  name: "AveragePool",
  single: true,
  match: (value, see) => {
    const [sums, count] = see.node(value, "div")?.inputs ?? [];
    const conv = sums && see.node(sums, "conv");
    if (conv === undefined || count === undefined) return undefined;
    const [x, kernel] = conv.inputs as [Value, Value];
    const { strides, padding, dilation, groups } = conv.params;
    const plain = dilation.every((step) => step === 1) && groups === x.shape[3];
    if (numberOf(kernel) !== 1 || !plain || groups !== kernel.shape[3]) return undefined;
    const window: Pair = [kernel.shape[0]!, kernel.shape[1]!];
    const geometry = { window, strides, padding };
    // A window that covers nothing has no mean.
    if (padding.some((pair, axis) => pair.some((width) => width >= window[axis]!)))
      return undefined;
    return countsPixels(see, count, x, value, geometry)
      ? averageStep(x, value, geometry)
      : undefined;
  },
};

/** Whether a divisor is the number of pixels that each window covers. */
function countsPixels(
  see: Sight,
  count: Value,
  x: Value,
  value: Value,
  { window, strides, padding }: PoolGeometry,
): boolean {
  const covered = ([1, 2] as const).map((axis) =>
    Array.from({ length: value.shape[axis]! }, (_, index) => {
      const first = index * strides[axis - 1]! - padding[axis - 1]![0];
      return Math.min(first + window[axis - 1]!, x.shape[axis]!) - Math.max(first, 0);
    }),
  ) as [number[], number[]];
  const number = numberOf(count);
  if (number !== undefined)
    return covered[0].every((rows) => covered[1].every((columns) => rows * columns === number));
  const counts = unbroadcast(count);
  if (!see.isConstant(counts)) return false;
  const [, high, wide, deep] = padded(counts.shape, 4) as [number, number, number, number];
  if (deep !== 1) return false;
  const elements = see.elements(counts);
  return covered[0].every((rows, i) =>
    covered[1].every(
      (columns, j) =>
        elements[(high === 1 ? 0 : i) * wide + (wide === 1 ? 0 : j)] === rows * columns,
    ),
  );
}

/** What is repeated along an axis, and how often: [.., n, ..] -> [.., n, 1, ..] -> [.., n, times, ..] -> [.., n times, ..]. */
function repetition(
  see: Sight,
  value: Value,
  axis: 1 | 2,
): { from: Value; times: number } | undefined {
  const wide = see.node(value, "reshape")?.inputs[0];
  const apart = wide && see.node(wide, "broadcast")?.inputs[0];
  const from = apart && see.node(apart, "reshape")?.inputs[0];
  if (from === undefined || wide!.shape.length !== 5) return undefined;
  const times = wide!.shape[axis + 1]!;
  const fits =
    times > 1 &&
    apart!.shape[axis + 1] === 1 &&
    wide!.shape.every((extent, i) => i === axis + 1 || extent === apart!.shape[i]);
  return fits ? { from, times } : undefined;
}

/** Whether a value's elements are those of an image repeated along rows and columns. */
function enlarged(
  see: Sight,
  value: Value,
): { x: Value; rows: number; columns: number } | undefined {
  const [batch, high, wide, channels] = value.shape as [number, number, number, number];
  const across = repetition(see, value, 2);
  const from = across?.from ?? value;
  const columns = across?.times ?? 1;
  // The reshape between two repetitions is one: the first ends in five axes.
  const five = from.shape.length === 5 ? from : undefined;
  const down = five === undefined ? repetition(see, from, 1) : broadcastRows(see, five);
  const x = down?.from ?? from;
  const rows = down?.times ?? 1;
  const expected = [batch, high / rows, wide / columns, channels];
  const fits = rows * columns > 1 && x.shape.length === 4 && sameShape(x.shape, expected);
  return fits ? { x, rows, columns } : undefined;
}

/** The image of which [N, H, times, W, C] holds each row several times. */
function broadcastRows(see: Sight, wide: Value): { from: Value; times: number } | undefined {
  const apart = see.node(wide, "broadcast")?.inputs[0];
  const from = apart && see.node(apart, "reshape")?.inputs[0];
  const fits =
    from !== undefined &&
    apart!.shape[2] === 1 &&
    wide.shape.every((extent, i) => i === 2 || extent === apart!.shape[i]);
  return fits ? { from, times: wide.shape[2]! } : undefined;
}

/** Images enlarged by whole factors, each pixel becoming a block. */
const blocks: Pattern = {
  name: "Resize",
  single: true,
  match: (value, see) => {
    if (value.shape.length !== 4) return undefined;
    const { x, rows, columns } = enlarged(see, value) ?? {};
    if (x === undefined) return undefined;
    return {
      inputs: [x],
      lower: (to) => {
        const attributes = {
          mode: "nearest",
          nearest_mode: "floor",
          coordinate_transformation_mode: "asymmetric",
        };
        const operands = [to.exact(x, "image"), undefined, to.reals([1, 1, rows!, columns!])];
        to.emit("Resize", operands, to.dims(value, "image"), "image", attributes, value);
      },
    };
  },
};

/** Patterns of pooling. */
export const poolingPatterns: readonly Pattern[] = [tiles, overlapping, mean, blocks];
