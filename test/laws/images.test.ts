/**
 * @file Laws of programs on images: compiled or operation by operation, with parameters as arguments or captured, on any number
 * of threads and on either backend they give the same, and so do their derivatives.
 */
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { grad } from "../../src/autodiff/index.ts";
import { setBackend, setThreads, threads } from "../../src/compile/engine.ts";
import { formKernels } from "../../src/compile/fuse/kernels.ts";
import { jit } from "../../src/compile/jit.ts";
import { optimize } from "../../src/compile/passes/index.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { winogradAlgorithms } from "../../src/backend/wasm/target.ts";
import { trace } from "../../src/ir/trace.ts";
import * as ops from "../../src/ops/index.ts";
import { brokenLaw, derivatives, derived, difference } from "../support/check-image-program.ts";
import {
  Bank,
  type ImageSetting,
  imageInputs,
  listed,
  randomImageProgram,
  sample,
} from "../support/random-image-program.ts";

const exact: ImageSetting = {
  dtype: "float32",
  exact: true,
  smooth: false,
  largest: 12_000,
  extent: 9,
};
const large: ImageSetting = { ...exact, largest: 120_000, extent: 40 };
const doubles: ImageSetting = { ...exact, dtype: "float64" };
const rounded: ImageSetting = { ...exact, exact: false, smooth: true, largest: 40_000, extent: 28 };

const before = threads();
afterEach(() => setBackend("wasm"));
afterAll(() => setThreads(before));

const numbers = fc.array(fc.nat(1e6), { minLength: 40, maxLength: 90 });

describe("random programs on images", () => {
  const obey = (
    setting: ImageSetting,
    kinds: readonly (typeof derivatives)[number][],
    length: number,
    numRuns: number,
    counts: readonly number[] = [1],
  ): void =>
    fc.assert(
      fc.property(
        numbers,
        fc.integer({ min: 1, max: length }),
        fc.constantFrom(...kinds),
        (choices, steps, derivative) => {
          expect(brokenLaw(choices, steps, setting, derivative, counts)).toBeUndefined();
        },
      ),
      { numRuns },
    );
  const all = [...derivatives];

  it("of integers in float32", () => obey(exact, ["none"], 9, 40));
  it("and their derivatives, in float64", () => obey(doubles, all, 7, 20));
  it("on one, two and three threads", () => obey(large, ["none", "gradient"], 5, 10, [1, 2, 3]));
  it("of fractions in float32, with Winograd's algorithm", () => obey(rounded, all, 6, 20));
});

it("random programs reach every way of convolving", () => {
  const reached = new Set<string>();
  const settings = [exact, rounded];
  for (const [index, choices] of fc.sample(numbers, { numRuns: 600, seed: 6 }).entries()) {
    const setting = settings[index % 2]!;
    const bank = new Bank(setting);
    const program = randomImageProgram(choices, 6, setting);
    const inputs = imageInputs(choices, setting);
    trace((...all: Tensor[]) => program(all, bank.get), inputs);
    const parameters = [...bank.made.values()];
    const count = inputs.length;
    const fn = derived(
      (all) => program(all.slice(0, count), listed(bank, all.slice(count))),
      index % 3 === 0 ? "gradient" : "none",
      setting,
    );
    const { graph } = trace((...all: Tensor[]) => fn(all), [...inputs, ...parameters]);
    for (const { work } of formKernels(optimize(graph, true))) {
      if (!("algorithm" in work)) continue;
      reached.add(`${work.kind} ${work.algorithm}`);
      if (work.kind !== "conv" || work.epilogue === undefined) continue;
      reached.add(`${work.algorithm} and more`);
      const stored = work.epilogue.stores.map(({ value }) => value);
      if (stored.includes(work.out)) reached.add("sums stored too");
      if (stored.some(({ dtype }) => dtype === "bool")) reached.add("masks stored");
    }
  }
  const ways = ["gemm", "depthwise", ...winogradAlgorithms].flatMap((way) => [
    ...["conv", "prepareKernel", "convFilter"].map((kind) => `${kind} ${way}`),
    `${way} and more`,
  ]);
  expect([...reached].sort()).toEqual([...ways, "masks stored", "sums stored too"].sort());
});

/** A tensor of small integers; more of them are told apart by `seed`. */
const integers = (
  shape: readonly number[],
  seed: number,
  dtype: ImageSetting["dtype"] = "float32",
): Tensor => sample({ ...exact, dtype }, shape, seed);

/** Both backends give the same, whether all tensors are arguments or all but the first captured. */
function agree(
  fn: (...tensors: Tensor[]) => Tensor | readonly Tensor[],
  tensors: readonly Tensor[],
  tolerance = 0,
): void {
  const open = jit((...all: Tensor[]) => [fn(...all)].flat());
  const closed = jit((x: Tensor) => [fn(x, ...tensors.slice(1))].flat());
  setBackend("interp");
  const wanted = open(...tensors);
  setBackend("wasm");
  open(...tensors.map((tensor) => ops.add(tensor, 1)));
  expect(difference(open(...tensors), wanted, tolerance), "as arguments").toBeUndefined();
  closed(ops.add(tensors[0]!, 1));
  expect(difference(closed(tensors[0]!), wanted, tolerance), "captured").toBeUndefined();
}

describe("what follows a convolution", () => {
  type Fn = (sums: Tensor, x: Tensor, kernel: Tensor, more: Tensor) => Tensor | readonly Tensor[];
  const channels = (x: Tensor): number => x.shape[3]!;
  const bias = (x: Tensor, from: number): Tensor => {
    const flat = ops.flatten(x);
    return ops.slice(flat, [from], [from + channels(x)]);
  };
  const cases: Record<string, Fn> = {
    "its own first pixel, taken for a bias": (sums) =>
      ops.sub(sums, ops.slice(sums, [0, 0, 0, 0], [1, 1, 1, channels(sums)])),
    "its own first element": (sums) => ops.mul(sums, ops.slice(sums, [0, 0, 0, 0], [1, 1, 1, 1])),
    "its own last pixel": (sums) => ops.sub(sums, ops.slice(sums, [-1, -1, -1, 0])),
    "itself upside down": (sums) => ops.add(sums, ops.flip(sums, 1)),
    "its own first image": (sums) => ops.sub(sums, ops.slice(sums, 0, [1])),
    "itself twice": (sums) => ops.add(sums, ops.mul(sums, sums)),
    "itself as sum and as residual": (sums) => {
      const y = ops.relu(sums);
      return [ops.add(y, sums), sums];
    },
    "a bias out of a longer tensor": (sums, _, __, more) => ops.add(sums, bias(more, 3)),
    "a bias the other way round": (sums, _, __, more) => ops.add(sums, ops.flip(bias(more, 0), 0)),
    "every other element as a bias": (sums, _, __, more) =>
      ops.add(sums, ops.slice(ops.flatten(more), [1], [1 + 2 * channels(sums)], [2])),
    "a number out of a tensor": (sums, _, __, more) =>
      ops.mul(sums, ops.slice(ops.flatten(more), [5], [6])),
    "part of a larger residual": (sums, _, __, more) =>
      ops.add(sums, ops.slice(ops.concat([more, more], 0), [1], [3])),
    "the first part of a larger residual": (sums, _, __, more) =>
      ops.add(sums, ops.slice(ops.concat([more, ops.neg(more)], 0), 0, [2])),
    "the mask of an activation": (sums) => {
      const mask = ops.greater(sums, 0);
      return [ops.where(mask, sums, ops.mul(sums, 0.5)), mask];
    },
    "masks that came from elsewhere": (sums, _, __, more) => {
      const mask = ops.logicalAnd(ops.greater(more, 0), ops.notEqual(sums, 2));
      return [ops.where(mask, more, sums), ops.logicalNot(mask), ops.cast(mask, sums.dtype)];
    },
    "a mask for each channel": (sums, _, __, more) =>
      ops.where(ops.less(bias(more, 1), 0), ops.neg(sums), sums),
    "a mask everywhere the same": (sums, _, __, more) =>
      ops.where(ops.less(ops.sum(more), 1e9), sums, more),
    "another convolution": (sums, x, kernel) =>
      ops.add(sums, ops.conv2d(x, ops.flip(kernel, [0, 1]))),
    "another convolution's bias and activation": (sums, x, kernel, more) => {
      const other = ops.relu(ops.add(ops.conv2d(x, ops.neg(kernel)), bias(more, 2)));
      return [ops.add(sums, other), other];
    },
    "a convolution of itself": (sums, _, __, more) => {
      const square = ops.broadcastTo(bias(more, 0), [2, 2, channels(sums), channels(sums)]);
      const next = ops.conv2d(sums, square, { padding: "same" });
      return [ops.add(next, sums), ops.relu(sums)];
    },
    "sums over pixels": (sums) => {
      const y = ops.relu(sums);
      return [ops.sum(y, [0, 1, 2]), ops.sum(y), y];
    },
    "its own mean, taken away": (sums) => ops.sub(sums, ops.max(sums, [0, 1, 2], true)),
    "numbers of another type": (sums) => [ops.cast(ops.mul(sums, 0.5), "int32"), ops.neg(sums)],
    "where pixels are": (sums) => ops.add(sums, ops.iota(sums.shape, 1, { dtype: sums.dtype })),
    "nothing, and results that come twice": (sums, x) => {
      const y = ops.relu(sums);
      return [y, sums, y, x, sums, x];
    },
    "literals only": (sums) => [ops.maximum(ops.mul(sums, 2), 0), ops.full([3], 2)],
  };
  for (const [name, fn] of Object.entries(cases))
    for (const dtype of ["float32", "float64"] as const)
      it(`${name}, in ${dtype}`, () => {
        for (const filters of [1, 2, 4, 5, 8, 21])
          for (const [image, side] of [
            [[2, 7, 6, 3], 3],
            [[2, 1, 1, 5], 1],
            [[2, 9, 2, 1], 2],
          ] as const) {
            const [n, h, w, c] = image;
            const kernel = integers([side, side, c, filters], 2, dtype);
            const shape = [n, h - side + 1, w - side + 1, filters];
            // Large enough to take a bias out of.
            const more = integers(shape, 3, dtype);
            if (more.size < 3 * filters + 8) continue;
            agree(
              (x, k, m) => fn(ops.conv2d(x!, k!), x!, k!, m!),
              [integers(image, 1, dtype), kernel, more],
            );
          }
      });
  it("depthwise, and in groups", () => {
    for (const [groups, filters] of [
      [6, 6],
      [6, 12],
      [3, 15],
      [2, 4],
    ] as const)
      for (const [name, fn] of Object.entries(cases)) {
        if (name === "a convolution of itself" || name.startsWith("another")) continue;
        const more = integers([2, 5, 4, filters], 3);
        const kernel = integers([3, 3, 6 / groups, filters], 2);
        agree(
          (x, k, m) => fn(ops.conv2d(x!, k!, { groups }), x!, k!, m!),
          [integers([2, 7, 6, 6], 1), kernel, more],
        );
      }
  });
  it("by Winograd's algorithm", () => {
    for (const [name, fn] of Object.entries(cases)) {
      // Rounded, these are decided by the last digit.
      if (name.includes("mask") || name.includes("type")) continue;
      const more = integers([1, 20, 23, 29], 3);
      const kernel = ops.mul(integers([3, 3, 33, 29], 2), 0.1);
      agree(
        (x, k, m) => fn(ops.conv2d(x!, k!), x!, k!, m!),
        [integers([1, 22, 25, 33], 1), kernel, more],
        3e-5,
      );
    }
  });
});

describe("convolutions at the edge", () => {
  type Options = Parameters<typeof ops.conv2d>[2];
  const edges: [name: string, x: number[], kernel: number[], options?: Options][] = [
    ["no images", [0, 5, 5, 3], [3, 3, 3, 4]],
    ["no images in groups", [0, 5, 5, 4], [3, 3, 1, 4], { groups: 4 }],
    ["no images, many channels", [0, 9, 9, 32], [3, 3, 32, 32]],
    ["one pixel", [1, 1, 1, 1], [1, 1, 1, 1]],
    ["a kernel as large as the image", [3, 11, 7, 2], [11, 7, 2, 9]],
    ["a kernel larger than the image", [2, 3, 2, 5], [7, 9, 5, 3], { padding: "same" }],
    [
      "padding larger than the image",
      [2, 2, 3, 4],
      [2, 2, 4, 5],
      {
        padding: [
          [6, 5],
          [0, 9],
        ],
      },
    ],
    [
      "windows that see only padding",
      [1, 3, 3, 8],
      [1, 1, 8, 8],
      {
        padding: [
          [4, 4],
          [4, 4],
        ],
        strides: 2,
      },
    ],
    ["strides beyond the image", [2, 5, 5, 3], [2, 2, 3, 4], { strides: [7, 9] }],
    ["far apart", [1, 13, 11, 3], [3, 2, 3, 7], { dilation: [6, 10] }],
    ["a window of one pixel, some left out", [2, 7, 7, 5], [1, 1, 5, 6], { strides: [3, 2] }],
    ["rows of one pixel", [2, 40, 1, 3], [5, 1, 3, 8], { padding: "same" }],
    ["columns of one pixel", [2, 1, 40, 3], [1, 5, 3, 8], { padding: "same" }],
    ["few pixels, many filters", [1, 2, 2, 64], [2, 2, 64, 333]],
    ["many pixels, one filter", [1, 120, 90, 3], [5, 5, 3, 1], { padding: "same" }],
    ["a shorter last chunk", [3, 37, 29, 7], [3, 3, 7, 13]],
    ["two chunks", [1, 30, 30, 16], [3, 3, 16, 7]],
  ];
  for (const channels of [1, 2, 3, 4, 5, 6, 7, 8, 9])
    edges.push([`${channels} channels`, [2, 9, 8, channels], [3, 3, channels, channels + 1]]);
  for (const [name, image, shape, given = {}] of edges)
    it(name, () => {
      const options = { ...given, algorithm: "direct" } as const;
      for (const dtype of ["float32", "float64"] as const) {
        const tensors = [integers(image, 1, dtype), integers(shape, 2, dtype)];
        agree((x, k) => ops.conv2d(x!, k!, options), tensors);
        agree((x, k) => {
          const loss = (a: Tensor, b: Tensor): Tensor => {
            const y = ops.conv2d(a, b, options);
            return ops.sum(ops.mul(y, ops.relu(y)));
          };
          return grad(loss, { argnums: [0, 1] })(x!, k!);
        }, tensors);
      }
    });

  it("has the same bits on any number of threads", () => {
    for (const [name, image, shape, options = {}] of edges) {
      const bias = sample(rounded, [shape[3]!], 5);
      const run = jit((x: Tensor, k: Tensor) => [
        ops.relu(ops.add(ops.conv2d(x, k, options), bias)),
        ...grad((a: Tensor, b: Tensor) => ops.sum(ops.square(ops.conv2d(a, b, options))), {
          argnums: [0, 1],
        })(x, k),
      ]);
      const tensors = [sample(rounded, image, 1), sample(rounded, shape, 2)] as const;
      setThreads(3);
      const wanted = run(...tensors);
      for (const count of [1, 2, 3, 3, 3]) {
        setThreads(count);
        expect(difference(run(...tensors), wanted, 0), `${name}, ${count} threads`).toBeUndefined();
      }
    }
  });
});
