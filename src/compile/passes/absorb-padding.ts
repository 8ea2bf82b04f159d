/**
 * @file Pass: zeros around images become the padding of the convolutions that read them, which do not store them. Padded
 * images that something else reads are left alone: they are in memory anyway, and the images themselves need not be kept.
 */
import type { Pair } from "../../ir/conv.ts";
import { type Graph, type Node, type Value, isPrim } from "../../ir/graph.ts";
import { rewriteGraph } from "./rewrite.ts";

type Pad = Node<"pad"> & Node;
type Conv = (Node<"conv"> | Node<"convFilter">) & Node;

/** After this pass no `conv` or `convFilter` reads zeros put around rows and columns that nothing else reads. */
export function absorbPadding(graph: Graph): Graph {
  const absorbed = absorbedBy(graph);
  if (absorbed.size === 0) return graph;
  return rewriteGraph(graph, (node, inputs, builder) => {
    // Gone: what read it reads its operand, which the rewriting of inputs sees to.
    if (absorbed.has(node)) return inputs;
    const pads = isConv(node) ? padsOf(node.inputs[0]!, absorbed) : [];
    if (pads.length === 0) return builder.keep(node, inputs);
    const { params } = node as Conv;
    const along = (axis: 1 | 2): Pair =>
      pads.reduce<Pair>(
        ([before, after], { params: { low, high } }) => [before + low[axis]!, after + high[axis]!],
        params.padding[axis - 1]!,
      );
    const padded = { ...params, padding: [along(1), along(2)] as const };
    return builder.addAll(node.prim, padded, inputs, node.outputs);
  });
}

const isConv = (node: Node): node is Conv => isPrim(node, "conv") || isPrim(node, "convFilter");

/** Pads whose every reader is a convolution of its images, or a pad of that kind. */
function absorbedBy(graph: Graph): ReadonlySet<Node> {
  const elsewhere = new Set<Value>(graph.outputs);
  const found = new Set<Node>();
  // Readers come before what they read.
  for (const node of [...graph.nodes].reverse()) {
    if (isBorder(node) && !elsewhere.has(node.outputs[0]!)) {
      found.add(node);
      continue;
    }
    node.inputs.forEach((input, index) => {
      if (index > 0 || !isConv(node)) elsewhere.add(input);
    });
  }
  return found;
}

/** Whether the node puts zeros (not -0, which sums could show) around the rows and columns of images that have pixels. */
function isBorder(node: Node): node is Pad {
  if (!isPrim(node, "pad")) return false;
  const { low, high, interior, value } = node.params;
  return (
    low.length === 4 &&
    !node.inputs[0]!.shape.slice(1).includes(0) &&
    Object.is(value, 0) &&
    interior.every((count) => count === 0) &&
    [0, 3].every((axis) => low[axis] === 0 && high[axis] === 0)
  );
}

/** The absorbed pads that a value has been through, in a row. */
function padsOf(value: Value, absorbed: ReadonlySet<Node>): Pad[] {
  const pads: Pad[] = [];
  for (
    let { node } = value;
    node !== null && absorbed.has(node as Node);
    { node } = node.inputs[0]!
  )
    pads.push(node as Pad);
  return pads;
}
