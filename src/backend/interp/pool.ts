// Interpreter rules of maxima of windows, and of picking and adding at their places.
import type { PoolGeometry } from "../../ir/conv.ts";
import { sizeOf } from "../../ir/shape.ts";
import { makeElements, type Operand, type Rules } from "./rule.ts";

/** For every window its place in the output, and where in `x` its first largest element is (the first NaN, if any). */
function winners(
  { window, strides, padding }: PoolGeometry,
  x: Operand,
  outShape: readonly number[],
  visit: (to: number, at: number, place: number) => void,
): void {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [, rows, columns] = outShape as [number, number, number, number];
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < rows; oy++)
      for (let ox = 0; ox < columns; ox++)
        for (let c = 0; c < channels; c++) {
          const element = (place: number): number => (n * height * width + place) * channels + c;
          let best = -1;
          for (let ky = 0; ky < window[0]; ky++)
            for (let kx = 0; kx < window[1]; kx++) {
              const row = oy * strides[0] - padding[0][0] + ky;
              const column = ox * strides[1] - padding[1][0] + kx;
              if (row < 0 || row >= height || column < 0 || column >= width) continue;
              const place = row * width + column;
              if (best === -1) {
                best = place;
                continue;
              }
              const [found, champion] = [x.elements[element(place)]!, x.elements[element(best)]!];
              if (found > champion || (Number.isNaN(found) && !Number.isNaN(champion)))
                best = place;
            }
          visit(((n * rows + oy) * columns + ox) * channels + c, element(best), best);
        }
}

/** For every place its position, and the element of its own sample and channel that it means in images [N, H, W, C]. */
function eachPlace(
  places: Operand,
  [, height, width, channels]: readonly number[],
  visit: (position: number, element: number) => void,
): void {
  const inSample = sizeOf(places.shape.slice(1));
  for (let position = 0; position < places.elements.length; position++) {
    const n = Math.floor(position / inSample);
    const place = n * height! * width! + places.elements[position]!;
    visit(position, place * channels! + (position % channels!));
  }
}

export const poolRules: Rules<"maxPool" | "maxPoolIndices" | "pickPlaces" | "addAtPlaces"> = {
  maxPool: (params, [x], { shape, dtype }) => {
    const out = makeElements(dtype, sizeOf(shape));
    winners(params, x!, shape, (to, at) => {
      out[to] = x!.elements[at]!;
    });
    return out;
  },
  maxPoolIndices: (params, [x], { shape }) => {
    const out = new Int32Array(sizeOf(shape));
    winners(params, x!, shape, (to, _at, place) => {
      out[to] = place;
    });
    return out;
  },
  pickPlaces: (_params, [x, places], { shape, dtype }) => {
    const out = makeElements(dtype, sizeOf(shape));
    eachPlace(places!, x!.shape, (position, element) => {
      out[position] = x!.elements[element]!;
    });
    return out;
  },
  addAtPlaces: (_params, [g, places], { shape, dtype }) => {
    const totals = new Float64Array(sizeOf(shape));
    eachPlace(places!, shape, (position, element) => {
      totals[element]! += g!.elements[position]!;
    });
    const out = makeElements(dtype, totals.length);
    out.set(totals);
    return out;
  },
};
