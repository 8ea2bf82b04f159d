/**
 * @file Elementwise primitives and their derivatives: of one operand, of two, comparisons and logic, choices and conversions, and
 * the literals, which have no operand.
 * Conventions: abs'(0) = 0; sign, floor, ceil and round have derivative zero; sqrt'(0) is what IEEE division gives. At ties of max and
 * min the derivative goes to the first operand. The derivative of pow by the exponent is x^y log x, taken as 0 at x = 0; by the base
 * it is 0 where y = 0. `round` rounds halves to even. `select` blocks the branch not taken by an exact zero; an infinite derivative
 * inside that branch is the caller's to avoid.
 */
import { type DType, dtypes, isFloat } from "../../ir/dtype.ts";
import type { UnaryPrim, BinaryPrim, ComparePrim, LogicalPrim } from "../../ir/prim.ts";
import { arity, floats, numbers, requireDType, requireSame, requireAxis } from "../infer.ts";
import { type Partial, type Rules, elementwise, nondifferentiable } from "../rules.ts";
import type { TensorType } from "../../ir/graph.ts";
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { checkShape } from "../../ir/shape.ts";

function inferUnary<P extends UnaryPrim>(name: P, allowed: readonly DType[]): Rules<P>["infer"] {
  return (inputs) => {
    arity(name, inputs, 1);
    requireDType(name, inputs[0]!, allowed);
    return [inputs[0]!];
  };
}

function unary<P extends UnaryPrim>(
  name: P,
  partial: Partial,
  allowed: readonly DType[] = floats,
): Rules<P> {
  return elementwise(inferUnary(name, allowed), [partial]);
}

function step<P extends UnaryPrim>(name: P, allowed: readonly DType[] = floats): Rules<P> {
  return nondifferentiable(inferUnary(name, allowed));
}

/** Rules of the unary primitives. */
export const unaryRules: { [P in UnaryPrim]: Rules<P> } = {
  neg: unary("neg", (d) => d.neg(), numbers),
  abs: unary("abs", (d, _, x) => d.mul(x!.sign()), numbers),
  sign: step("sign", numbers),
  floor: step("floor"),
  ceil: step("ceil"),
  round: step("round"),
  sqrt: unary("sqrt", (d, out) => d.mul(0.5).div(out)),
  exp: unary("exp", (d, out) => d.mul(out)),
  // exp(x) rather than out + 1, which loses every digit where x is very negative.
  expm1: unary("expm1", (d, _, x) => d.mul(x!.exp())),
  log: unary("log", (d, _, x) => d.div(x!)),
  log1p: unary("log1p", (d, _, x) => d.div(x!.add(1))),
  sin: unary("sin", (d, _, x) => d.mul(x!.cos())),
  cos: unary("cos", (d, _, x) => d.mul(x!.sin()).neg()),
  tan: unary("tan", (d, out) => d.mul(out.mul(out).add(1))),
  atan: unary("atan", (d, _, x) => d.div(x!.mul(x!).add(1))),
  tanh: unary("tanh", (d, out) => d.mul(out.mul(out).neg().add(1))),
  erf: unary("erf", (d, _, x) => d.mul(x!.mul(x!).neg().exp()).mul(2 / Math.sqrt(Math.PI))),
};

// Two operands.

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

// Comparisons and logic: bool results, no derivative.

function compare<P extends ComparePrim>(name: P): Rules<P> {
  const allowed = name === "eq" || name === "ne" ? dtypes : numbers;
  return nondifferentiable((inputs) => {
    arity(name, inputs, 2);
    const [x, y] = inputs as [TensorType, TensorType];
    requireSame(name, x, y);
    requireDType(name, x, allowed);
    return [{ shape: x.shape, dtype: "bool" }];
  });
}

function logical<P extends LogicalPrim>(name: P, count: number): Rules<P> {
  return nondifferentiable((inputs) => {
    arity(name, inputs, count);
    for (const input of inputs) {
      requireDType(name, input, ["bool"], 'Compare, or use cast("bool").');
      requireSame(name, inputs[0]!, input);
    }
    return [inputs[0]!];
  });
}

/** Rules of comparisons and logic. */
export const logicalRules: { [P in ComparePrim | LogicalPrim]: Rules<P> } = {
  eq: compare("eq"),
  ne: compare("ne"),
  lt: compare("lt"),
  le: compare("le"),
  gt: compare("gt"),
  ge: compare("ge"),
  and: logical("and", 2),
  or: logical("or", 2),
  not: logical("not", 1),
};

// Choices, conversions and literals.

type SelectPrim = "select" | "cast" | "stopGradient" | "shiftRight" | "constant" | "iota";

/** Rules of choices, conversions and literals. */
export const selectRules: { [P in SelectPrim]: Rules<P> } = {
  select: elementwise(
    (inputs) => {
      arity("select", inputs, 3);
      const [condition, x, y] = inputs as [TensorType, TensorType, TensorType];
      requireDType("select", condition, ["bool"], "Compare first.");
      requireSame("select", x, y);
      requireSame("select", { shape: condition.shape, dtype: x.dtype }, x);
      return [x];
    },
    [
      null,
      (d, _, condition) => d.where(condition!, 0),
      (d, _, condition) => d.zerosLike().where(condition!, d),
    ],
  ),
  cast: {
    infer(inputs, { dtype }) {
      arity("cast", inputs, 1);
      if (!dtypes.includes(dtype))
        throw new ArgumentError(complaint("cast", dtypes.join(", "), describe(dtype)));
      return [{ shape: inputs[0]!.shape, dtype }];
    },
    differentiable: true,
    vjp: ({ inputs, cotangents }) => [
      isFloat(inputs[0]!.dtype) ? cotangents[0]!.cast(inputs[0]!.dtype) : undefined,
    ],
    jvp: ({ outputs, tangents }) => [
      isFloat(outputs[0]!.dtype) ? tangents[0]!.cast(outputs[0]!.dtype) : undefined,
    ],
  },
  stopGradient: nondifferentiable((inputs) => {
    arity("stopGradient", inputs, 1);
    return [inputs[0]!];
  }),
  shiftRight: nondifferentiable((inputs, { bits }) => {
    arity("shiftRight", inputs, 1);
    requireDType("shiftRight", inputs[0]!, ["int32"]);
    if (!Number.isInteger(bits) || bits < 0 || bits > 31)
      throw new ArgumentError(complaint("shiftRight", "bits in [0, 31]", String(bits)));
    return [inputs[0]!];
  }),
  constant: nondifferentiable((inputs, { shape, dtype }) => {
    arity("constant", inputs, 0);
    checkShape("constant", shape);
    return [{ shape, dtype }];
  }),
  iota: nondifferentiable((inputs, { shape, axis, dtype }) => {
    arity("iota", inputs, 0);
    checkShape("iota", shape);
    requireAxis("iota", axis, shape.length);
    return [{ shape, dtype }];
  }),
};
