/** @file Interpreter rules that sum products and slide windows: matrix products, convolutions, pooling. */
import { sizeOf, type Shape } from "../../ir/shape.ts";
import { makeElements, type Rules, type Elements, type Operand } from "./rule.ts";
import { type ConvGeometry, type ConvShape, convShape, type PoolGeometry } from "../../ir/conv.ts";

export const matmulRules: Rules<"matmul"> = {
  matmul: (_params, [a, b], { shape, dtype }) => {
    const out = makeElements(dtype, sizeOf(shape));
    const [m, n] = shape.slice(-2) as [number, number];
    const k = a!.shape.at(-1)!;
    for (let batch = 0; batch < sizeOf(shape.slice(0, -2)); batch++) {
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let sum = 0;
          for (let q = 0; q < k; q++) {
            sum += a!.elements[(batch * m + i) * k + q]! * b!.elements[(batch * k + q) * n + j]!;
          }
          out[(batch * m + i) * n + j] = sum;
        }
      }
    }
    return out;
  },
};

// Interpreter rules of convolutions: the sums of their definition, in double precision, rounded once.

/** Calls `visit` with the positions of every product: x[at], kernel[weight] and the output's out[to]. */
function products(shape: ConvShape, visit: (at: number, weight: number, to: number) => void): void {
  const { batch, height, width, channels, kernelHeight, kernelWidth, filters } = shape;
  const { outHeight, outWidth, groups, strides, dilation, top, left } = shape;
  const [depth, each] = [channels / groups, filters / groups];
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let ky = 0; ky < kernelHeight; ky++)
          for (let kx = 0; kx < kernelWidth; kx++) {
            const y = oy * strides[0] - top + ky * dilation[0];
            const x = ox * strides[1] - left + kx * dilation[1];
            if (y < 0 || y >= height || x < 0 || x >= width) continue;
            for (let c = 0; c < depth; c++)
              for (let f = 0; f < filters; f++)
                visit(
                  ((n * height + y) * width + x) * channels + Math.floor(f / each) * depth + c,
                  ((ky * kernelWidth + kx) * depth + c) * filters + f,
                  ((n * outHeight + oy) * outWidth + ox) * filters + f,
                );
          }
}

const floatOf = ({ dtype }: Operand): "float32" | "float64" => dtype as "float32" | "float64";

function rounded(x: Operand, totals: Float64Array): Elements {
  const out = makeElements(x.dtype, totals.length);
  out.set(totals);
  return out;
}

function convolve(x: Operand, kernel: Elements, of: Shape, params: ConvGeometry): Elements {
  const shape = convShape(x.shape, of, params, floatOf(x));
  const totals = new Float64Array(shape.batch * shape.outHeight * shape.outWidth * shape.filters);
  products(shape, (at, weight, to) => {
    totals[to]! += x.elements[at]! * kernel[weight]!;
  });
  return rounded(x, totals);
}

export const convRules: Rules<"conv" | "convFilter" | "prepareKernel" | "preparedConv"> = {
  conv: (params, [x, kernel]) => convolve(x!, kernel!.elements, kernel!.shape, params),
  convFilter: (params, [x, g], { shape }) => {
    const totals = new Float64Array(sizeOf(shape));
    products(convShape(x!.shape, shape, params, floatOf(x!)), (at, weight, to) => {
      totals[weight]! += x!.elements[at]! * g!.elements[to]!;
    });
    return rounded(x!, totals);
  },
  // The layout is the backend's own affair: here the kernel as it is, at the beginning.
  prepareKernel: ({ size }, [kernel]) => {
    const out = makeElements(kernel!.dtype, size);
    out.set(kernel!.elements);
    return out;
  },
  preparedConv: (params, [x, prepared]) => convolve(x!, prepared!.elements, params.kernel, params),
};

// Interpreter rules of maxima of windows, and of picking and adding at their places.

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
