/**
 * @file Reductions, arg-reductions and the running sum.
 * Conventions: max and min split the derivative evenly among ties; the product's derivative is right at zeros, to any order.
 */
import type { DType } from "../../ir/dtype.ts";
import { ShapeError, complaint } from "../../base/errors.ts";
import type { TensorType } from "../../ir/graph.ts";
import type { ReducePrim } from "../../ir/prim.ts";
import { type Shape, formatShape, sizeOf } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { arity, numbers, requireAxis, requireDType } from "../infer.ts";
import { type Rules, linear, nondifferentiable } from "../rules.ts";

type Axes = { readonly axes: readonly number[] };

function inferReduce(
  name: ReducePrim,
): (inputs: readonly TensorType[], params: Axes) => TensorType[] {
  return (inputs, { axes }) => {
    arity(name, inputs, 1);
    const { shape, dtype } = inputs[0]!;
    requireDType(name, inputs[0]!, numbers, "Use cast, or any() and all() for bool.");
    for (const axis of axes) requireAxis(name, axis, shape.length);
    if ((name === "reduceMax" || name === "reduceMin") && axes.some((axis) => shape[axis] === 0))
      throw new ShapeError(
        complaint(name, "at least one element along the reduced axes", formatShape(shape)),
      );
    return [{ shape: shape.filter((_, axis) => !axes.includes(axis)), dtype }];
  };
}

/** `reduced` with extents of 1 where the axes were, then as large as `shape`. */
function spread(reduced: Tensor, axes: readonly number[], shape: Shape): Tensor {
  return reduced
    .reshape(shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent)))
    .broadcastTo(shape);
}

/** 1 where x attains the extremum, divided by the number of ties. */
function shares(x: Tensor, out: Tensor, axes: readonly number[]): Tensor {
  const attained = x.equal(spread(out, axes, x.shape)).cast(x.dtype);
  return attained.div(spread(attained.sum([...axes]), axes, x.shape));
}

/**
 * The product of all other elements along the last axis, by a tree of halves: no division, so zeros do no harm,
 * and differentiable to any order because it is made of products.
 */
function othersAlongLast(x: Tensor): Tensor {
  const axis = x.rank - 1;
  const n = x.shape[axis]!;
  if (n <= 1) return x.zerosLike().add(1);
  const half = (n + 1) >> 1;
  const low = x.split([half, n - half], axis);
  const a = low[0]!;
  let b = low[1]!;
  if (n % 2 === 1)
    b = b.pad(
      x.shape.map((_, i) => [0, i === axis ? 1 : 0]),
      1,
    );
  const others = othersAlongLast(a.mul(b));
  const joined = others.mul(b).concat([others.mul(a)], axis);
  return n % 2 === 1 ? joined.split([n, 1], axis)[0]! : joined;
}

/** The product of all other elements over `axes`, in x's shape. */
function others(x: Tensor, axes: readonly number[]): Tensor {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const perm = [...kept, ...axes];
  const moved = x.transpose(perm);
  const flat = moved.reshape([
    ...kept.map((axis) => x.shape[axis]!),
    sizeOf(axes.map((axis) => x.shape[axis]!)),
  ]);
  const inverse = perm.map((_, axis) => perm.indexOf(axis));
  return othersAlongLast(flat).reshape(moved.shape).transpose(inverse);
}

/** A reduction whose derivative by each element is a weight. */
function weighted<P extends ReducePrim>(
  name: P,
  weights: (x: Tensor, out: Tensor, axes: readonly number[]) => Tensor,
): Rules<P> {
  return {
    infer: inferReduce(name) as Rules<P>["infer"],
    differentiable: true,
    vjp({ inputs, outputs, params, cotangents }) {
      const { axes } = params as Axes;
      return [
        weights(inputs[0]!, outputs[0]!, axes).mul(spread(cotangents[0]!, axes, inputs[0]!.shape)),
      ];
    },
    jvp({ inputs, outputs, params, tangents }) {
      const { axes } = params as Axes;
      return [
        weights(inputs[0]!, outputs[0]!, axes)
          .mul(tangents[0]!)
          .sum([...axes]),
      ];
    },
  };
}

function argReduce<P extends "argMax" | "argMin">(name: P): Rules<P> {
  return nondifferentiable((inputs, params) => {
    const { axis } = params as { axis: number };
    arity(name, inputs, 1);
    const { shape } = inputs[0]!;
    requireDType(name, inputs[0]!, numbers);
    requireAxis(name, axis, shape.length);
    if (shape[axis] === 0)
      throw new ShapeError(
        complaint(name, `at least one element along axis ${axis}`, formatShape(shape)),
      );
    return [{ shape: shape.filter((_, i) => i !== axis), dtype: "int32" satisfies DType }];
  });
}

/** Rules of reductions. */
export const reduceRules: { [P in ReducePrim | "argMax" | "argMin" | "cumSum"]: Rules<P> } = {
  reduceSum: linear(inferReduce("reduceSum"), (g, { inputs, params }) =>
    spread(g, params.axes, inputs[0]!.shape),
  ),
  reduceProd: weighted("reduceProd", (x, _, axes) => others(x, axes)),
  reduceMax: weighted("reduceMax", shares),
  reduceMin: weighted("reduceMin", shares),
  argMax: argReduce("argMax"),
  argMin: argReduce("argMin"),
  cumSum: linear(
    (inputs, { axis }) => {
      arity("cumSum", inputs, 1);
      requireDType("cumSum", inputs[0]!, numbers);
      requireAxis("cumSum", axis, inputs[0]!.shape.length);
      return [inputs[0]!];
    },
    (g, { params }) => g.cumSum(params.axis, !params.reverse),
  ),
};
