/** @file Guided backpropagation's rule for rectifiers, in the graph of a pass: the network itself is not touched. */
import { customVjp, inline } from "../../autodiff/index.ts";
import { type Graph, type Node, type Value, isPrim, typeOf } from "../../ir/graph.ts";
import { isView } from "../../ir/prim.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { trace } from "../../ir/trace.ts";
import { ExplainError } from "../errors.ts";

/** max(x, 0), whose derivative passes where both x and what comes back are positive (Springenberg et al. 2014, figure 1 b). */
const guidedRelu = customVjp((x: Tensor) => x.relu(), {
  forward: (x): [Tensor, Tensor] => [x.relu(), x],
  backward: (x, cotangent): [Tensor] => [cotangent.relu().where(x.greater(0), 0)],
});

/**
 * The graph with this rule for every max(x, 0), so also within relu6, which besides lets nothing through above 6. Other
 * activations keep their derivatives. Throws ExplainError naming `who` for a network without rectifiers: there is nothing to guide.
 */
export function withGuidedRelu(who: string, graph: Graph): Graph {
  let count = 0;
  const traced = trace(
    (...inputs) =>
      inline(graph, inputs, (node, operands) => {
        const x = rectified(node);
        if (x === undefined) return undefined;
        count++;
        return [guidedRelu(operands[x]!)];
      }),
    graph.inputs.map(typeOf),
  );
  if (count === 0)
    throw new ExplainError(
      `${who}: the network has no ReLU whose derivative could be guided. Use saliency or smoothGrad instead.`,
    );
  return traced.graph;
}

/** Which operand is rectified, if the node is max(x, 0). */
function rectified(node: Node): number | undefined {
  if (!isPrim(node, "max")) return undefined;
  const zero = node.inputs.findIndex(isZero);
  return zero < 0 ? undefined : 1 - zero;
}

function isZero(value: Value): boolean {
  let node = value.node as Node | null;
  while (node !== null && isView(node.prim)) node = node.inputs[0]!.node as Node | null;
  return node !== null && isPrim(node, "constant") && node.params.value === 0;
}
