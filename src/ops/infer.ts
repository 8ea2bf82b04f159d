/** @file Checks that the primitives' type rules share; each names the primitive that complains. */
import { type DType, isFloat } from "../ir/dtype.ts";
import { ArgumentError, DTypeError, ShapeError, complaint } from "../base/errors.ts";
import type { TensorType } from "../ir/graph.ts";
import { formatShape, sameShape } from "../ir/shape.ts";

/** Throws ArgumentError unless there are `count` inputs. */
export function arity(who: string, inputs: readonly unknown[], count: number): void {
  if (inputs.length !== count)
    throw new ArgumentError(
      complaint(who, `${count} input${count === 1 ? "" : "s"}`, String(inputs.length)),
    );
}

/** Throws DTypeError unless the input has one of the dtypes. */
export function requireDType(
  who: string,
  input: TensorType,
  allowed: readonly DType[],
  hint = "Use cast.",
): void {
  if (!allowed.includes(input.dtype))
    throw new DTypeError(complaint(who, allowed.join(" or "), input.dtype, hint));
}

/** Dtypes of functions that have derivatives. */
export const floats: readonly DType[] = ["float32", "float64"];
/** Dtypes of arithmetic. */
export const numbers: readonly DType[] = ["float32", "float64", "int32"];

/** Throws unless both operands have one shape and one dtype. */
export function requireSame(who: string, a: TensorType, b: TensorType): void {
  requireSameDType(who, a, b);
  if (!sameShape(a.shape, b.shape))
    throw new ShapeError(
      complaint(
        who,
        "operands of one shape",
        `${formatShape(a.shape)} and ${formatShape(b.shape)}`,
        "Use broadcastTo.",
      ),
    );
}

/** Throws DTypeError unless both operands have one dtype: nothing is promoted silently. */
export function requireSameDType(who: string, a: TensorType, b: TensorType): void {
  if (a.dtype !== b.dtype)
    throw new DTypeError(
      complaint(
        who,
        "operands of one dtype",
        `${a.dtype} and ${b.dtype}`,
        `Use cast("${isFloat(a.dtype) ? a.dtype : b.dtype}").`,
      ),
    );
}

/** Throws ShapeError unless a list has one entry an axis. */
export function requireRank(
  who: string,
  what: string,
  list: readonly unknown[],
  rank: number,
): void {
  if (list.length !== rank)
    throw new ShapeError(complaint(who, `${rank} ${what} (one an axis)`, `${list.length}`));
}

/** Throws ShapeError unless 0 <= axis < rank. */
export function requireAxis(who: string, axis: number, rank: number): void {
  if (!Number.isInteger(axis) || axis < 0 || axis >= rank)
    throw new ShapeError(complaint(who, `an axis in [0, ${rank - 1}]`, String(axis)));
}
