/** @file Passes over convolutions: zeros around images become padding, and kernels are laid out by nodes of their own. */
import { type Pair, convShape } from "../../ir/conv.ts";
import { type Graph, type Node, type Value, isPrim } from "../../ir/graph.ts";
import { rewriteGraph } from "./rewrite.ts";
import type { Target } from "../../backend/backend.ts";

type Pad = Node<"pad"> & Node;
type Conv = (Node<"conv"> | Node<"convFilter">) & Node;

/**
 * Zeros around images become the padding of the convolutions that read them, and are never stored. Padded images that something else
 * reads too are left alone: they are in memory anyway, and the images themselves need not be kept.
 */
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

/**
 * Every `conv` becomes a `preparedConv`, whose kernel is laid out (or transformed) by a node of its own: computed once if the kernel is
 * a constant, and shared by convolutions with the same kernel.
 */
export function prepareKernels(graph: Graph, invariant: boolean, target: Target): Graph {
  const known = new Map<Value, Map<string, Value>>();
  return rewriteGraph(graph, (node, inputs, builder) => {
    if (!isPrim(node, "conv")) return builder.keep(node, inputs);
    const [x, kernel] = inputs as [Value, Value];
    const { params, outputs } = node;
    const dtype = x.dtype as "float32" | "float64";
    const shape = convShape(x.shape, kernel.shape, params, dtype);
    // Which algorithm is cheapest may depend on the batch: then that of one sample is everybody's.
    const algorithm = target.convolution(
      invariant ? { ...shape, batch: 1 } : shape,
      params.algorithm,
    );
    const size = target.preparedSize(shape, algorithm);
    let layouts = known.get(kernel);
    if (layouts === undefined) known.set(kernel, (layouts = new Map()));
    const layout = `${algorithm} ${params.groups}`;
    let prepared = layouts.get(layout);
    if (prepared === undefined) {
      // What the image is does not matter to the layout: a kernel is prepared once for images of any size.
      const type = { shape: [size], dtype };
      prepared = builder.add(
        "prepareKernel",
        { ...params, prepared: algorithm, size },
        [kernel],
        type,
      );
      layouts.set(layout, prepared);
    }
    const of = kernel.shape as readonly [number, number, number, number];
    return [
      builder.add(
        "preparedConv",
        { ...params, prepared: algorithm, kernel: of },
        [x, prepared],
        outputs[0]!,
      ),
    ];
  });
}
