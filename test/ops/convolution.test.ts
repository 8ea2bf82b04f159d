// Convolutions against their definition and against differences, and the transposes against each other.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Tensor,
  checkGrad,
  conv2d,
  conv2dTranspose,
  depthwiseConv2d,
  grad,
  jit,
  ones,
  tensor,
  vjp,
  zeros,
} from "../../src/index.ts";
import type { ConvGeometry } from "../../src/ir/conv.ts";
import { isPrim } from "../../src/ir/graph.ts";
import { trace } from "../../src/ir/trace.ts";
import { bind1 } from "../../src/ops/bind.ts";
import { convInput } from "../../src/ops/prims/products.ts";
import { spread } from "../laws/cases.ts";
import { describeOn, imageBackends } from "../support/both-backends.ts";
import { geometry, naiveConv, outputShape } from "../support/naive-images.ts";

interface Layout {
  readonly x: readonly number[];
  readonly kernel: readonly number[];
  readonly of: ConvGeometry;
}

const pair = (low: number, high: number): fc.Arbitrary<readonly [number, number]> =>
  fc.tuple(fc.integer({ min: low, max: high }), fc.integer({ min: low, max: high }));

/** Any convolution that fits: strides and dilation together too, padding beyond the kernel, rows that no window reaches. */
const layouts: fc.Arbitrary<Layout> = fc
  .record({
    batch: fc.integer({ min: 0, max: 2 }),
    size: pair(1, 7),
    window: pair(1, 4),
    groups: fc.integer({ min: 1, max: 3 }),
    depth: fc.integer({ min: 1, max: 2 }),
    width: fc.integer({ min: 1, max: 2 }),
    strides: pair(1, 3),
    dilation: pair(1, 3),
    padding: fc.tuple(pair(0, 4), pair(0, 4)),
    algorithm: fc.constantFrom("auto" as const, "direct" as const),
  })
  .map(({ batch, size, window, groups, depth, width, ...rest }) => ({
    x: [batch, ...size, groups * depth],
    kernel: [...window, depth, groups * width],
    of: { ...rest, groups },
  }))
  .filter(({ x, kernel, of }) =>
    outputShape(x, kernel, of)
      .slice(1)
      .every((extent) => extent > 0),
  );

const dot = (a: Tensor, b: Tensor): number => a.mul(b).sum().item();
const conv = (x: Tensor, kernel: Tensor, of: ConvGeometry): Tensor =>
  bind1("conv", [x, kernel], of);

/** Every element within `tolerance` of the expected one, relative to the largest. */
function expectClose(found: Tensor, expected: Tensor, tolerance: number): void {
  expect(found.shape).toEqual(expected.shape);
  const [a, b] = [Array.from(found.data()), Array.from(expected.data())];
  const scale = b.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  const worst = a.reduce((most, value, i) => {
    const gap = Math.abs(value - b[i]!);
    return gap <= most ? most : gap;
  }, 0);
  expect(worst / scale).toBeLessThanOrEqual(tolerance);
}

const naive = (x: Tensor, kernel: Tensor, of: ConvGeometry): Tensor =>
  tensor((naiveConv(x.toArray(), x.shape, kernel.toArray(), kernel.shape, of) as never[]).flat(3), {
    dtype: "float64",
    shape: outputShape(x.shape, kernel.shape, of),
  });

describeOn(imageBackends, () => {
  describe("conv2d", () => {
    for (const [dtype, tolerance] of [
      ["float64", 1e-14],
      ["float32", 2e-6],
    ] as const)
      it(`is its definition in ${dtype}`, () => {
        fc.assert(
          fc.property(layouts, ({ x, kernel, of }) => {
            const [a, b] = [spread(x), spread(kernel, -1, 1, 3)];
            const found = conv(a.cast(dtype), b.cast(dtype), of);
            expect(found.dtype).toBe(dtype);
            expectClose(found.cast("float64"), naive(a, b, of), tolerance);
          }),
          { numRuns: 150 },
        );
      });

    it("has transposes that are adjoint to it", () => {
      fc.assert(
        fc.property(layouts, ({ x, kernel, of }) => {
          const [a, b] = [spread(x), spread(kernel, -1, 1, 3)];
          const y = conv(a, b, of);
          const g = spread(y.shape, -1, 1, 5);
          const expected = dot(y, g);
          const tolerance = 1e-12 * Math.max(1, Math.abs(expected));
          const [dx, db] = vjp((p: Tensor, q: Tensor) => conv(p, q, of), a, b)[1](g);
          expect(dx.shape).toEqual(x);
          expect(db.shape).toEqual(kernel);
          expect(Math.abs(dot(a, dx) - expected)).toBeLessThanOrEqual(tolerance);
          expect(Math.abs(dot(b, db) - expected)).toBeLessThanOrEqual(tolerance);
        }),
        { numRuns: 150 },
      );
    });

    it("has an images' gradient that is adjoint element by element", () => {
      // <conv(x, k), g> for x a single 1 is one element of the gradient: no sum hides an exchange of elements.
      const of = geometry({
        strides: [3, 2],
        dilation: [2, 3],
        groups: 2,
        padding: [
          [1, 4],
          [3, 0],
        ],
      });
      const [b, shape] = [spread([3, 2, 1, 4]), [1, 6, 5, 2]];
      const g = spread(outputShape(shape, b.shape, of), -1, 1, 2);
      const found = convInput(g, b, of, [6, 5]).data();
      for (let i = 0; i < found.length; i++) {
        const unit = new Float64Array(found.length);
        unit[i] = 1;
        expect(found[i]).toBeCloseTo(dot(conv(tensor(unit, { shape }), b, of), g), 13);
      }
    });

    const geometries: [string, number[], number[], Partial<ConvGeometry>][] = [
      ["1x1", [2, 3, 2, 3], [1, 1, 3, 2], {}],
      ["1x1 of stride 2", [1, 5, 4, 2], [1, 1, 2, 3], { strides: [2, 2] }],
      ["3x3", [1, 5, 4, 2], [3, 3, 2, 2], {}],
      [
        "same",
        [1, 4, 5, 2],
        [3, 3, 2, 2],
        {
          padding: [
            [1, 1],
            [1, 1],
          ],
        },
      ],
      [
        "even kernel, lopsided",
        [1, 5, 5, 1],
        [2, 4, 1, 2],
        {
          padding: [
            [0, 1],
            [1, 2],
          ],
        },
      ],
      [
        "stride 2",
        [1, 7, 6, 2],
        [3, 3, 2, 2],
        {
          strides: [2, 2],
          padding: [
            [1, 0],
            [0, 1],
          ],
        },
      ],
      ["stride 3 over a kernel of 2", [1, 8, 7, 1], [2, 2, 1, 2], { strides: [3, 3] }],
      ["strides that differ", [1, 6, 7, 1], [3, 2, 1, 1], { strides: [1, 3] }],
      ["patches", [1, 6, 6, 2], [3, 3, 2, 2], { strides: [3, 3] }],
      [
        "dilation",
        [1, 7, 6, 2],
        [3, 2, 2, 1],
        {
          dilation: [2, 3],
          padding: [
            [2, 1],
            [0, 2],
          ],
        },
      ],
      ["dilation and strides", [1, 8, 9, 1], [3, 3, 1, 2], { dilation: [2, 3], strides: [3, 2] }],
      ["groups", [1, 5, 4, 4], [3, 2, 2, 6], { groups: 2, strides: [2, 1] }],
      [
        "depthwise",
        [1, 5, 4, 3],
        [3, 3, 1, 3],
        {
          groups: 3,
          padding: [
            [1, 1],
            [1, 1],
          ],
        },
      ],
      [
        "padding beyond the kernel",
        [1, 2, 2, 1],
        [2, 2, 1, 1],
        {
          padding: [
            [4, 3],
            [2, 5],
          ],
        },
      ],
      ["one window", [2, 3, 4, 2], [3, 4, 2, 3], {}],
    ];
    it.each(geometries)("has the derivatives of differences: %s", (_, x, kernel, given) => {
      const of = geometry(given);
      checkGrad((a: Tensor, b: Tensor) => conv(a, b, of), [spread(x), spread(kernel, -1, 1, 4)], {
        order: 2,
        maxElements: 8,
      });
    });

    it("multiplies nothing with inserted zeros on the way back", () => {
      const types = [ones([1, 9, 9, 2]), ones([3, 3, 2, 4])];
      const back = (x: Tensor, kernel: Tensor): Tensor[] => [
        vjp((a: Tensor) => conv2d(a, kernel, { strides: 2, padding: "same" }), x)[1](
          ones([1, 5, 5, 4]),
        )[0],
      ];
      const { nodes } = trace((x, kernel) => back(x!, kernel!), types).graph;
      const convolutions = nodes.filter((node) => isPrim(node, "conv")).slice(1);
      const taps = convolutions.map(({ inputs }) => inputs[1]!.shape[0]! * inputs[1]!.shape[1]!);
      expect(taps.sort()).toEqual([1, 2, 2, 4]);
    });

    it("is one convolution on the way back where the strides divide the kernel, else one a residue", () => {
      const counts = ([side, strides, padding]: readonly [number, number, number]): number => {
        const types = [ones([1, 9, 9, 2]), ones([side, side, 2, 3])];
        const convolve = (x: Tensor, kernel: Tensor): Tensor =>
          conv2d(x, kernel, {
            strides,
            padding: [
              [padding, padding],
              [padding, 0],
            ],
          });
        const { nodes } = trace((x, kernel) => {
          const [y, back] = vjp((a: Tensor) => convolve(a, kernel!), x!);
          return [back(y.onesLike())[0]];
        }, types).graph;
        return nodes.filter((node) => isPrim(node, "conv")).length - 1;
      };
      const together = [
        [3, 1, 1],
        [2, 2, 0],
        [4, 2, 1],
        [6, 3, 2],
      ] as const;
      expect(together.map(counts)).toEqual([1, 1, 1, 1]);
      const apart = [
        [3, 2, 1],
        [5, 3, 0],
      ] as const;
      expect(apart.map(counts)).toEqual([4, 9]);
    });

    it("takes padding by name, the odd row and column at the end", () => {
      const x = tensor([1, 2, 3, 4], { shape: [1, 1, 4, 1] });
      const kernel = tensor([1, 10], { shape: [1, 2, 1, 1] });
      expect(conv2d(x, kernel).flatten().toArray()).toEqual([21, 32, 43]);
      expect(conv2d(x, kernel, { padding: "same" }).flatten().toArray()).toEqual([21, 32, 43, 4]);
      const wide = ones([1, 5, 1, 1]);
      expect(conv2d(x, wide, { padding: "same", strides: 2 }).flatten().toArray()).toEqual([10, 9]);
      expect(
        conv2d(x, kernel, {
          padding: [
            [0, 0],
            [2, 0],
          ],
        })
          .flatten()
          .toArray(),
      ).toEqual([0, 10, 21, 32, 43]);
    });

    it("runs compiled, with its gradient", () => {
      const loss = (x: Tensor, kernel: Tensor): Tensor =>
        conv2d(x, kernel, { padding: "same" }).relu().square().mean();
      const x = spread([2, 5, 6, 3]);
      const kernel = spread([3, 3, 3, 4], -1, 1, 2);
      const both = grad(loss, { argnums: [0, 1] });
      const [plain, compiled] = [both(x, kernel), jit(both)(x, kernel)];
      compiled.forEach((found, i) => expectClose(found, plain[i]!, 1e-14));
    });

    it("takes batches without images", () => {
      const y = conv2d(zeros([0, 4, 4, 2]), ones([3, 3, 2, 5]));
      expect(y.shape).toEqual([0, 2, 2, 5]);
      const [dx, dk] = grad((a: Tensor, b: Tensor) => conv2d(a, b, { strides: 2 }).sum(), {
        argnums: [0, 1],
      })(zeros([0, 4, 4, 2]), ones([3, 3, 2, 5]));
      expect(dx.shape).toEqual([0, 4, 4, 2]);
      expect(dk.data().every((value) => value === 0)).toBe(true);
    });
  });

  describe("depthwiseConv2d", () => {
    it.each([
      [1, 1],
      [1, 3],
      [3, 1],
      [3, 2],
    ])("of %d channels gives each %d filters", (channels, multiplier) => {
      const [x, kernel] = [spread([2, 5, 4, channels]), spread([3, 2, channels, multiplier])];
      const found = depthwiseConv2d(x, kernel, { strides: 2, padding: "same" });
      expect(found.shape).toEqual([2, 3, 2, channels * multiplier]);
      for (let c = 0; c < channels; c++)
        for (let m = 0; m < multiplier; m++) {
          const alone = conv2d(
            x.slice([0, 0, 0, c], [2, 5, 4, c + 1]),
            kernel.slice([0, 0, c, m], [3, 2, c + 1, m + 1]),
            { strides: 2, padding: "same" },
          );
          expectClose(found.at(c * multiplier + m, 3), alone.at(0, 3), 1e-14);
        }
      checkGrad((a: Tensor, b: Tensor) => depthwiseConv2d(a, b), [x, kernel], { maxElements: 8 });
    });
  });

  describe("conv2dTranspose", () => {
    /** Keras 3: [input, kernel, stride, padding, outputPadding, output]. */
    const sizes: [number, number, number, "valid" | "same", number | undefined, number][] = [
      [4, 3, 1, "valid", undefined, 6],
      [4, 3, 2, "valid", undefined, 9],
      [4, 2, 3, "valid", undefined, 12],
      [4, 3, 2, "valid", 1, 10],
      [4, 3, 2, "same", undefined, 8],
      [5, 4, 3, "same", undefined, 15],
      [4, 3, 2, "same", 0, 7],
      [4, 3, 2, "same", 1, 8],
      [4, 4, 2, "same", 1, 7],
    ];
    it.each(sizes)(
      "of extent %d with a kernel of %d, stride %d, padding %s and %s has Keras' extent",
      (n, k, strides, padding, outputPadding, size) => {
        const x = spread([2, n, n, 3]);
        const kernel = spread([k, k, 2, 3], -1, 1, 2);
        const options = {
          strides,
          padding,
          ...(outputPadding === undefined ? {} : { outputPadding }),
        };
        const y = conv2dTranspose(x, kernel, options);
        expect(y.shape).toEqual([2, size, size, 2]);
        // The transpose of the convolution with the same options, of images of that size.
        const of =
          outputPadding === undefined || padding === "valid" ? { strides, padding } : undefined;
        if (of !== undefined) {
          const u = spread(y.shape, -1, 1, 3);
          expect(dot(y, u)).toBeCloseTo(dot(x, conv2d(u, kernel, of)), 10);
        }
        checkGrad((a: Tensor, b: Tensor) => conv2dTranspose(a, b, options), [x, kernel], {
          maxElements: 6,
        });
      },
    );

    it("spreads the kernel around each pixel", () => {
      const x = tensor([1, 100], { shape: [1, 1, 2, 1] });
      const kernel = tensor([1, 2, 3], { shape: [1, 3, 1, 1] });
      const row = (options: Parameters<typeof conv2dTranspose>[2]): unknown =>
        conv2dTranspose(x, kernel, options).flatten().toArray();
      expect(row({})).toEqual([1, 102, 203, 300]);
      expect(row({ strides: [1, 2] })).toEqual([1, 2, 103, 200, 300]);
      expect(row({ strides: [1, 2], padding: "same" })).toEqual([1, 2, 103, 200]);
      expect(row({ strides: [1, 2], padding: "same", outputPadding: [0, 0] })).toEqual([
        2, 103, 200,
      ]);
      expect(row({ strides: [1, 4] })).toEqual([1, 2, 3, 0, 100, 200, 300, 0]);
      expect(row({ dilation: [1, 2] })).toEqual([1, 100, 2, 200, 3, 300]);
      expect(
        row({
          strides: [1, 2],
          padding: [
            [0, 0],
            [1, 0],
          ],
        }),
      ).toEqual([2, 103, 200, 300]);
    });
  });
});
