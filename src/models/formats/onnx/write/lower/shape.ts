/** @file Primitives that only look at elements in another way, and those that make them of nothing. */
import type { Value } from "../../../../../ir/graph.ts";
import { type Layout, keepsOrder, sameDims, toImage } from "../forms.ts";
import type { Emitter } from "../emitter.ts";
import type { Rule } from "../step.ts";

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
