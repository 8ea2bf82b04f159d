/** @file Reductions: neutral elements, combining, and folding the lanes of a vector into one. */
import type { DType } from "../../../ir/dtype.ts";
import type { ReduceOp } from "../../../ir/kernel.ts";
import type { FunctionBuilder, Local } from "../asm/index.ts";
import { shapeOf, splatLiteral } from "./instructions.ts";

/** The element that changes nothing. */
export function neutral(op: ReduceOp, dtype: DType): number {
  switch (op) {
    case "sum":
      return 0;
    case "prod":
      return 1;
    case "max":
      return dtype === "int32" ? -2147483648 : -Infinity;
    case "min":
      return dtype === "int32" ? 2147483647 : Infinity;
  }
}

/** Takes two vectors, leaves them combined. */
export function combine(fn: FunctionBuilder, op: ReduceOp, dtype: DType): void {
  const name = { sum: "add", prod: "mul", max: "max", min: "min" }[op];
  fn.op(
    `${shapeOf(dtype)}.${name}${dtype === "int32" && (op === "max" || op === "min") ? "_s" : ""}`,
  );
}

/** accumulator = accumulator combined with x, in the first `count` of `lanes` lanes. */
export function accumulate(
  fn: FunctionBuilder,
  op: ReduceOp,
  dtype: DType,
  accumulator: Local,
  x: () => void,
  count: number,
  lanes: number,
): void {
  fn.get(accumulator);
  x();
  combine(fn, op, dtype);
  if (count < lanes) {
    fn.get(accumulator);
    const wide = dtype === "float64";
    const mask = Array.from({ length: 4 }, (_, index) =>
      (wide ? index >> 1 : index) < count ? -1 : 0,
    );
    fn.v128({ i32x4: mask });
    fn.op("v128.bitselect");
  }
  fn.set(accumulator);
}

/** Folds the lanes of a local into its lane 0, in a fixed order: (0 with 2) with (1 with 3). */
export function foldLanes(
  fn: FunctionBuilder,
  op: ReduceOp,
  dtype: DType,
  vector: Local,
  lanes: number,
): void {
  const steps = dtype === "float64" ? [8] : lanes === 4 ? [8, 4] : [4];
  for (const bytes of steps) {
    fn.get(vector);
    fn.get(vector);
    fn.get(vector);
    fn.shuffle(Array.from({ length: 16 }, (_, index) => (index + bytes) % 16));
    combine(fn, op, dtype);
    fn.set(vector);
  }
}

/** Sets a local to the neutral element in every lane. */
export function setNeutral(
  fn: FunctionBuilder,
  op: ReduceOp,
  dtype: DType,
  accumulator: Local,
): void {
  splatLiteral(fn, neutral(op, dtype), dtype);
  fn.set(accumulator);
}
