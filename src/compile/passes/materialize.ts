/** @file Pass: copies are made explicit where a kernel or a caller needs a value in memory of its own. */
import type { Target } from "../../backend/backend.ts";
import { type Graph, type Value, isPrim } from "../../ir/graph.ts";
import { isElementwise, isReduce, isView } from "../../ir/prim.ts";
import { accessOf, isComputed, isVirtual, isWhole } from "../access.ts";
import { spaceOf } from "../fuse/space.ts";
import { Builder, rewriteGraph } from "./rewrite.ts";

/** After this pass every output is computed, distinct and no input; operands of direct and host kernels are whole, those of large matrix products lie in memory. */
export function materialize(graph: Graph, target: Target): Graph {
  const copied = new Map<Value, Value>();
  const copy = (value: Value, builder: Builder): Value => builder.add("copy", {}, [value], value);
  const inMemory = (value: Value, builder: Builder): Value => {
    if (isWhole(value)) return value;
    let result = copied.get(value);
    if (result === undefined) copied.set(value, (result = copy(value, builder)));
    return result;
  };
  const direct = rewriteGraph(graph, (node, inputs, builder) => {
    const walks = isElementwise(node.prim) || isReduce(node.prim) || isView(node.prim);
    if (walks || isPrim(node, "concat") || isPrim(node, "pad")) return builder.keep(node, inputs);
    // A kernel is read with any strides once, to be laid out; matrix products too take any, but the large ones want elements in memory.
    if (isPrim(node, "matmul") || isPrim(node, "prepareKernel"))
      return builder.keep(
        node,
        spaceOf(node, target) !== undefined
          ? inputs
          : inputs.map((input) =>
              isVirtual(accessOf(input).base) ? inMemory(input, builder) : input,
            ),
      );
    return builder.keep(
      node,
      inputs.map((input) => inMemory(input, builder)),
    );
  });
  const builder = new Builder();
  builder.nodes.push(...direct.nodes);
  const inputs = new Set(direct.inputs);
  const taken = new Set<Value>();
  const outputs = direct.outputs.map((value) => {
    // An output that is a whole view of a computed value lends its memory to that value.
    const { base } = accessOf(value);
    const free =
      isWhole(value) &&
      !isVirtual(base) &&
      isComputed(base) &&
      !inputs.has(base) &&
      !taken.has(base);
    const result = free ? value : copy(value, builder);
    taken.add(accessOf(result).base);
    return result;
  });
  return { inputs: direct.inputs, nodes: builder.nodes, outputs };
}
