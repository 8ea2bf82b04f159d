/**
 * @file From symbolic tensors to the plan of a model: which layers lie between inputs and outputs, in Keras' order
 * (keras.ops.function.map_graph), and which is applied to what, in numbers, so that copies of the model can follow it.
 */
import { ArgumentError, complaint } from "../../base/errors.ts";
import { type GraphLayer, type GraphNode, type SymbolicTensor, applications } from "./symbolic.ts";

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

/** One application. */
export interface PlannedStep {
  /** Position among the model's layers. */
  readonly layer: number;
  /** Which of the layer's applications it is, in the order in which they were made. */
  readonly application: number;
  /** Whether the layer takes a list. */
  readonly takesList: boolean;
  /** Numbers of the values it takes, and of those it makes. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** A graph by numbers: values are numbered in the order in which they are computed, those of the inputs first. */
export interface Plan {
  /** Positions of the input layers among the layers, -1 where there is none; their values are 0, 1, ... */
  readonly inputs: readonly number[];
  readonly steps: readonly PlannedStep[];
  /** Numbers of the outputs' values. */
  readonly outputs: readonly number[];
  /** Whether the model takes a list, and gives one. */
  readonly takesList: boolean;
  readonly givesList: boolean;
}

/** Writes a graph down by numbers. */
export function planOf(
  { layers, nodes }: GraphMap,
  inputs: readonly SymbolicTensor[],
  outputs: readonly SymbolicTensor[],
  resolve: Resolve,
): Pick<Plan, "inputs" | "steps" | "outputs"> {
  const positions = new Map(layers.map((layer, index) => [layer, index]));
  const numbers = new Map<SymbolicTensor, number>();
  const numberOf = (symbol: SymbolicTensor): number => numbers.get(resolve(symbol))!;
  for (const symbol of inputs) numbers.set(symbol, numbers.size);
  const inGraph = new Set(nodes);
  const steps = nodes.map((node): PlannedStep => {
    const siblings = node.layer[applications]!.filter((other) => inGraph.has(other));
    for (const output of node.outputs) numbers.set(output, numbers.size);
    return Object.freeze({
      layer: positions.get(node.layer)!,
      application: siblings.indexOf(node),
      takesList: node.takesList,
      inputs: Object.freeze(node.inputs.map(numberOf)),
      outputs: Object.freeze(node.outputs.map(numberOf)),
    });
  });
  // Frozen, so that it is read once rather than whenever the model is an argument.
  return {
    inputs: Object.freeze(inputs.map(({ node }) => positions.get(node.layer)!)),
    steps: Object.freeze(steps),
    outputs: Object.freeze(outputs.map(numberOf)),
  };
}

/** Follows a plan: the values of its outputs, and of everything on the way, by number. */
export function runPlan<T, L>(
  plan: Plan,
  layers: readonly L[],
  inputs: readonly T[],
  apply: (layer: L, inputs: T | T[], step: number) => readonly T[],
): T[] {
  const values = [...inputs];
  for (const [index, step] of plan.steps.entries()) {
    const given = step.inputs.map((number) => values[number]!);
    const results = apply(layers[step.layer]!, step.takesList ? given : given[0]!, index);
    for (const [output, number] of step.outputs.entries()) values[number] = results[output]!;
  }
  return values;
}

/** The plan of layers one after another; the input has no layer. */
export function chainOf(length: number): Plan {
  const steps = Array.from({ length }, (_, index) =>
    Object.freeze({
      layer: index,
      application: 0,
      takesList: false,
      inputs: Object.freeze([index]),
      outputs: Object.freeze([index + 1]),
    }),
  );
  return Object.freeze({
    inputs: Object.freeze([-1]),
    steps: Object.freeze(steps),
    outputs: Object.freeze([length]),
    takesList: false,
    givesList: false,
  });
}

/** Whether each layer takes what the one before gives, and none is applied twice. */
export function isChain({ inputs, steps }: Plan): boolean {
  let last: readonly number[] = [0];
  for (const step of steps) {
    if (step.inputs.length !== 1 || !last.includes(step.inputs[0]!)) return false;
    last = step.outputs;
  }
  return inputs.length === 1 && new Set(steps.map(({ layer }) => layer)).size === steps.length;
}
