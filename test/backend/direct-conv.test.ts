// Convolutions as sums of products, by tiles of pixels or over patches, against the plain backend: exact in integers.
import * as fc from "fast-check";
import * as ops from "../../src/ops/index.ts";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { isDirect } from "../../src/backend/wasm/kernels/conv/direct.ts";
import { grad } from "../../src/autodiff/index.ts";
import { setBackend, setThreads, threads } from "../../src/compile/engine.ts";
import { jit } from "../../src/compile/jit.ts";
import { convShape, type Pair } from "../../src/ir/conv.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { tensor } from "../../src/ops/index.ts";
import { difference } from "../support/check-image-program.ts";

type DType = "float32" | "float64";

interface Case {
  readonly dtype: DType;
  readonly batch: number;
  readonly size: Pair;
  readonly groups: number;
  /** Channels and filters of a group. */
  readonly channels: number;
  readonly filters: number;
  readonly window: Pair;
  readonly strides: Pair;
  readonly dilation: Pair;
  readonly padding: readonly [Pair, Pair];
}

const plain = {
  dtype: "float32",
  batch: 1,
  groups: 1,
  strides: [1, 1],
  dilation: [1, 1],
  padding: [
    [0, 0],
    [0, 0],
  ],
} as const;

/** Small whole numbers, whose sums of products have no rounding. */
function whole(shape: readonly number[], dtype: DType, seed: number): Tensor {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const elements = Array.from(
    { length: size },
    (_, i) => ((((i + seed * 977) * 7919) % 1009) % 7) - 3,
  );
  return tensor(dtype === "float32" ? Float32Array.from(elements) : Float64Array.from(elements), {
    shape: [...shape],
    dtype,
  });
}

afterEach(() => setBackend("wasm"));
const before = threads();
afterAll(() => setThreads(before));

/** The convolution, a bias and a threshold behind it, and the gradients of their squares' sum, on both backends. */
function agree(given: Case, counts: readonly number[] = [1]): void {
  const { dtype, batch, size, groups, channels, filters, window, ...geometry } = given;
  const options = { ...geometry, groups, algorithm: "direct" } as const;
  const x = whole([batch, ...size, channels * groups], dtype, 1);
  const kernel = whole([...window, channels, filters * groups], dtype, 2);
  const bias = whole([filters * groups], dtype, 3);
  const fn = (image: Tensor, weights: Tensor): Tensor[] => {
    const y = ops.conv2d(image, weights, options);
    const loss = (a: Tensor, b: Tensor): Tensor =>
      ops.sum(ops.mul(ops.conv2d(a, b, options), ops.relu(y)));
    return [y, ops.relu(ops.add(y, bias)), ...grad(loss, { argnums: [0, 1] })(image, weights)];
  };
  const captured = jit((image: Tensor) => fn(image, kernel));
  const open = jit(fn);
  setBackend("interp");
  const wanted = open(x, kernel);
  setBackend("wasm");
  for (const count of counts) {
    setThreads(count);
    expect(difference(open(x, kernel), wanted, 0), JSON.stringify(given)).toBeUndefined();
    expect(difference(captured(x), wanted, 0), JSON.stringify(given)).toBeUndefined();
  }
}

const shapeOf = ({ batch, size, groups, channels, filters, window, dtype, ...rest }: Case) =>
  convShape(
    [batch, ...size, channels * groups],
    [...window, channels, filters * groups],
    { ...rest, groups, algorithm: "direct" },
    dtype,
  );

const pair = (least: number, most: number): fc.Arbitrary<Pair> =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }));

const cases = fc.record({
  dtype: fc.constantFrom<DType>("float32", "float64"),
  batch: fc.integer({ min: 1, max: 3 }),
  size: pair(1, 23),
  groups: fc.integer({ min: 1, max: 4 }),
  channels: fc.integer({ min: 1, max: 9 }),
  filters: fc.integer({ min: 1, max: 19 }),
  window: pair(1, 9),
  steps: pair(1, 3),
  dilated: fc.boolean(),
  padding: fc.tuple(pair(0, 4), pair(0, 4)),
});

describe("convolutions as sums of products", () => {
  test("of any shape", () => {
    const reached = { tiles: 0, patches: 0 };
    fc.assert(
      fc.property(cases, ({ steps, dilated, ...rest }) => {
        const one = [1, 1] as const;
        const given: Case = {
          ...rest,
          strides: dilated ? one : steps,
          dilation: dilated ? steps : one,
        };
        const shape = shapeOf(given);
        fc.pre(shape.outHeight * shape.outWidth > 0);
        reached[isDirect(shape) ? "tiles" : "patches"]++;
        agree(given);
      }),
      { numRuns: 120 },
    );
    expect(Math.min(...Object.values(reached))).toBeGreaterThan(5);
  });

  test.each<[string, Partial<Case> & Pick<Case, "size" | "channels" | "filters" | "window">]>([
    ["a first layer", { batch: 4, size: [28, 28], channels: 1, filters: 32, window: [3, 3] }],
    ["many groups of few", { size: [13, 13], groups: 32, channels: 4, filters: 4, window: [3, 3] }],
    ["a large kernel", { size: [9, 11], channels: 70, filters: 61, window: [3, 3] }],
    [
      "a large kernel in groups",
      { size: [8, 7], groups: 3, channels: 41, filters: 43, window: [3, 3] },
    ],
    ["rows across images", { batch: 9, size: [6, 6], channels: 33, filters: 130, window: [3, 3] }],
    [
      "half a window outside",
      {
        size: [20, 20],
        channels: 3,
        filters: 10,
        window: [5, 5],
        padding: [
          [4, 4],
          [4, 4],
        ],
      },
    ],
    [
      "windows outside altogether",
      {
        size: [5, 6],
        channels: 2,
        filters: 3,
        window: [2, 2],
        padding: [
          [7, 6],
          [5, 9],
        ],
      },
    ],
    [
      "strides",
      {
        size: [31, 33],
        channels: 3,
        filters: 12,
        window: [7, 7],
        strides: [2, 2],
        padding: [
          [2, 3],
          [2, 3],
        ],
      },
    ],
  ])("%s, the same on any number of threads", (_, given) => {
    for (const dtype of ["float32", "float64"] as const)
      agree({ ...plain, ...given, dtype }, [1, 2, 3]);
  });
});
