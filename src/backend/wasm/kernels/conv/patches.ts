/**
 * @file Patches gathered from an image, a block of pixels at a time: the left operand of a convolution as a matrix
 * product (im2col).
 */
import type { ConvShape } from "../../../../ir/conv.ts";
import type { FunctionBuilder, Local, WasmModule } from "../../asm/index.ts";
import {
  sharedFunction,
  advance,
  pointAt,
  addScaled,
  copyOf,
  divided,
  forRange,
  ifEquals,
  repeat,
} from "../flow.ts";
import { lanesOf } from "../lanes.ts";

/** Whether patches lie in the image as they are: a window of one pixel that meets every pixel. */
export function patchesAreRows(shape: ConvShape): boolean {
  const { kernelHeight, kernelWidth, strides, top, left, height, width } = shape;
  return (
    kernelHeight === 1 &&
    kernelWidth === 1 &&
    strides[0] === 1 &&
    strides[1] === 1 &&
    top === 0 &&
    left === 0 &&
    shape.outHeight === height &&
    shape.outWidth === width
  );
}

/** A pixel of the result on its way through rows, images and the memory of x. */
interface Walk {
  readonly row: Local;
  readonly column: Local;
  /** Address of the image's first element. */
  readonly image: Local;
}

/**
 * A function (x, to, pixel, count) -> nothing that writes the patches of `count` pixels of the result from number `pixel`
 * on, one after another, [KH, KW, C / groups] each; `x` is the address of the group's first channel. Zeros stand for what
 * lies outside the image.
 */
export function patchesFunction(module: WasmModule, shape: ConvShape): FunctionBuilder {
  const name = `patches_${JSON.stringify(Object.values(shape))}`;
  const params = ["i32", "i32", "i32", "i32"] as const;
  return sharedFunction(module, name, { params: [...params], results: [] }, (fn) => {
    const { bytes } = lanesOf(shape.dtype);
    const { kernelHeight, kernelWidth, channels, groups, strides, dilation, width } = shape;
    const own = (channels / groups) * bytes;
    const to = fn.param(1);
    const from = fn.local("i32");
    const [y, x] = [fn.local("i32"), fn.local("i32")];
    const dense = groups === 1 && dilation[1] === 1;
    forPixels(fn, shape, ({ row, column, image }) => {
      const ky = copyOf(fn, 0);
      forRange(fn, ky, kernelHeight, 1, () => {
        // y = row * stride + ky * dilation - top
        place(fn, y, row, strides[0], ky, dilation[0], shape.top);
        insideIf(
          fn,
          y,
          shape.height,
          () => {
            const line = fn.local("i32");
            pointAt(fn, line, image);
            addScaled(fn, line, y, width * channels * bytes);
            const tap = (kx: Local): void => {
              place(fn, x, column, strides[1], kx, dilation[1], shape.left);
              insideIf(
                fn,
                x,
                width,
                () => {
                  pointAt(fn, from, line);
                  addScaled(fn, from, x, channels * bytes);
                  copyRun(fn, from, to, own);
                },
                () => clearRun(fn, to, own),
              );
              advance(fn, to, own);
            };
            const taps = (): void => {
              const kx = copyOf(fn, 0);
              forRange(fn, kx, kernelWidth, 1, () => tap(kx));
            };
            if (!dense || kernelWidth === 1 || kernelWidth > width) return taps();
            // The whole row of the window lies inside: one run.
            place(fn, x, column, strides[1], undefined, 0, shape.left);
            fn.get(x);
            fn.i32(width - kernelWidth + 1);
            fn.op("i32.lt_u");
            fn.if(() => {
              pointAt(fn, from, line);
              addScaled(fn, from, x, channels * bytes);
              copyRun(fn, from, to, kernelWidth * own);
              advance(fn, to, kernelWidth * own);
            }, taps);
          },
          () => {
            clearRun(fn, to, kernelWidth * own);
            advance(fn, to, kernelWidth * own);
          },
        );
      });
    });
  });
}

/**
 * A function (x, to, pixel, count, dy, dx) -> nothing that writes `wide` channels of the pixels of x under one element of
 * the kernel, (dy, dx) from the window's corner with the padding taken off; `x` is the address of the first channel.
 */
export function tapFunction(module: WasmModule, shape: ConvShape, wide: number): FunctionBuilder {
  const name = `tap_${wide}_${JSON.stringify(Object.values(shape))}`;
  const params = Array.from({ length: 6 }, () => "i32" as const);
  return sharedFunction(module, name, { params, results: [] }, (fn) => {
    const { bytes } = lanesOf(shape.dtype);
    const { channels, strides, width, height } = shape;
    const to = fn.param(1);
    const [dy, dx] = [fn.param(4), fn.param(5)];
    const [y, x, from] = [fn.local("i32"), fn.local("i32"), fn.local("i32")];
    forPixels(fn, shape, ({ row, column, image }) => {
      place(fn, y, row, strides[0], dy, 1, 0);
      place(fn, x, column, strides[1], dx, 1, 0);
      inside(fn, y, height);
      inside(fn, x, width);
      fn.op("i32.and");
      fn.if(
        () => {
          pointAt(fn, from, image);
          addScaled(fn, from, y, width * channels * bytes);
          addScaled(fn, from, x, channels * bytes);
          copyRun(fn, from, to, wide * bytes);
        },
        () => clearRun(fn, to, wide * bytes),
      );
      advance(fn, to, wide * bytes);
    });
  });
}

/** Walks `count` pixels (parameter 3) of the result from number `pixel` (parameter 2) on, x being parameter 0. */
function forPixels(fn: FunctionBuilder, shape: ConvShape, body: (walk: Walk) => void): void {
  const { outHeight, outWidth, height, width, channels, dtype } = shape;
  const image = height * width * channels * lanesOf(dtype).bytes;
  const { quotient: rows, rest: column } = divided(fn, fn.param(2), outWidth);
  const { quotient: sample, rest: row } = divided(fn, rows, outHeight);
  const at = copyOf(fn, fn.param(0));
  addScaled(fn, at, sample, image);
  const done = copyOf(fn, 0);
  forRange(fn, done, fn.param(3), 1, () => {
    body({ row, column, image: at });
    advance(fn, column, 1);
    ifEquals(fn, column, outWidth, () => {
      pointAt(fn, column, 0);
      advance(fn, row, 1);
      ifEquals(fn, row, outHeight, () => {
        pointAt(fn, row, 0);
        advance(fn, at, image);
      });
    });
  });
}

/** target = index * stride + tap * dilation - before. */
function place(
  fn: FunctionBuilder,
  target: Local,
  index: Local,
  stride: number,
  tap: Local | undefined,
  dilation: number,
  before: number,
): void {
  pointAt(fn, target, -before);
  addScaled(fn, target, index, stride);
  if (tap !== undefined) addScaled(fn, target, tap, dilation);
}

/** Puts 1 on the stack where 0 <= index < extent. */
function inside(fn: FunctionBuilder, index: Local, extent: number): void {
  fn.get(index);
  fn.i32(extent);
  fn.op("i32.lt_u");
}

function insideIf(
  fn: FunctionBuilder,
  index: Local,
  extent: number,
  then: () => void,
  otherwise: () => void,
): void {
  inside(fn, index, extent);
  fn.if(then, otherwise);
}

// Runs of elements copied or zeroed by vectors: what gathering patches consists of.

/** Bytes a step of the unrolled loop; shorter runs are written out. */
const stride = 64;
const longest = 256;

/** Copies `bytes` bytes, a multiple of 4, from one pointer to another. Both stay where they are. */
export function copyRun(fn: FunctionBuilder, from: Local, to: Local, bytes: number): void {
  run(fn, to, bytes, from);
}

/** Zeroes `bytes` bytes, a multiple of 4. */
export function clearRun(fn: FunctionBuilder, to: Local, bytes: number): void {
  run(fn, to, bytes, undefined);
}

function run(fn: FunctionBuilder, to: Local, bytes: number, from: Local | undefined): void {
  if (bytes <= longest) return written(fn, to, bytes, from);
  const target = fn.local("i32");
  pointAt(fn, target, to);
  const source = from === undefined ? undefined : fn.local("i32");
  if (source !== undefined) pointAt(fn, source, from!);
  repeat(fn, Math.floor(bytes / stride), () => {
    written(fn, target, stride, source);
    advance(fn, target, stride);
    if (source !== undefined) advance(fn, source, stride);
  });
  written(fn, target, bytes % stride, source);
}

function written(fn: FunctionBuilder, to: Local, bytes: number, from: Local | undefined): void {
  let done = 0;
  const move = (size: number, type: string, zero: () => void, suffix = ""): void => {
    for (; bytes - done >= size; done += size) {
      fn.get(to);
      if (from === undefined) zero();
      else {
        fn.get(from);
        fn.load(`${type}.load${suffix}`, done, 4);
      }
      fn.store(`${type}.store${suffix}`, done, 4);
    }
  };
  move(16, "v128", () => fn.v128({ i32x4: [0, 0, 0, 0] }));
  move(8, "i64", () => fn.i64(0n));
  move(4, "i32", () => fn.i32(0));
}
