// The hyperbolic tangent of every lane; the float32 one is the hottest function of all.
import { expNormal } from "./exp.ts";
import type { Expr, Lanes } from "./lanes.ts";

// Float32: tanh(x) = x P(x²)/Q(x²), a minimax (Remez) fit of the relative error on [0, 7.9] (1.8e-8). P(0) = Q(0) = 1
// keeps tiny arguments as they are. Rounding dominates the error: this grouping and these last digits have the least
// of many tried over every float32, 2.9955e-7, and never exceed 1.
const p = [0.129872859, 0.00299463235, 9.96217477e-6, -1.49757042e-8, 2.4287742e-11] as const;
const q = [0.463206083, 0.0240635183, 0.000238435794] as const;
/** Here the quotient is exactly 1, and the truth is within 2.5e-7 of it. */
const saturation = 7.94850731;

// Float64, |x| < 5/8: tanh(x) = x + x z R(z), minimax (Remez) fit of R, 6e-19.
const near = {
  over: [-0.33333333333333326, -0.0204968858021133, -0.00019909332199434586],
  under: [1, 0.4614906574063256, 0.023288781024001032, 0.00020644300740536034],
};

/** Hyperbolic tangent; exactly ±1 for large arguments. */
export function tanh(k: Lanes, argument: Expr): Expr {
  return k.wide ? tanh64(k, argument) : tanh32(k, argument);
}

function tanh32(k: Lanes, argument: Expr): Expr {
  const x = k.let(k.atLeast(k.atMost(argument, saturation), -saturation));
  const z = k.let(k.mul(x, x));
  const w = k.let(k.mul(z, z));
  const lead = k.add(x, k.mul(k.mul(x, z), k.num(p[0])));
  const rest = k.add(k.poly(z, [p[1], p[2]]), k.mul(w, k.poly(z, [p[3], p[4]])));
  const under = k.add(k.poly(z, [1, q[0]]), k.mul(w, k.poly(z, [q[1], q[2]])));
  return k.div(k.add(lead, k.mul(k.mul(x, w), rest)), under);
}

/** Near zero x + x z R(z), else 1 - 2/(exp(2x) + 1): both are a sum of base and quotient, so one division serves. */
function tanh64(k: Lanes, argument: Expr): Expr {
  const x = k.let(argument);
  const a = k.let(k.atMost(k.abs(x), 22));
  const small = k.let(k.lt(a, k.num(0.625)));
  const z = k.let(k.mul(a, a));
  const twice = k.let(k.add(a, a));
  const large = k.add(expNormal(k, twice), k.num(1));
  const over = k.select(small, k.mul(k.mul(a, z), k.poly(z, near.over)), k.num(-2));
  const under = k.select(small, k.poly(z, near.under), large);
  const y = k.add(k.select(small, a, k.num(1)), k.div(over, under));
  return k.or(y, k.and(x, k.signBit()));
}
