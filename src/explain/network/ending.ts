/** @file How a network ends: the softmax or sigmoid that makes probabilities of scores, found in the graph of a pass. */
import { paramsKey } from "../../compile/passes/common.ts";
import { type Node, type Value, typeOf } from "../../ir/graph.ts";
import { isView } from "../../ir/prim.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { apply, trace } from "../../ir/trace.ts";

/** What the last step is that makes probabilities. */
export type EndingKind = "softmax" | "logSoftmax" | "sigmoid" | "none";

/** The end of a network. */
export interface Ending {
  readonly kind: EndingKind;
  /** The value before that step: what the last softmax receives. The output itself for "none". */
  readonly scores: Value;
  /** Views between the step and the output, in order: a flatten behind a softmax, say. */
  readonly views: readonly Node[];
}

/** Looks through views at what an output was made by, whichever layer, fused activation or function wrote it. */
export function endingOf(output: Value): Ending {
  const views: Node[] = [];
  let value = output;
  while (value.node !== null && isView((value.node as Node).prim)) {
    views.unshift(value.node as Node);
    value = value.node.inputs[0]!;
  }
  for (const [kind, functions] of endings(value.shape.length))
    for (const make of functions) {
      const scores = argumentOf(make, value);
      if (scores !== undefined) return { kind, scores, views };
    }
  return { kind: "none", scores: output, views: [] };
}

/** The same views of another value: scores in the shape that the network gives probabilities. */
export function viewed(views: readonly Node[], x: Tensor): Tensor {
  return views.reduce((value, { prim, params, outputs }) => {
    return apply(prim, params, [value], outputs)[0]!;
  }, x);
}

/** Functions of a value of a rank that make probabilities. A softmax goes along any axis but the batch, or along all. */
function endings(rank: number): [Exclude<EndingKind, "none">, ((x: Tensor) => Tensor)[]][] {
  const axes = Array.from({ length: Math.max(0, rank - 1) }, (_, index) => rank - 1 - index);
  const choices = [...axes, ...(axes.length > 1 ? [axes.toReversed()] : [])];
  return [
    ["softmax", choices.map((along) => (x: Tensor) => x.softmax(along))],
    ["logSoftmax", choices.map((along) => (x: Tensor) => x.logSoftmax(along))],
    ["sigmoid", [(x: Tensor) => x.sigmoid()]],
  ];
}

/** x where `value` was computed as make(x). */
function argumentOf(make: (x: Tensor) => Tensor, value: Value): Value | undefined {
  const { graph } = trace((x) => [make(x)], [typeOf(value)]);
  const counterpart = new Map<Value, Value>();
  const matches = (pattern: Value, found: Value): boolean => {
    const known = counterpart.get(pattern);
    if (known !== undefined) return known === found;
    counterpart.set(pattern, found);
    const [a, b] = [pattern.node as Node | null, found.node as Node | null];
    if (a === null) return true;
    return (
      b !== null &&
      a.prim === b.prim &&
      a.inputs.length === b.inputs.length &&
      paramsKey(a) === paramsKey(b) &&
      a.inputs.every((input, index) => matches(input, b.inputs[index]!))
    );
  };
  return matches(graph.outputs[0]!, value) ? counterpart.get(graph.inputs[0]!) : undefined;
}
