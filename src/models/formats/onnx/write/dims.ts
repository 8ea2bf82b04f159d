/**
 * @file Extents of which some follow the batch. A model is traced with two batches, and what differs between the two graphs is
 * the batch: so it need not be fixed in the file, and nobody has to say where it is.
 */
import { type Graph, type Node, type Value, isPrim } from "../../../../ir/graph.ts";
import { complaint } from "../../../../base/errors.ts";
import type { Tensor } from "../../../../ir/tensor.ts";
import { FormatError } from "../../../errors.ts";

/** A number, or a multiple of the batch: `batch`, `4*batch`. */
export type Extent = number | string;
/** Extents of a tensor in a file. */
export type Dims = readonly Extent[];

/** The batches of the two graphs: small, and neither 1, which broadcasts, nor a multiple of the other. */
export const batches = [2, 3] as const;

/** How often the batch stands in an extent, if it does. */
export function batchesIn(extent: Extent): number | undefined {
  if (typeof extent === "number") return undefined;
  return extent === "batch" ? 1 : Number.parseInt(extent, 10);
}

function extentOf(a: number, b: number): Extent | undefined {
  if (a === b) return a;
  const times = a / batches[0];
  if (!Number.isInteger(times) || times * batches[1] !== b) return undefined;
  return times === 1 ? "batch" : `${times}*batch`;
}

/** A traced graph, with the tensors that its last inputs stand for. */
export interface Bound {
  readonly graph: Graph;
  readonly captured: readonly Tensor[];
}

/**
 * The extents of every value of `a`, which was traced with the first of the batches; `b` is the same function traced with the
 * second. Throws FormatError naming `who` unless samples are computed independently of how many there are.
 */
export function dimsOf(who: string, a: Bound, b: Bound): Map<Value, Dims> {
  const result = new Map<Value, Dims>();
  const pair = (x: Value, y: Value): void => {
    if (x.shape.length !== y.shape.length || x.dtype !== y.dtype) throw depends(who, x.node);
    const dims = x.shape.map((extent, axis) => {
      const found = extentOf(extent, y.shape[axis]!);
      if (found === undefined) throw depends(who, x.node);
      return found;
    });
    result.set(x, dims);
  };
  const same =
    a.graph.nodes.length === b.graph.nodes.length &&
    a.graph.inputs.length === b.graph.inputs.length;
  if (!same) throw depends(who, null);
  a.graph.inputs.forEach((input, i) => pair(input, b.graph.inputs[i]!));
  a.captured.forEach((tensor, i) => {
    if (!sameTensor(tensor, b.captured[i]!)) throw depends(who, null);
  });
  const partner = new Map(a.graph.inputs.map((input, i) => [input, b.graph.inputs[i]!]));
  for (const [i, node] of a.graph.nodes.entries()) {
    const other = b.graph.nodes[i]!;
    const fits =
      node.prim === other.prim &&
      node.inputs.length === other.inputs.length &&
      node.inputs.every((input, j) => partner.get(input) === other.inputs[j]) &&
      sameParams(node, other);
    if (!fits) throw depends(who, node);
    node.outputs.forEach((output, j) => {
      pair(output, other.outputs[j]!);
      partner.set(output, other.outputs[j]!);
    });
  }
  return result;
}

function sameTensor(a: Tensor, b: Tensor): boolean {
  if (a === b) return true;
  const [x, y] = [a.elements, b.elements];
  return x !== undefined && y?.length === x.length && x.every((element, i) => element === y[i]);
}

/** Whether two nodes do the same. Shapes are not compared: their outputs' are. */
function sameParams(a: Node, b: Node): boolean {
  if (isPrim(a, "slice") && isPrim(b, "slice"))
    return a.params.start.every((start, axis) => {
      const [p, q] = [a.params, b.params];
      if (start !== q.start[axis] || p.step[axis] !== q.step[axis]) return false;
      const whole =
        start === 0 &&
        p.stop[axis] === a.inputs[0]!.shape[axis] &&
        q.stop[axis] === b.inputs[0]!.shape[axis];
      return whole || p.stop[axis] === q.stop[axis];
    });
  if (isPrim(a, "composite") && isPrim(b, "composite")) {
    const [p, q] = [a.params, b.params];
    return (
      p.name === q.name &&
      JSON.stringify(p.attributes, exact) === JSON.stringify(q.attributes, exact)
    );
  }
  const { shape: _a, ...p } = a.params as Record<string, unknown>;
  const { shape: _b, ...q } = b.params as Record<string, unknown>;
  return JSON.stringify(p, exact) === JSON.stringify(q, exact);
}

/** JSON knows no NaN, no infinities and no -0. */
function exact(_: string, value: unknown): unknown {
  return typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
    ? `number ${Object.is(value, -0) ? "-0" : value}`
    : value;
}

function depends(who: string, node: { readonly prim: string } | null): FormatError {
  return new FormatError(
    complaint(
      who,
      "a model that computes each sample of a batch for itself",
      `one in which ${node === null ? "the program" : `"${node.prim}"`} depends on how many there are`,
      "Give { batch: 1 }, say: the file is then for batches of that size alone.",
    ),
  );
}
