/** @file How operands meet: numbers adopt the tensor's dtype, shapes broadcast, dtypes never promote silently. */
import type { DType } from "../ir/dtype.ts";
import { ArgumentError, DTypeError, complaint, describe } from "../base/errors.ts";
import { type Shape, broadcastShapes } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { literal } from "./creation.ts";
import { requireSameDType } from "./infer.ts";
import { broadcastTo } from "./shaping.ts";

/** A tensor, or a number or boolean that takes the dtype and shape of the tensor it meets. */
export type TensorLike = Tensor | number | boolean;

function check(who: string, value: unknown): void {
  if (!(value instanceof Tensor) && typeof value !== "number" && typeof value !== "boolean")
    throw new ArgumentError(
      complaint(who, "a tensor or a number", describe(value), "Make a tensor with tensor()."),
    );
}

function naturalDType(values: readonly TensorLike[]): DType {
  return values.every((value) => typeof value === "boolean") ? "bool" : "float32";
}

/** The value as a tensor; numbers become scalars of `dtype`. */
export function operand(who: string, value: TensorLike, dtype?: DType): Tensor {
  check(who, value);
  return value instanceof Tensor ? value : literal(who, value, dtype ?? naturalDType([value]), []);
}

/** Operands of one dtype, broadcast to one shape (and to `atLeast`, if given). DTypeError and ShapeError name `who`. */
export function operands(
  who: string,
  values: readonly TensorLike[],
  atLeast: Shape = [],
): Tensor[] {
  for (const value of values) check(who, value);
  const tensors = values.filter((value) => value instanceof Tensor);
  for (const tensor of tensors) requireSameDType(who, tensors[0]!, tensor);
  const dtype = tensors[0]?.dtype ?? naturalDType(values);
  const shape = broadcastShapes(who, atLeast, ...tensors.map((tensor) => tensor.shape));
  return values.map((value) =>
    value instanceof Tensor ? broadcastTo(value, shape) : literal(who, value, dtype, shape),
  );
}

/** As `operands`, for functions of float tensors. */
export function floatOperand(who: string, value: TensorLike): Tensor {
  const x = operand(who, value);
  if (x.dtype !== "float32" && x.dtype !== "float64")
    throw new DTypeError(complaint(who, "a float tensor", x.dtype, 'Use cast("float32").'));
  return x;
}
