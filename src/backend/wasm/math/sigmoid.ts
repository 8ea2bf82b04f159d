// The logistic function of every lane, without overflow.
import { divide, quickTwoSum } from "./double.ts";
import { exp } from "./exp.ts";
import type { Expr, Lanes } from "./lanes.ts";

/** 1 / (1 + exp(-x)), without overflow: the exponential is of -|x| only. */
export function sigmoid(k: Lanes, argument: Expr): Expr {
  const x = k.let(argument);
  const e = k.let(exp(k, k.neg(k.abs(x))));
  const over = k.let(k.select(k.lt(x, k.num(0)), e, k.num(1)));
  if (!k.wide) return k.div(over, k.add(k.num(1), e));
  return divide(k, { high: over, low: k.num(0) }, quickTwoSum(k, k.num(1), e));
}
