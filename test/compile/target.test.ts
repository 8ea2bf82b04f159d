// The compiler asks a target what is fast: two targets get other kernels for one graph, which compute the same.
import { expect, test } from "vitest";
import type { Target } from "../../src/backend/backend.ts";
import { wasmTarget } from "../../src/backend/wasm/target.ts";
import { formKernels } from "../../src/compile/fuse/kernels.ts";
import { optimize } from "../../src/compile/passes/index.ts";
import { ones } from "../../src/index.ts";
import type { Work } from "../../src/ir/kernel.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { trace } from "../../src/ir/trace.ts";
import { conv2d } from "../../src/ops/index.ts";

/** A device with one way of convolving, which prefers kernels of its own for every product and never minds large loops. */
const toy: Target = {
  convolution: () => "gemm",
  preparedSize: ({ kernelHeight, kernelWidth, channels, filters, groups }) =>
    (kernelHeight * kernelWidth * channels * filters) / groups,
  keepsRuns: () => false,
  smallSide: 0,
  isProductOfLoops: () => false,
  wantsOwnLoop: () => false,
};

function worksFor(target: Target, f: (...xs: Tensor[]) => Tensor, ...shapes: number[][]): Work[] {
  const { graph } = trace(
    (...xs) => [f(...xs)],
    shapes.map((shape) => ones(shape)),
  );
  const optimized = optimize(graph, true, undefined, false, target);
  return formKernels(optimized, { target, invariant: false }).map(({ work }) => work);
}

const kinds = (works: readonly Work[]): string[] => works.map(({ kind }) => kind);

test("whether a small product is a loop is asked of the target", () => {
  const product = (x: Tensor, w: Tensor): Tensor => x.matmul(w);
  expect(kinds(worksFor(wasmTarget, product, [20, 2], [2, 50]))).toEqual(["loops"]);
  expect(kinds(worksFor(toy, product, [20, 2], [2, 50]))).toEqual(["matmul"]);
});

test("whether a transcendental function stands alone is asked of the target", () => {
  const f = (x: Tensor): Tensor => x.add(1).tanh().mul(2);
  expect(worksFor(wasmTarget, f, [1000]).length).toBeGreaterThan(1);
  expect(worksFor(toy, f, [1000]).length).toBe(1);
});

test("how a convolution is computed, and how large its prepared kernel is, are asked of the target", () => {
  const f = (x: Tensor, w: Tensor): Tensor => conv2d(x, w, { padding: "same" });
  const of = (target: Target): [string, number] => {
    const works = worksFor(target, f, [1, 28, 28, 64], [3, 3, 64, 64]);
    const prepared = works.find((work) => work.kind === "prepareKernel");
    return [prepared!.algorithm, prepared!.out.shape[0]!];
  };
  expect(of(toy)).toEqual(["gemm", 9 * 64 * 64]);
  const [algorithm, size] = of(wasmTarget);
  expect(algorithm).toMatch(/^winograd/);
  expect(size).toBeGreaterThan(9 * 64 * 64);
});
