// Properties over random shapes: broadcasting, slicing, padding and joining against index arithmetic; creation; accuracy.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as adjoint from "../../src/index.ts";
import {
  type Nested,
  ShapeError,
  type Tensor,
  arange,
  broadcastTo,
  concat,
  eye,
  full,
  grad,
  jit,
  linspace,
  ones,
  pad,
  scalar,
  slice,
  split,
  stack,
  tensor,
  tile,
  zeros,
} from "../../src/index.ts";

const extents = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
const iotaOf = (shape: readonly number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Int32Array.from({ length: size }, (_, i) => i),
    { shape },
  );
};
const element = (nested: Nested, index: readonly number[]): Nested =>
  index.reduce((level, i) => (level as Nested[])[i]!, nested);
function indices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (all, n) => all.flatMap((index) => Array.from({ length: n }, (_, i) => [...index, i])),
    [[]],
  );
}
const runs = { numRuns: 60 };

describe("shapes", () => {
  test("operands broadcast by NumPy's rule, or are refused", () => {
    fc.assert(
      fc.property(extents, extents, (a, b) => {
        const rank = Math.max(a.length, b.length);
        const at = (shape: number[], axis: number): number =>
          shape[axis - rank + shape.length] ?? 1;
        const axes = Array.from({ length: rank }, (_, axis) => [at(a, axis), at(b, axis)] as const);
        const [x, y] = [iotaOf(a), iotaOf(b)];
        if (axes.some(([m, n]) => m !== n && m !== 1 && n !== 1)) {
          expect(() => x.add(y)).toThrow(ShapeError);
          return;
        }
        const shape = axes.map(([m, n]) => (m === 1 ? n : m));
        const sum = x.add(y);
        expect(sum.shape).toEqual(shape);
        const [dx, dy, out] = [x.toArray(), y.toArray(), sum.toArray()];
        const from = (nested: Nested, own: number[], index: number[]): number =>
          element(
            nested,
            index.slice(rank - own.length).map((i, axis) => (own[axis] === 1 ? 0 : i)),
          ) as number;
        for (const index of indices(shape))
          expect(element(out, index)).toBe(from(dx, a, index) + from(dy, b, index));
        expect(broadcastTo(x, shape).toArray()).toEqual(
          x.add(zeros(shape, { dtype: "int32" })).toArray(),
        );
      }),
      runs,
    );
  });

  test("slices are Python's", () => {
    const bound = fc.option(fc.integer({ min: -7, max: 7 }), { nil: undefined });
    const step = fc.option(
      fc.integer({ min: -3, max: 3 }).filter((n) => n !== 0),
      { nil: undefined },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 6 }),
        fc.integer({ min: 1, max: 3 }),
        bound,
        bound,
        step,
        (n, m, from, to, by) => {
          const x = iotaOf([n, m]);
          const rows = Array.from({ length: n }, (_, i) => i);
          const picked = pythonSlice(rows, from, to, by ?? 1);
          expect(slice(x, [from], [to], [by]).toArray()).toEqual(
            picked.map((i) => Array.from({ length: m }, (_, j) => i * m + j)),
          );
          const columns = slice(
            iotaOf([m, n]),
            [undefined, from],
            [undefined, to],
            [undefined, by],
          );
          expect(columns.toArray()).toEqual(
            Array.from({ length: m }, (_, j) => picked.map((i) => j * n + i)),
          );
        },
      ),
      runs,
    );
  });

  test("what is padded is found again by slicing; so is what is split, stacked, tiled, reversed", () => {
    const width = fc.tuple(
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 2 }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), width), { minLength: 1, maxLength: 3 }),
        (axes) => {
          const shape = axes.map(([n]) => n);
          const widths = axes.map(([, w]) => w);
          const x = iotaOf(shape);
          const padded = pad(x, widths, -1);
          expect(padded.shape).toEqual(
            shape.map((n, i) => n + widths[i]![0] + widths[i]![1] + (n - 1) * widths[i]![2]),
          );
          const back = slice(
            padded,
            widths.map(([low]) => low),
            widths.map(([low, , interior], i) => low + (shape[i]! - 1) * (interior + 1) + 1),
            widths.map(([, , interior]) => interior + 1),
          );
          expect(back.toArray()).toEqual(x.toArray());
          const inside = x.size;
          expect(Array.from(padded.data()).filter((v) => v === -1)).toHaveLength(
            padded.size - inside,
          );
          for (const axis of shape.keys()) {
            expect(concat(split(x, shape[axis]!, axis), axis).toArray()).toEqual(x.toArray());
            expect(
              stack([x, x.add(1)], axis)
                .at(1, axis)
                .toArray(),
            ).toEqual(x.add(1).toArray());
            expect(x.flip(axis).flip(axis).toArray()).toEqual(x.toArray());
            expect(x.swapAxes(0, axis).swapAxes(0, axis).toArray()).toEqual(x.toArray());
          }
          expect(
            tile(
              x,
              shape.map(() => 2),
            )
              .slice(
                shape.map(() => 0),
                [...shape],
              )
              .toArray(),
          ).toEqual(x.toArray());
          expect(x.transpose().transpose().reshape([-1]).toArray()).toEqual(
            Array.from({ length: x.size }, (_, i) => i),
          );
        },
      ),
      runs,
    );
  });

  test("the gradient of any view is the view's transpose", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: -5, max: 5 }),
        fc.integer({ min: 1, max: 3 }),
        (n, from, by) => {
          const view = (x: Tensor): Tensor =>
            x
              .slice(from, undefined, by)
              .pad([[1, 0, 2]])
              .flip();
          const w = (x: Tensor): Tensor =>
            view(x)
              .mul(arange(1, view(zeros([n])).size + 1))
              .sum();
          const marks = view(arange(1, n + 1)).toArray() as number[];
          const expected = Array.from({ length: n }, (_, i) => marks.indexOf(i + 1) + 1);
          expect(grad(w)(arange(n)).toArray()).toEqual(expected);
        },
      ),
      runs,
    );
  });
});

function pythonSlice(
  rows: number[],
  from: number | undefined,
  to: number | undefined,
  by: number,
): number[] {
  const n = rows.length;
  const clamp = (bound: number): number =>
    by > 0
      ? Math.min(Math.max(bound < 0 ? bound + n : bound, 0), n)
      : Math.min(Math.max(bound < 0 ? bound + n : bound, -1), n - 1);
  const first = from === undefined ? (by > 0 ? 0 : n - 1) : clamp(from);
  const last = to === undefined ? (by > 0 ? n : -1) : clamp(to);
  const picked: number[] = [];
  for (let i = first; by > 0 ? i < last : i > last; i += by) picked.push(rows[i]!);
  return picked;
}

describe("inside compiled functions", () => {
  test("operations along an axis see the shape after a reshape, not the one in memory", () => {
    const x = iotaOf([2, 3]).cast("float32");
    const flat = (x: Tensor): Tensor => x.reshape([6]);
    const column = (x: Tensor): Tensor => x.reshape([3, 2]);
    const picks = tensor(
      [
        [4, 0],
        [5, 1],
      ],
      { dtype: "int32" },
    );
    expect(jit((x: Tensor) => flat(x).take(picks))(x).toArray()).toEqual([
      [4, 0],
      [5, 1],
    ]);
    expect(jit((x: Tensor) => flat(x).scatterAdd([0, 0, 0, 1, 1, 1], 2))(x).toArray()).toEqual([
      3, 12,
    ]);
    expect(jit((x: Tensor) => flat(x).cumSum())(x).toArray()).toEqual([0, 1, 3, 6, 10, 15]);
    expect(jit((x: Tensor) => column(x).argMax(0))(x).toArray()).toEqual([2, 2]);
    expect(jit((x: Tensor) => column(x).matmul(x))(x).toArray()).toEqual([
      [3, 4, 5],
      [9, 14, 19],
      [15, 24, 33],
    ]);
  });
});

describe("creation", () => {
  test("dtypes and shapes are inferred or given; elements are copied", () => {
    expect([
      tensor(1).dtype,
      tensor([true]).dtype,
      tensor(new Int32Array(2)).dtype,
      tensor(new Uint8Array([0, 7])).toArray(),
    ]).toEqual(["float32", "bool", "int32", [false, true]]);
    expect(tensor([], { dtype: "float64" }).shape).toEqual([0]);
    expect(tensor([[], []]).shape).toEqual([2, 0]);
    expect(tensor([1, 2, 3, 4], { shape: [2, 2] }).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(tensor([new Float64Array([1, 2]), new Float64Array([3, 4])]).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    const source = new Float32Array([1, 2]);
    const x = tensor(source);
    source[0] = 9;
    x.data()[1] = 9;
    expect(x.toArray()).toEqual([1, 2]);
    expect(scalar(2, { dtype: "int32" }).item()).toBe(2);
  });

  test("constants and ranges", () => {
    expect([zeros([2]).toArray(), ones([1, 2]).toArray(), full([2], true).dtype]).toEqual([
      [0, 0],
      [[1, 1]],
      "bool",
    ]);
    expect(eye(2, 3).toArray()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    expect(arange(3).toArray()).toEqual([0, 1, 2]);
    expect(arange(1, 2, 0.25).toArray()).toEqual([1, 1.25, 1.5, 1.75]);
    expect(arange(5, 0, -2, { dtype: "int32" }).toArray()).toEqual([5, 3, 1]);
    expect(linspace(0, 1, 5).toArray()).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(linspace(2, 9, 1).toArray()).toEqual([2]);
    expect(linspace(0, 0.7, 8, { dtype: "float64" }).at(-1).item()).toBe(0.7);
  });

  test("are the same inside a trace", () => {
    const make = (): Tensor[] => [
      zeros([2]),
      full([2, 2], 3.5),
      eye(3),
      arange(4),
      linspace(0, 1, 3),
      adjoint.iota([2, 2], 1),
    ];
    jit(() => make())().forEach((x, i) =>
      expect([x.dtype, x.toArray()]).toEqual([make()[i]!.dtype, make()[i]!.toArray()]),
    );
  });
});

describe("accuracy", () => {
  const f64 = { dtype: "float64" } as const;
  const at = (f: (x: Tensor) => Tensor, x: number): number => f(tensor(x, f64)).item();
  /** Distance in units of the last place of a double. */
  const ulps = (actual: number, expected: number): number => {
    if (Object.is(actual, expected) || (Number.isNaN(actual) && Number.isNaN(expected))) return 0;
    return (
      Math.abs(actual - expected) /
      (2 ** (Math.floor(Math.log2(Math.abs(expected))) - 52) || Number.MIN_VALUE)
    );
  };
  const everywhere = [
    1e-300,
    1e-30,
    1e-16,
    1e-8,
    1e-5,
    0.003,
    0.1,
    0.3,
    0.49,
    0.5,
    0.7,
    0.99,
    0.9999999,
    1 - 2 ** -53,
    1,
  ];
  const wide = [...everywhere, 1.5, 3, 9, 20, 37, 100, 355, 700, 709.7, 710.4];
  const huge = [...wide, 1e8, 2 ** 28, 2 ** 28 + 2, 1e20, 1e160, 1e308];
  const both = (list: readonly number[]): number[] => list.flatMap((x) => [x, -x]);
  test.each<[string, (x: Tensor) => Tensor, (x: number) => number, readonly number[], number]>([
    ["asin", adjoint.asin, Math.asin, both(everywhere), 4],
    ["acos", adjoint.acos, Math.acos, both(everywhere), 4],
    ["sinh", adjoint.sinh, Math.sinh, both(wide), 8],
    ["cosh", adjoint.cosh, Math.cosh, both(wide), 8],
    ["asinh", adjoint.asinh, Math.asinh, both(huge), 4],
    [
      "acosh",
      adjoint.acosh,
      Math.acosh,
      [1, 1 + 2 ** -52, 1.0000001, 1.1, 2, 1e5, 2 ** 28, 2 ** 28 + 1, 1e300],
      4,
    ],
    ["atanh", adjoint.atanh, Math.atanh, both(everywhere), 4],
    [
      "sigmoid",
      adjoint.sigmoid,
      (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
      both(wide),
      4,
    ],
    [
      "softplus",
      adjoint.softplus,
      (x) => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x))),
      both(wide),
      4,
    ],
  ])(
    "%s within a few units of the last place, ends and zeros included",
    (_, f, reference, points, allowed) => {
      for (const x of [...points, 0, NaN])
        expect(
          ulps(at(f, x), reference(x)),
          `at ${x}: ${at(f, x)} for ${reference(x)}`,
        ).toBeLessThanOrEqual(allowed);
    },
  );

  test("odd functions keep the sign of zero; infinities and domains as in IEEE 754", () => {
    for (const f of [adjoint.asin, adjoint.sinh, adjoint.asinh, adjoint.atanh])
      expect(Object.is(at(f, -0), -0)).toBe(true);
    expect([
      at(adjoint.asinh, -Infinity),
      at(adjoint.sinh, Infinity),
      at(adjoint.cosh, -Infinity),
      at(adjoint.acosh, Infinity),
      at(adjoint.sigmoid, -Infinity),
      at(adjoint.softplus, Infinity),
    ]).toEqual([-Infinity, Infinity, Infinity, Infinity, 0, Infinity]);
    expect([
      at(adjoint.asin, 1.1),
      at(adjoint.acos, -1.1),
      at(adjoint.acosh, 0.9),
      at(adjoint.atanh, 1.1),
    ]).toEqual([NaN, NaN, NaN, NaN]);
  });

  test("atan2 in every quadrant, on every axis, with signed zeros and infinities", () => {
    const values = [0, -0, 1, -1, 0.3, -2, 1e-200, 1e200, Infinity, -Infinity, NaN];
    for (const y of values)
      for (const x of values) {
        const angle = adjoint.atan2(tensor(y, f64), tensor(x, f64)).item();
        expect(Math.sign(1 / angle), `atan2(${y}, ${x})`).toEqual(Math.sign(1 / Math.atan2(y, x)));
        expect(ulps(angle, Math.atan2(y, x)), `atan2(${y}, ${x}) = ${angle}`).toBeLessThanOrEqual(
          4,
        );
      }
  });

  test("derivatives stay right where values saturate", () => {
    const slope = (f: (x: Tensor) => Tensor, x: number): number => at(grad(f), x);
    expect(ulps(slope(adjoint.sigmoid, -100), Math.exp(-100))).toBeLessThan(4);
    expect(ulps(slope(adjoint.sigmoid, 100), Math.exp(-100))).toBeLessThan(4);
    expect(ulps(slope(adjoint.cosh, 1e-9), 1e-9)).toBeLessThan(4);
    expect(ulps(slope(adjoint.expm1, -50), Math.exp(-50))).toBeLessThan(4);
    for (const x of [-1000, 1000])
      expect(
        Number.isFinite(slope(adjoint.sigmoid, x)) && Number.isFinite(slope(adjoint.softplus, x)),
      ).toBe(true);
    for (const x of [0, 1e-9, 5, 1e10, 1e200])
      expect(ulps(slope(adjoint.asinh, x), 1 / Math.hypot(1, x))).toBeLessThan(8);
  });

  test("logSumExp, softmax and logSoftmax neither overflow nor lose what is small", () => {
    const x = tensor([1e4, 1e4 - 1, -1e4], f64);
    const tail = Math.log1p(Math.exp(-1));
    expect(x.logSumExp().item()).toBeCloseTo(1e4 + tail, 9);
    expect(Array.from(x.logSoftmax().data())).toEqual(
      [-tail, -1 - tail, -2e4 - tail].map((v) => expect.closeTo(v, 9)),
    );
    expect(x.softmax().sum().item()).toBeCloseTo(1, 15);
    expect(full([2], -Infinity).logSumExp().item()).toBe(-Infinity);
    expect(tensor([1, Infinity]).logSumExp().item()).toBe(Infinity);
    expect(tensor([1, NaN]).logSumExp().item()).toBeNaN();
  });
});
