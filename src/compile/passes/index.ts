/** @file The pipeline from a traced graph to the graph that kernels are made of, as one visible list. */
import type { Graph } from "../../ir/graph.ts";
import { verifyGraph } from "../../ir/verify.ts";
import { shareCommon } from "./common.ts";
import { removeDeadCode } from "./dead-code.ts";
import { inlineCalls } from "./inline-calls.ts";
import { materialize } from "./materialize.ts";
import { simplify } from "./simplify.ts";

/** A pass keeps what a graph computes. */
export interface Pass {
  readonly name: string;
  readonly run: (graph: Graph) => Graph;
}

export const passes: readonly Pass[] = [
  { name: "inline calls", run: inlineCalls },
  { name: "dead code", run: removeDeadCode },
  { name: "simplify", run: simplify },
  { name: "share common", run: shareCommon },
  { name: "simplify again", run: simplify },
  { name: "share common again", run: shareCommon },
  { name: "dead code again", run: removeDeadCode },
  { name: "materialize", run: materialize },
];

/** Runs every pass; `verify` checks the graph in between. */
export function optimize(graph: Graph, verify = false): Graph {
  let result = graph;
  for (const pass of passes) {
    result = pass.run(result);
    if (verify) verifyGraph(result, pass.name);
  }
  return result;
}
