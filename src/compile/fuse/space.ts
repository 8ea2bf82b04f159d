/** @file Iteration spaces: the loop a node wants to be part of, and how its operands and results walk through it. */
import type { Target } from "../../backend/backend.ts";
import { type Node, type Value, isPrim } from "../../ir/graph.ts";
import type { FoldInvariance, ReduceOp, Reduction, View } from "../../ir/kernel.ts";
import { isElementwise, isReduce } from "../../ir/prim.ts";
import { type Shape, sizeOf, stridesOf } from "../../ir/shape.ts";
import type { Access } from "../../ir/value.ts";
import { accessOf } from "../access.ts";

/** A fold over some axes: see `Reduction` of ir/kernel.ts. */
export type Fold = Pick<Reduction, "op" | "axes"> & { readonly invariant: FoldInvariance };

/** A result of a node in its space: computed at every index, or folded over some axes. */
export interface Result {
  readonly value: Value;
  readonly view: View;
  readonly fold?: Fold;
}

/** One term of a node's computation: reads, combined as `how` says, into one result. */
export interface Term {
  readonly how: "elementwise" | "copy" | "products";
  readonly reads: readonly Access[];
  readonly result: Result;
}

/** A node as a loop: its axes (extents of 1 left out) and terms. */
export interface Space {
  readonly node: Node;
  readonly extents: readonly number[];
  readonly terms: readonly Term[];
  /** Everything that the terms read. */
  readonly reads: readonly Access[];
}

const reduceOps: Record<string, ReduceOp> = {
  reduceSum: "sum",
  reduceProd: "prod",
  reduceMax: "max",
  reduceMin: "min",
};

/** The loop of a node, or undefined if it is not a loop of this kind. */
export function spaceOf(node: Node, target: Target): Space | undefined {
  const out = node.outputs[0]!;
  if (isElementwise(node.prim)) return elementwise(node, out);
  if (isPrim(node, "reshape") || isPrim(node, "copy")) {
    const x = node.inputs[0]!;
    return squeezed(node, x.shape, [
      {
        how: "copy",
        reads: [accessOf(x)],
        result: { value: out, view: { offset: 0, strides: stridesOf(x.shape) } },
      },
    ]);
  }
  if (isReduce(node.prim)) {
    const x = node.inputs[0]!;
    const { axes } = node.params as { axes: readonly number[] };
    const kept = stridesOf(out.shape);
    let next = 0;
    const strides = x.shape.map((_, axis) => (axes.includes(axis) ? 0 : kept[next++]!));
    return squeezed(node, x.shape, [
      {
        how: "copy",
        reads: [accessOf(x)],
        result: {
          value: out,
          view: { offset: 0, strides },
          fold: {
            op: reduceOps[node.prim]!,
            axes,
            invariant: { serial: false, acrossRows: axes.includes(0) },
          },
        },
      },
    ]);
  }
  if (isPrim(node, "matmul")) return smallMatmul(node, target);
  return undefined;
}

function elementwise(node: Node, out: Value): Space {
  return squeezed(node, out.shape, [
    {
      how: "elementwise",
      reads: node.inputs.map(accessOf),
      result: { value: out, view: { offset: 0, strides: stridesOf(out.shape) } },
    },
  ]);
}

/** Drops axes of extent 1: they make equal loops look different. */
function squeezed(node: Node, shape: Shape, terms: readonly Term[]): Space {
  if (!shape.includes(1)) return { node, extents: shape, terms, reads: readsOf(terms) };
  const kept = shape.flatMap((extent, axis) => (extent === 1 ? [] : [axis]));
  const pick = (strides: readonly number[]): number[] => kept.map((axis) => strides[axis]!);
  const squeezedTerms = terms.map(({ how, reads, result }): Term => {
    const view = { offset: result.view.offset, strides: pick(result.view.strides) };
    const axes = result.fold?.axes.flatMap((axis) =>
      kept.includes(axis) ? [kept.indexOf(axis)] : [],
    );
    return {
      how,
      reads: reads.map(({ base, offset, strides }) => ({ base, offset, strides: pick(strides) })),
      result:
        result.fold === undefined || axes === undefined || axes.length === 0
          ? { value: result.value, view }
          : { value: result.value, view, fold: { ...result.fold, axes } },
    };
  });
  return {
    node,
    extents: kept.map((axis) => shape[axis]!),
    terms: squeezedTerms,
    reads: readsOf(squeezedTerms),
  };
}

const readsOf = (terms: readonly Term[]): readonly Access[] =>
  terms.length === 1 ? terms[0]!.reads : terms.flatMap((term) => term.reads);

/**
 * A product with a small side. Small k: the sum of k outer products, at every (m, n).
 * Small n (or m): for each column (row) of the result a sum over k, in the loop over (m, k) or (k, n).
 */
function smallMatmul(node: Node<"matmul"> & Node, target: Target): Space | undefined {
  const [left, right] = node.inputs as [Value, Value];
  const out = node.outputs[0]!;
  const rank = out.shape.length;
  const batch = out.shape.slice(0, -2);
  const [m, n, k] = [out.shape[rank - 2]!, out.shape[rank - 1]!, left.shape[rank - 1]!];
  if (sizeOf(out.shape) === 0 || k === 0) return undefined;
  const a = accessOf(left);
  const b = accessOf(right);
  const batchOf = (access: Access): number[] => access.strides.slice(0, -2);
  const [aRow, aColumn] = [a.strides[rank - 2]!, a.strides[rank - 1]!];
  const [bRow, bColumn] = [b.strides[rank - 2]!, b.strides[rank - 1]!];
  if (!target.isProductOfLoops({ m, n, k, alongRows: bColumn === 1 })) return undefined;
  const { smallSide } = target;
  const at = (access: Access, steps: number, ...strides: number[]): Access => ({
    base: access.base,
    offset: access.offset + steps,
    strides: [...batchOf(access), ...strides],
  });
  const outStrides = stridesOf(out.shape);
  const outBatch = outStrides.slice(0, -2);
  const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
  if (k <= smallSide) {
    const reads = range(k).flatMap((i) => [
      at(a, i * aColumn, aRow, 0),
      at(b, i * bRow, 0, bColumn),
    ]);
    return squeezed(
      node,
      [...batch, m, n],
      [
        {
          how: "products",
          reads,
          result: { value: out, view: { offset: 0, strides: outStrides } },
        },
      ],
    );
  }
  const inner = batch.length;
  if (n <= smallSide)
    return squeezed(
      node,
      [...batch, m, k],
      range(n).map((j) => ({
        how: "products",
        reads: [at(a, 0, aRow, aColumn), at(b, j * bColumn, 0, bRow)],
        result: {
          value: out,
          view: { offset: j, strides: [...outBatch, n, 0] },
          fold: { op: "sum", axes: [inner + 1], invariant: { serial: true, acrossRows: false } },
        },
      })),
    );
  return squeezed(
    node,
    [...batch, k, n],
    range(m).map((i) => ({
      how: "products",
      reads: [at(a, i * aRow, aColumn, 0), at(b, 0, bRow, bColumn)],
      result: {
        value: out,
        view: { offset: i * n, strides: [...outBatch, 0, 1] },
        fold: { op: "sum", axes: [inner], invariant: { serial: true, acrossRows: false } },
      },
    })),
  );
}
