// What convolutions say about wrong use.

import { describe, expect, it } from "vitest";
import {
  ArgumentError,
  DTypeError,
  ShapeError,
  conv2d,
  conv2dTranspose,
  depthwiseConv2d,
  ones,
} from "../../src/index.ts";

describe("wrong use is named", () => {
  const [x, kernel] = [ones([1, 5, 5, 4]), ones([3, 3, 4, 6])];
  const wrong: [string, () => unknown, new (message: string) => Error, RegExp][] = [
    [
      "rank of x",
      () => conv2d(ones([5, 5, 4]), kernel),
      ShapeError,
      /conv2d: expected images \[N, H, W, C\], got \[5, 5, 4\]/,
    ],
    ["rank of the kernel", () => conv2d(x, ones([3, 3, 4])), ShapeError, /conv2d: .*\[KH, KW, C/],
    ["channels", () => conv2d(x, ones([3, 3, 5, 6])), ShapeError, /conv2d: .*4 channels.*got 5/],
    ["groups", () => conv2d(x, kernel, { groups: 3 }), ShapeError, /conv2d: .*3 groups divide/],
    [
      "groups of a fraction",
      () => conv2d(x, kernel, { groups: 1.5 }),
      ArgumentError,
      /conv2d: .*groups/,
    ],
    [
      "channels of a group",
      () => conv2d(x, kernel, { groups: 2 }),
      ShapeError,
      /conv2d: .*2 channels.*2 groups/,
    ],
    [
      "a large kernel",
      () => conv2d(x, ones([6, 3, 4, 6])),
      ShapeError,
      /conv2d: .*6 x 3.*got 5 x 5/,
    ],
    ["a dilated kernel", () => conv2d(x, kernel, { dilation: 3 }), ShapeError, /conv2d: .*7 x 7/],
    [
      "strides and dilation",
      () => conv2d(x, kernel, { dilation: 2, strides: [1, 2] }),
      ArgumentError,
      /conv2d: .*not both/,
    ],
    [
      "a stride of 0",
      () => conv2d(x, kernel, { strides: 0 }),
      ArgumentError,
      /conv2d: .*strides.*got 0/,
    ],
    [
      "a fraction",
      () => conv2d(x, kernel, { strides: [1, 1.5] }),
      ArgumentError,
      /conv2d: .*strides/,
    ],
    [
      "three strides",
      () => conv2d(x, kernel, { strides: [1, 1, 1] as never }),
      ArgumentError,
      /strides/,
    ],
    [
      "padding",
      () => conv2d(x, kernel, { padding: "full" as never }),
      ArgumentError,
      /conv2d: .*"same".*got "full"/,
    ],
    [
      "negative padding",
      () =>
        conv2d(x, kernel, {
          padding: [
            [-1, 0],
            [0, 0],
          ],
        }),
      ArgumentError,
      /padding of rows/,
    ],
    [
      "algorithm",
      () => conv2d(x, kernel, { algorithm: "fft" as never }),
      ArgumentError,
      /"direct"/,
    ],
    [
      "an option",
      () => conv2d(x, kernel, { stride: 2 } as never),
      ArgumentError,
      /conv2d: .*strides.*got "stride"/,
    ],
    ["dtypes", () => conv2d(x, kernel.cast("float64")), DTypeError, /conv2d: /],
    [
      "integers",
      () => conv2d(x.cast("int32"), kernel.cast("int32")),
      DTypeError,
      /conv2d: .*float/,
    ],
    ["no channels", () => conv2d(ones([1, 5, 5, 0]), ones([3, 3, 0, 6])), ShapeError, /conv2d: /],
    ["no tensor", () => conv2d(3 as never, kernel), ArgumentError, /conv2d: .*a tensor, got 3/],
    [
      "depthwise channels",
      () => depthwiseConv2d(x, ones([3, 3, 1, 4])),
      ShapeError,
      /depthwiseConv2d: .*\[KH, KW, 4, M\]/,
    ],
    [
      "depthwise size",
      () => depthwiseConv2d(x, ones([7, 3, 4, 1])),
      ShapeError,
      /depthwiseConv2d: .*7 x 3/,
    ],
    [
      "depthwise groups",
      () => depthwiseConv2d(x, ones([3, 3, 4, 1]), { groups: 4 } as never),
      ArgumentError,
      /groups/,
    ],
    [
      "transposed channels",
      () => conv2dTranspose(x, ones([3, 3, 4, 6])),
      ShapeError,
      /conv2dTranspose: .*\[KH, KW, F, 4\]/,
    ],
    [
      "transposed dtypes",
      () => conv2dTranspose(x, ones([3, 3, 6, 4], { dtype: "float64" })),
      DTypeError,
      /conv2dTranspose: /,
    ],
    [
      "outputPadding",
      () => conv2dTranspose(x, ones([3, 3, 6, 4]), { outputPadding: 1 }),
      ArgumentError,
      /conv2dTranspose: .*outputPadding/,
    ],
    [
      "outputPadding's kind",
      () => conv2dTranspose(x, ones([3, 3, 6, 4]), { outputPadding: -1 }),
      ArgumentError,
      /outputPadding/,
    ],
    [
      "cropping all",
      () =>
        conv2dTranspose(x, ones([1, 1, 6, 4]), {
          padding: [
            [3, 3],
            [0, 0],
          ],
        }),
      ArgumentError,
      /conv2dTranspose: /,
    ],
  ];
  it.each(wrong)("%s", (_, use, kind, message) => {
    expect(use).toThrow(kind);
    expect(use).toThrow(message);
  });
});
