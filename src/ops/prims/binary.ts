/**
 * @file Elementwise primitives of two operands and their derivatives.
 * Conventions: where max or min has a tie the derivative goes to the first operand; pow's derivative by the exponent is
 * x^y log x, taken as 0 at x = 0; by the base it is 0 where y = 0.
 */
import type { DType } from "../../ir/dtype.ts";
import type { BinaryPrim } from "../../ir/prim.ts";
import { arity, floats, numbers, requireDType, requireSame } from "../infer.ts";
import { type Partial, type Rules, elementwise } from "../rules.ts";

function binary<P extends BinaryPrim>(
  name: P,
  allowed: readonly DType[],
  byX: Partial,
  byY: Partial,
): Rules<P> {
  return elementwise(
    (inputs) => {
      arity(name, inputs, 2);
      const [x, y] = inputs;
      requireSame(name, x!, y!);
      requireDType(name, x!, allowed);
      return [x!];
    },
    [byX, byY],
  );
}

/** Rules of the binary primitives. */
export const binaryRules: { [P in BinaryPrim]: Rules<P> } = {
  add: binary(
    "add",
    numbers,
    (d) => d,
    (d) => d,
  ),
  sub: binary(
    "sub",
    numbers,
    (d) => d,
    (d) => d.neg(),
  ),
  mul: binary(
    "mul",
    numbers,
    (d, _, _x, y) => d.mul(y!),
    (d, _, x) => d.mul(x!),
  ),
  div: binary(
    "div",
    floats,
    (d, _, _x, y) => d.div(y!),
    (d, out, _x, y) => d.mul(out).div(y!).neg(),
  ),
  rem: binary(
    "rem",
    floats,
    (d) => d,
    (d, out, x, y) => d.mul(out.sub(x!).div(y!).round()),
  ),
  pow: binary(
    "pow",
    floats,
    (d, _, x, y) => d.mul(y!).mul(x!.pow(y!.sub(1).where(y!.notEqual(0), 1))),
    (d, out, x) => d.mul(out).mul(x!.where(x!.notEqual(0), 1).log()),
  ),
  // Comparing with the result is the same as comparing with the other operand, which then need not be kept: where one of
  // them is a literal (relu), the result alone is.
  max: binary(
    "max",
    numbers,
    (d, out, x) => d.where(x!.greaterEqual(out), 0),
    (d, out, x) => d.where(x!.less(out), 0),
  ),
  min: binary(
    "min",
    numbers,
    (d, out, x) => d.where(x!.lessEqual(out), 0),
    (d, out, x) => d.where(x!.greater(out), 0),
  ),
};
