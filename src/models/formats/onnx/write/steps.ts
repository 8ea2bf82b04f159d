/** @file Which values a file computes, and how: from the outputs back, one operator for as much as it can stand for. */
import { type AnyNode, type Node, type Value, isPrim } from "../../../../ir/graph.ts";
import { complaint } from "../../../../base/errors.ts";
import type { PrimName } from "../../../../ir/prim.ts";
import { FormatError } from "../../../errors.ts";
import type { Emitter } from "./emitter.ts";
import { rules } from "./lower/index.ts";
import { patterns } from "./patterns.ts";
import type { Rule, Sight, Step } from "./step.ts";
import type { TracedModel } from "./traced.ts";

/** A step, the value that it makes, and the layer that it belongs to. */
interface Placed extends Step {
  readonly value: Value;
  readonly scope: string | undefined;
}

/** Writes everything that the outputs need. Throws FormatError naming `who`. */
export function lowerAll(who: string, { graph, outputs, layers }: TracedModel, to: Emitter): void {
  const { statics, names } = to;
  const sight: Sight = {
    node: <P extends PrimName>(value: Value, prim: P): Node<P> | undefined =>
      value.node !== null && isPrim(value.node, prim) && !layers.has(value)
        ? (value.node as Node<P>)
        : undefined,
    isConstant: (value) => statics.has(value),
  };
  const needed = new Set(outputs);
  /** For each value the layer of its first reader: a value that is not the output of a layer is inside the layer that reads it. */
  const scopes = new Map<Value, string | undefined>();
  const placed: Placed[] = [];
  for (const node of graph.nodes.toReversed()) {
    const [value] = node.outputs as [Value];
    if (!needed.has(value) || statics.has(value)) continue;
    const scope = layers.get(value) ?? scopes.get(value);
    const seen = { ...sight, node: rooted(sight, value) };
    let step: Step | undefined;
    for (const { match } of patterns) {
      step = match(value, seen);
      if (step !== undefined) break;
    }
    step ??= plainStep(who, node, value);
    for (const input of step.inputs) {
      needed.add(input);
      scopes.set(input, scope);
    }
    placed.push({ ...step, value, scope });
  }
  for (const step of placed.reverse()) {
    names.scope = step.scope;
    step.lower(to);
  }
  names.scope = undefined;
}

/** A layer's output may be what a pattern ends in, but nothing in between. */
function rooted(sight: Sight, root: Value): Sight["node"] {
  return (value, prim) => {
    if (value !== root) return sight.node(value, prim);
    const node = value.node as AnyNode;
    return isPrim(node, prim) ? node : undefined;
  };
}

function plainStep(who: string, node: Node, value: Value): Step {
  const rule = rules[node.prim] as Rule<PrimName> | undefined;
  if (rule === undefined)
    throw new FormatError(
      complaint(
        who,
        `a model of primitives that ONNX has operators for (${Object.keys(rules).join(", ")})`,
        `"${node.prim}"`,
        "It comes from a derivative or from random numbers: neither belongs to a network in use.",
      ),
    );
  return { inputs: node.inputs, lower: (to) => rule(node, value, to) };
}
