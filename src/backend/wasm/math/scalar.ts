// Scalar expressions over the assembler: `Lanes` for one number at a time.
import type { FunctionBuilder, ValType } from "../asm/index.ts";
import type { Expr } from "./lanes.ts";

/** Expressions of one function; each is code that leaves one number. */
export interface Scalars {
  /** An instruction applied to operands. */
  op(name: string, ...operands: readonly Expr[]): Expr;
  i32(value: number): Expr;
  i64(value: bigint): Expr;
  f64(value: number): Expr;
  param(i: number): Expr;
  /** Evaluates now, into a new variable. */
  let(type: ValType, value: Expr): Expr;
  /** Takes the results of a call off the stack, in the order they are declared. */
  results(...types: readonly ValType[]): Expr[];
}

/** Scalar expressions that emit into `fn`. */
export function scalars(fn: FunctionBuilder): Scalars {
  return {
    op: (name, ...operands) => {
      return () => {
        for (const operand of operands) operand();
        fn.op(name);
      };
    },
    i32: (value) => () => fn.i32(value),
    i64: (value) => () => fn.i64(value),
    f64: (value) => () => fn.f64(value),
    param: (i) => () => fn.get(fn.param(i)),
    let: (type, value) => {
      const local = fn.local(type);
      value();
      fn.set(local);
      return () => fn.get(local);
    },
    results: (...types) => {
      const locals = types.map((type) => fn.local(type));
      for (const local of locals.toReversed()) fn.set(local);
      return locals.map((local) => () => fn.get(local));
    },
  };
}
