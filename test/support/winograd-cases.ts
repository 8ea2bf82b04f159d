/** @file Convolutions that Winograd's algorithm must get right, and their shapes. */
import { type ConvShape, type WinogradAlgorithm, windowCount } from "../../src/ir/conv.ts";

export interface Case {
  readonly batch?: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly filters: number;
  /** [[top, bottom], [left, right]] */
  readonly padding: readonly (readonly [number, number])[];
  /** Side of the kernel, 3 unless given, and its strides, 1. */
  readonly side?: number;
  readonly stride?: number;
  /** winograd6 unless given. */
  readonly algorithm?: WinogradAlgorithm;
}

export function shapeOf(given: Case): ConvShape {
  const { batch = 1, height, width, channels, filters, padding, side = 3, stride = 1 } = given;
  const [[top, bottom], [left, right]] = padding as [[number, number], [number, number]];
  return {
    dtype: "float32",
    batch,
    height,
    width,
    channels,
    kernelHeight: side,
    kernelWidth: side,
    filters,
    outHeight: windowCount(height, side, stride, [top, bottom]),
    outWidth: windowCount(width, side, stride, [left, right]),
    groups: 1,
    strides: [stride, stride],
    dilation: [1, 1],
    top,
    left,
  };
}

export const one = [
  [1, 1],
  [1, 1],
] as const;
const none = [
  [0, 0],
  [0, 0],
] as const;
const large: readonly Case[] = [
  { height: 4, width: 4, channels: 16, filters: 16, padding: one },
  { height: 9, width: 8, channels: 16, filters: 20, padding: one },
  { batch: 3, height: 7, width: 7, channels: 24, filters: 16, padding: one },
  { batch: 2, height: 6, width: 11, channels: 20, filters: 28, padding: none },
  {
    height: 5,
    width: 13,
    channels: 36,
    filters: 44,
    padding: [
      [2, 2],
      [2, 2],
    ],
  },
  {
    batch: 2,
    height: 10,
    width: 6,
    channels: 16,
    filters: 64,
    padding: [
      [0, 1],
      [2, 0],
    ],
  },
  { height: 28, width: 28, channels: 64, filters: 32, padding: one },
  { batch: 2, height: 7, width: 7, channels: 65, filters: 64, padding: one },
  { height: 11, width: 7, channels: 18, filters: 21, padding: one },
  { height: 8, width: 9, channels: 3, filters: 5, padding: one },
  { height: 8, width: 9, channels: 1, filters: 2, padding: none },
  // Several blocks of tiles in a chunk.
  { batch: 3, height: 79, width: 80, channels: 16, filters: 16, padding: one },
  // 2x2.
  { side: 2, height: 7, width: 5, channels: 16, filters: 16, padding: none },
  { side: 2, batch: 3, height: 13, width: 13, channels: 24, filters: 20, padding: one },
  { side: 2, height: 11, width: 7, channels: 18, filters: 21, padding: one },
  // Folded by the stride: paddings of both kinds, extents that the stride divides and not.
  { side: 4, stride: 2, batch: 2, height: 14, width: 16, channels: 16, filters: 16, padding: one },
  { side: 4, stride: 2, batch: 2, height: 28, width: 28, channels: 20, filters: 24, padding: none },
  { side: 4, stride: 2, height: 15, width: 13, channels: 7, filters: 9, padding: one },
  {
    side: 4,
    stride: 2,
    batch: 2,
    height: 11,
    width: 18,
    channels: 13,
    filters: 32,
    padding: [
      [2, 1],
      [3, 0],
    ],
  },
  { side: 6, stride: 2, batch: 2, height: 17, width: 20, channels: 16, filters: 16, padding: one },
  { side: 6, stride: 3, height: 31, width: 23, channels: 5, filters: 12, padding: one },
  { side: 9, stride: 3, height: 20, width: 31, channels: 6, filters: 8, padding: none },
];
/** Kernels too large for blocks: a phase for each step. The last strip of tiles of 6 x 6 has one, two, three tiles. */
const phased: readonly Case[] = [
  { height: 6, width: 22, channels: 520, filters: 144, padding: none },
  { height: 10, width: 20, channels: 144, filters: 516, padding: none },
  { batch: 3, height: 6, width: 22, channels: 279, filters: 277, padding: none },
  { side: 2, height: 12, width: 33, channels: 300, filters: 270, padding: none },
  { side: 4, stride: 2, height: 22, width: 30, channels: 72, filters: 132, padding: one },
];
const small: readonly Case[] = [
  { batch: 5, height: 6, width: 6, channels: 20, filters: 24, padding: one },
  { batch: 2, height: 10, width: 5, channels: 17, filters: 19, padding: one },
  { batch: 3, height: 5, width: 11, channels: 272, filters: 270, padding: none },
  { side: 6, stride: 2, height: 17, width: 20, channels: 9, filters: 16, padding: one },
  { side: 2, batch: 5, height: 7, width: 7, channels: 20, filters: 24, padding: none },
  { side: 2, batch: 3, height: 5, width: 8, channels: 9, filters: 10, padding: one },
  { side: 4, stride: 2, batch: 3, height: 12, width: 13, channels: 18, filters: 20, padding: one },
];
const by = (algorithm: WinogradAlgorithm, cases: readonly Case[]): Case[] =>
  cases.map((given) => ({ ...given, algorithm }));
const cases: readonly Case[] = [
  ...by("winograd8", [...large, ...phased.slice(2)]),
  ...by("winograd6", [...large, ...phased]),
  ...by("winograd5", small),
  ...by("winograd4", small),
];
/** With their names. */
export const named: [string, Case][] = cases.map((given) => {
  const { batch = 1, height, width, channels, filters, padding, side = 3, stride = 1 } = given;
  const size = `${batch}x${height}x${width}x${channels} -> ${filters}`;
  const kernel = `${side}x${side}, stride ${stride}, padding ${JSON.stringify(padding)}`;
  return [`${given.algorithm}: ${size}, ${kernel}`, given];
});
