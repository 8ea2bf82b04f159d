/** @file Real powers of positive numbers with the same bits in every JavaScript engine, for step-size control. */

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
/** Which word holds the sign and the exponent: 1 on little-endian machines. */
const upper = new Uint8Array(new Uint32Array([1]).buffer)[0]!;
const lower = 1 - upper;

// Taylor's series of exp, and of atanh(s)/s without its first term, highest term first.
const exponential: number[] = [1];
for (let i = 1; i <= 14; i++) exponential.unshift(exponential[0]! / i);
const areaTangent = [21, 19, 17, 15, 13, 11, 9, 7, 5, 3].map((i) => 1 / i);

/** 2^n for integers n from -1022 to 1023. */
function powerOfTwo(n: number): number {
  words[upper] = (n + 1023) << 20;
  words[lower] = 0;
  return float[0]!;
}

/** exp(r) for |r| <= 0.4. */
function expSmall(r: number): number {
  let sum = 0;
  for (const c of exponential) sum = sum * r + c;
  return sum;
}

/** ln of a number in [√½, √2): 2 atanh((m - 1)/(m + 1)). */
function logNearOne(m: number): number {
  const s = (m - 1) / (m + 1);
  const z = s * s;
  let sum = 0;
  for (const c of areaTangent) sum = (sum + c) * z;
  return 2 * (s + s * sum);
}

/**
 * x^p for x >= 0. Unlike `Math.pow`, whose last digits differ between engines, it uses only + - * / and the bits of
 * the numbers, so that step sizes, and with them whole solutions, are the same everywhere. Relative error below 1e-13
 * for |p| <= 2. Like `Math.pow`: 0 gives 0 (p > 0), 1 (p = 0) or ∞ (p < 0), ∞ the reverse, NaN and negative x give NaN.
 */
export function power(x: number, p: number): number {
  if (p === 0) return 1;
  if (!(x >= 0) || Number.isNaN(p)) return NaN;
  if (x === 1) return 1;
  if (x === 0 || x === Infinity) return (x === 0) === p > 0 ? 0 : Infinity;
  if (Math.abs(p) > 1e16) return x > 1 === p > 0 ? Infinity : 0;

  // x = 2^n m with m in [√½, √2).
  const tiny = x < 2 ** -1022;
  float[0] = tiny ? x * 2 ** 54 : x;
  let n = (words[upper]! >>> 20) - (tiny ? 1023 + 54 : 1023);
  words[upper] = (words[upper]! & 0xfffff) | 0x3ff00000;
  let m = float[0];
  if (m > Math.SQRT2) {
    m /= 2;
    n += 1;
  }

  // x^p = 2^(n p) m^p. The product n p may be large while its fraction matters: p is cut so that n · high is exact.
  float[0] = p;
  words[lower] = words[lower]! & 0xf8000000;
  const high = float[0];
  const whole = Math.round(n * high);
  const fraction = n * high - whole + n * (p - high);
  const exponent = fraction * Math.LN2 + p * logNearOne(m);
  const shift = Math.round(exponent / Math.LN2);
  const rest = exponent - shift * Math.LN2;
  const total = whole + shift;
  if (total > 1100) return Infinity;
  if (total < -1200) return 0;
  const half = Math.trunc(total / 2);
  return expSmall(rest) * powerOfTwo(half) * powerOfTwo(total - half);
}
