/** @file What broke the compiler once, and its limits: long chains, many kernels, memory beyond 2 GiB; every module is valid. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  type Tensor,
  add,
  argMax,
  broadcastTo,
  concat,
  cumSum,
  flip,
  full,
  grad,
  iota,
  jit,
  matmul,
  ones,
  pad,
  scan,
  scatterAdd,
  slice,
  take,
  tensor,
  transpose,
} from "../../src/index.ts";
import { backend } from "../../src/compile/engine.ts";
import { odeint } from "../../src/ode/index.ts";
import { exactInputs, exactProgram } from "../support/exact-program.ts";

const square = tensor(
  Array.from({ length: 64 }, (_, i) => (i % 7) - 3),
  { shape: [8, 8] },
);

describe("matrix products of operands that lie nowhere", () => {
  const literals: [string, () => Tensor][] = [
    ["a literal", () => full([8, 8], 2)],
    ["a literal row, broadcast", () => broadcastTo(full([1, 8], 2), [8, 8])],
    ["a view of a literal", () => transpose(slice(full([8, 9], 2), [0, 1]))],
    ["numbers of an axis", () => iota([8, 8], 0, { dtype: "float32" })],
    ["numbers of an axis, turned", () => flip(transpose(iota([8, 8], 0, { dtype: "float32" })), 0)],
  ];
  it.each(literals)("%s, on either side", (_, make) => {
    const [left, right] = [matmul(make(), square), matmul(square, make())];
    const found = jit((x: Tensor) => [matmul(make(), x), matmul(x, make())] as const)(square);
    expect(found[0].toArray()).toEqual(left.toArray());
    expect(found[1].toArray()).toEqual(right.toArray());
    const small = slice(square, [0, 0], [8, 3]);
    expect(jit((x: Tensor) => matmul(make(), x))(small).toArray()).toEqual(
      matmul(make(), small).toArray(),
    );
  });

  it("both sides, and as the product's gradient", () => {
    expect(jit(() => matmul(ones([6, 7]), ones([7, 5])).sum())().item()).toBe(210);
    const slope = jit(grad((x: Tensor) => matmul(square, x).sum()));
    const sums = square.sum(0).toArray() as number[];
    expect(slope(square).toArray()).toEqual(
      sums.map((sum) => Array.from({ length: 8 }, () => sum)),
    );
  });
});

it("scatterAdd counts axes in its result", () => {
  const rows = scatterAdd(ones([2, 3]), tensor(1, { dtype: "int32" }), 2, 2);
  expect(rows.shape).toEqual([2, 3, 2]);
  expect(rows.sum(-1).toArray()).toEqual([
    [1, 1, 1],
    [1, 1, 1],
  ]);
  const places = tensor([[0, 1, 1]], { dtype: "int32" });
  expect(scatterAdd(ones([4, 1, 3]), places, 2, -1).toArray()).toEqual(
    Array.from({ length: 4 }, () => [1, 2]),
  );
});

describe("size", () => {
  const x = tensor([1, 2, 3, 4]);
  const times = (count: number, step: (x: Tensor, i: number) => Tensor, from: Tensor): Tensor => {
    let result = from;
    for (let i = 0; i < count; i++) result = step(result, i);
    return result;
  };

  it.each<[string, (x: Tensor, i: number) => Tensor, number[]]>([
    ["reversals", (a) => flip(a), [1, 2, 3, 4]],
    ["slices of padding", (a) => slice(pad(a, [[1, 0]]), [1]), [1, 2, 3, 4]],
    ["elementwise operations", (a, i) => a.mul(i % 2 === 0 ? 2 : 0.5), [1, 2, 3, 4]],
    [
      "kernels",
      (a, i) => (i % 2 === 0 ? a.cumSum() : a.sub(pad(slice(a, [0], [3]), [[1, 0]]))),
      [1, 2, 3, 4],
    ],
  ])("a chain of 6,000 %s", (_, step, wanted) => {
    expect(jit((a: Tensor) => times(6000, step, a))(x).toArray()).toEqual(wanted);
  });

  it("the gradient of a chain of 3,000", () => {
    const slope = jit(
      grad((a: Tensor) => times(3000, (b, i) => b.mul(i % 2 === 0 ? 2 : 0.5), a).sum()),
    );
    expect(slope(x).toArray()).toEqual([1, 1, 1, 1]);
  });

  it("a thousand arguments, results and parts", () => {
    const many = Array.from({ length: 1000 }, () => x);
    const total = jit((all: readonly Tensor[]) => all.reduce((sum, a) => add(sum, a)))(many);
    expect(total.toArray()).toEqual([1000, 2000, 3000, 4000]);
    const results = jit((a: Tensor) => many.map((_, i) => a.add(i)))(x);
    expect(results[999]!.toArray()).toEqual([1000, 1001, 1002, 1003]);
    expect(
      jit((a: Tensor) => concat(many.map((_, i) => a.mul(i))))(x)
        .sum()
        .item(),
    ).toBe(4_995_000);
  });

  it("thousands of reductions that wait for each other compile in seconds", () => {
    const start = performance.now();
    const text = jit((a: Tensor) =>
      times(2000, (s) => s.add(a.mul(s).tanh().sum()), a.sum()),
    ).listing(x);
    expect(text).toContain("kernels (");
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

describe("memory beyond 2 GiB", () => {
  const half = 2 ** 31;
  const y = tensor([1, 2], { dtype: "float64" });
  const kernels = (): unknown[] =>
    jit((a: Tensor) => {
      const walked = flip(transpose(a)).add(cumSum(a, 1));
      const index = argMax(walked, 0);
      const picked = take(walked, index);
      const large = matmul(broadcastTo(walked, [5, 8, 8]), a);
      return [large, scatterAdd(picked, index, 8), walked.sum(0), walked.max(), large.sum([0, 2])];
    })(square).map((result) => result.toArray());
  const loops = (): unknown[] => [
    jit(grad((a: Tensor) => odeint((_, s: Tensor) => s.mul(-0.5), a, [0, 1, 2]).sum()))(
      y,
    ).toArray(),
    jit(
      grad((a: Tensor) => scan((c: Tensor, r: Tensor) => [c.mul(r).sin(), c], a.sum(), a)[1].sum()),
    )(y).toArray(),
    grad((a: Tensor) =>
      odeint((_, s: Tensor) => s.sin(), a, [0, 1], { gradient: "backsolve" }).sum(),
    )(y).toArray(),
  ];
  let below: unknown[] = [];
  let block = 0;
  beforeAll(() => {
    below = [...kernels(), ...loops()];
    block = backend().memory.allocate(half);
    const next = backend().memory.allocate(64);
    backend().memory.free(next, 64);
    expect(next).toBeGreaterThanOrEqual(half);
  });
  afterAll(() => backend().memory.free(block, half));

  it("holds programs of all kinds of kernels", () => {
    expect(kernels()).toEqual(below.slice(0, 5));
  });

  it("holds loops and solves, forward and back", () => {
    expect(loops()).toEqual(below.slice(5));
  });
});

it("a program that finds no memory for its kernels can be called again when there is some", () => {
  const fn = jit((a: Tensor) => matmul(a, transpose(a)).sum());
  const large = ones([300, 300]);
  fn.listing(large);
  const { memory } = backend();
  const allocate = vi.spyOn(memory, "allocate").mockImplementation(() => {
    throw new RangeError("full");
  });
  try {
    for (let i = 0; i < 2; i++) expect(() => fn(large)).toThrow("full");
  } finally {
    allocate.mockRestore();
  }
  expect(fn(large).item()).toBe(27_000_000);
});

it("every module is valid WebAssembly", () => {
  const valid: boolean[] = [];
  const Module = WebAssembly.Module;
  const spy = vi.spyOn(WebAssembly, "Module").mockImplementation(function (bytes: BufferSource) {
    valid.push(WebAssembly.validate(bytes));
    return new Module(bytes);
  } as never);
  try {
    for (let seed = 0; seed < 60; seed++) {
      const numbers = Array.from({ length: 60 }, (_, i) => ((seed * 60 + i) * 2_654_435_761) >>> 8);
      jit(exactProgram(numbers, 15))(...exactInputs());
    }
  } finally {
    spy.mockRestore();
  }
  expect(valid.length).toBeGreaterThanOrEqual(60);
  expect(valid).not.toContain(false);
});
