/** @file Passes that leave less to do: equal computations are done once, unused ones not at all, and identities and literals are folded. */
import { type Graph, type Node, type Value, type TensorType, isPrim } from "../../ir/graph.ts";
import { paramsKey } from "../../ir/key.ts";
import { rewriteGraph, type Builder } from "./rewrite.ts";
import { isView } from "../../ir/prim.ts";
import { sameShape, sizeOf } from "../../ir/shape.ts";

const commutative: ReadonlySet<string> = new Set([
  "add",
  "mul",
  "max",
  "min",
  "eq",
  "ne",
  "and",
  "or",
]);

/** Equal computations are done once. Host operations are never merged: each may leave a record for its own backward pass. */
export function shareCommon(graph: Graph): Graph {
  const known = new Map<string, readonly Value[]>();
  return rewriteGraph(graph, (node, inputs, builder) => {
    if (node.prim === "host" || node.prim === "call" || node.prim === "composite")
      return builder.keep(node, inputs);
    const key = keyOf(node, inputs);
    const earlier = known.get(key);
    if (earlier !== undefined) return earlier;
    const outputs = builder.keep(node, inputs);
    known.set(key, outputs);
    return outputs;
  });
}

function keyOf(node: Node, inputs: readonly Value[]): string {
  const [x, y] = inputs;
  const turned = inputs.length === 2 && x!.id > y!.id && commutative.has(node.prim);
  const ids = turned ? `${y!.id},${x!.id}` : inputs.map((input) => input.id).join();
  return `${node.prim}(${ids})${paramsKey(node)}`;
}

/** Drops nodes whose results nobody uses. */
export function removeDeadCode(graph: Graph): Graph {
  const used = new Set<Value>(graph.outputs);
  const kept: Node[] = [];
  for (let index = graph.nodes.length - 1; index >= 0; index--) {
    const node = graph.nodes[index]!;
    if (!node.outputs.some((output) => used.has(output))) continue;
    kept.push(node);
    for (const input of node.inputs) used.add(input);
  }
  return kept.length === graph.nodes.length
    ? graph
    : { inputs: graph.inputs, nodes: kept.reverse(), outputs: graph.outputs };
}

/** Algebraic identities that save work, and arithmetic on literals. Only what is exact is folded, signs of zeros included. */
export function simplify(graph: Graph): Graph {
  return rewriteGraph(graph, (node, inputs, builder) => {
    const simpler = rule(node, inputs, builder);
    return simpler === undefined ? builder.keep(node, inputs) : [simpler];
  });
}

/** The literal that every element of a value is, if it is one. */
export function literalOf(value: Value): number | undefined {
  const { node } = value;
  return node !== null && isPrim(node, "constant") ? node.params.value : undefined;
}

function rule(node: Node, inputs: readonly Value[], builder: Builder): Value | undefined {
  const [x, y] = inputs as [Value, Value];
  const out = node.outputs[0]!;
  if (isView(node.prim)) {
    const value = literalOf(x);
    if (value !== undefined) return literal(value, out, builder);
  }
  switch (node.prim) {
    case "add": {
      if (isNothing(literalOf(y), -0, out)) return x;
      if (isNothing(literalOf(x), -0, out)) return y;
      if (y.node?.prim === "neg") return builder.add("sub", {}, [x, y.node.inputs[0]!], out);
      if (x.node?.prim === "neg") return builder.add("sub", {}, [y, x.node.inputs[0]!], out);
      return fold(node, inputs, builder);
    }
    case "sub":
      if (isNothing(literalOf(y), 0, out)) return x;
      if (y.node?.prim === "neg") return builder.add("add", {}, [x, y.node.inputs[0]!], out);
      return fold(node, inputs, builder);
    case "mul":
      if (literalOf(y) === 1) return x;
      if (literalOf(x) === 1) return y;
      if (literalOf(y) === -1) return builder.add("neg", {}, [x], out);
      if (literalOf(x) === -1) return builder.add("neg", {}, [y], out);
      return fold(node, inputs, builder);
    case "div":
      return literalOf(y) === 1 ? x : fold(node, inputs, builder);
    case "neg":
      if (x.node?.prim === "neg") return x.node.inputs[0]!;
      return fold(node, inputs, builder);
    case "pow":
      return power(x, literalOf(y), out, builder);
    case "cast":
      return x.dtype === out.dtype ? x : fold(node, inputs, builder);
    case "reshape":
    case "broadcast":
      if (sameShape(x.shape, out.shape)) return x;
      if (node.prim === "reshape" && x.node?.prim === "reshape")
        return builder.add("reshape", { shape: out.shape }, [x.node.inputs[0]!], out);
      return undefined;
    case "transpose": {
      const perm = (node as Node<"transpose">).params.perm;
      if (perm.every((axis, index) => axis === index)) return x;
      if (x.node !== null && isPrim(x.node, "transpose")) {
        const inner = x.node.params.perm;
        return builder.add(
          "transpose",
          { perm: perm.map((axis) => inner[axis]!) },
          [x.node.inputs[0]!],
          out,
        );
      }
      return undefined;
    }
    case "reduceSum":
    case "reduceMax":
    case "reduceMin":
    case "reduceProd": {
      const { axes } = (node as Node<"reduceSum">).params;
      // Folding over axes of extent 1 only drops them.
      if (axes.every((axis) => x.shape[axis] === 1) && sizeOf(x.shape) > 0)
        return builder.add("reshape", { shape: out.shape }, [x], out);
      return undefined;
    }
    default:
      return undefined;
  }
}

/** Whether a literal changes nothing: of floats only one of the zeros does, since -0 + 0 and -0 - -0 are 0. */
function isNothing(literal: number | undefined, zero: number, { dtype }: TensorType): boolean {
  return dtype === "int32" ? literal === 0 : Object.is(literal, zero);
}

/** Small powers as products: exact where the general power only approximates, and much faster. */
function power(
  x: Value,
  exponent: number | undefined,
  type: TensorType,
  builder: Builder,
): Value | undefined {
  const times = (a: Value, b: Value): Value => builder.add("mul", {}, [a, b], type);
  switch (exponent) {
    case 1:
      return x;
    case 2:
      return times(x, x);
    case 3:
      return times(times(x, x), x);
    case 4: {
      const square = times(x, x);
      return times(square, square);
    }
    case -1:
      return builder.add("div", {}, [literal(1, type, builder), x], type);
    default:
      return undefined;
  }
}

function literal(value: number, type: TensorType, builder: Builder): Value {
  const { shape, dtype } = type;
  return builder.add("constant", { value, shape, dtype }, [], type);
}

/** Arithmetic on literals, in the precision of their type. */
function fold(node: Node, inputs: readonly Value[], builder: Builder): Value | undefined {
  const out = node.outputs[0]!;
  const operands = inputs.map(literalOf);
  if (operands.some((operand) => operand === undefined)) return undefined;
  const [a, b] = operands as [number, number];
  if (out.dtype === "bool" || inputs[0]!.dtype === "bool") return undefined;
  if (node.prim === "cast") {
    const value = out.dtype === "int32" ? saturate(a) : a;
    return literal(round(value, out), out, builder);
  }
  if (out.dtype === "int32") return undefined;
  const result =
    node.prim === "add"
      ? a + b
      : node.prim === "sub"
        ? a - b
        : node.prim === "mul"
          ? a * b
          : node.prim === "div"
            ? a / b
            : -a;
  return literal(round(result, out), out, builder);
}

const round = (value: number, type: TensorType): number =>
  type.dtype === "float32" ? Math.fround(value) : value;
const saturate = (value: number): number =>
  Number.isNaN(value) ? 0 : Math.min(2147483647, Math.max(-2147483648, Math.trunc(value)));
