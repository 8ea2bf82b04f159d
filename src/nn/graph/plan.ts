/** @file The plan of a graph model: which layer is applied to what, in numbers, so that copies of the model can follow it. */
import type { AnyLayer } from "../layer.ts";
import type { GraphMap, Resolve } from "./map.ts";
import { type SymbolicTensor, applicationsOf } from "./symbolic.ts";

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

/** A graph by numbers: values are numbered as they come about, those of the inputs first. */
export interface Plan {
  /** Positions of the input layers among the layers; their values are 0, 1, ... */
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
    const siblings = applicationsOf(node.layer).filter((other) => inGraph.has(other));
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
export function runPlan<T>(
  plan: Plan,
  layers: readonly AnyLayer[],
  inputs: readonly T[],
  apply: (layer: AnyLayer, inputs: T | T[], step: number) => readonly T[],
): T[] {
  const values = [...inputs];
  for (const [index, step] of plan.steps.entries()) {
    const given = step.inputs.map((number) => values[number]!);
    const results = apply(layers[step.layer]!, step.takesList ? given : given[0]!, index);
    for (const [output, number] of step.outputs.entries()) values[number] = results[output]!;
  }
  return values;
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
