/** @file Passes that decide what is stored: copies where a kernel or a caller needs them, and values made again instead of stored. */
import type { Target } from "../../backend/backend.ts";
import { type Graph, type Value, isPrim, type Node } from "../../ir/graph.ts";
import { isElementwise, isReduce, isView, comparePrims } from "../../ir/prim.ts";
import { accessOf, isComputed, isVirtual, isWhole } from "../access.ts";
import { spaceOf } from "../fuse/space.ts";
import { Builder, rewriteGraph } from "./rewrite.ts";
import { sizeOf } from "../../ir/shape.ts";
import { kernelBytes } from "../../ir/dtype.ts";

/** After this pass every output is computed, distinct and no input; operands of direct and host kernels are whole, those of large matrix products lie in memory. */
export function materialize(graph: Graph, target: Target): Graph {
  const copied = new Map<Value, Value>();
  const copy = (value: Value, builder: Builder): Value => builder.add("copy", {}, [value], value);
  const inMemory = (value: Value, builder: Builder): Value => {
    if (isWhole(value)) return value;
    let result = copied.get(value);
    if (result === undefined) copied.set(value, (result = copy(value, builder)));
    return result;
  };
  const direct = rewriteGraph(graph, (node, inputs, builder) => {
    const walks = isElementwise(node.prim) || isReduce(node.prim) || isView(node.prim);
    if (walks || isPrim(node, "concat") || isPrim(node, "pad")) return builder.keep(node, inputs);
    // A kernel is read with any strides once, to be laid out; matrix products too take any, but the large ones want elements in memory.
    if (isPrim(node, "matmul") || isPrim(node, "prepareKernel"))
      return builder.keep(
        node,
        spaceOf(node, target) !== undefined
          ? inputs
          : inputs.map((input) =>
              isVirtual(accessOf(input).base) ? inMemory(input, builder) : input,
            ),
      );
    return builder.keep(
      node,
      inputs.map((input) => inMemory(input, builder)),
    );
  });
  const builder = new Builder();
  builder.nodes.push(...direct.nodes);
  const inputs = new Set(direct.inputs);
  const taken = new Set<Value>();
  const outputs = direct.outputs.map((value) => {
    // A computed value of which an output is a whole view is written straight into that output's memory.
    const { base } = accessOf(value);
    const free =
      isWhole(value) &&
      !isVirtual(base) &&
      isComputed(base) &&
      !inputs.has(base) &&
      !taken.has(base);
    const result = free ? value : copy(value, builder);
    taken.add(accessOf(result).base);
    return result;
  });
  return { inputs: direct.inputs, nodes: builder.nodes, outputs };
}

/** Elements from which a tensor leaves the caches before it is needed again. */
const fewest = 1 << 16;
/** The other operands are at least this many times smaller. */
const smaller = 16;

const quick: ReadonlySet<string> = new Set([...comparePrims, "add", "sub", "mul"]);

/**
 * A value that is quickly made from a large tensor that is stored anyway is made again for later readers, and not stored: the mask of a
 * relu for the backward pass, made from the activation; deviations from a mean (Chen et al. 2016, "Training deep nets with sublinear
 * memory cost"). Writing a large tensor takes twice the traffic of reading one. Must be the last pass: others would undo it.
 */
export function recompute(graph: Graph): Graph {
  const plan = planOf(graph);
  if (plan.size === 0) return graph;
  const operands = new Map<Value, readonly Value[]>();
  const again = new Map<Value, Map<number, Value>>();
  return rewriteGraph(graph, (node, inputs, builder) => {
    const [output] = node.outputs as [Value];
    const stages = plan.get(output);
    if (stages !== undefined) {
      operands.set(output, inputs);
      again.set(output, new Map());
      if (![...stages.values()].includes(0)) return node.outputs;
    }
    const now = node.inputs.map((input, index) => {
      const stage = plan.get(input)?.get(node) ?? 0;
      if (stage === 0) return inputs[index]!;
      const made = again.get(input)!;
      let value = made.get(stage);
      if (value === undefined) {
        const { prim, params } = input.node as Node;
        value = builder.addAll(prim, params, operands.get(input)!, [input], true)[0]!;
        made.set(stage, value);
      }
      return value;
    });
    return builder.keep(node, now);
  });
}

/** For each value to be recomputed the stages of its readers: those of one stage share it, those of stage 0 read the first. */
type Plan = ReadonlyMap<Value, ReadonlyMap<Node, number>>;

function planOf({ nodes, outputs }: Graph): Plan {
  const plan = new Map<Value, ReadonlyMap<Node, number>>();
  if (!nodes.some((node) => isCandidate(node))) return plan;
  const readers = new Map<Value, Node[]>();
  for (const node of nodes)
    for (const input of new Set(node.inputs)) {
      const list = readers.get(input);
      if (list === undefined) readers.set(input, [node]);
      else list.push(node);
    }
  const position = new Map(nodes.map((node, index) => [node, index]));
  const results = new Set(outputs.map((output) => accessOf(output).base));
  const stagesFrom = (large: Value, value: Value): Map<Node, number> => {
    const first = large.node === null ? -1 : position.get(large.node as Node)!;
    return stages(large, value, readers.get(value) ?? [], nodes.slice(first + 1));
  };
  for (const node of nodes) {
    const [output] = node.outputs as [Value];
    if (!isCandidate(node) || results.has(output)) continue;
    const large = largeOperand(node)!;
    const all = readers.get(output) ?? [];
    if (plan.has(large) || !all.every((reader) => inLoops(reader, output))) continue;
    const later = stagesFrom(large, output);
    if (![...later.values()].some((stage) => stage > 0)) continue;
    const stored =
      results.has(large) ||
      large.node === null ||
      (readers.get(large) ?? []).some((reader) => !isLoop(reader)) ||
      [...stagesFrom(large, large).values()].some((stage) => stage > 0);
    if (stored) plan.set(output, later);
  }
  return plan;
}

const isLoop = (node: Node): boolean =>
  isElementwise(node.prim) || isReduce(node.prim) || isView(node.prim) || node.prim === "copy";

/** Whether a reader runs over the value as it lies, so that their loops are one. */
function inLoops(reader: Node, value: Value): boolean {
  if (isReduce(reader.prim)) return true;
  return isElementwise(reader.prim) && sizeOf(reader.outputs[0]!.shape) === sizeOf(value.shape);
}

function isCandidate(node: Node): boolean {
  return (
    quick.has(node.prim) &&
    sizeOf(node.outputs[0]!.shape) >= fewest &&
    largeOperand(node) !== undefined
  );
}

/** The only operand that is as large as the result, if it takes no more bytes and the others are small. */
function largeOperand({ inputs, outputs }: Node): Value | undefined {
  const [output] = outputs as [Value];
  const size = sizeOf(output.shape);
  const isSmall = (value: Value): boolean => {
    const { base } = accessOf(value);
    return isVirtual(base)
      ? isPrim(base.node as Node, "constant")
      : smaller * sizeOf(base.shape) <= size;
  };
  const large = inputs.filter((input) => !isSmall(input));
  const [one] = large;
  if (large.length !== 1 || one === undefined || !isWhole(one) || accessOf(one).base !== one)
    return undefined;
  return sizeOf(one.shape) === size && kernelBytes[one.dtype] <= kernelBytes[output.dtype]
    ? one
    : undefined;
}

/**
 * For each reader of `value`: the most reductions (and other nodes that are not elementwise) on any path from `large` to the reader,
 * minus those on the path to `value`. A reader of stage 0 can share a kernel with the value.
 */
function stages(
  large: Value,
  value: Value,
  readers: readonly Node[],
  after: readonly Node[],
): Map<Node, number> {
  const depth = new Map<Value, number>([[large, 0]]);
  const found = new Map<Node, number>();
  const wanted = new Set(readers);
  for (const node of after) {
    const most = Math.max(-1, ...node.inputs.map((input) => depth.get(input) ?? -1));
    if (most < 0) continue;
    if (wanted.has(node)) found.set(node, most);
    const through = isLoop(node) && !isReduce(node.prim) ? most : most + 1;
    for (const output of node.outputs) depth.set(output, through);
  }
  const own = depth.get(value)!;
  return new Map([...found].map(([reader, most]) => [reader, most - own]));
}
