// Winograd's convolutions against plain ones in double precision.
import { describe, expect, test } from "vitest";
import {
  emitWinograd,
  emitWinogradFilter,
  emitWinogradKernel,
} from "../src/backend/wasm/kernels/conv/winograd/index.ts";
import { convAlgorithm, type ConvShape, windowCount, winogradKernelSize } from "../src/ir/conv.ts";
import { makeInput, type Value } from "../src/ir/graph.ts";
import type { LoopNest, View } from "../src/ir/kernel.ts";
import { sizeOf, stridesOf } from "../src/ir/shape.ts";
import { Bench, type Floats, floats } from "./support/kernel-bench.ts";

interface Case {
  readonly batch?: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly filters: number;
  /** [[top, bottom], [left, right]] */
  readonly padding: readonly (readonly [number, number])[];
  /** Side of the kernel, 3 unless given, and its strides, 1. */
  readonly side?: number;
  readonly stride?: number;
  readonly algorithm?: "winograd" | "winograd3";
}

function shapeOf(given: Case): ConvShape {
  const { batch = 1, height, width, channels, filters, padding, side = 3, stride = 1 } = given;
  const [[top, bottom], [left, right]] = padding as [[number, number], [number, number]];
  return {
    dtype: "float32",
    batch,
    height,
    width,
    channels,
    kernelHeight: side,
    kernelWidth: side,
    filters,
    outHeight: windowCount(height, side, stride, [top, bottom]),
    outWidth: windowCount(width, side, stride, [left, right]),
    groups: 1,
    strides: [stride, stride],
    dilation: [1, 1],
    top,
    left,
  };
}

/** How a kernel [side, side, C, F] lies in memory: axes from the outermost, and which run backwards. */
interface KernelLayout {
  readonly order: readonly number[];
  readonly flipped: readonly number[];
}

const plain: KernelLayout = { order: [0, 1, 2, 3], flipped: [] };
/** What the gradient of a convolution's input wants of the kernel: turned around, channels and filters swapped. */
const turned: KernelLayout = { order: [0, 1, 3, 2], flipped: [0, 1] };

/** Nothing side by side, everything backwards. */
const scattered: KernelLayout = { order: [2, 3, 0, 1], flipped: [0, 1, 2, 3] };

function viewOf(dims: readonly number[], { order, flipped }: KernelLayout): View {
  const dense = stridesOf(order.map((axis) => dims[axis]!));
  const strides = dims.map((_, axis) => dense[order.indexOf(axis)]!);
  let offset = 0;
  for (const axis of flipped) {
    offset += strides[axis]! * (dims[axis]! - 1);
    strides[axis] = -strides[axis]!;
  }
  return { offset, strides };
}

/** Visits every product x[xAt] * kernel[tap, channel, f] -> out[outAt]. */
function eachProduct(
  shape: ConvShape,
  visit: (xAt: number, tap: number, channel: number, outAt: number) => void,
  some: readonly number[] = Array.from({ length: shape.channels }, (_, channel) => channel),
): void {
  const { batch, height, width, channels, outHeight, outWidth, top, left, filters } = shape;
  const { kernelHeight: side, strides } = shape;
  for (let n = 0; n < batch; n++) {
    for (let y = 0; y < outHeight; y++) {
      for (let x = 0; x < outWidth; x++) {
        for (let tap = 0; tap < side * side; tap++) {
          const row = y * strides[0] - top + Math.floor(tap / side);
          const column = x * strides[1] - left + (tap % side);
          if (row < 0 || row >= height || column < 0 || column >= width) continue;
          const xAt = ((n * height + row) * width + column) * channels;
          const outAt = ((n * outHeight + y) * outWidth + x) * filters;
          for (const c of some) visit(xAt + c, tap, c, outAt);
        }
      }
    }
  }
}

/** The results at every `every`-th pixel, elsewhere zero. */
function sampled(out: Floats, filters: number, every: number): Floats {
  return out.map((element, i) => (Math.floor(i / filters) % every > 0 ? 0 : element)) as Floats;
}

/** Largest difference relative to the largest element. */
function relativeError(found: Floats, expected: Float64Array): number {
  let [most, largest] = [0, 0];
  expect(found.length).toBe(expected.length);
  found.forEach((element, i) => {
    const off = Math.abs(element - expected[i]!);
    most = off <= most ? most : Number.isNaN(off) ? Infinity : off;
    largest = Math.max(largest, Math.abs(expected[i]!));
  });
  return most / largest;
}

function sameBits(x: Floats, y: Floats): boolean {
  return x.length === y.length && x.every((element, i) => Object.is(element, y[i]));
}

type Order = (chunks: number) => readonly number[];

/** max(sum + bias, 0). */
function biasAndRelu(out: Value, bias: Value, activated: Value): LoopNest {
  const [pixels, filters] = [sizeOf(out.shape.slice(0, 3)), out.shape[3]!];
  const dtype = "float32";
  const view = (row: number): View => ({ offset: 0, strides: [row, 1] });
  return {
    extents: [pixels, filters],
    body: [
      { kind: "load", value: out, view: view(filters), dtype },
      { kind: "load", value: bias, view: view(0), dtype },
      { kind: "binary", op: "add", x: 0, y: 1, dtype },
      { kind: "literal", literal: 0, dtype },
      { kind: "binary", op: "max", x: 2, y: 3, dtype },
    ],
    stores: [{ instruction: 4, value: activated, view: view(filters) }],
    reductions: [],
  };
}

/** The convolution; with a bias what `biasAndRelu` makes of it. */
function convolve(
  given: Case,
  layout: KernelLayout = plain,
  order?: Order,
  biases?: Floats,
): Floats {
  const shape = shapeOf(given);
  const { batch, height, width, channels, filters, outHeight, outWidth } = shape;
  const bench = new Bench();
  const x = makeInput({ shape: [batch, height, width, channels], dtype: "float32" });
  const elements = shape.kernelHeight * shape.kernelWidth * channels * filters;
  const kernel = makeInput({ shape: [elements], dtype: "float32" });
  const common = { shape, algorithm: given.algorithm ?? "winograd" } as const;
  const prepared = makeInput({ shape: [winogradKernelSize(common)], dtype: "float32" });
  const out = makeInput({ shape: [batch, outHeight, outWidth, filters], dtype: "float32" });
  bench.put(x, floats("float32", batch * height * width * channels, 1));
  bench.put(kernel, floats("float32", elements, 2));
  const view = viewOf([shape.kernelHeight, shape.kernelWidth, channels, filters], layout);
  const bias = makeInput({ shape: [filters], dtype: "float32" });
  const activated = makeInput({ shape: out.shape, dtype: "float32" });
  if (biases !== undefined) bench.put(bias, biases);
  bench.runPhases(
    [
      (context) =>
        emitWinogradKernel(context, {
          ...common,
          kind: "prepareKernel",
          kernel: { value: kernel, view },
          out: prepared,
        }),
      (context) =>
        emitWinograd(context, {
          ...common,
          kind: "conv",
          x,
          kernel: prepared,
          out,
          epilogue: biases && biasAndRelu(out, bias, activated),
        }),
    ],
    [prepared, out, activated],
    order,
  );
  return bench.get(biases === undefined ? out : activated) as Floats;
}

/** The convolution of the same numbers in double precision, at every `every`-th pixel, elsewhere zero. */
function expectedOutput(given: Case, layout: KernelLayout = plain, every = 1): Float64Array {
  const shape = shapeOf(given);
  const { batch, height, width, channels, filters, outHeight, outWidth } = shape;
  const x = floats("float32", batch * height * width * channels, 1);
  const side = shape.kernelHeight;
  const kernel = floats("float32", side * side * channels * filters, 2);
  const { offset, strides } = viewOf([side, side, channels, filters], layout);
  const [sr, ss, sc, sf] = strides as [number, number, number, number];
  const out = new Float64Array(batch * outHeight * outWidth * filters);
  eachProduct(shape, (xAt, tap, c, outAt) => {
    if ((outAt / filters) % every > 0) return;
    const at = offset + Math.floor(tap / side) * sr + (tap % side) * ss + c * sc;
    for (let f = 0; f < filters; f++) out[outAt + f]! += x[xAt]! * kernel[at + f * sf]!;
  });
  return out;
}

/** The gradient of the kernel; the elements of x and of the result's gradient are random. */
function filterGradient(given: Case, order?: Order): Floats {
  const shape = shapeOf(given);
  const { batch, height, width, channels, filters, outHeight, outWidth } = shape;
  const bench = new Bench();
  const x = makeInput({ shape: [batch, height, width, channels], dtype: "float32" });
  const gradient = makeInput({ shape: [batch, outHeight, outWidth, filters], dtype: "float32" });
  const out = makeInput({
    shape: [shape.kernelHeight, shape.kernelWidth, channels, filters],
    dtype: "float32",
  });
  bench.put(x, floats("float32", batch * height * width * channels, 1));
  bench.put(gradient, floats("float32", batch * outHeight * outWidth * filters, 2));
  bench.runPhases(
    [
      (context) =>
        emitWinogradFilter(context, {
          kind: "convFilter",
          shape,
          algorithm: given.algorithm ?? "winograd",
          x,
          gradient,
          out,
        }),
    ],
    [out],
    order,
  );
  return bench.get(out) as Floats;
}

/** The gradient of the kernel's elements at some channels (all unless given), the others zero. */
function expectedGradient(given: Case, some?: readonly number[]): Float64Array {
  const shape = shapeOf(given);
  const { batch, height, width, channels, filters, outHeight, outWidth } = shape;
  const x = floats("float32", batch * height * width * channels, 1);
  const gradient = floats("float32", batch * outHeight * outWidth * filters, 2);
  const out = new Float64Array(shape.kernelHeight * shape.kernelWidth * channels * filters);
  eachProduct(
    shape,
    (xAt, tap, c, outAt) => {
      const at = (tap * channels + c) * filters;
      for (let f = 0; f < filters; f++) out[at + f]! += x[xAt]! * gradient[outAt + f]!;
    },
    some,
  );
  return out;
}

const one = [
  [1, 1],
  [1, 1],
] as const;
const none = [
  [0, 0],
  [0, 0],
] as const;
const algorithm = "winograd3";
const cases: readonly Case[] = [
  { height: 4, width: 4, channels: 16, filters: 16, padding: one },
  { height: 9, width: 8, channels: 16, filters: 20, padding: one },
  { batch: 3, height: 7, width: 7, channels: 24, filters: 16, padding: one },
  { batch: 2, height: 6, width: 11, channels: 20, filters: 28, padding: none },
  {
    height: 5,
    width: 13,
    channels: 36,
    filters: 44,
    padding: [
      [2, 2],
      [2, 2],
    ],
  },
  {
    batch: 2,
    height: 10,
    width: 6,
    channels: 16,
    filters: 64,
    padding: [
      [0, 1],
      [2, 0],
    ],
  },
  { height: 28, width: 28, channels: 64, filters: 32, padding: one },
  { batch: 2, height: 7, width: 7, channels: 65, filters: 64, padding: one },
  { height: 11, width: 7, channels: 18, filters: 21, padding: one },
  { height: 8, width: 9, channels: 3, filters: 5, padding: one },
  { height: 8, width: 9, channels: 1, filters: 2, padding: none },
  // Several blocks of tiles in a chunk.
  { batch: 3, height: 79, width: 80, channels: 16, filters: 16, padding: one },
  // Kernels too large for blocks: a phase for each step. The last strip has one, two, three tiles.
  { height: 6, width: 22, channels: 520, filters: 144, padding: none },
  { height: 10, width: 20, channels: 144, filters: 516, padding: none },
  { batch: 3, height: 6, width: 22, channels: 279, filters: 277, padding: none },
  // F(3x3, 3x3).
  { algorithm, batch: 5, height: 6, width: 6, channels: 20, filters: 24, padding: one },
  { algorithm, batch: 2, height: 10, width: 5, channels: 17, filters: 19, padding: one },
  { algorithm, batch: 3, height: 5, width: 11, channels: 272, filters: 270, padding: none },
  { algorithm, side: 6, stride: 2, height: 17, width: 20, channels: 9, filters: 16, padding: one },
  // F(3x3, 2x2).
  { algorithm, side: 2, batch: 5, height: 7, width: 7, channels: 20, filters: 24, padding: none },
  { algorithm, side: 2, batch: 3, height: 5, width: 8, channels: 9, filters: 10, padding: one },
  {
    algorithm,
    side: 4,
    stride: 2,
    batch: 3,
    height: 12,
    width: 13,
    channels: 18,
    filters: 20,
    padding: one,
  },
  // F(5x5, 2x2).
  { side: 2, height: 7, width: 5, channels: 16, filters: 16, padding: none },
  { side: 2, batch: 3, height: 13, width: 13, channels: 24, filters: 20, padding: one },
  { side: 2, height: 11, width: 7, channels: 18, filters: 21, padding: one },
  { side: 2, height: 12, width: 33, channels: 300, filters: 270, padding: none },
  // Folded by the stride: paddings of both kinds, extents that the stride divides and not.
  { side: 4, stride: 2, batch: 2, height: 14, width: 16, channels: 16, filters: 16, padding: one },
  { side: 4, stride: 2, batch: 2, height: 28, width: 28, channels: 20, filters: 24, padding: none },
  { side: 4, stride: 2, height: 15, width: 13, channels: 7, filters: 9, padding: one },
  {
    side: 4,
    stride: 2,
    batch: 2,
    height: 11,
    width: 18,
    channels: 13,
    filters: 32,
    padding: [
      [2, 1],
      [3, 0],
    ],
  },
  { side: 4, stride: 2, height: 22, width: 30, channels: 72, filters: 132, padding: one },
  { side: 6, stride: 2, batch: 2, height: 17, width: 20, channels: 16, filters: 16, padding: one },
  { side: 6, stride: 3, height: 31, width: 23, channels: 5, filters: 12, padding: one },
  { side: 9, stride: 3, height: 20, width: 31, channels: 6, filters: 8, padding: none },
];
const named = cases.map((given): [string, Case] => {
  const { batch = 1, height, width, channels, filters, padding, side = 3, stride = 1 } = given;
  const tiles = given.algorithm === undefined ? "" : ", small tiles";
  const size = `${batch}x${height}x${width}x${channels} -> ${filters}`;
  const kernel = `${side}x${side}, stride ${stride}, padding ${JSON.stringify(padding)}`;
  return [`${size}, ${kernel}${tiles}`, given];
});

const backwards: Order = (chunks) => Array.from({ length: chunks }, (_, i) => chunks - 1 - i);
/** Every other chunk, then the rest from the back. */
const mixed: Order = (chunks) => {
  const all = Array.from({ length: chunks }, (_, i) => i);
  return [...all.filter((i) => i % 2 === 1), ...all.filter((i) => i % 2 === 0).reverse()];
};

describe("Winograd's convolution", () => {
  // Elements are uniform in [-1, 1). Measured relative to the largest result: 0.4e-6 to 1.3e-6 sqrt(channels) from 16
  // channels on, up to 2.7e-6 sqrt(channels) below; 0.2e-6 to 1.4e-6 for 2x2 and folded kernels, in channels of the folded image;
  // 0.02e-6 to 0.4e-6 in small tiles.
  test.each(named)("%s", (_, given) => {
    const large = given.channels * given.filters > 2 ** 16;
    const every = large ? 7 : 1;
    for (const layout of large ? [turned] : [plain, turned, scattered]) {
      const found = sampled(convolve(given, layout), given.filters, every);
      const error = relativeError(found, expectedOutput(given, layout, every));
      const { channels, stride = 1 } = given;
      const bound = (channels * stride ** 2 < 16 ? 4e-6 : 2e-6) * Math.sqrt(channels) * stride;
      expect(error).toBeLessThan(bound);
    }
  });

  test("many tiles and many filters: several passes", () => {
    const given = {
      batch: 7,
      height: 47,
      width: 46,
      channels: 270,
      filters: 272,
      padding: one,
    } as const;
    const every = 89;
    const found = sampled(convolve(given), given.filters, every);
    const error = relativeError(found, expectedOutput(given, plain, every));
    expect(error).toBeLessThan(2e-6 * Math.sqrt(given.channels));
  });

  test("what follows the sums", () => {
    for (const [, given] of named) {
      const biases = floats("float32", given.filters, 5);
      const expected = convolve(given).map((sum, i) =>
        Math.max(Math.fround(sum + biases[i % given.filters]!), 0),
      ) as Floats;
      expect(sameBits(convolve(given, plain, undefined, biases), expected)).toBe(true);
    }
  });

  test("has the same bits whatever the order of its chunks", () => {
    for (const [, given] of named) {
      const out = convolve(given);
      for (const order of [backwards, mixed])
        expect(sameBits(convolve(given, plain, order), out)).toBe(true);
    }
  });
});

describe("Winograd's gradient of the kernel", () => {
  test("many tiles and many filters: several passes", () => {
    const given = {
      batch: 11,
      height: 48,
      width: 48,
      channels: 148,
      filters: 148,
      padding: one,
    } as const;
    const some = [0, 147];
    const found = filterGradient(given);
    const kept = found.map((element, i) =>
      some.includes(Math.floor(i / given.filters) % given.channels) ? element : 0,
    ) as Floats;
    const error = relativeError(kept, expectedGradient(given, some));
    expect(error).toBeLessThan(8e-7 * Math.sqrt(given.batch * given.height * given.width));
  });

  // Measured relative to the largest result: 0.05e-6 to 0.5e-6 sqrt(pixels).
  test.each(named)("%s", (_, given) => {
    const error = relativeError(filterGradient(given), expectedGradient(given));
    const { batch, outHeight, outWidth } = shapeOf(given);
    expect(error).toBeLessThan(8e-7 * Math.sqrt(batch * outHeight * outWidth));
  });

  test("has the same bits whatever the order of its chunks", () => {
    for (const [, given] of named) {
      const out = filterGradient(given);
      for (const order of [backwards, mixed])
        expect(sameBits(filterGradient(given, order), out)).toBe(true);
    }
  });
});

describe("the choice of the algorithm", () => {
  const chosen = (given: Case): string => convAlgorithm(shapeOf(given), "auto");
  const square = (batch: number, side: number, channels: number, filters: number): Case => ({
    batch,
    height: side,
    width: side,
    channels,
    filters,
    padding: one,
  });

  test("Winograd for all of VGG19 but its first layer, and for small images in batches", () => {
    const layers = [
      [224, 64, 64],
      [112, 64, 128],
      [56, 128, 256],
      [28, 512, 512],
      [14, 512, 512],
    ] as const;
    for (const [side, channels, filters] of layers)
      expect(chosen(square(1, side, channels, filters))).toBe("winograd");
    expect(chosen(square(1, 224, 3, 64))).toBe("gemm");
    expect(chosen(square(128, 6, 65, 64))).toBe("winograd3");
    for (const side of [7, 14]) expect(chosen(square(128, side, 65, 64))).toBe("winograd");
  });

  test("tiles that fit", () => {
    const of = (side: number, kernel: number): string =>
      chosen({ ...square(128, side, 64, 64), side: kernel });
    for (const side of [3, 5, 6, 9]) expect(of(side, 3)).toBe("winograd3");
    for (const side of [4, 7, 8, 14, 28]) expect(of(side, 3)).toBe("winograd");
    for (const side of [2, 5]) expect(of(side, 2)).toBe("winograd3");
    for (const side of [4, 12, 13]) expect(of(side, 2)).toBe("winograd");
  });

  test("Winograd for kernels of two or three times the stride, where tiles fit well enough", () => {
    const downsampling = { ...square(128, 26, 64, 64), side: 4, stride: 2 };
    expect(chosen(downsampling)).toBe("winograd");
    expect(chosen({ ...downsampling, height: 13, width: 13 })).toBe("winograd3");
    expect(chosen({ ...downsampling, height: 6, width: 6, channels: 2 })).toBe("gemm");
    expect(chosen({ ...downsampling, side: 6 })).toBe("winograd");
    expect(chosen({ ...downsampling, side: 2, stride: 1 })).toBe("winograd3");
    for (const side of [2, 3, 5, 7, 8]) expect(chosen({ ...downsampling, side })).toBe("gemm");
  });

  test("patches for few pixels, few channels, other geometries, and where asked", () => {
    expect(chosen(square(1, 4, 64, 64))).toBe("gemm");
    expect(chosen(square(128, 28, 1, 32))).toBe("gemm");
    const shape = shapeOf(square(32, 14, 64, 64));
    expect(convAlgorithm(shape, "direct")).toBe("gemm");
    expect(convAlgorithm({ ...shape, strides: [1, 2] }, "auto")).toBe("gemm");
    expect(convAlgorithm({ ...shape, dilation: [2, 1] }, "auto")).toBe("gemm");
    expect(convAlgorithm({ ...shape, dtype: "float64" }, "auto")).toBe("gemm");
    expect(convAlgorithm({ ...shape, groups: 2 }, "auto")).toBe("gemm");
  });
});
