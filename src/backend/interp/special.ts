// Functions that Math lacks, in double precision: erf, rounding to even, integer division and power.

/** Rounds to the nearest integer, halves to the even one; keeps the sign of zero. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const fraction = x - floor;
  if (fraction === 0 || !Number.isFinite(x)) return x;
  const up = fraction > 0.5 || (fraction === 0.5 && floor % 2 !== 0);
  const rounded = up ? floor + 1 : floor;
  return rounded === 0 && x < 0 ? -0 : rounded;
}

/**
 * The error function 2/sqrt(pi) * integral of exp(-t^2) over [0, x], to a few units in the last place.
 * Below 3 the series of positive terms (DLMF 7.6.2), above it the continued fraction of erfc (DLMF 7.9.1).
 */
export function erf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  let fraction = a;
  for (let n = 100; n > 0; n--) fraction = a + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * fraction));
}

/** int32 division towards zero. x / 0 is 0, and -2^31 / -1 wraps to -2^31: nothing traps. */
export function divideInt(x: number, y: number): number {
  return y === 0 ? 0 : (x / y) | 0;
}

/** x^y as IEEE 754 has it: unlike `Math.pow`, 1 to any power is 1, and so is -1 to an infinite one. */
export function powerFloat(x: number, y: number): number {
  return x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : Math.pow(x, y);
}

/** int32 power that wraps as multiplication does. A negative exponent divides 1 by the power, as `divideInt` would. */
export function powerInt(x: number, y: number): number {
  let power = 1;
  let square = x;
  for (let rest = Math.abs(y); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = Math.imul(power, square);
    square = Math.imul(square, square);
  }
  if (y >= 0) return power;
  return x === 1 || x === -1 ? power : 0;
}
