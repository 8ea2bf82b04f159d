// Real powers of positive numbers with the same bits in every JavaScript engine, for step-size control.

const float = new Float64Array(1);
const word = new BigUint64Array(float.buffer);

const ln2 = Math.LN2;

/** 2^n for integers n from -1022 to 1023. */
function powerOfTwo(n: number): number {
  word[0] = BigInt(n + 1023) << 52n;
  return float[0]!;
}

/** exp of a small number: Taylor's series, 1 ulp for |r| <= 0.4. */
function expSmall(r: number): number {
  let sum = 1;
  for (let i = 14; i >= 1; i--) sum = 1 + (sum * r) / i;
  return sum;
}

/** ln of a number in [√½, √2): 2 atanh((m - 1)/(m + 1)) by its series. */
function logNearOne(m: number): number {
  const s = (m - 1) / (m + 1);
  const z = s * s;
  let sum = 0;
  for (let i = 23; i >= 3; i -= 2) sum = (sum + 1 / i) * z;
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
  let n = 0;
  let scaled = x;
  if (x < 2 ** -1022) {
    scaled = x * 2 ** 54;
    n = -54;
  }
  float[0] = scaled;
  const bits = word[0]!;
  n += Number(bits >> 52n) - 1023;
  word[0] = (bits & 0xfffffffffffffn) | 0x3ff0000000000000n;
  let m = float[0];
  if (m > Math.SQRT2) {
    m /= 2;
    n += 1;
  }

  // x^p = 2^(n p) m^p. The product n p may be large while its fraction matters: p is cut so that n · high is exact.
  float[0] = p;
  word[0] = word[0]! & 0xfffffffff8000000n;
  const high = float[0];
  const low = p - high;
  const whole = Math.round(n * high);
  const fraction = n * high - whole + n * low;
  const exponent = fraction * ln2 + p * logNearOne(m);
  const shift = Math.round(exponent / ln2);
  const rest = exponent - shift * ln2;
  const total = whole + shift;
  if (total > 1100) return Infinity;
  if (total < -1200) return 0;
  const half = Math.trunc(total / 2);
  return expSmall(rest) * powerOfTwo(half) * powerOfTwo(total - half);
}
