// Folds along an axis that is cut into chunks: partial results, folded in the order of the chunks.
import { createHash } from "node:crypto";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { partialBytes, gatherStrided, schedule } from "../../src/backend/wasm/loops/schedule.ts";
import { splitNest } from "../../src/backend/wasm/loops/split.ts";
import { formKernels } from "../../src/compile/fuse/kernels.ts";
import { optimize } from "../../src/compile/passes/index.ts";
import {
  type Tensor,
  grad,
  jit,
  random,
  setBackend,
  setThreads,
  tensor,
  threads,
} from "../../src/index.ts";
import type { DType } from "../../src/ir/dtype.ts";
import type { LoopNest, ReduceOp } from "../../src/ir/kernel.ts";
import { trace } from "../../src/ir/trace.ts";
import { mergeAxes } from "../../src/backend/wasm/loops/nests.ts";

const before = threads();
afterEach(() => setBackend("wasm"));
afterAll(() => setThreads(before));

type Fn = (...xs: Tensor[]) => Tensor | readonly Tensor[];

/** Compiled; the results in a list. */
const results = (fn: Fn, inputs: readonly Tensor[]): Tensor[] =>
  [jit(fn)(...inputs)].flat() as Tensor[];

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

const nestsOf = (fn: Fn, inputs: readonly Tensor[]): LoopNest[] => {
  const { graph } = trace((...xs) => [fn(...xs)].flat(), [...inputs]);
  return formKernels(optimize(graph, true)).flatMap(({ work }) =>
    work.kind === "loops" ? work.nests.map(mergeAxes) : [],
  );
};

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Multiples of 1/8 whose sums are exact in any order; signs, for products. */
function exact(shape: readonly number[], dtype: DType, op: ReduceOp): Tensor {
  const elements = Array.from({ length: size(shape) }, (_, i) => {
    const noise = ((i + 1) * 2_654_435_761) >>> 13;
    if (op === "prod") return noise % 2 === 0 ? 1 : -1;
    return ((noise % 97) - 48) / (dtype === "int32" ? 1 : 8);
  });
  return tensor(elements, { shape: [...shape], dtype });
}

/** Of each nest that is cut along what it folds, how many results go through partial ones. */
const cuts = (fn: Fn, inputs: readonly Tensor[]): number[] =>
  nestsOf(fn, inputs)
    .map((nest) => splitNest(nest)?.partials.folds.length ?? 0)
    .filter((folds) => folds > 0);

/** Whether chunks need scratch memory of their own: for partial vectors, or for what they gather. */
const inScratch = (fn: Fn, inputs: readonly Tensor[]): ("vectors" | "gathered")[] =>
  nestsOf(fn, inputs).flatMap((nest) => {
    const split = splitNest(nest);
    if (split === undefined) return [];
    const gathered = gatherStrided(schedule(split.nestOf(split.chunks.size)));
    const vectors = partialBytes(gathered.schedule) > 0 ? (["vectors"] as const) : [];
    return gathered.bytes > 0 ? [...vectors, "gathered"] : vectors;
  });

function sameOnBoth(fn: Fn, inputs: readonly Tensor[]): void {
  setBackend("interp");
  const wanted = results(fn, inputs);
  setBackend("wasm");
  const found = results(fn, inputs);
  found.forEach((result, index) => {
    const [x, y] = [result.data(), wanted[index]!.data()];
    expect(x.length).toBe(y.length);
    const differing = x.findIndex((element, at) => !Object.is(element, y[at]));
    expect([index, differing, x[differing]]).toEqual([index, -1, undefined]);
  });
}

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
        const found = results(fn, inputs);
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

  it("leave what can be cut along another axis", () => {
    expect(cuts((x) => x.sum([1]), [exact([64, 9000], "float32", "sum")])).toEqual([]);
  });
});

describe("every operation and type", () => {
  const shapes: readonly [what: string, shape: readonly number[], axes: readonly number[]][] = [
    ["everything", [130_001], [0]],
    ["everything, of several axes", [7, 100, 203], [0, 1, 2]],
    ["leading axes", [37, 61, 64], [0, 1]],
    ["leading axes, few columns", [40_003, 5], [0]],
    ["a few long rows", [3, 50_001], [1]],
    ["around an axis", [6, 20, 1111], [0, 2]],
  ];
  for (const op of ["sum", "prod", "max", "min"] as const)
    for (const dtype of ["float32", "float64", "int32"] as const)
      it.each(shapes)(`${op} of ${dtype} over %s`, (_, shape, axes) => {
        const fn: Fn = (x) => [x[op]([...axes])];
        const x = exact(shape, dtype, op);
        expect(nestsOf(fn, [x]).map((nest) => splitNest(nest) !== undefined)).toEqual([true]);
        sameOnBoth(fn, [x]);
      });

  it.each(["any", "all"] as const)("%s of masks", (op) => {
    const masks = [0, 1, 130_000].map((rare) =>
      tensor(
        Array.from({ length: 130_001 }, (_, i) => (op === "any") === (i === rare)),
        { dtype: "bool" },
      ),
    );
    const fn: Fn = (...xs) => xs.map((x) => x[op]([0]));
    expect(cuts(fn, masks)).not.toEqual([]);
    sameOnBoth(fn, masks);
  });

  it("what is not a number, and infinities", () => {
    const list = Array.from(exact([130_001], "float32", "sum").data() as Float32Array);
    for (const [place, element] of [
      [3, Number.NaN],
      [64_000, -Infinity],
      [130_000, Number.NaN],
      [77_777, Infinity],
    ] as const) {
      const x = tensor(list.with(place, element));
      sameOnBoth((a) => [a.max(), a.min(), a.sum()], [x]);
    }
    const lowest = tensor(list.map(() => -Infinity));
    sameOnBoth((a) => [a.max(), a.min(), a.prod()], [lowest]);
  });
});

describe("several results of one pass", () => {
  const shape = [24, 33, 40];
  const [a, b] = [exact(shape, "float32", "sum"), exact(shape, "float32", "max")];

  it("of different types", () => {
    const fn: Fn = (x, y) => [
      x.add(y).sum([0, 1]),
      x.mul(2).add(y).cast("float64").sum([0]),
      x.add(y).mul(8).cast("int32").max([0, 2]),
    ];
    expect(cuts(fn, [a, b]).length).toBeGreaterThan(0);
    sameOnBoth(fn, [a, b]);
  });

  it("one after another, of what the one before gave", () => {
    const fn: Fn = (x) => {
      const top = x.max([0, 1]);
      const above = top.sub(x);
      return [top, above.sum([0, 1]), above.min([0]), above.sum()];
    };
    const large = exact([48, 33, 80], "float32", "sum");
    expect(cuts(fn, [large])).toEqual([3]);
    sameOnBoth(fn, [large]);
  });

  it("of a walk that goes backwards and in steps", () => {
    const fn: Fn = (x) => [
      x.flip([0, 2]).slice([0, 0, 1], [1200, 33, 8], [1, 1, 2]).mul(2).sum([0, 1]),
      x.flip([0, 1]).add(1).max([0, 1]),
    ];
    const large = exact([1200, 33, 8], "float32", "sum");
    expect(cuts(fn, [large])).toEqual([1, 1]);
    sameOnBoth(fn, [large]);
  });
});

it("has the same bits on any number of threads where chunks need scratch memory of their own", () => {
  const draw = (seed: number, shape: number[]): Tensor => random.normal(random.key(seed), shape);
  const [images, rows, channelsFirst] = [
    draw(1, [33, 26, 26, 24]),
    draw(2, [1001, 96]),
    draw(3, [80, 3, 1111]),
  ];
  const parameters = [[2, 50], [50], [50, 2], [2]].map((shape, i) => draw(4 + i, shape));
  const inputs = draw(9, [4001, 2]);
  const fns: readonly (readonly [Fn, readonly Tensor[]])[] = [
    [
      (x) => {
        const y = x.mul(x.sub(0.3));
        return [y, y.sum([0, 1, 2]), y.prod([1, 2]), y.min(), x.exp().mean()];
      },
      [images],
    ],
    [(x) => [x.sum([0]), x.sum([1]), x.cast("float64").sum()], [rows]],
    [(x) => [x.mul(x).sum([0, 2]), x.sum([0, 2])], [channelsFirst]],
    [
      (x, ...p) =>
        grad(
          (w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) =>
            x.matmul(w1).add(b1).tanh().matmul(w2).add(b2).square().sum(),
          { argnums: [0, 1, 2, 3] },
        )(...(p as [Tensor, Tensor, Tensor, Tensor])) as Tensor[],
      [inputs, ...parameters],
    ],
  ];
  const bits = (): string => {
    const hash = createHash("sha256");
    for (const [fn, given] of fns) {
      for (const result of results(fn, given)) hash.update(result.data() as Float32Array);
    }
    return hash.digest("hex");
  };
  const ways = fns.flatMap(([fn, given]) => {
    expect(cuts(fn, given)).not.toEqual([]);
    return inScratch(fn, given);
  });
  expect([...new Set(ways)].toSorted()).toEqual(["gathered", "vectors"]);
  setThreads(1);
  const expected = bits();
  for (const count of [2, 3, 8]) {
    setThreads(count);
    for (let i = 0; i < 5; i++) expect(bits()).toBe(expected);
  }
});
