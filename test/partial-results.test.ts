// Folds along an axis that is cut into chunks: partial results, folded in the order of the chunks.
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { mergeAxes } from "../src/backend/wasm/loops/schedule.ts";
import { splitNest } from "../src/backend/wasm/loops/split.ts";
import { formKernels } from "../src/compile/fuse/kernels.ts";
import { optimize } from "../src/compile/passes/index.ts";
import { type Tensor, jit, random, setBackend, setThreads, threads } from "../src/index.ts";
import type { LoopNest } from "../src/ir/kernel.ts";
import { trace } from "../src/ir/trace.ts";

const before = threads();
afterEach(() => setBackend("wasm"));
afterAll(() => setThreads(before));

type Fn = (x: Tensor, y: Tensor) => Tensor | readonly Tensor[];

/** Small integers, whose sums are exact; products are of 1, -1 and few 2. */
const drawn = (seed: number, shape: readonly number[], dtype: Tensor["dtype"]): Tensor =>
  random
    .normal(random.key(seed), [...shape])
    .mul(2)
    .round()
    .cast(dtype);

const factors = (x: Tensor): Tensor => x.mul(0).add(1).sub(x.greater(5).cast(x.dtype).mul(2));

const cases: Record<string, { readonly shape: readonly number[]; readonly fn: Fn }> = {
  "a bias' gradient": { shape: [61, 9, 7, 40], fn: (x) => x.sum([0, 1, 2]) },
  "beside stores, and folds that keep the axis": {
    shape: [37, 11, 13, 24],
    fn: (x, y) => {
      const z = x.mul(y);
      return [z.add(1), z.sum([0, 1, 2]), z.sum([1, 2]), x.max([0, 1, 2])];
    },
  },
  everything: { shape: [50, 4001], fn: (x, y) => [x.mul(y).sum(), x.max(), y.min()] },
  "one axis": { shape: [200_003], fn: (x, y) => x.mul(y).sum() },
  "maxima and minima": {
    shape: [41, 100, 33],
    fn: (x, y) => [x.max([0, 1]), y.min([0, 1]), x.sub(y).max([0, 2])],
  },
  products: { shape: [41, 100, 33], fn: (x) => factors(x).prod([0, 1]) },
  "along a turned image": {
    shape: [24, 31, 3, 64],
    fn: (x, y) => [x.transpose([3, 1, 2, 0]).sum([1, 3]), y.flip([0]).sum([0, 1])],
  },
};

const nestsOf = (fn: Fn, inputs: readonly [Tensor, Tensor]): LoopNest[] => {
  const { graph } = trace((x, y) => [fn(x!, y!)].flat(), [...inputs]);
  return formKernels(optimize(graph, true)).flatMap(({ work }) =>
    work.kind === "loops" ? work.nests.map(mergeAxes) : [],
  );
};

describe("folds in chunks", () => {
  for (const dtype of ["float32", "float64", "int32"] as const)
    it.each(Object.entries(cases))(`${dtype}: %s`, (_, { shape, fn }) => {
      const inputs = [drawn(1, shape, dtype), drawn(2, shape, dtype)] as const;
      const cuts = nestsOf(fn, inputs).map((nest) => splitNest(nest));
      expect(cuts.some((split) => (split?.partials.folds.length ?? 0) > 0)).toBe(true);
      setBackend("interp");
      const expected = ([fn(...inputs)].flat() as Tensor[]).map((one) => Array.from(one.data()));
      setBackend("wasm");
      for (const count of [1, 2, 3]) {
        setThreads(count);
        const found = [jit(fn)(...inputs)].flat() as Tensor[];
        expect(found.map((one) => Array.from(one.data()))).toEqual(expected);
      }
    });

  it("have the same bits on any number of threads", () => {
    const x = random.normal(random.key(1), [83, 29, 31]);
    const fn = (a: Tensor): Tensor[] => [a.mul(a).sum([0, 1]), a.exp().sum(), a.sum([0, 2])];
    const runs = [1, 2, 3, 8].map((count) => {
      setThreads(count);
      return (jit(fn)(x) as Tensor[]).map((one) => Array.from(one.data()));
    });
    for (const run of runs) expect(run).toEqual(runs[0]);
  });

  it("are left whole where they are small, or have almost as many results as elements", () => {
    const cut = (shape: readonly number[], fn: Fn): boolean =>
      nestsOf(fn, [drawn(1, shape, "float32"), drawn(2, shape, "float32")]).some(
        (nest) => (splitNest(nest)?.partials.folds.length ?? 0) > 0,
      );
    expect(cut([256, 64], (x) => x.sum(0))).toBe(false);
    expect(cut([20, 50], (x, y) => x.mul(y).sum())).toBe(false);
    expect(cut([2, 500_000], (x) => x.sum(0))).toBe(false);
  });
});
