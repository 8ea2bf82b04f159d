// Depthwise convolutions and the gradients of their kernels against sums of the definition in double precision.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ConvShape, convShape, type Pair } from "../../src/ir/conv.ts";
import { makeInput, type Value } from "../../src/ir/graph.ts";
import type {
  ConvFilterWork,
  ConvWork,
  LoopNest,
  PrepareKernelWork,
  View,
} from "../../src/ir/kernel.ts";
import { floats, type Floats } from "../support/kernel-bench.ts";
import { kernelRun } from "../support/kernel-run.ts";

type DType = "float32" | "float64";

interface Case {
  readonly dtype: DType;
  readonly batch: number;
  readonly size: Pair;
  readonly channels: number;
  readonly window: Pair;
  readonly strides: Pair;
  readonly dilation: Pair;
  readonly padding: readonly [Pair, Pair];
}

function shapeOf({ dtype, batch, size, channels, window, ...rest }: Case): ConvShape {
  const geometry = { ...rest, groups: channels, algorithm: "auto" as const };
  return convShape([batch, ...size, channels], [...window, 1, channels], geometry, dtype);
}

/** Positions of every product. */
function products(shape: ConvShape, visit: (x: number, weight: number, out: number) => void): void {
  const { batch, height, width, channels, kernelHeight, kernelWidth, outHeight, outWidth } = shape;
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let ky = 0; ky < kernelHeight; ky++)
          for (let kx = 0; kx < kernelWidth; kx++) {
            const y = oy * shape.strides[0] - shape.top + ky * shape.dilation[0];
            const x = ox * shape.strides[1] - shape.left + kx * shape.dilation[1];
            if (y < 0 || y >= height || x < 0 || x >= width) continue;
            for (let c = 0; c < channels; c++)
              visit(
                ((n * height + y) * width + x) * channels + c,
                (ky * kernelWidth + kx) * channels + c,
                ((n * outHeight + oy) * outWidth + ox) * channels + c,
              );
          }
}

/** Expects each sum within `terms` roundings of the sum of magnitudes. */
function expectClose(
  found: ArrayLike<number>,
  expected: Float64Array,
  magnitudes: Float64Array,
  dtype: DType,
  terms: number,
): void {
  const epsilon = dtype === "float32" ? 2 ** -24 : 2 ** -53;
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(found[i]! - expected[i]!);
    if (!(error <= (terms + 2) * epsilon * magnitudes[i]!))
      throw new Error(`element ${i}: ${found[i]}, expected ${expected[i]}`);
  }
}

const contiguous = ({ kernelWidth, channels }: ConvShape): View => ({
  offset: 0,
  strides: [kernelWidth * channels, channels, 0, 1],
});

interface Operands {
  readonly shape: ConvShape;
  readonly x: Value;
  readonly kernel: Value;
  readonly prepared: Value;
  readonly out: Value;
  readonly numbers: Map<Value, Floats>;
}

function operandsOf(shape: ConvShape): Operands {
  const { dtype, batch, height, width, channels, kernelHeight, kernelWidth } = shape;
  const x = makeInput({ dtype, shape: [batch, height, width, channels] });
  const kernel = makeInput({ dtype, shape: [kernelHeight, kernelWidth, 1, channels] });
  const prepared = makeInput({ dtype, shape: [kernelHeight * kernelWidth * channels] });
  const out = makeInput({ dtype, shape: [batch, shape.outHeight, shape.outWidth, channels] });
  const numbers = new Map([
    [x, floats(dtype, batch * height * width * channels, 1)],
    [kernel, floats(dtype, kernelHeight * kernelWidth * channels, 2)],
  ]);
  return { shape, x, kernel, prepared, out, numbers };
}

const prepare = ({ shape, kernel, prepared }: Operands, view: View): PrepareKernelWork => ({
  kind: "prepareKernel",
  shape,
  algorithm: "depthwise",
  kernel: { value: kernel, view },
  out: prepared,
});

/** max(sum + bias, 0) stored, and the sums too. */
function biasAndRelu({ shape, out }: Operands, bias: Value, activated: Value): LoopNest {
  const { dtype, filters, batch, outHeight, outWidth } = shape;
  const view = (row: number): View => ({ offset: 0, strides: [row, 1] });
  return {
    extents: [batch * outHeight * outWidth, filters],
    body: [
      { kind: "load", value: out, view: view(filters), dtype },
      { kind: "load", value: bias, view: view(0), dtype },
      { kind: "binary", op: "add", x: 0, y: 1, dtype },
      { kind: "literal", literal: 0, dtype },
      { kind: "binary", op: "max", x: 2, y: 3, dtype },
    ],
    stores: [
      { instruction: 0, value: out, view: view(filters) },
      { instruction: 4, value: activated, view: view(filters) },
    ],
    reductions: [],
  };
}

const convolve = ({ shape, x, prepared, out }: Operands): ConvWork => ({
  kind: "conv",
  shape,
  algorithm: "depthwise",
  x,
  kernel: prepared,
  out,
  epilogue: undefined,
});

function checkConv(shape: ConvShape, twice = false): void {
  const operands = operandsOf(shape);
  const { x, kernel, prepared, out, numbers } = operands;
  const works = [prepare(operands, contiguous(shape)), convolve(operands)];
  const run = kernelRun(works, numbers, [prepared, out], twice);
  run.run();
  const found = run.get(out);
  const [expected, magnitudes] = [new Float64Array(found.length), new Float64Array(found.length)];
  const [images, weights] = [numbers.get(x)!, numbers.get(kernel)!];
  products(shape, (at, weight, to) => {
    const product = images[at]! * weights[weight]!;
    expected[to]! += product;
    magnitudes[to]! += Math.abs(product);
  });
  const terms = shape.kernelHeight * shape.kernelWidth;
  expectClose(found, expected, magnitudes, shape.dtype, terms);
}

function checkFilter(shape: ConvShape, twice = false): void {
  const { x, kernel, out, numbers } = operandsOf(shape);
  const images = numbers.get(x)!;
  const size = shape.batch * shape.outHeight * shape.outWidth * shape.channels;
  const gradients = floats(shape.dtype, size, 3);
  const inputs = new Map([
    [x, images],
    [out, gradients],
  ]);
  const work: ConvFilterWork = {
    kind: "convFilter",
    shape,
    algorithm: "depthwise",
    x,
    gradient: out,
    out: kernel,
  };
  const run = kernelRun([work], inputs, [kernel], twice);
  run.run();
  const found = run.get(kernel);
  run.run();
  expect([...run.get(kernel)]).toEqual([...found]);
  const [expected, magnitudes] = [new Float64Array(found.length), new Float64Array(found.length)];
  products(shape, (at, weight, to) => {
    const product = images[at]! * gradients[to]!;
    expected[weight]! += product;
    magnitudes[weight]! += Math.abs(product);
  });
  // Errors of so many roundings nearly cancel: their spread grows as the root of their number.
  const terms = shape.batch * shape.outHeight * shape.outWidth;
  expectClose(found, expected, magnitudes, shape.dtype, 4 * Math.sqrt(terms));
}

const pair = (most: number, least = 1): fc.Arbitrary<Pair> =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }));

const cases: fc.Arbitrary<ConvShape> = fc
  .record({
    dtype: fc.constantFrom<DType>("float32", "float64"),
    batch: fc.integer({ min: 1, max: 3 }),
    size: pair(14),
    channels: fc.integer({ min: 2, max: 19 }),
    window: fc.oneof(fc.constantFrom<Pair>([3, 3], [5, 5], [1, 11], [9, 2]), pair(5)),
    strides: pair(3),
    dilation: fc.oneof(fc.constant<Pair>([1, 1]), pair(3)),
    padding: fc.tuple(pair(4, 0), pair(4, 0)),
  })
  .map(shapeOf)
  .filter(({ outHeight, outWidth }) => outHeight > 0 && outWidth > 0);

/** Layers as networks have them, padded "same", large enough for many chunks. */
const large = (dtype: DType, size: number, channels: number, window: number, stride: number) =>
  shapeOf({
    dtype,
    batch: 2,
    size: [size, size],
    channels,
    window: [window, window],
    strides: [stride, stride],
    dilation: [1, 1],
    padding: [
      [stride === 2 ? 0 : (window - 1) / 2, (window - 1) / 2],
      [stride === 2 ? 0 : (window - 1) / 2, (window - 1) / 2],
    ],
  });

const layers: readonly ConvShape[] = [
  large("float32", 56, 32, 3, 1),
  large("float32", 57, 30, 3, 2),
  large("float64", 28, 17, 5, 1),
  large("float32", 14, 128, 7, 1),
  large("float32", 24, 9, 13, 1),
];

describe("depthwise convolution", () => {
  test("any geometry", () => {
    fc.assert(
      fc.property(cases, fc.boolean(), (shape, twice) => checkConv(shape, twice)),
      { numRuns: 150 },
    );
  });

  test("layers of networks", () => {
    for (const shape of layers) checkConv(shape);
  });

  test("wide padding, in which windows lie wholly", () => {
    for (const window of [3, 11]) {
      const shape = shapeOf({
        dtype: "float32",
        batch: 2,
        size: [4, 5],
        channels: 6,
        window: [2, window],
        strides: [1, 1],
        dilation: [7, 1],
        padding: [
          [12, 3],
          [17, 14],
        ],
      });
      checkConv(shape);
      checkFilter(shape);
    }
  });

  test("bias and activation at the sums", () => {
    for (const shape of layers) {
      const operands = operandsOf(shape);
      const { prepared, out, numbers } = operands;
      const bias = makeInput({ dtype: shape.dtype, shape: [shape.channels] });
      const activated = makeInput({ dtype: shape.dtype, shape: out.shape });
      const biases = floats(shape.dtype, shape.channels, 9);
      numbers.set(bias, biases);
      const work = { ...convolve(operands), epilogue: biasAndRelu(operands, bias, activated) };
      const works = [prepare(operands, contiguous(shape)), work];
      const run = kernelRun(works, numbers, [prepared, out, activated]);
      run.run();
      const sums = run.get(out);
      const expected = sums.map((sum, i) => sum + biases[i % shape.channels]!);
      expect([...run.get(activated)]).toEqual([...expected].map((y) => (y > 0 ? y : 0)));
      const plain = kernelRun([works[0]!, convolve(operands)], numbers, [prepared, out]);
      plain.run();
      expect([...sums]).toEqual([...plain.get(out)]);
    }
  });

  test("a kernel of any strides", () => {
    const shape = large("float32", 6, 7, 3, 1);
    for (const { strides, offset } of [
      { strides: [-21, -7, 5, 1], offset: 56 },
      { strides: [1, 3, 0, 9], offset: 0 },
      { strides: [21, 7, 0, -1], offset: 6 },
      { strides: [0, 0, 0, 0], offset: 11 },
    ]) {
      const operands = operandsOf(shape);
      const works = [prepare(operands, { strides, offset })];
      const run = kernelRun(works, operands.numbers, [operands.prepared]);
      run.run();
      const source = operands.numbers.get(operands.kernel)!;
      const expected = Array.from({ length: 63 }, (_, i) => {
        const at = [Math.floor(i / 21), Math.floor(i / 7) % 3, 0, i % 7];
        return source[offset + at.reduce((sum, index, axis) => sum + index * strides[axis]!, 0)];
      });
      expect([...run.get(operands.prepared)]).toEqual(expected);
    }
  });
});

describe("gradient of a depthwise kernel", () => {
  test("any geometry", () => {
    fc.assert(
      fc.property(cases, fc.boolean(), (shape, twice) => checkFilter(shape, twice)),
      { numRuns: 150 },
    );
  });

  test("layers of networks", () => {
    for (const shape of layers) checkFilter(shape);
  });
});
