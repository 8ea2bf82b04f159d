/** @file Products of vectors and matrices with NumPy's rules for vectors and batches. */
import { ShapeError, complaint } from "../base/errors.ts";
import { broadcastShapes, formatShape, sizeOf } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { bind1, requireTensor } from "./bind.ts";
import { mul } from "./elementwise.ts";
import { sum } from "./reductions.ts";
import { broadcastTo, reshape } from "./shaping.ts";

/**
 * Matrix product of a [..., M, K] and b [..., K, N]: [..., M, N], leading axes broadcast. A vector on the left is a row, on the
 * right a column, and its axis vanishes from the result. Throws ShapeError for scalars, inner extents that differ and leading
 * axes that do not broadcast, DTypeError unless both are of the same floats.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  requireTensor("matmul", a);
  requireTensor("matmul", b);
  if (a.rank === 0 || b.rank === 0)
    throw new ShapeError(
      complaint(
        "matmul",
        "vectors or matrices",
        `${formatShape(a.shape)} and ${formatShape(b.shape)}`,
        "Use mul for scalars.",
      ),
    );
  const rows = a.rank === 1 ? reshape(a, [1, a.size]) : a;
  const columns = b.rank === 1 ? reshape(b, [b.size, 1]) : b;
  const [m, k] = rows.shape.slice(-2) as [number, number];
  const n = columns.shape.at(-1)!;
  if (columns.shape.at(-2) !== k)
    throw new ShapeError(
      complaint(
        "matmul",
        "inner extents that agree",
        `${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      ),
    );
  const batch = broadcastShapes("matmul", rows.shape.slice(0, -2), columns.shape.slice(0, -2));
  const shape = [...batch, ...(a.rank === 1 ? [] : [m]), ...(b.rank === 1 ? [] : [n])];
  // One matrix on the right for all batches: a single large product.
  if (columns.rank === 2 && rows.rank > 2)
    return reshape(bind1("matmul", [reshape(rows, [sizeOf(batch) * m, k]), columns], {}), shape);
  return reshape(
    bind1(
      "matmul",
      [broadcastTo(rows, [...batch, m, k]), broadcastTo(columns, [...batch, k, n])],
      {},
    ),
    shape,
  );
}

/** Sum of products of two vectors [n] of one dtype: a scalar. Throws ShapeError for other ranks and for different lengths. */
export function dot(a: Tensor, b: Tensor): Tensor {
  requireTensor("dot", a);
  requireTensor("dot", b);
  if (a.rank !== 1 || b.rank !== 1 || a.size !== b.size)
    throw new ShapeError(
      complaint(
        "dot",
        "two vectors of one length",
        `${formatShape(a.shape)} and ${formatShape(b.shape)}`,
        "Use matmul for matrices.",
      ),
    );
  return sum(mul(a, b));
}

/** All products of elements of two tensors, flattened: [a.size, b.size]. */
export function outer(a: Tensor, b: Tensor): Tensor {
  requireTensor("outer", a);
  requireTensor("outer", b);
  return mul(reshape(a, [a.size, 1]), reshape(b, [1, b.size]));
}
