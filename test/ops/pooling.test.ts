// Pooling against its definition, its ties and NaN, and against differences.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Tensor,
  ArgumentError,
  DTypeError,
  ShapeError,
  averagePool2d,
  checkGrad,
  grad,
  jit,
  jvp,
  maxPool2d,
  maxPool2dIndices,
  ones,
  tensor,
  zeros,
} from "../../src/index.ts";
import type { PoolGeometry } from "../../src/ir/conv.ts";
import { spread } from "../laws/cases.ts";
import { describeOn, imageBackends } from "../support/both-backends.ts";
import { countWindows, naivePool } from "../support/naive-images.ts";

const pair = (low: number, high: number): fc.Arbitrary<readonly [number, number]> =>
  fc.tuple(fc.integer({ min: low, max: high }), fc.integer({ min: low, max: high }));

const layouts = fc
  .record({ n: fc.nat(2), size: pair(1, 7), channels: fc.integer({ min: 1, max: 5 }) })
  .chain(({ n, size, channels }) =>
    fc.record({
      shape: fc.constant([n, ...size, channels]),
      of: pair(1, 4).chain((window) =>
        fc.record({
          window: fc.constant(window),
          strides: pair(1, 4),
          padding: fc.tuple(pair(0, window[0] - 1), pair(0, window[1] - 1)),
        }),
      ),
    }),
  )
  .filter(({ shape, of }) =>
    [0, 1].every(
      (axis) =>
        countWindows(shape[axis + 1]!, of.window[axis]!, of.strides[axis]!, of.padding[axis]!) > 0,
    ),
  );

const optionsOf = ({ window, strides, padding }: PoolGeometry) =>
  ({ poolSize: window, strides, padding }) as const;

/** The first of the largest, and any NaN before all numbers. */
const winner = (elements: readonly (readonly [number, number])[]): readonly [number, number] =>
  elements.find(([value]) => Number.isNaN(value)) ??
  elements.reduce((best, element) => (element[0] > best[0] ? element : best));

describeOn(imageBackends, () => {
  describe("maxPool2d", () => {
    it("is its definition, with its places, for values full of ties and NaN", () => {
      fc.assert(
        fc.property(
          layouts,
          fc.infiniteStream(fc.constantFrom(-2, -1, 0, 1, 2, NaN)),
          (layout, stream) => {
            const { shape, of } = layout;
            const size = shape.reduce((a, b) => a * b, 1);
            const x = tensor(
              Float64Array.from({ length: size }, () => stream.next().value as number),
              {
                shape,
              },
            );
            const [values, places] = [0, 1].map((i) =>
              naivePool(x.toArray(), shape, of, (elements) => winner(elements)[i]!),
            );
            expect(maxPool2d(x, optionsOf(of)).toArray()).toEqual(values);
            expect(maxPool2d(x.cast("float32"), optionsOf(of)).toArray()).toEqual(values);
            expect(maxPool2dIndices(x, optionsOf(of)).toArray()).toEqual(places);
          },
        ),
        { numRuns: 150 },
      );
    });

    it("never lets padding win", () => {
      const x = tensor([-3, -Infinity, -5, -7], { shape: [1, 2, 2, 1] });
      const y = maxPool2d(x, {
        poolSize: 2,
        strides: 1,
        padding: [
          [1, 1],
          [1, 1],
        ],
      });
      expect(y.flatten().toArray()).toEqual([-3, -3, -Infinity, -3, -3, -7, -5, -5, -7]);
    });

    it("gives the derivative to the first of equals, and to each window that an element wins", () => {
      const x = tensor([1, 1, 0, 1, 1, 2, 2, 2, 2], { shape: [1, 3, 3, 1] });
      const of = { poolSize: 2, strides: 1 };
      const g = grad((a: Tensor) =>
        maxPool2d(a, of)
          .mul(
            tensor([
              [
                [[1], [10]],
                [[100], [1000]],
              ],
            ]),
          )
          .sum(),
      );
      expect(g(x).flatten().toArray()).toEqual([1, 0, 0, 0, 0, 1010, 100, 0, 0]);
      const along = spread(x.shape).cast("float32");
      const [, moved] = jvp((a: Tensor) => [maxPool2d(a, of)], [x], [along]);
      const t = along.data();
      expect(moved[0]!.flatten().toArray()).toEqual([t[0], t[5], t[6], t[5]]);
    });

    it("lets NaN through, and its derivative to the first NaN", () => {
      const x = tensor([1, NaN, NaN, 3], { shape: [1, 2, 2, 1] });
      expect(maxPool2d(x).item()).toBeNaN();
      expect(
        grad((a: Tensor) => maxPool2d(a).sum())(x)
          .flatten()
          .toArray(),
      ).toEqual([0, 1, 0, 0]);
    });

    it("has the derivatives of differences", () => {
      for (const options of [
        {},
        { poolSize: 3, strides: 2, padding: "same" as const },
        { poolSize: [1, 3] as const, strides: 1, padding: "same" as const },
      ])
        checkGrad((x: Tensor) => maxPool2d(x, options), [spread([2, 5, 6, 3])], {
          order: 2,
          step: 1e-3,
          maxElements: 16,
        });
    });
  });

  describe("averagePool2d", () => {
    it("is its definition: the mean of the pixels that a window covers", () => {
      fc.assert(
        fc.property(layouts, ({ shape, of }) => {
          const x = spread(shape);
          const expected = naivePool(
            x.toArray(),
            shape,
            of,
            (elements) => elements.reduce((sum, [value]) => sum + value, 0) / elements.length,
          );
          const found = averagePool2d(x, optionsOf(of));
          const wanted = (expected as number[][][][]).flat(3);
          found.data().forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 13));
          const single = averagePool2d(x.cast("float32"), optionsOf(of));
          expect(single.dtype).toBe("float32");
          single
            .data()
            .forEach((value, i) => expect(Math.abs(value - wanted[i]!)).toBeLessThan(1e-6));
        }),
        { numRuns: 150 },
      );
    });

    it("has the derivatives of differences", () => {
      for (const options of [
        {},
        { poolSize: 3, strides: 2, padding: "same" as const },
        { poolSize: [2, 3] as const, strides: 1 },
        { poolSize: [5, 6] as const },
      ])
        checkGrad((x: Tensor) => averagePool2d(x, options), [spread([2, 5, 6, 3])], {
          order: 2,
          maxElements: 16,
        });
    });

    it("keeps constants, at edges too", () => {
      const y = averagePool2d(ones([1, 5, 4, 3]), { poolSize: 3, strides: 2, padding: "same" });
      expect(y.shape).toEqual([1, 3, 2, 3]);
      expect(y.data().every((value) => value === 1)).toBe(true);
    });
  });

  it("runs compiled, with its gradient", () => {
    const loss = (x: Tensor): Tensor =>
      averagePool2d(maxPool2d(x, { strides: 1 }), { padding: "same" })
        .square()
        .sum();
    const x = spread([2, 6, 5, 3]);
    expect(jit(grad(loss))(x).toArray()).toEqual(grad(loss)(x).toArray());
  });

  it("takes batches without images", () => {
    expect(maxPool2d(zeros([0, 4, 4, 2])).shape).toEqual([0, 2, 2, 2]);
    expect(averagePool2d(zeros([0, 5, 4, 2]), { strides: 1 }).shape).toEqual([0, 4, 3, 2]);
    expect(grad((x: Tensor) => maxPool2d(x).sum())(zeros([0, 4, 4, 2])).shape).toEqual([
      0, 4, 4, 2,
    ]);
  });

  describe("wrong use is named", () => {
    const x = ones([1, 4, 4, 2]);
    for (const [who, pool] of Object.entries({ maxPool2d, averagePool2d, maxPool2dIndices })) {
      const wrong: [string, () => unknown, new (message: string) => Error, RegExp][] = [
        ["rank", () => pool(ones([4, 4])), ShapeError, /images \[N, H, W, C\], got \[4, 4\]/],
        ["a large window", () => pool(x, { poolSize: 5 }), ShapeError, /5 x 5.*got 4 x 4/],
        [
          "a window of 0",
          () => pool(x, { poolSize: [2, 0] }),
          ArgumentError,
          /poolSize.*got \[2, 0\]/,
        ],
        ["strides", () => pool(x, { strides: -1 }), ArgumentError, /strides.*got -1/],
        [
          "wide padding",
          () =>
            pool(x, {
              padding: [
                [2, 0],
                [0, 0],
              ],
            }),
          ArgumentError,
          /padding smaller/,
        ],
        [
          "padding",
          () => pool(x, { padding: "SAME" as never }),
          ArgumentError,
          /"same".*got "SAME"/,
        ],
        ["an option", () => pool(x, { size: 2 } as never), ArgumentError, /poolSize.*got "size"/],
        ["integers", () => pool(x.cast("int32")), DTypeError, /float32 or float64, got int32/],
        ["no pixels", () => pool(ones([1, 0, 4, 2])), ShapeError, /at least one pixel/],
      ];
      it.each(wrong)(`${who}: %s`, (_, use, kind, message) => {
        expect(use).toThrow(kind);
        expect(use).toThrow(message);
        expect(use).toThrow(`${who}: `);
      });
    }
  });
});
