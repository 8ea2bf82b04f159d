/** @file The layers and applications between symbolic inputs and outputs, in Keras' order (keras.ops.function.map_graph). */
import { ArgumentError, complaint } from "../../base/errors.ts";
import type { GraphLayer, GraphNode, SymbolicTensor } from "./symbolic.ts";

/** A graph between inputs and outputs. */
export interface GraphMap {
  /** Each layer once, the farthest from the outputs first. */
  readonly layers: readonly GraphLayer[];
  /** Each application, after those whose outputs it takes; without those that make the inputs. */
  readonly nodes: readonly GraphNode[];
}

/** What stands for a symbolic tensor: itself, or the input that replaces it. */
export type Resolve = (symbol: SymbolicTensor) => SymbolicTensor;

/**
 * What has to be computed for `outputs` when `inputs` are given. A node's depth is the number of applications on the longest
 * way to an output; depth orders nodes and layers, and the order in which a search from the outputs meets layers breaks ties.
 * Throws ArgumentError naming `who` for an output that needs more than the inputs, and for inputs that no output needs.
 */
export function mapGraph(
  who: string,
  inputs: readonly SymbolicTensor[],
  outputs: readonly SymbolicTensor[],
  resolve: Resolve,
): GraphMap {
  const sorted: GraphNode[] = [];
  const met = new Map<GraphLayer, number>();
  const seen = new Set<GraphNode>();
  // A stack of its own: networks may be deeper than calls may nest.
  const search = (from: GraphNode): void => {
    const path: { node: GraphNode; next: number }[] = [];
    const enter = (node: GraphNode): void => {
      seen.add(node);
      if (!met.has(node.layer)) met.set(node.layer, met.size);
      path.push({ node, next: 0 });
    };
    enter(from);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const source = top.node.inputs[top.next++];
      if (source === undefined) {
        sorted.push(top.node);
        path.pop();
      } else if (!seen.has(resolve(source).node)) enter(resolve(source).node);
    }
  };
  for (const output of outputs) {
    const { node } = resolve(output);
    if (!seen.has(node)) search(node);
  }
  const sources = new Set(inputs.map(({ node }) => node));
  const missing = sorted.find((node) => node.inputs.length === 0 && !sources.has(node));
  if (missing !== undefined)
    throw new ArgumentError(
      complaint(
        who,
        "outputs that follow from the inputs alone",
        `one that needs another input, ${missing.layer.label}`,
        "Add it to inputs, or take outputs that come from them.",
      ),
    );
  const unused = inputs.find(({ node }) => !seen.has(node));
  if (unused !== undefined)
    throw new ArgumentError(
      complaint(
        who,
        "inputs that reach an output",
        `${unused.node.layer.label}, which none of the outputs needs`,
      ),
    );
  return inOrder(sorted, met, resolve);
}

function inOrder(
  sorted: readonly GraphNode[],
  met: ReadonlyMap<GraphLayer, number>,
  resolve: Resolve,
): GraphMap {
  const depths = new Map<GraphNode, number>();
  const layerDepths = new Map<GraphLayer, number>();
  for (const node of sorted.toReversed()) {
    const depth = Math.max(depths.get(node) ?? 0, layerDepths.get(node.layer) ?? 0);
    depths.set(node, depth);
    layerDepths.set(node.layer, depth);
    for (const input of node.inputs) {
      const source = resolve(input).node;
      depths.set(source, Math.max(depth + 1, depths.get(source) ?? 0));
    }
  }
  const layers = [...layerDepths.keys()].toSorted(
    (a, b) => layerDepths.get(b)! - layerDepths.get(a)! || met.get(a)! - met.get(b)!,
  );
  const nodes = [...depths.keys()].toSorted((a, b) => depths.get(b)! - depths.get(a)!);
  return { layers, nodes: nodes.filter((node) => node.inputs.length > 0) };
}
