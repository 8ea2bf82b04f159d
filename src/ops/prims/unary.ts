/**
 * @file Elementwise primitives of one operand and their derivatives.
 * Conventions: abs'(0) = 0; sign, floor, ceil and round have derivative zero; sqrt'(0) is what IEEE division gives.
 * `round` rounds halves to even.
 */
import type { DType } from "../../ir/dtype.ts";
import type { UnaryPrim } from "../../ir/prim.ts";
import { arity, floats, numbers, requireDType } from "../infer.ts";
import { type Partial, type Rules, elementwise, nondifferentiable } from "../rules.ts";

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
