/** @file Gaussian blur of a picture. */
import { power } from "../../base/power.ts";
import type { Case } from "./subject.ts";

/** Weights of a Gaussian at distances 0, 1, ... up to three standard deviations, the whole of which has sum 1. */
function gaussian(deviation: number): number[] {
  const half = Array.from({ length: Math.ceil(3 * deviation) + 1 }, (_, distance) =>
    power(Math.E, (-distance * distance) / (2 * deviation * deviation)),
  );
  const sum = half.reduce((total, weight) => total + 2 * weight, -half[0]!);
  return half.map((weight) => weight / sum);
}

/** The picture blurred along both axes; beyond its border it goes on as at the border. */
export function blurred(
  { pixels, rows, columns, channels }: Case,
  deviation: number,
): Float32Array {
  const weights = gaussian(deviation);
  const along = (from: Float32Array, extent: number, stride: number): Float32Array =>
    from.map((_, at) => {
      const place = Math.floor(at / stride) % extent;
      const first = at - place * stride;
      const value = (i: number): number =>
        from[first + Math.min(extent - 1, Math.max(0, i)) * stride]!;
      let sum = weights[0]! * value(place);
      for (let d = 1; d < weights.length; d++)
        sum += weights[d]! * (value(place - d) + value(place + d));
      return sum;
    });
  return along(along(pixels, columns, channels), rows, columns * channels);
}
