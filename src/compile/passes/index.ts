/** @file The pipeline from a traced graph to the graph that kernels are made of, as one visible list. */
import type { Graph } from "../../ir/graph.ts";
import type { Target } from "../../backend/backend.ts";
import { wasmTarget } from "../../backend/wasm/target.ts";
import { verifyGraph } from "../../ir/verify.ts";
import { absorbPadding, prepareKernels } from "./convolutions.ts";
import { shareCommon, removeDeadCode, simplify } from "./shorten.ts";
import { type Keeps, inlineCalls } from "./inline-calls.ts";
import { materialize, recompute } from "./memory.ts";

/** A pass keeps what a graph computes. */
export interface Pass {
  readonly name: string;
  /** With `invariant`, what is made for a row must not depend on how many rows there are. */
  readonly run: (graph: Graph, invariant: boolean, target: Target) => Graph;
}

/** `claims` says for which composites the backend has kernels of its own. */
const before = (claims: Keeps | undefined): readonly Pass[] => [
  { name: "inline calls", run: (graph) => inlineCalls(graph, claims) },
  { name: "dead code", run: removeDeadCode },
];
/** Repeated until nothing changes: each makes work for the other. */
const rounds: readonly Pass[] = [
  { name: "simplify", run: simplify },
  { name: "share common", run: shareCommon },
];
const after: readonly Pass[] = [
  { name: "absorb padding", run: absorbPadding },
  { name: "prepare kernels", run: prepareKernels },
  { name: "materialize", run: (graph, _, target) => materialize(graph, target) },
  { name: "recompute", run: (graph, invariant) => (invariant ? graph : recompute(graph)) },
];
const maxRounds = 4;

/**
 * Runs every pass; `verify` checks the graph in between. Composites that the backend `claims` stay nodes. With `invariant`,
 * rows are computed in the same way however many there are.
 */
export function optimize(
  graph: Graph,
  verify = false,
  claims?: Keeps,
  invariant = false,
  target: Target = wasmTarget,
): Graph {
  const first = simplified(apply(graph, before(claims), verify), verify);
  return apply(first, after, verify, invariant, target);
}

/**
 * The graph with less to do, still fit to be differentiated: for graphs that others will be made of, such as the vector
 * field that each stage of a step repeats.
 */
export function tidy(graph: Graph): Graph {
  return simplified(removeDeadCode(graph), false);
}

function simplified(graph: Graph, verify: boolean): Graph {
  let result = graph;
  for (let round = 0; round < maxRounds; round++) {
    const next = apply(result, rounds, verify);
    if (next === result) break;
    result = next;
  }
  return removeDeadCode(result);
}

function apply(
  graph: Graph,
  passes: readonly Pass[],
  verify: boolean,
  invariant = false,
  target: Target = wasmTarget,
): Graph {
  return passes.reduce((now, pass) => {
    const next = pass.run(now, invariant, target);
    return verify ? verifyGraph(next, pass.name) : next;
  }, graph);
}
