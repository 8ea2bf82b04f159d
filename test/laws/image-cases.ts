// Cases for convolution and pooling: primitives and functions.

import type { ConvGeometry, PoolGeometry } from "../../src/ir/conv.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import * as ops from "../../src/ops/index.ts";
import {
  type Extents,
  geometry,
  naiveConv,
  naiveConvFilter,
  naiveConvInput,
  naivePool,
  outputShape,
} from "../support/naive-images.ts";
import { type Case, build, composite as c, doubles, ints, pick, spread } from "./cases.ts";
import { one } from "./prim-makers.ts";

/** Positive, so that sums have no cancellation to blame for their last digits. */
const positive = (shape: Extents, seed: number): Tensor => spread(shape, 0.2, 2, seed);

const layouts: [x: Extents, kernel: Extents, of: Partial<ConvGeometry>][] = [
  [[1, 4, 3, 2], [3, 2, 2, 3], {}],
  [
    [2, 5, 4, 1],
    [2, 2, 1, 2],
    {
      strides: [2, 1],
      padding: [
        [1, 0],
        [0, 2],
      ],
    },
  ],
  [[1, 5, 5, 4], [2, 3, 2, 2], { groups: 2, dilation: [2, 1], algorithm: "direct" }],
  [
    [1, 6, 5, 3],
    [3, 2, 1, 3],
    {
      groups: 3,
      strides: [2, 3],
      dilation: [1, 2],
      padding: [
        [2, 2],
        [1, 0],
      ],
    },
  ],
  [[0, 2, 2, 1], [1, 1, 1, 2], {}],
];

const convolutions = layouts.map(([xShape, kernelShape, given], seed) => ({
  x: positive(xShape, seed),
  kernel: positive(kernelShape, seed + 10),
  of: geometry(given),
}));

const conv: Case[] = convolutions.map(({ x, kernel, of }) =>
  one("conv", [x, kernel], of, naiveConv(x.toArray(), x.shape, kernel.toArray(), kernel.shape, of)),
);

const convFilter: Case[] = convolutions.map(({ x, kernel, of }, seed) => {
  const g = positive(outputShape(x.shape, kernel.shape, of), seed + 20);
  return one(
    "convFilter",
    [x, g],
    { ...of, kernel: [kernel.shape[0]!, kernel.shape[1]!] },
    naiveConvFilter(x.toArray(), x.shape, g.toArray(), kernel.shape, of),
  );
});

/** What a compiler makes of the fourth convolution, whose kernel is laid out in its natural order. */
const depthwise = convolutions[3]!;
const weights = depthwise.kernel.flatten();

const pools: PoolGeometry[] = [
  {
    window: [2, 2],
    strides: [2, 2],
    padding: [
      [0, 0],
      [0, 0],
    ],
  },
  {
    window: [3, 2],
    strides: [1, 2],
    padding: [
      [1, 2],
      [0, 1],
    ],
  },
];
const image = spread([2, 4, 3, 2], -2, 2, 4);
const square: PoolGeometry = pools[0]!;
const largest = (elements: readonly (readonly [number, number])[]): readonly [number, number] =>
  elements.reduce((best, element) => (element[0] > best[0] ? element : best));
const places = ints([
  [
    [
      [3, 0],
      [3, 5],
    ],
  ],
  [
    [
      [1, 2],
      [0, 4],
    ],
  ],
]);
const placed = spread([2, 1, 2, 2], -2, 2, 6);

/** By the primitive's name. */
export const imagePrimCases = {
  conv,
  convFilter,
  prepareKernel: [
    one(
      "prepareKernel",
      [depthwise.kernel],
      { ...depthwise.of, prepared: "depthwise", size: depthwise.kernel.size },
      weights.toArray(),
      false,
    ),
  ],
  preparedConv: [
    one(
      "preparedConv",
      [depthwise.x, weights],
      { ...depthwise.of, prepared: "depthwise", kernel: [3, 2, 1, 3] },
      conv[3]!.expected[0]!,
      false,
    ),
  ],
  maxPool: [
    ...pools.map((of) => ({
      ...one(
        "maxPool",
        [image],
        of,
        naivePool(image.toArray(), image.shape, of, (elements) => largest(elements)[0]),
      ),
      step: 1e-3,
    })),
    one(
      "maxPool",
      [
        doubles([
          [
            [[1], [NaN]],
            [[NaN], [9]],
          ],
        ]),
      ],
      square,
      [[[[NaN]]]],
      false,
    ),
  ],
  maxPoolIndices: [
    ...pools.map((of) =>
      one(
        "maxPoolIndices",
        [image],
        of,
        naivePool(image.toArray(), image.shape, of, (elements) => largest(elements)[1]),
        false,
      ),
    ),
    one(
      "maxPoolIndices",
      [
        doubles([
          [
            [[1], [NaN]],
            [[NaN], [9]],
          ],
        ]),
      ],
      square,
      [[[[1]]]],
      false,
    ),
    one(
      "maxPoolIndices",
      [
        doubles([
          [
            [[1], [3]],
            [[3], [3]],
          ],
        ]),
      ],
      square,
      [[[[1]]]],
      false,
    ),
  ],
  pickPlaces: [
    one(
      "pickPlaces",
      [spread([2, 2, 3, 2], -2, 2, 5), places],
      {},
      build([2, 1, 2, 2], (n, y, x, channel) => {
        const place = pick(places.toArray(), n!, y!, x!, channel!);
        const from = spread([2, 2, 3, 2], -2, 2, 5).toArray();
        return pick(from, n!, Math.floor(place / 3), place % 3, channel!);
      }),
    ),
  ],
  addAtPlaces: [
    one(
      "addAtPlaces",
      [placed, places],
      { size: [2, 3] },
      build([2, 2, 3, 2], (n, y, x, channel) =>
        [0, 1].reduce(
          (sum, i) =>
            pick(places.toArray(), n!, 0, i, channel!) === 3 * y! + x!
              ? sum + pick(placed.toArray(), n!, 0, i, channel!)
              : sum,
          0,
        ),
      ),
    ),
  ],
} satisfies Record<string, readonly Case[]>;

const plain = convolutions[0]!;
const grouped = convolutions[2]!;
const same = geometry({
  strides: [2, 2],
  padding: [
    [0, 1],
    [0, 1],
  ],
});
const photo = positive([1, 4, 4, 2], 30);
const filters = positive([3, 3, 2, 3], 31);
const perChannel = positive([2, 2, 2, 2], 32);
const small = positive([1, 2, 2, 3], 33);

/** The depthwise kernel [KH, KW, C, M] as one of C groups: [KH, KW, 1, C M]. */
const asGroups = perChannel.reshape([2, 2, 1, 4]);

/** By the function's name. */
export const imageCases: Readonly<Record<string, readonly Case[]>> = {
  conv2d: [
    c([plain.x, plain.kernel], (x, kernel) => ops.conv2d(x!, kernel!), conv[0]!.expected[0]!),
    c(
      [grouped.x, grouped.kernel],
      (x, kernel) => ops.conv2d(x!, kernel!, { groups: 2, dilation: [2, 1], algorithm: "direct" }),
      conv[2]!.expected[0]!,
    ),
    c(
      [photo, filters],
      (x, kernel) => ops.conv2d(x!, kernel!, { strides: 2, padding: "same" }),
      naiveConv(photo.toArray(), photo.shape, filters.toArray(), filters.shape, same),
    ),
  ],
  conv2dTranspose: [
    c(
      [small, filters],
      (x, kernel) => ops.conv2dTranspose(x!, kernel!, { strides: 2, padding: "same" }),
      naiveConvInput(small.toArray(), photo.shape, filters.toArray(), filters.shape, same),
    ),
    c(
      [small, filters],
      (x, kernel) => ops.conv2dTranspose(x!, kernel!),
      naiveConvInput(small.toArray(), [1, 4, 4, 2], filters.toArray(), filters.shape, geometry()),
    ),
  ],
  depthwiseConv2d: [
    c(
      [photo, perChannel],
      (x, kernel) => ops.depthwiseConv2d(x!, kernel!),
      naiveConv(
        photo.toArray(),
        photo.shape,
        asGroups.toArray(),
        asGroups.shape,
        geometry({ groups: 2 }),
      ),
    ),
  ],
  maxPool2d: [
    {
      ...c(
        [image],
        (x) => ops.maxPool2d(x!),
        naivePool(image.toArray(), image.shape, square, (elements) => largest(elements)[0]),
      ),
      step: 1e-3,
    },
  ],
  maxPool2dIndices: [
    c(
      [image],
      (x) => ops.maxPool2dIndices(x!),
      naivePool(image.toArray(), image.shape, square, (elements) => largest(elements)[1]),
      { differentiate: false },
    ),
  ],
  averagePool2d: pools.map((of) =>
    c(
      [photo],
      (x) =>
        ops.averagePool2d(x!, { poolSize: of.window, strides: of.strides, padding: of.padding }),
      naivePool(
        photo.toArray(),
        photo.shape,
        of,
        (elements) => elements.reduce((sum, [value]) => sum + value, 0) / elements.length,
      ),
    ),
  ),
};
