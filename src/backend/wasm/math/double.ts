// Unevaluated sums of two floats ("double-double" in float64), without fused multiply-add.
import type { Expr, Lanes } from "./lanes.ts";

/** high + low, where |low| is at most about half a unit in the last place of high. Both are cheap to evaluate. */
export interface Pair {
  readonly high: Expr;
  readonly low: Expr;
}

/** The upper half of the fraction bits: products of two such halves are exact. */
function upper(k: Lanes, a: Expr): Expr {
  return k.let(k.and(a, k.bits(k.wide ? -(1n << 27n) : -(1n << 12n))));
}

/** a + b exactly, for |a| >= |b| or a = 0 (Dekker 1971). */
export function quickTwoSum(k: Lanes, a: Expr, b: Expr): Pair {
  const high = k.let(k.add(a, b));
  return { high, low: k.let(k.sub(b, k.sub(high, a))) };
}

/** a b exactly (Dekker 1971, with the halves cut by a mask); no overflow, no underflow assumed. */
export function twoProduct(k: Lanes, a: Expr, b: Expr): Pair {
  const high = k.let(k.mul(a, b));
  const [ah, bh] = [upper(k, a), upper(k, b)];
  const al = k.let(k.sub(a, ah));
  const bl = k.let(k.sub(b, bh));
  const start = k.sub(k.mul(ah, bh), high);
  const crossed = k.add(k.add(start, k.mul(ah, bl)), k.mul(al, bh));
  return { high, low: k.let(k.add(crossed, k.mul(al, bl))) };
}

/** (a.high + a.low) (b.high + b.low), to about twice the precision of the lanes. */
export function multiply(k: Lanes, a: Pair, b: Pair): Pair {
  const { high, low } = twoProduct(k, a.high, b.high);
  return { high, low: k.let(k.add(low, k.add(k.mul(a.high, b.low), k.mul(a.low, b.high)))) };
}

/** a / b, correctly rounded in nearly every case. */
export function divide(k: Lanes, a: Pair, b: Pair): Expr {
  const q = k.let(k.div(a.high, b.high));
  const product = twoProduct(k, q, b.high);
  const exact = k.sub(k.sub(a.high, product.high), product.low);
  const residual = k.sub(k.add(exact, a.low), k.mul(q, b.low));
  return k.add(q, k.div(residual, b.high));
}
