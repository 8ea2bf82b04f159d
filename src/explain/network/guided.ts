/** @file Guided backpropagation's rule for rectifiers, put into a copy of a pass: the network itself is not changed. */
import { type Replacement, customVjp, inline } from "../../autodiff/index.ts";
import { type Graph, asGraph, isPrim, typeOf } from "../../ir/graph.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { trace } from "../../ir/trace.ts";
import { ExplainError } from "../errors.ts";

/** max(x, 0), which passes a derivative back only if x and the derivative are positive (Springenberg et al. 2014, figure 1 b). */
const guidedRelu = customVjp((x: Tensor) => x.relu(), {
  forward: (x): [Tensor, Tensor] => [x.relu(), x],
  backward: (x, cotangent): [Tensor] => [cotangent.relu().where(x.greater(0), 0)],
});

/**
 * The graph with this rule for every relu and every clip from 0. relu6 is guided, too, and still blocks derivatives above 6. Other
 * activations keep their derivatives. Throws ExplainError naming `who` for a network without rectifiers.
 */
export function withGuidedRelu(who: string, graph: Graph): Graph {
  let count = 0;
  const guide: Replacement = (node, operands) => {
    if (!isPrim(node, "composite")) return undefined;
    const { name, attributes, graph: body } = node.params;
    const [x] = operands as [Tensor];
    if (name === "relu") {
      count++;
      return [guidedRelu(x)];
    }
    if (name === "clip" && attributes["low"] === 0) {
      count++;
      const high = attributes["high"] as number | undefined;
      return [high === undefined ? guidedRelu(x) : guidedRelu(x).minimum(high)];
    }
    return inline(asGraph(body), operands, guide);
  };
  const traced = trace((...inputs) => inline(graph, inputs, guide), graph.inputs.map(typeOf));
  if (count === 0)
    throw new ExplainError(
      `${who}: the network has no ReLU whose derivative could be guided. Use saliency or smoothGrad instead.`,
    );
  return traced.graph;
}
