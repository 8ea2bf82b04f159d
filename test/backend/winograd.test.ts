// Winograd's convolutions against plain ones in double precision.
import { describe, expect, test } from "vitest";
import {
  emitWinograd,
  emitWinogradFilter,
  emitWinogradKernel,
} from "../../src/backend/wasm/kernels/conv/winograd/index.ts";
import type { ConvShape } from "../../src/ir/conv.ts";
import { convAlgorithm } from "../../src/backend/wasm/target.ts";
import { makeInput, type Value } from "../../src/ir/graph.ts";
import type { LoopNest, View } from "../../src/ir/kernel.ts";
import { sizeOf, stridesOf } from "../../src/ir/shape.ts";
import { Bench, type Floats, floats } from "../support/kernel-bench.ts";
import { type Case, named, one, shapeOf } from "../support/winograd-cases.ts";
import { winogradKernelSize } from "../../src/backend/wasm/target.ts";

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
  const common = { shape, algorithm: given.algorithm ?? "winograd6" } as const;
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
          algorithm: given.algorithm ?? "winograd6",
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

const backwards: Order = (chunks) => Array.from({ length: chunks }, (_, i) => chunks - 1 - i);
/** Every other chunk, then the rest from the back. */
const mixed: Order = (chunks) => {
  const all = Array.from({ length: chunks }, (_, i) => i);
  return [...all.filter((i) => i % 2 === 1), ...all.filter((i) => i % 2 === 0).reverse()];
};

/** Tiles of 8 x 8 interpolate at 1/2 and -1/2 too: about twice the rounding. */
const inflationOf = ({ algorithm }: Case): number => (algorithm === "winograd8" ? 2 : 1);

describe("Winograd's convolution", () => {
  // Elements are uniform in [-1, 1). Measured relative to the largest result: 0.4e-6 to 1.3e-6 sqrt(channels) from 16
  // channels on, up to 2.7e-6 sqrt(channels) below; 0.2e-6 to 1.4e-6 for 2x2 and folded kernels, in channels of the folded image;
  // 0.02e-6 to 0.4e-6 in tiles of 4 x 4 and 5 x 5, up to 2.3e-6 in those of 8 x 8.
  test.each(named)("%s", (_, given) => {
    const large = given.channels * given.filters > 2 ** 16;
    const every = large ? 7 : 1;
    for (const layout of large ? [turned] : [plain, turned, scattered]) {
      const found = sampled(convolve(given, layout), given.filters, every);
      const error = relativeError(found, expectedOutput(given, layout, every));
      const { channels, stride = 1 } = given;
      const bound = (channels * stride ** 2 < 16 ? 4e-6 : 2e-6) * Math.sqrt(channels) * stride;
      expect(error).toBeLessThan(bound * inflationOf(given));
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

  // Measured relative to the largest result: 0.05e-6 to 0.65e-6 sqrt(pixels), in tiles of 8 x 8 up to 1.2e-6.
  test.each(named)("%s", (_, given) => {
    const error = relativeError(filterGradient(given), expectedGradient(given));
    const { batch, outHeight, outWidth } = shapeOf(given);
    const bound = 8e-7 * Math.sqrt(batch * outHeight * outWidth);
    expect(error).toBeLessThan(bound * inflationOf(given));
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

  test("Winograd for all of VGG19, and for small images in batches", () => {
    const layers = [
      [224, 3, 64, "winograd8"],
      [224, 64, 64, "winograd8"],
      [112, 64, 128, "winograd8"],
      [56, 128, 256, "winograd6"],
      [28, 512, 512, "winograd6"],
      [14, 512, 512, "winograd6"],
    ] as const;
    for (const [side, channels, filters, algorithm] of layers)
      expect(chosen(square(1, side, channels, filters))).toBe(algorithm);
    for (const side of [6, 11, 12]) expect(chosen(square(128, side, 65, 64))).toBe("winograd8");
    for (const side of [7, 14]) expect(chosen(square(128, side, 65, 64))).toBe("winograd6");
  });

  test("tiles that fit", () => {
    const of = (side: number, kernel: number): string =>
      chosen({ ...square(128, side, 64, 64), side: kernel });
    for (const side of [3, 9]) expect(of(side, 3)).toBe("winograd5");
    for (const side of [4, 7, 8, 14]) expect(of(side, 3)).toBe("winograd6");
    for (const side of [5, 6, 12, 28]) expect(of(side, 3)).toBe("winograd8");
    for (const side of [2]) expect(of(side, 2)).toBe("winograd4");
    for (const side of [4]) expect(of(side, 2)).toBe("winograd6");
    for (const side of [6, 12, 13]) expect(of(side, 2)).toBe("winograd8");
  });

  test("kernels stay small: no large tiles for many channels and filters", () => {
    expect(chosen(square(1, 112, 128, 128))).toBe("winograd8");
    expect(chosen(square(1, 112, 128, 136))).toBe("winograd6");
  });

  test("Winograd for kernels of two or three times the stride, where tiles fit well enough", () => {
    const downsampling = { ...square(128, 26, 64, 64), side: 4, stride: 2 };
    expect(chosen(downsampling)).toBe("winograd8");
    expect(chosen({ ...downsampling, height: 13, width: 13 })).toBe("winograd4");
    expect(chosen({ ...downsampling, height: 6, width: 6, channels: 2 })).toBe("gemm");
    expect(chosen({ ...downsampling, side: 6 })).toBe("winograd8");
    expect(chosen({ ...downsampling, side: 2, stride: 1 })).toBe("winograd8");
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
