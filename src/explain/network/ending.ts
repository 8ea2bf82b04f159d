/** @file How a network ends: the softmax or sigmoid that makes probabilities of scores, looked up in the graph of a pass. */
import { type Node, type Value, isPrim } from "../../ir/graph.ts";
import { isView } from "../../ir/prim.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { apply } from "../../ir/trace.ts";

/** The last step, if it makes probabilities. */
export type EndingKind = "softmax" | "logSoftmax" | "sigmoid" | "none";

/** The end of a network. */
export interface Ending {
  readonly kind: EndingKind;
  /** The value before that step, what the last softmax receives; the output itself for "none". */
  readonly scores: Value;
  /** Views between the step and the output, in order: a flatten behind a softmax, say. */
  readonly views: readonly Node[];
}

/** How an output was made, seen through views: the same for a layer, a fused activation and a function of one's own. */
export function endingOf(output: Value): Ending {
  const views: Node[] = [];
  let value = output;
  while (value.node !== null && isView((value.node as Node).prim)) {
    views.unshift(value.node as Node);
    value = value.node.inputs[0]!;
  }
  const { node } = value;
  const kind = node !== null && isPrim(node, "composite") ? kindOf(node) : "none";
  return kind === "none"
    ? { kind, scores: output, views: [] }
    : { kind, scores: node!.inputs[0]!, views };
}

/** A softmax makes probabilities along one axis, or along all of them, but not along the batch. */
function kindOf({ params, inputs }: Node<"composite">): EndingKind {
  const { name, attributes } = params;
  if (name === "sigmoid") return name;
  if (name !== "softmax" && name !== "logSoftmax") return "none";
  const axes = attributes["axes"] as readonly number[];
  const rank = inputs[0]!.shape.length;
  const fits = !axes.includes(0) && (axes.length === 1 || axes.length === rank - 1);
  return fits ? name : "none";
}

/** The same views of another value: scores in the shape of the network's probabilities. */
export function viewed(views: readonly Node[], x: Tensor): Tensor {
  return views.reduce((value, { prim, params, outputs }) => {
    return apply(prim, params, [value], outputs)[0]!;
  }, x);
}
