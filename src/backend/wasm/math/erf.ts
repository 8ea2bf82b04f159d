// The error function of every lane: a correction to x near zero, to 1 beyond.
import { expNormal } from "./exp.ts";
import type { Expr, Lanes } from "./lanes.ts";

// |x| < 1: erf(x) = x + x R(x²); float32 a polynomial (1.2e-9), float64 a rational (7e-19), Remez.
const near32 = [
  0.12837917, -0.37612626, 0.112835854, -0.026853815, 0.0051883315, -0.000801023, 7.853989e-5,
];
const near64 = {
  over: [
    0.1283791670955126, -0.31700622602682693, -0.048329242468305784, -0.008815634125931069,
    -0.0004956082434851531, -2.073229843369755e-5,
  ],
  under: [
    1, 0.4605121246894061, 0.09381275528902429, 0.010693017200100954, 0.0006924919181394518,
    2.0809972483216852e-5,
  ],
};
// Beyond: float32 erf(x) = 1 - exp(H(x)); float64 erf(x) = 1 - exp(-x²) G(x - 0.99), G = exp(x²) erfc(x).
const far32 = [
  -0.0003327367, -1.1271223, -0.6380939, -0.10314766, 0.021856159, -0.0029518374, 0.00018677286,
];
const start = 0.99;
const far64 = {
  over: [
    0.4303312130641483, 0.5421039362903741, 0.30195377901532966, 0.09081252479867749,
    0.01466883065027391, 0.0010179343953116528,
  ],
  under: [
    1, 1.9018543779134869, 1.55858901015178, 0.7066138156804265, 0.1876078309425361,
    0.02778565474935125, 0.0018042560440934708,
  ],
};

/** Error function; ±1 from about 3.9 (float32) or 5.9 (float64) on. */
export function erf(k: Lanes, argument: Expr): Expr {
  const x = k.let(argument);
  const a = k.let(k.atMost(k.abs(x), k.wide ? 6 : 4));
  const z = k.let(k.mul(a, a));
  const near = k.let(k.lt(a, k.num(1)));
  const base = k.select(near, a, k.num(1));
  const correction = k.wide ? correction64(k, a, z, near) : correction32(k, a, z, near);
  return k.or(k.add(base, correction), k.and(x, k.signBit()));
}

function correction32(k: Lanes, a: Expr, z: Expr, near: Expr): Expr {
  const small = k.let(k.mul(a, k.poly(z, near32)));
  const exponent = k.let(k.poly(a, far32));
  return k.select(near, small, k.neg(expNormal(k, exponent)));
}

/** Both rationals share one division. */
function correction64(k: Lanes, a: Expr, z: Expr, near: Expr): Expr {
  const y = k.let(k.sub(a, k.num(start)));
  const square = k.let(k.neg(z));
  const tail = k.neg(k.mul(expNormal(k, square), k.poly(y, far64.over)));
  const over = k.select(near, k.mul(a, k.poly(z, near64.over)), tail);
  const under = k.select(near, k.poly(z, near64.under), k.poly(y, far64.under));
  return k.div(over, under);
}
