/** @file Primitives along axes, which can work in either layout (reductions, slices, padding, joins), views, and what is made of nothing. */
import type { Node, Value } from "../../../../../ir/graph.ts";
import type { ReducePrim } from "../../../../../ir/prim.ts";
import type { Emitter } from "../emitter.ts";
import {
  type Form,
  type Layout,
  axisIn,
  keepsOrder,
  orderedIn,
  toImage,
  sameDims,
} from "../forms.ts";
import type { Rule } from "../step.ts";

/** The layout for a result that loses axes: the current one if the remaining axes keep their order in it, otherwise the plain one. */
export function layoutWithout(to: Emitter, x: Value, axes: readonly number[]): Layout {
  const layout = x.shape.length === 4 ? to.commonLayout([x]) : "plain";
  const left = toImage.filter((axis) => !axes.includes(axis));
  return layout === "image" && keepsOrder(to.dims(x), left) ? "image" : "plain";
}

const reduce =
  (op: string): Rule<ReducePrim> =>
  (node, value, to) => {
    const [x] = node.inputs as [Value];
    const { axes } = node.params;
    const layout = layoutWithout(to, x, axes);
    const along = axes.map((axis) => axisIn(layout, axis)).toSorted((a, b) => a - b);
    const given = to.exact(x, layout);
    // The sum alone takes axes as an input, as of version 13.
    if (op === "ReduceSum")
      to.emit(op, [given, to.integers(along)], to.dims(value), "plain", { keepdims: 0 }, value);
    else to.emit(op, [given], to.dims(value), "plain", { axes: along, keepdims: 0 }, value);
  };

const argument =
  (op: string): Rule<"argMax" | "argMin"> =>
  (node, value, to) => {
    const [x] = node.inputs as [Value];
    const layout = layoutWithout(to, x, [node.params.axis]);
    const axis = axisIn(layout, node.params.axis);
    const dims = to.dims(value);
    const index = to.emit(op, [to.exact(x, layout)], dims, "plain", { axis, keepdims: 0 });
    to.emit("Cast", [index], dims, "plain", { to: 6 }, value);
  };

/** A slice along the axes on which something is left out. */
export function sliced(
  to: Emitter,
  x: Form,
  layout: Layout,
  cuts: readonly { axis: number; start: number; stop: number; step: number }[],
  value: Value,
): void {
  const list = (of: (cut: (typeof cuts)[number]) => number): Form => to.integers(cuts.map(of));
  to.emit(
    "Slice",
    [
      x,
      list(({ start }) => start),
      list(({ stop }) => stop),
      list(({ axis }) => axisIn(layout, axis)),
      list(({ step }) => step),
    ],
    to.dims(value, layout),
    layout,
    {},
    value,
  );
}

/** Below every index of an axis: an end for slices that walk backwards through the first element. */
const beforeAll = -(2 ** 31);

/** Rules of primitives along axes. */
export const axesRules: {
  readonly reduceSum: Rule<"reduceSum">;
  readonly reduceProd: Rule<"reduceProd">;
  readonly reduceMax: Rule<"reduceMax">;
  readonly reduceMin: Rule<"reduceMin">;
  readonly argMax: Rule<"argMax">;
  readonly argMin: Rule<"argMin">;
  readonly cumSum: Rule<"cumSum">;
  readonly slice: Rule<"slice">;
  readonly flip: Rule<"flip">;
  readonly pad: Rule<"pad">;
  readonly concat: Rule<"concat">;
  readonly gather: Rule<"gather">;
} = {
  reduceSum: reduce("ReduceSum"),
  reduceProd: reduce("ReduceProd"),
  reduceMax: reduce("ReduceMax"),
  reduceMin: reduce("ReduceMin"),
  argMax: argument("ArgMax"),
  argMin: argument("ArgMin"),
  cumSum: (node, value, to) => {
    const [x] = node.inputs as [Value];
    const layout = to.commonLayout([x]);
    const axis = to.integers([axisIn(layout, node.params.axis)]);
    const attributes = { reverse: node.params.reverse ? 1 : 0 };
    const dims = to.dims(value, layout);
    to.emit("CumSum", [to.exact(x, layout), axis], dims, layout, attributes, value);
  },
  slice: (node, value, to) => {
    const [x] = node.inputs as [Value];
    const layout = to.commonLayout([x]);
    const { start, stop, step } = node.params;
    const cuts = x.shape.flatMap((extent, axis) =>
      start[axis] === 0 && stop[axis] === extent && step[axis] === 1
        ? []
        : [{ axis, start: start[axis]!, stop: stop[axis]!, step: step[axis]! }],
    );
    if (cuts.length === 0) to.give(value, to.exact(x, layout));
    else sliced(to, to.exact(x, layout), layout, cuts, value);
  },
  flip: (node, value, to) => {
    const [x] = node.inputs as [Value];
    const layout = to.commonLayout([x]);
    const cuts = node.params.axes.map((axis) => ({ axis, start: -1, stop: beforeAll, step: -1 }));
    sliced(to, to.exact(x, layout), layout, cuts, value);
  },
  pad: (node, value, to) => {
    const [x] = node.inputs as [Value];
    const { low, high, interior, value: filling } = node.params;
    const layout = to.commonLayout([x]);
    let form = to.exact(x, layout);
    const apart = orderedIn(layout, interior);
    for (const [axis, between] of apart.entries()) {
      if (between === 0) continue;
      form = spread(to, form, layout, axis, between, filling, value);
    }
    const [before, after] = [orderedIn(layout, low), orderedIn(layout, high)];
    if ([...before, ...after].every((width) => width === 0)) to.give(value, form);
    else
      to.emit(
        "Pad",
        [form, to.integers([...before, ...after]), to.number(filling, value)],
        to.dims(value, layout),
        layout,
        { mode: "constant" },
        value,
      );
  },
  concat: (node, value, to) => {
    const layout = to.commonLayout(node.inputs);
    const axis = axisIn(layout, node.params.axis);
    to.emit(
      "Concat",
      node.inputs.map((input) => to.exact(input, layout)),
      to.dims(value, layout),
      layout,
      { axis },
      value,
    );
  },
  gather: (node: Node<"gather">, value, to) => {
    const [x, indices] = node.inputs as [Value, Value];
    const last = x.shape[node.params.axis]! - 1;
    const given = to.exact(indices, "plain");
    const most = to.emit("Min", [given, to.number(last, indices)], given.dims, "plain");
    const inside = to.emit("Max", [most, to.number(0, indices)], given.dims, "plain");
    const attributes = { axis: node.params.axis };
    to.emit("Gather", [to.exact(x, "plain"), inside], to.dims(value), "plain", attributes, value);
  },
};

/** `between` fillings after every element of an axis but the last. */
function spread(
  to: Emitter,
  x: Form,
  layout: Layout,
  axis: number,
  between: number,
  filling: number,
  value: Value,
): Form {
  const extent = x.dims[axis] as number;
  const apart = x.dims.toSpliced(axis + 1, 0, 1);
  const wide = x.dims.toSpliced(axis + 1, 0, between + 1);
  const widths = [...apart.map(() => 0), ...apart.map((_, i) => (i === axis + 1 ? between : 0))];
  const padded = to.emit(
    "Pad",
    [to.reshaped(x, apart, "plain"), to.integers(widths), to.number(filling, value)],
    wide,
    "plain",
    { mode: "constant" },
  );
  const joined = to.reshaped(padded, x.dims.with(axis, extent * (between + 1)), layout);
  const dims = x.dims.with(axis, extent * (between + 1) - between);
  const ends = [to.integers([0]), to.integers([extent * (between + 1) - between])];
  return to.emit("Slice", [joined, ...ends, to.integers([axis])], dims, layout);
}

/** The layout in which a value's elements lie in the order of this library. */
function inOrder(to: Emitter, x: Value): Layout {
  const free =
    x.shape.length === 4 && to.layoutOf(x) === "image" && keepsOrder(to.dims(x), toImage);
  return free ? "image" : "plain";
}

/** Rules of views and of what has no operands. */
export const shapeRules: {
  readonly reshape: Rule<"reshape">;
  readonly transpose: Rule<"transpose">;
  readonly broadcast: Rule<"broadcast">;
  readonly constant: Rule<"constant">;
  readonly iota: Rule<"iota">;
} = {
  reshape: (node, value, to) => {
    const [x] = node.inputs as [Value];
    to.reshaped(to.exact(x, inOrder(to, x)), to.dims(value), "plain", value);
  },
  transpose: (node, value, to) => {
    const [x] = node.inputs as [Value];
    const { perm } = node.params;
    // From channels last to first, and what comes in is channels first already.
    if (to.layoutOf(x) === "image" && sameDims(perm, toImage)) {
      to.give(value, { ...to.exact(x, "image"), layout: "plain" });
      return;
    }
    const given = to.exact(x, "plain");
    if (keepsOrder(given.dims, perm)) to.reshaped(given, to.dims(value), "plain", value);
    else to.emit("Transpose", [given], to.dims(value), "plain", { perm: [...perm] }, value);
  },
  // Those who can repeat elements themselves look through it; others ask for all extents.
  broadcast: (node, value, to) => {
    const [x] = node.inputs as [Value];
    const layout = x.shape.length === 4 ? to.layoutOf(x) : "plain";
    to.give(value, to.operand(x, layout));
  },
  constant: (node, value, to) => {
    to.give(value, to.number(node.params.value, value));
  },
  // Only those along the batch, or as long as it: others are constants.
  iota: (node, value, to) => {
    const dims = to.dims(value);
    const { axis } = node.params;
    const ones = to.emit("Expand", [to.number(1, value), to.shapeTensor(dims)], dims, "plain");
    const along = to.integers([axis]);
    to.emit("CumSum", [ones, along], dims, "plain", { exclusive: 1 }, value);
  },
};
