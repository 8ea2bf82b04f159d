/**
 * @file Random programs on images for property tests: convolutions of every kind with what follows them, pools, and what comes
 * between and beside them. Every choice is drawn from a list of numbers, so that fast-check can shrink them.
 */
import * as ops from "../../src/ops/index.ts";
import type { DType } from "../../src/ir/dtype.ts";
import { type Shape, sizeOf } from "../../src/ir/shape.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import type { Padding } from "../../src/ops/images.ts";
import { Choices, axesOf } from "./choices.ts";

/** What a program's tensors are like. */
export interface ImageSetting {
  readonly dtype: "float32" | "float64";
  /** Small integers that every operation keeps exact: results can be compared to the bit. */
  readonly exact: boolean;
  /** No kinks: derivatives are continuous, so that rounding cannot decide them. */
  readonly smooth: boolean;
  /** Largest number of elements of a tensor. */
  readonly largest: number;
  /** Largest extent of the images that programs begin with, and of channels. */
  readonly extent: number;
}

/** Gives the parameter of a shape; `index` tells several apart. */
export type Weights = (shape: Shape, index: number) => Tensor;
export type ImageProgram = (inputs: readonly Tensor[], weights: Weights) => Tensor[];

/** Values of one kind and shape, the same for equal arguments. */
export function sample(setting: ImageSetting, shape: Shape, seed: number, scale = 1): Tensor {
  const values = Array.from({ length: sizeOf(shape) }, (_, index) => {
    const turn = Math.sin(index * 12.9898 + seed * 78.233 + 1) * 43758.5453;
    const fraction = turn - Math.floor(turn);
    return setting.exact ? Math.floor(fraction * 5) - 2 : (2 * fraction - 1) * scale;
  });
  return ops.tensor(values, { shape, dtype: setting.dtype });
}

/** Parameters made when they are first asked for, and listed in that order. */
export class Bank {
  readonly made = new Map<string, Tensor>();
  private readonly setting: ImageSetting;

  constructor(setting: ImageSetting) {
    this.setting = setting;
  }

  readonly get: Weights = (shape, index) => {
    const key = `${shape.join("x")} ${index}`;
    let tensor = this.made.get(key);
    if (tensor === undefined) {
      // Sums over a kernel's window stay about as large as what they sum.
      const fan = shape.length < 2 ? 1 : sizeOf(shape.slice(0, -1));
      tensor = sample(this.setting, shape, index + 17 * shape.length, 1.7 / Math.sqrt(fan));
      this.made.set(key, tensor);
    }
    return tensor;
  };
}

/** The same parameters, given in the order in which a bank made them. */
export const listed =
  (bank: Bank, tensors: readonly Tensor[]): Weights =>
  (shape, index) =>
    tensors[[...bank.made.keys()].indexOf(`${shape.join("x")} ${index}`)]!;

/** Images [N, H, W, C] of drawn extents. */
export function imageInputs(numbers: readonly number[], setting: ImageSetting): Tensor[] {
  const draw = new Choices(numbers);
  const { extent } = setting;
  const size = (): number => 1 + draw.below(draw.below(4) === 0 ? 3 : extent);
  const channels = draw.of([1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 16, 20, 32]);
  const batch = draw.below(24) === 0 ? 0 : 1 + draw.below(3);
  const shape = [batch, size(), size(), Math.min(channels, 2 * extent)];
  return [sample(setting, shape, 1), sample(setting, shape, 2), sample(setting, [batch, 5], 3)];
}

interface Making {
  readonly draw: Choices;
  readonly setting: ImageSetting;
  readonly weights: Weights;
  readonly pool: readonly Tensor[];
  /** The latest tensor more often than not: programs are chains with branches. */
  readonly pick: () => Tensor;
  /** The same among images. */
  readonly image: () => Tensor;
  /** Brings what sums many numbers back to a size that stays exact. */
  readonly tame: (x: Tensor) => Tensor;
}

type Step = (making: Making) => Tensor | readonly Tensor[];

const pair = (draw: Choices, most: number): readonly [number, number] => {
  const first = 1 + draw.below(most);
  return [first, draw.below(3) > 0 ? first : 1 + draw.below(most)];
};

/** A kernel of a shape: a parameter as it is, or one seen through views, computed, or the same number everywhere. */
function kernelOf({ draw, weights, setting }: Making, shape: readonly number[]): Tensor {
  const [a, b, c, d] = shape as [number, number, number, number];
  const index = draw.below(2);
  switch (draw.below(14)) {
    case 0:
      return ops.flip(weights(shape, index), axesOf(draw, 4));
    case 1:
      return ops.transpose(weights([b, a, c, d], index), [1, 0, 2, 3]);
    case 2:
      return ops.transpose(weights([a, b, d, c], index), [0, 1, 3, 2]);
    case 3:
      return ops.transpose(weights([d, c, a, b], index), [2, 3, 1, 0]);
    case 4:
      return ops.slice(weights([a, b, c + 1, d + 3], index), [0, 0, 1, 2], [a, b, c + 1, d + 2]);
    case 5:
      return ops.mul(weights(shape, index), weights([d], 0));
    case 6:
      return ops.broadcastTo(weights([c, d], index), shape);
    case 7:
      return ops.full(shape, 1, { dtype: setting.dtype });
    case 8:
      return ops.reshape(weights([a * b, c * d], index), shape);
    default:
      return weights(shape, index);
  }
}

function convolved(making: Making, direct: boolean): Tensor {
  const { draw, setting, tame } = making;
  const x = making.image();
  const [, height, width, channels] = x.shape as [number, number, number, number];
  const whole = draw.below(20) === 0;
  const kernel: readonly [number, number] = whole
    ? [height, width]
    : draw.below(3) > 0
      ? draw.of([
          [3, 3],
          [3, 3],
          [1, 1],
        ] as const)
      : pair(draw, 5);
  const several = [2, 3, 4, 5, 8, 16].filter((groups) => channels % groups === 0);
  const groups = several.length > 0 && draw.below(4) === 0 ? draw.of(several) : 1;
  const depthwise = draw.below(5) === 0;
  const filters = depthwise
    ? channels
    : groups * draw.of(groups > 1 ? [1, 2, 3, 5, 8, 9] : [1, 2, 3, 4, 5, 7, 8, 9, 16, 16, 20, 24]);
  const spread = draw.below(4);
  const strides = spread === 0 ? pair(draw, 3) : ([1, 1] as const);
  const dilation = spread === 1 ? pair(draw, 3) : ([1, 1] as const);
  const spans = kernel.map((taps, axis) => dilation[axis]! * (taps - 1) + 1);
  const fits = spans[0]! <= height && spans[1]! <= width;
  const around = (span: number): [number, number] => [draw.below(span + 2), span - 1];
  const padding: Padding =
    draw.below(6) === 0
      ? ([around(spans[0]!), around(spans[1]!)] as const)
      : fits && draw.below(2) === 0
        ? "valid"
        : "same";
  const algorithm =
    setting.exact || direct ? "direct" : draw.of(["auto", "auto", "direct"] as const);
  const options = { strides, dilation, padding, algorithm };
  if (depthwise && draw.below(2) === 0)
    return tame(
      ops.depthwiseConv2d(x, kernelOf(making, [...kernel, channels, 1 + draw.below(2)]), options),
    );
  const parts = depthwise ? channels : groups;
  return tame(
    ops.conv2d(x, kernelOf(making, [...kernel, channels / parts, filters]), {
      ...options,
      groups: parts,
    }),
  );
}

/** Something that broadcasts to an image: a vector over channels (whole, part of a longer one, turned), a plane, a number. */
function beside(making: Making, x: Tensor): Tensor {
  const { draw, weights, pool } = making;
  const [n, h, w, c] = x.shape as [number, number, number, number];
  const same = pool.filter((y) => y.dtype === x.dtype && String(y.shape) === String(x.shape));
  switch (draw.below(14)) {
    case 0:
      return ops.slice(weights([c + 5], 0), [3], [c + 3]);
    case 1:
      return ops.flip(weights([c], 1), 0);
    case 2:
      return ops.slice(weights([2 * c], 1), [0], [2 * c], [2]);
    case 3:
      return weights([], 0);
    case 4:
      return weights([h, w, 1], 0);
    case 5:
      return weights([h, w, c], 0);
    case 6:
      return weights([n, 1, 1, c], 0);
    case 7:
      return weights([w, c], 1);
    case 8: {
      // One pixel of another image, or of this one.
      const from = same.length > 0 ? draw.of(same) : x;
      if (n * h * w === 0) return weights([c], 0);
      const at = [draw.below(n), draw.below(h), draw.below(w)].map((i) => draw.below(2) * i);
      const end = [...at.map((i) => i + 1), c];
      return ops.slice(from, [...at, 0], end);
    }
    case 9:
    case 10:
      return same.length > 0 ? draw.of(same) : x;
    case 11:
      return draw.below(2) === 0 ? ops.flip(x, axesOf(draw, 4)) : weights(x.shape, 0);
    default:
      return weights([c], draw.below(3));
  }
}

const mask = (making: Making, x: Tensor): Tensor => {
  const { draw, setting } = making;
  // Where results are rounded, nothing may hang on which of two nearly equal ones is larger.
  const left = setting.exact ? x : making.weights([x.shape[3]!], 0);
  const right = setting.exact ? beside(making, x) : making.weights(x.shape, 0);
  return draw.of([ops.less, ops.greaterEqual, ops.notEqual, ops.equal])(left, right);
};

const steps: Record<string, Step> = {
  conv: (making) => convolved(making, false),
  convBoth: (making) => {
    const sums = convolved(making, false);
    return [sums, ops.add(sums, beside(making, sums))];
  },
  layer: (making) => {
    const sums = convolved(making, false);
    const biased = ops.add(sums, beside(making, sums));
    return making.setting.smooth ? ops.mul(biased, 0.5) : ops.relu(biased);
  },
  /** What Winograd's algorithm is for: many channels, and what follows. */
  wide: (making) => {
    const { draw, tame, setting } = making;
    const x = making.image();
    const options = { padding: "same", algorithm: setting.exact ? "direct" : "auto" } as const;
    const channels = draw.of([16, 17, 20, 30, 32]);
    const kernel = making.weights([1, 1, x.shape[3]!, channels], 0);
    const many = x.shape[3] === channels ? x : tame(ops.conv2d(x, kernel, options));
    const filters = draw.of([16, 18, 23, 24, 32, channels, channels]);
    const sums = ops.conv2d(many, kernelOf(making, [3, 3, channels, filters]), options);
    const y = ops.add(sums, filters === channels ? many : beside(making, sums));
    return [many, tame(setting.smooth ? y : ops.relu(y))];
  },
  /** Where a pixel is. */
  places: (making) => {
    const x = making.image();
    const axis = making.draw.below(4);
    const along = ops.iota(x.shape, axis, { dtype: x.dtype });
    return making.tame(ops.add(x, making.setting.exact ? along : ops.mul(along, 0.01)));
  },
  /** A layer whose kernel another one has too. */
  shared: (making) => {
    const [x, y] = [making.image(), making.image()];
    const options = {
      padding: "same",
      algorithm: making.setting.exact ? "direct" : "auto",
    } as const;
    if (x.shape[3] !== y.shape[3]) return x;
    const kernel = kernelOf(making, [3, 3, x.shape[3]!, making.draw.of([3, 8, 16])]);
    return [ops.conv2d(x, kernel, options), ops.conv2d(y, kernel, options)].map(making.tame);
  },
  transposed: (making) => {
    const { draw, setting, tame } = making;
    const x = making.image();
    const filters = draw.of([1, 2, 3, 4, 8, 9, 16]);
    const kernel = kernelOf(making, [...pair(draw, 4), filters, x.shape[3]!]);
    return tame(
      ops.conv2dTranspose(x, kernel, {
        strides: pair(draw, 3),
        padding: draw.of(["same", "valid"] as const),
        algorithm: setting.exact ? "direct" : "auto",
      }),
    );
  },
  maxPool: (making) => {
    const { draw, setting } = making;
    const x = making.image();
    const size = pair(draw, 3);
    if (setting.smooth) return x;
    return ops.maxPool2d(x, { poolSize: size, strides: pair(draw, 3), padding: "same" });
  },
  averagePool: (making) => {
    const { draw, setting } = making;
    const x = making.image();
    const [, h, w] = x.shape as [number, number, number, number];
    if (setting.exact)
      return h < 2 || w < 2 ? x : making.tame(ops.mul(ops.averagePool2d(x, { poolSize: 2 }), 4));
    return ops.averagePool2d(x, {
      poolSize: pair(draw, 3),
      strides: pair(draw, 2),
      padding: "same",
    });
  },
  add: (making) => ((x) => ops.add(x, beside(making, x)))(making.image()),
  sub: (making) => ((x) => ops.sub(beside(making, x), x))(making.image()),
  mul: (making) => ((x) => making.tame(ops.mul(x, beside(making, x))))(making.image()),
  scaled: (making) => {
    const x = making.image();
    return making.tame(ops.add(ops.mul(x, beside(making, x)), beside(making, x)));
  },
  residual: (making) =>
    ((x) => making.tame(ops.add(ops.mul(x, 2), making.tame(x))))(making.image()),
  clipped: (making) => ((x) => (making.setting.smooth ? x : ops.clip(x, -1, 1)))(making.image()),
  largest: (making) =>
    ((x) => (making.setting.smooth ? x : ops.maximum(x, beside(making, x))))(making.image()),
  where: (making) =>
    ((x) => ops.where(mask(making, x), x, making.draw.below(2) === 0 ? 0 : beside(making, x)))(
      making.image(),
    ),
  mask: (making) => ((x) => [mask(making, x), x])(making.image()),
  logical: (making) => {
    const x = making.image();
    const both = ops.logicalAnd(mask(making, x), ops.logicalNot(mask(making, x)));
    return [ops.where(both, ops.neg(x), x), both];
  },
  squashed: (making) => ((x) => (making.setting.exact ? ops.neg(x) : ops.tanh(x)))(making.image()),
  whole: (making) => {
    const { draw, setting } = making;
    const x = making.image();
    if (!setting.exact) return ops.div(x, 1.5);
    const half = ops.mul(x, 0.5);
    return draw.of([
      () => ops.rem(x, 3),
      () => ops.rem(x, ops.add(ops.abs(beside(making, x)), 1)),
      () => ops.floor(half),
      () => ops.round(half),
      () => ops.sign(x),
      () => ops.cast(ops.cast(half, "int32"), x.dtype),
      () => ops.cast(ops.greater(x, 0), x.dtype),
    ])();
  },
  root: (making) =>
    ((x) => (making.setting.exact ? ops.abs(x) : ops.sqrt(ops.add(ops.square(x), 0.5))))(
      making.image(),
    ),
  normalised: (making) => {
    const x = making.image();
    const { draw, setting } = making;
    if (x.size === 0) return x;
    const axes = draw.of([[0, 1, 2], [1, 2], [3], [1, 2, 3], [0]]);
    // Equal maxima share their derivative in parts that are not exact.
    if (setting.exact) return making.tame(ops.sub(x, ops.stopGradient(ops.max(x, axes, true))));
    const centred = ops.sub(x, ops.mean(x, axes, true));
    const width = ops.sqrt(ops.add(ops.mean(ops.square(centred), axes, true), 0.3));
    return ops.div(centred, width);
  },
  reduced: (making) => {
    const { draw, tame } = making;
    const x = making.image();
    const axes = draw.of([[0, 1, 2], [1, 2], [3], [1, 3], [0], [2]]);
    return tame(ops.mul(ops.sum(x, axes, draw.below(2) === 0), making.setting.exact ? 1 : 0.05));
  },
  dense: (making) => {
    const x = making.pick();
    const { draw, tame } = making;
    if (x.rank < 2 || x.dtype === "bool") return x;
    const rows = ops.reshape(x, [x.shape[0]!, sizeOf(x.shape.slice(1))]);
    const kernel = making.weights([rows.shape[1]!, draw.of([1, 3, 10, 64])], 0);
    return tame(ops.add(ops.matmul(rows, kernel), making.weights([kernel.shape[1]!], 1)));
  },
  pixels: (making) => {
    const x = making.image();
    const kernel = making.weights([x.shape[3]!, making.draw.of([1, 4, 9, 16])], 0);
    return making.tame(ops.matmul(x, kernel));
  },
  concat: (making) => {
    const [x, y] = [making.image(), making.image()];
    const fits = x.shape.slice(0, 3).join() === y.shape.slice(0, 3).join();
    return ops.concat(fits ? [x, y] : [x, ops.neg(x)], 3);
  },
  pad: (making) =>
    ops.pad(making.image(), [[0, making.draw.below(2)], [1, 0], [0, 2], 0], making.draw.below(2)),
  crop: (making) => {
    const x = making.image();
    const { draw } = making;
    const starts = x.shape.map((extent) => draw.below(Math.max(1, Math.ceil(extent / 2))));
    return ops.slice(x, starts, [...x.shape], [1, 1 + draw.below(2), 1 + draw.below(2), 1]);
  },
  flip: (making) => ops.flip(making.image(), axesOf(making.draw, 4)),
  turn: (making) =>
    ops.transpose(
      making.image(),
      making.draw.of([
        [0, 2, 1, 3],
        [0, 3, 1, 2],
      ]),
    ),
  refold: (making) => {
    const x = making.image();
    const [n, h, w, c] = x.shape as [number, number, number, number];
    return ops.reshape(x, [n, w, h, c]);
  },
};
const names = Object.keys(steps);
/** Steps that count: what the compiler has most ways of doing. */
const weighted = [
  ...names,
  ..."conv conv layer layer layer convBoth add mul where residual wide wide".split(" "),
];

/** Applies drawn steps to the inputs and gives some of the results back, one perhaps twice, and an input. */
export function randomImageProgram(
  numbers: readonly number[],
  length: number,
  setting: ImageSetting,
): ImageProgram {
  return (inputs, weights) => {
    const draw = new Choices(numbers);
    const pool = [...inputs];
    const latest = (from: readonly Tensor[]): Tensor =>
      draw.below(3) > 0 ? from.at(-1)! : draw.of(from);
    const making: Making = {
      draw,
      setting,
      weights,
      pool,
      pick: () => latest(pool),
      image: () =>
        latest(
          pool.filter(
            ({ rank, dtype, shape }) =>
              rank === 4 && dtype === setting.dtype && !shape.slice(1).includes(0),
          ),
        ),
      // x less a multiple of 8: exact, and its derivative is 1.
      tame: (x) =>
        setting.exact ? ops.sub(x, ops.mul(ops.floor(ops.add(ops.mul(x, 0.125), 0.5)), 8)) : x,
    };
    for (let count = 0; count < length; count++) {
      const made = [steps[draw.of(weighted)]!(making)].flat();
      if (made.every(({ size }) => size <= setting.largest)) pool.push(...made);
    }
    const own = pool.slice(inputs.length);
    const results = own.length === 0 ? [...pool] : own.slice(-3);
    if (draw.below(4) === 0) results.push(draw.of(pool));
    if (draw.below(6) === 0) results.push(results[0]!);
    return results;
  };
}

/** Whether a tensor has a derivative. */
export const isFloating = ({ dtype }: { readonly dtype: DType }): boolean =>
  dtype === "float32" || dtype === "float64";
