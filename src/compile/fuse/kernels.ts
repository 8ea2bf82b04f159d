/** @file From a graph to kernels: groups lowered, matrix products and the rest as work of their own. */
import { convShape } from "../../ir/conv.ts";
import { type AnyNode, type Graph, type Node, type Value, isPrim } from "../../ir/graph.ts";
import type { Instruction, Kernel, LoopNest, MatrixView, ConvWork, Work } from "../../ir/kernel.ts";
import { stridesOf } from "../../ir/shape.ts";
import { accessOf, isComputed } from "../access.ts";
import { wasmTarget } from "../../backend/wasm/target.ts";
import { type Group, type Terms, Fusion } from "./fusion.ts";
import { attachEpilogues } from "./epilogue.ts";
import { lowerGroup, readOf } from "./lower.ts";
import { spreadConvolutions } from "./spread.ts";

/** The kernels of a graph, in order. With `invariant`, a row's sums have the same bits however many rows there are. */
export function formKernels(
  graph: Graph,
  terms: Terms = { target: wasmTarget, invariant: false },
): Kernel[] {
  const fusion = new Fusion(graph, terms);
  const groups = attachEpilogues(fusion);
  const stored = storedValues(graph, groups, fusion);
  const kernels = groups.map((group, index) =>
    kernelOf(group, index, (value) => stored.has(value), fusion, terms),
  );
  const outputs = new Set(graph.outputs.map((output) => accessOf(output).base));
  return spreadConvolutions(kernels, outputs, terms.target);
}

/** Values that must lie in memory: outputs, folds, and whatever a group reads that another made. */
function storedValues(graph: Graph, groups: readonly Group[], fusion: Fusion): Set<Value> {
  const stored = new Set<Value>(graph.outputs.map((output) => accessOf(output).base));
  for (const group of groups) {
    for (const base of group.bases)
      if (fusion.makerOf(base) !== group || !group.maps.has(base)) stored.add(base);
    for (const node of group.nodes)
      for (const output of node.outputs) if (!group.maps.has(output)) stored.add(output);
  }
  return stored;
}

function kernelOf(
  group: Group,
  index: number,
  stored: (value: Value) => boolean,
  fusion: Fusion,
  terms: Terms,
): Kernel {
  const first = group.nodes[0]!;
  const outputs = group.nodes.flatMap((node) => node.outputs.filter(stored));
  const inputs = [...group.bases].filter(
    (base) => (base.node === null || isComputed(base)) && fusion.makerOf(base) !== group,
  );
  const work = group.members.length === 0 ? workOf(first, terms) : fusedWork(group, stored, terms);
  const name =
    group.nodes.length === 1 ? first.prim : `${group.nodes.at(-1)!.prim}+${group.nodes.length - 1}`;
  let nodes: Node[] | undefined;
  return {
    name: `${index}:${name}`,
    // Only a plain backend asks.
    get nodes() {
      return (nodes ??= withViews(group.nodes, new Set(inputs)));
    },
    inputs,
    outputs,
    work,
  };
}

/** The loop nest of a group, alone or as the epilogue of the convolution that it begins with. */
function fusedWork(group: Group, stored: (value: Value) => boolean, terms: Terms): Work {
  const nest = lowerGroup(group, stored, terms.invariant);
  if (group.convolution === undefined) return { kind: "loops", nests: [nest] };
  const work = workOf(group.convolution, terms) as ConvWork;
  return { ...work, epilogue: stored(work.out) ? withStoreOf(work.out, nest) : nest };
}

/** The nest with a store of a value that it loads. */
function withStoreOf(value: Value, nest: LoopNest): LoopNest {
  const instruction = nest.body.findIndex(
    (candidate) => candidate.kind === "load" && candidate.value === value,
  );
  const { view } = nest.body[instruction] as Extract<Instruction, { kind: "load" }>;
  return { ...nest, stores: [...nest.stores, { instruction, value, view }] };
}

function workOf(node: Node, terms: Terms): Work {
  const out = node.outputs[0]!;
  const dtype = out.dtype as "float32" | "float64";
  if (isPrim(node, "preparedConv")) {
    const [x, kernel] = node.inputs as [Value, Value];
    const { params } = node;
    return {
      kind: "conv",
      shape: convShape(x.shape, params.kernel, params, dtype),
      algorithm: params.prepared,
      x: accessOf(x).base,
      kernel: accessOf(kernel).base,
      out,
      epilogue: undefined,
    };
  }
  if (isPrim(node, "convFilter")) {
    const [x, gradient] = node.inputs as [Value, Value];
    const shape = convShape(x.shape, out.shape, node.params, dtype);
    return {
      kind: "convFilter",
      shape,
      algorithm: terms.target.convolution(shape, node.params.algorithm),
      x: accessOf(x).base,
      gradient: accessOf(gradient).base,
      out,
    };
  }
  if (isPrim(node, "prepareKernel")) {
    const kernel = node.inputs[0]!;
    const { groups, prepared } = node.params;
    const { base, offset, strides } = accessOf(kernel);
    return {
      kind: "prepareKernel",
      // The image does not matter here: one with the right number of channels, and no pixels.
      shape: convShape([0, 0, 0, kernel.shape[2]! * groups], kernel.shape, node.params, dtype),
      algorithm: prepared,
      kernel: { value: base, view: { offset, strides } },
      out,
    };
  }
  if (isPrim(node, "matmul")) {
    const rank = out.shape.length;
    return {
      kind: "matmul",
      batch: out.shape.slice(0, -2),
      m: out.shape[rank - 2]!,
      n: out.shape[rank - 1]!,
      k: node.inputs[0]!.shape[rank - 1]!,
      a: matrix(node.inputs[0]!),
      b: matrix(node.inputs[1]!),
      out,
      dtype: out.dtype as "float32" | "float64",
      invariant: terms.invariant,
    };
  }
  if (isPrim(node, "host"))
    return {
      kind: "host",
      node,
      inputs: node.inputs.map((input) => accessOf(input).base),
      outputs: node.outputs,
    };
  if (isPrim(node, "concat")) return { kind: "loops", nests: concatNests(node) };
  if (isPrim(node, "pad")) return { kind: "loops", nests: padNests(node) };
  return { kind: "direct", node, inputs: node.inputs.map((input) => accessOf(input).base), out };
}

function matrix(value: Value): MatrixView {
  const { base, offset, strides } = accessOf(value);
  return {
    value: base,
    offset,
    batch: strides.slice(0, -2),
    row: strides.at(-2)!,
    column: strides.at(-1)!,
  };
}

function concatNests(node: Node<"concat">): LoopNest[] {
  const out = node.outputs[0]!;
  const strides = stridesOf(out.shape);
  let start = 0;
  return node.inputs.map((input) => {
    const offset = start * strides[node.params.axis]!;
    start += input.shape[node.params.axis]!;
    return copyNest(input.shape, read(input), out, offset, strides);
  });
}

function padNests(node: Node<"pad">): LoopNest[] {
  const out = node.outputs[0]!;
  const input = node.inputs[0]!;
  const strides = stridesOf(out.shape);
  const { low, interior, value } = node.params;
  const offset = low.reduce((sum, count, axis) => sum + count * strides[axis]!, 0);
  const spread = strides.map((stride, axis) => stride * (interior[axis]! + 1));
  const fill: Instruction = { kind: "literal", literal: value, dtype: out.dtype };
  return [
    copyNest(out.shape, fill, out, 0, strides),
    copyNest(input.shape, read(input), out, offset, spread),
  ];
}

function read(value: Value): Instruction {
  const { base, offset, strides } = accessOf(value);
  return readOf(base, { offset, strides });
}

function copyNest(
  extents: readonly number[],
  instruction: Instruction,
  out: Value,
  offset: number,
  strides: readonly number[],
): LoopNest {
  return {
    extents,
    body: [instruction],
    stores: [{ instruction: 0, value: out, view: { offset, strides } }],
    reductions: [],
  };
}

/** The nodes, with the views and literals between them and the values in memory, each before its use. */
function withViews(nodes: readonly Node[], inMemory: ReadonlySet<Value>): Node[] {
  const result = new Set<AnyNode>();
  const members = new Set<AnyNode>(nodes);
  for (const node of nodes) {
    for (const input of node.inputs) {
      // Views have one operand, literals none.
      const chain: AnyNode[] = [];
      let value: Value | undefined = input;
      while (value !== undefined && value.node !== null && !inMemory.has(value)) {
        const made: AnyNode = value.node;
        if (members.has(made) || result.has(made)) break;
        chain.push(made);
        value = made.inputs[0];
      }
      for (const made of chain.reverse()) result.add(made);
    }
    result.add(node);
  }
  return [...result] as Node[];
}
