// Kernels of pooling against their definition: any geometry, NaN and signed zeros, places that are no places, both dtypes.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DirectWork, PhasedPrim } from "../../src/backend/wasm/kernels/index.ts";
import { type Pair, type PoolGeometry, windowCount } from "../../src/ir/conv.ts";
import { makeInput, makeNode, type Node, type TensorType, type Value } from "../../src/ir/graph.ts";
import type { ParamsOf } from "../../src/ir/prim.ts";
import { sizeOf } from "../../src/ir/shape.ts";
import { type Elements, floats } from "../support/kernel-bench.ts";
import { kernelRun } from "../support/kernel-run.ts";

type DType = "float32" | "float64";
type Images = readonly [batch: number, height: number, width: number, channels: number];

/** Runs one primitive on operands of the shapes given. */
function run<P extends PhasedPrim>(
  prim: P,
  params: ParamsOf<P>,
  inputs: readonly (TensorType & { readonly elements: ArrayLike<number> })[],
  output: TensorType,
  twice = false,
): Elements {
  const values = inputs.map(makeInput);
  const node = makeNode(prim, params, values, [output]) as unknown as Node;
  const out = node.outputs[0]!;
  const work: DirectWork = { kind: "direct", node, inputs: values, out };
  const numbers = new Map<Value, ArrayLike<number>>();
  values.forEach((value, i) => numbers.set(value, inputs[i]!.elements));
  const program = kernelRun([work], numbers, [out], twice);
  program.run();
  return program.get(out);
}

interface Case extends PoolGeometry {
  readonly dtype: DType;
  readonly images: Images;
}

const outOf = ({ images: [batch, height, width, channels], ...at }: Case): Images => [
  batch,
  windowCount(height, at.window[0], at.strides[0], at.padding[0]),
  windowCount(width, at.window[1], at.strides[1], at.padding[1]),
  channels,
];

/** Place and value of the first largest element of every window, a NaN if there is one. */
function champions(of: Case, x: ArrayLike<number>): { places: number[]; values: number[] } {
  const [batch, height, width, channels] = of.images;
  const [, outHeight, outWidth] = outOf(of);
  const [places, values]: [number[], number[]] = [[], []];
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let c = 0; c < channels; c++) {
          let best: { place: number; value: number } | undefined;
          for (let ky = 0; ky < of.window[0]; ky++)
            for (let kx = 0; kx < of.window[1]; kx++) {
              const row = oy * of.strides[0] - of.padding[0][0] + ky;
              const column = ox * of.strides[1] - of.padding[1][0] + kx;
              if (row < 0 || row >= height || column < 0 || column >= width) continue;
              const place = row * width + column;
              const value = x[(n * height * width + place) * channels + c]!;
              const wins =
                best === undefined ||
                value > best.value ||
                (Number.isNaN(value) && !Number.isNaN(best.value));
              if (wins) best = { place, value };
            }
          places.push(best!.place);
          values.push(best!.value);
        }
  return { places, values };
}

function checkMax(of: Case, elements: ArrayLike<number>, twice = false): void {
  const { dtype, images, window, strides, padding } = of;
  const params = { window, strides, padding };
  const x = { dtype, shape: images, elements };
  const expected = champions(of, elements);
  const shape = outOf(of);
  // One by one: NaN equals NaN, -0 is not 0.
  expect([...run("maxPool", params, [x], { dtype, shape }, twice)]).toEqual(expected.values);
  const places = run("maxPoolIndices", params, [x], { dtype: "int32", shape }, twice);
  expect([...places]).toEqual(expected.places);
}

const pair = (most: number, least = 1): fc.Arbitrary<Pair> =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }));

const cases: fc.Arbitrary<Case> = fc
  .record({
    dtype: fc.constantFrom<DType>("float32", "float64"),
    images: fc.tuple(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 13 }),
      fc.integer({ min: 1, max: 13 }),
      fc.integer({ min: 1, max: 19 }),
    ),
    window: fc.oneof(fc.constantFrom<Pair>([2, 2], [3, 3], [2, 11], [10, 1]), pair(5)),
    strides: pair(4),
    padding: fc.tuple(pair(4, 0), pair(4, 0)),
  })
  .filter((of) => of.padding.every((sides, axis) => sides.every((n) => n < of.window[axis]!)))
  .filter((of) => outOf(of)[1] > 0 && outOf(of)[2] > 0);

const special = [NaN, Infinity, -Infinity, -0, 0];

/** Few different numbers, so that many are equal, and some that are not quite numbers. */
function awkward(size: number, seed: number, share: number): number[] {
  return [...floats("float64", size, seed)].map((number, i) => {
    const coarse = Math.round(number * 4);
    const rare = Math.abs(number * 1000) % 1 < share;
    return rare ? special[i % special.length]! : coarse;
  });
}

const layer = (dtype: DType, images: Images, size: number, stride: number, pad: Pair): Case => ({
  dtype,
  images,
  window: [size, size],
  strides: [stride, stride],
  padding: [pad, pad],
});

const layers: readonly Case[] = [
  layer("float32", [1, 56, 56, 32], 2, 2, [0, 0]),
  layer("float32", [2, 45, 41, 24], 3, 2, [0, 1]),
  layer("float32", [1, 30, 34, 17], 3, 1, [1, 1]),
  layer("float64", [2, 28, 28, 9], 3, 1, [1, 1]),
  layer("float32", [3, 12, 12, 64], 12, 12, [0, 0]),
];

describe("maxima of windows", () => {
  test("any geometry", () => {
    fc.assert(
      fc.property(
        cases,
        fc.nat(),
        fc.constantFrom(0, 0.05, 0.5, 1),
        fc.boolean(),
        (of, seed, share, twice) => checkMax(of, awkward(sizeOf(of.images), seed, share), twice),
      ),
      { numRuns: 200 },
    );
  });

  test("layers of networks, in many chunks", () => {
    for (const of of layers) {
      checkMax(of, floats(of.dtype, sizeOf(of.images), 5));
      checkMax(of, awkward(sizeOf(of.images), 6, 0.01));
    }
  });

  test("windows of the smallest numbers only", () => {
    const of = layer("float32", [1, 6, 7, 5], 3, 2, [1, 1]);
    checkMax(of, new Float32Array(210).fill(-Infinity));
    checkMax(of, new Float32Array(210).fill(NaN));
    checkMax(of, new Float32Array(210).fill(-3.4028234663852886e38));
  });
});

interface Moved {
  readonly dtype: DType;
  readonly images: Images;
  /** Rows and columns of places. */
  readonly size: Pair;
  readonly places: Int32Array;
}

const clamped = (place: number, [, height, width]: Images): number =>
  Math.min(Math.max(place, 0), height * width - 1);

/** For each place the element of the images that it means. */
function* meant({ images, size, places }: Moved): Generator<readonly [number, number]> {
  const [, height, width, channels] = images;
  const inSample = size[0] * size[1] * channels;
  for (let i = 0; i < places.length; i++) {
    const n = Math.floor(i / inSample);
    const place = n * height * width + clamped(places[i]!, images);
    yield [i, place * channels + (i % channels)];
  }
}

function checkPlaces(of: Moved, seed: number, twice = false): void {
  const { dtype, images, size, places } = of;
  const shape = [images[0], ...size, images[3]];
  const indices = { dtype: "int32" as const, shape, elements: places };
  const x = floats(dtype, sizeOf(images), seed);
  const picked = run(
    "pickPlaces",
    {},
    [{ dtype, shape: images, elements: x }, indices],
    { dtype, shape },
    twice,
  );
  const expected = new Array<number>(places.length);
  for (const [i, element] of meant(of)) expected[i] = x[element]!;
  expect([...picked]).toEqual(expected);

  // Numbers whose sums are exact.
  const g = floats(dtype, places.length, seed + 1).map((number) => Math.round(number * 1000));
  const added = run(
    "addAtPlaces",
    { size: [images[1], images[2]] },
    [{ dtype, shape, elements: g }, indices],
    { dtype, shape: images },
    twice,
  );
  const sums = new Array<number>(sizeOf(images)).fill(0);
  for (const [i, element] of meant(of)) sums[element]! += g[i]!;
  expect([...added]).toEqual(sums);
}

describe("elements at places", () => {
  const randomPlaces = (size: number, most: number, seed: number): Int32Array =>
    Int32Array.from(floats("float64", size, seed), (number, i) =>
      i % 29 === 0
        ? [-1, most, 2 ** 31 - 1, -(2 ** 31)][(i / 29) % 4]!
        : Math.floor(Math.abs(number) * most),
    );

  test("any places, many of them twice, some outside", () => {
    const images = fc.tuple(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 21 }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom<DType>("float32", "float64"),
        images,
        pair(9),
        fc.nat(),
        fc.boolean(),
        (dtype, images, size, seed, twice) => {
          const count = images[0] * size[0] * size[1] * images[3];
          const places = randomPlaces(count, images[1] * images[2], seed);
          checkPlaces({ dtype, images, size, places }, seed, twice);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("in many chunks, of samples and of channels", () => {
    for (const { dtype, images } of [
      { dtype: "float32", images: [1, 40, 40, 72] },
      { dtype: "float32", images: [2, 32, 30, 50] },
      { dtype: "float64", images: [40, 9, 8, 11] },
    ] as const) {
      const size: Pair = [images[1] / 2, images[2] / 2].map(Math.floor) as unknown as Pair;
      const count = images[0] * size[0] * size[1] * images[3];
      const places = randomPlaces(count, images[1] * images[2], 7);
      checkPlaces({ dtype, images, size, places }, 8);
    }
  });
});
