/**
 * @file Laws of programs on images: compiled or operation by operation, with parameters as arguments or captured, on any number
 * of threads and on either backend they give the same, and so do their derivatives.
 */
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { setBackend, setThreads, threads } from "../../src/compile/engine.ts";
import { jit } from "../../src/compile/jit.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import * as ops from "../../src/ops/index.ts";
import { brokenLaw, derivatives, difference } from "../support/check-image-program.ts";
import { type ImageSetting, sample } from "../support/random-image-program.ts";

const exact: ImageSetting = {
  dtype: "float32",
  exact: true,
  smooth: false,
  largest: 12_000,
  extent: 9,
};
const large: ImageSetting = { ...exact, largest: 120_000, extent: 40 };
const doubles: ImageSetting = { ...exact, dtype: "float64" };
const rounded: ImageSetting = { ...exact, exact: false, smooth: true, extent: 12 };

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

  it("of integers in float32", () => obey(exact, ["none"], 9, 50));
  it("and their derivatives, in float64", () => obey(doubles, all, 7, 25));
  it("on one, two and three threads", () => obey(large, ["none", "gradient"], 5, 12, [1, 2, 3]));
  it("of fractions in float32, with Winograd's algorithm", () => obey(rounded, all, 6, 25));
});

describe("what follows a convolution", () => {
  const values = (shape: readonly number[], seed: number, dtype: "float32" | "float64"): Tensor =>
    sample({ ...exact, dtype }, shape, seed);
  type Fn = (x: Tensor, kernel: Tensor, more: Tensor) => Tensor | readonly Tensor[];
  const cases: Record<string, Fn> = {
    "its own first pixel, taken for a bias": (x, k) => {
      const sums = ops.conv2d(x, k);
      const first = ops.slice(sums, [0, 0, 0, 0], [1, 1, 1, sums.shape[3]!]);
      return ops.sub(sums, first);
    },
    "its own first element": (x, k) => {
      const sums = ops.conv2d(x, k);
      return ops.mul(sums, ops.slice(sums, [0, 0, 0, 0], [1, 1, 1, 1]));
    },
  };
  for (const [name, fn] of Object.entries(cases))
    for (const dtype of ["float32", "float64"] as const)
      for (const filters of [1, 3, 8, 21])
        it(`${name}: ${filters} filters in ${dtype}`, () => {
          const x = values([2, 7, 6, 3], 1, dtype);
          const kernel = values([3, 3, 3, filters], 2, dtype);
          const more = values([2, 5, 4, filters], 3, dtype);
          const compiled = jit((a: Tensor, b: Tensor, c: Tensor) => [fn(a, b, c)].flat());
          setBackend("interp");
          const wanted = compiled(x, kernel, more);
          setBackend("wasm");
          expect(difference(compiled(x, kernel, more), wanted, 0)).toBeUndefined();
        });
});
