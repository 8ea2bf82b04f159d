/**
 * @file Pass: a convolution's kernel is laid out (or transformed) by a node of its own, which is computed once where the
 * kernel is a constant, and shared by convolutions with the same kernel.
 */
import type { Target } from "../../backend/backend.ts";
import { convShape } from "../../ir/conv.ts";
import { type Graph, type Value, isPrim } from "../../ir/graph.ts";
import { rewriteGraph } from "./rewrite.ts";

/** After this pass every `conv` is a `preparedConv`. */
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
