/** @file Convolution and pooling straight from their definitions, over nested arrays: what results are compared with. */
import type { ConvGeometry, Pair, PoolGeometry } from "../../src/ir/conv.ts";
import type { Nested } from "../../src/ir/tensor.ts";
import { build, pick } from "../laws/cases.ts";

export type Extents = readonly number[];

/** The geometry of a plain convolution, but for what is given. */
export function geometry(given: Partial<ConvGeometry> = {}): ConvGeometry {
  return {
    strides: [1, 1],
    padding: [
      [0, 0],
      [0, 0],
    ],
    dilation: [1, 1],
    groups: 1,
    algorithm: "auto",
    ...given,
  };
}

/** Windows along an axis, counted one by one. */
export function countWindows(extent: number, span: number, stride: number, padding: Pair): number {
  let count = 0;
  while (count * stride - padding[0] + span <= extent + padding[1]) count++;
  return count;
}

/** Shape [N, OH, OW, F] of a convolution's output. */
export function outputShape(x: Extents, kernel: Extents, of: ConvGeometry): number[] {
  const [rows, columns] = ([0, 1] as const).map((axis) =>
    countWindows(
      x[axis + 1]!,
      of.dilation[axis] * (kernel[axis]! - 1) + 1,
      of.strides[axis],
      of.padding[axis],
    ),
  );
  return [x[0]!, rows!, columns!, kernel[3]!];
}

/** Where element i of the kernel falls for output o along an axis. */
const placeOf = (of: ConvGeometry, axis: 0 | 1, o: number, i: number): number =>
  o * of.strides[axis] - of.padding[axis][0] + i * of.dilation[axis];

/** Calls `visit` with x's, the kernel's and the output's index of every product of a convolution. */
function products(
  x: Extents,
  kernel: Extents,
  of: ConvGeometry,
  visit: (at: number[], weight: number[], to: number[]) => void,
): void {
  const [n, rows, columns, filters] = outputShape(x, kernel, of) as [
    number,
    number,
    number,
    number,
  ];
  build([n, rows, columns, filters, ...kernel.slice(0, 3)], (b, oy, ox, f, ky, kx, c) => {
    const [y, z] = [placeOf(of, 0, oy!, ky!), placeOf(of, 1, ox!, kx!)];
    const group = Math.floor(f! / (filters / of.groups));
    if (y >= 0 && y < x[1]! && z >= 0 && z < x[2]!)
      visit([b!, y, z, group * kernel[2]! + c!], [ky!, kx!, c!, f!], [b!, oy!, ox!, f!]);
    return 0;
  });
}

/** Sums into nested zeros of a shape. */
function collect(
  shape: Extents,
  fill: (add: (to: number[], value: number) => void) => void,
): Nested {
  const sums = build(shape, () => 0);
  fill((to, value) => {
    const line = to.slice(0, -1).reduce((level, i) => (level as Nested[])[i]!, sums) as number[];
    line[to.at(-1)!]! += value;
  });
  return sums;
}

/** x [N, H, W, C], kernel [KH, KW, C / groups, F] -> [N, OH, OW, F] */
export function naiveConv(
  x: Nested,
  xShape: Extents,
  kernel: Nested,
  kernelShape: Extents,
  of: ConvGeometry,
): Nested {
  return collect(outputShape(xShape, kernelShape, of), (add) =>
    products(xShape, kernelShape, of, (at, weight, to) =>
      add(to, pick(x, ...at) * pick(kernel, ...weight)),
    ),
  );
}

/** The kernel's gradient. */
export function naiveConvFilter(
  x: Nested,
  xShape: Extents,
  g: Nested,
  kernelShape: Extents,
  of: ConvGeometry,
): Nested {
  return collect(kernelShape, (add) =>
    products(xShape, kernelShape, of, (at, weight, to) =>
      add(weight, pick(x, ...at) * pick(g, ...to)),
    ),
  );
}

/** The images' gradient. */
export function naiveConvInput(
  g: Nested,
  xShape: Extents,
  kernel: Nested,
  kernelShape: Extents,
  of: ConvGeometry,
): Nested {
  return collect(xShape, (add) =>
    products(xShape, kernelShape, of, (at, weight, to) =>
      add(at, pick(g, ...to) * pick(kernel, ...weight)),
    ),
  );
}

/** What `fold` makes of the elements [value, place] of each window, in row-major order. */
export function naivePool(
  x: Nested,
  xShape: Extents,
  of: PoolGeometry,
  fold: (elements: readonly (readonly [value: number, place: number])[]) => number,
): Nested {
  const [n, height, width, channels] = xShape as [number, number, number, number];
  const rows = countWindows(height, of.window[0], of.strides[0], of.padding[0]);
  const columns = countWindows(width, of.window[1], of.strides[1], of.padding[1]);
  return build([n, rows, columns, channels], (b, oy, ox, c) => {
    const elements: [number, number][] = [];
    for (let y = 0; y < height; y++)
      for (let z = 0; z < width; z++) {
        const inside =
          Math.floor((y + of.padding[0][0] - oy! * of.strides[0]) / of.window[0]) === 0 &&
          Math.floor((z + of.padding[1][0] - ox! * of.strides[1]) / of.window[1]) === 0;
        if (inside) elements.push([pick(x, b!, y, z, c!), y * width + z]);
      }
    return fold(elements);
  });
}
