/**
 * @file Interpolation by cubic B-splines (Unser, Aldroubi and Eden 1993), as scipy.ndimage.zoom(order=3) does it: the samples become
 * coefficients by two recursive filters, mirrored at the ends, and the outer samples lie on the outer new samples.
 */

/** The pole of the cubic spline's filter. */
const pole = Math.sqrt(3) - 2;

/** Coefficients of the spline through some samples, in place. */
function toCoefficients(c: Float64Array): void {
  const n = c.length;
  if (n < 2) return;
  const gain = (1 - pole) * (1 - 1 / pole);
  for (let i = 0; i < n; i++) c[i]! *= gain;
  // The causal filter begins with the sum over all mirror images.
  let power = pole;
  let last = 1;
  for (let i = 1; i < n; i++) last *= pole;
  let sum = c[0]! + last * c[n - 1]!;
  for (let i = 1; i < n - 1; i++) {
    sum += power * (c[i]! + last * c[n - 1 - i]!);
    power *= pole;
  }
  c[0] = sum / (1 - last * last);
  for (let i = 1; i < n; i++) c[i]! += pole * c[i - 1]!;
  c[n - 1] = ((pole * c[n - 2]! + c[n - 1]!) * pole) / (pole * pole - 1);
  for (let i = n - 2; i >= 0; i--) c[i] = pole * (c[i + 1]! - c[i]!);
}

/** An index beyond the ends, mirrored at the outer samples. */
function mirrored(index: number, n: number): number {
  if (n === 1) return 0;
  const period = 2 * (n - 1);
  const inside = ((index % period) + period) % period;
  return inside < n ? inside : period - inside;
}

/** The four weights of the cubic B-spline at a distance of 0 to 1 from the second of four coefficients. */
function weights(t: number): [number, number, number, number] {
  const s = 1 - t;
  const second = (t * t * (t - 2) * 3 + 4) / 6;
  const third = (s * s * (s - 2) * 3 + 4) / 6;
  const first = (s * s * s) / 6;
  return [first, second, third, 1 - first - second - third];
}

/** For lines of n samples: what gives `size` samples of the spline through one, from its first to its last. */
export function splineLine(n: number, size: number): (line: Float64Array) => Float64Array {
  const places = Array.from({ length: size }, (_, i) => {
    const at = size === 1 ? 0 : (i * (n - 1)) / (size - 1);
    const from = Math.floor(at);
    return weights(at - from).map((weight, k) => [mirrored(from - 1 + k, n), weight] as const);
  });
  return (line) => {
    const c = line.slice();
    toCoefficients(c);
    return Float64Array.from(places, (place) => {
      let sum = 0;
      for (const [index, weight] of place) sum += weight * c[index]!;
      return sum;
    });
  };
}
