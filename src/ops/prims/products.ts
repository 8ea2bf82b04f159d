/**
 * @file Products: matrix product, convolution and the gradient of its kernel, each linear in each of its operands. Of convolutions
 * each of the two is the other's derivative; the third of the family, the gradient of the images, is made of convolutions
 * (`convInput`). So derivatives of any order are convolutions again. The two primitives that only the compiler makes are not
 * differentiated: they come after derivatives.
 */
import type { Pair, ConvGeometry } from "../../ir/conv.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { type Rules, bilinear, nondifferentiable } from "../rules.ts";
import {
  applyConv,
  applyConvFilter,
  inferConv,
  inferConvFilter,
  inferPrepareKernel,
  inferPreparedConv,
} from "./conv-types.ts";
import { apply } from "../../ir/trace.ts";
import { ShapeError, complaint } from "../../base/errors.ts";
import { formatShape, sameShape } from "../../ir/shape.ts";
import type { TensorType } from "../../ir/graph.ts";
import { arity, floats, requireDType, requireSameDType } from "../infer.ts";

const extents = (x: Tensor, first: number): Pair => [x.shape[first]!, x.shape[first + 1]!];

type ConvPrim = "conv" | "convFilter" | "prepareKernel" | "preparedConv";

/** Rules of convolutions. */
export const convRules: { [P in ConvPrim]: Rules<P> } = {
  conv: bilinear(
    (inputs, params) => inferConv(inputs, params),
    (g, x, kernel, params) => convInput(g, kernel, params, extents(x, 1)),
    (g, x, kernel, params) => applyConvFilter(x, g, params, extents(kernel, 0)),
  ),
  convFilter: bilinear(
    inferConvFilter,
    (d, x, g, params) => convInput(g, d, params, extents(x, 1)),
    (d, x, _g, params) => applyConv(x, d, params),
  ),
  prepareKernel: nondifferentiable(inferPrepareKernel),
  preparedConv: nondifferentiable(inferPreparedConv),
};

// The transpose of convolution in its images: their gradient, and transposed convolution. It is made of convolutions of stride 1 over
// the gradient as it is: one for each residue of a pixel's place modulo the stride, or one for all where the stride divides the
// kernel. Inserting zeros between the gradient's pixels would be simpler, and multiply mostly zeros.

/**
 * The pixels of one residue modulo the stride, along one axis. Pixel q s + r of the padded image is reached by the kernel's
 * elements i with i d = r modulo s: those are first, first + step, ... They read outputs q - shift, q - shift - dilation, ...
 */
interface Phase {
  readonly first: number;
  readonly step: number;
  readonly taps: number;
  readonly dilation: number;
  readonly shift: number;
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** One phase a residue; undefined where no element of the kernel reaches. */
function phasesOf(kernel: number, stride: number, dilation: number): (Phase | undefined)[] {
  const divisor = commonDivisor(stride, dilation);
  const step = stride / divisor;
  return Array.from({ length: stride }, (_, residue) => {
    for (let first = 0; first < Math.min(step, kernel); first++)
      if ((first * dilation) % stride === residue) {
        const shift = (first * dilation - residue) / stride;
        const taps = Math.ceil((kernel - first) / step);
        return { first, step, taps, dilation: dilation / divisor, shift };
      }
    return undefined;
  });
}

/** What a phase's convolution reads along an axis: outputs [from, to), and zeros around them. */
interface Reach {
  readonly from: number;
  readonly to: number;
  readonly padding: Pair;
}

/** Multiples of the stride in which the image lies: [start, start + count). */
interface Range {
  readonly start: number;
  readonly count: number;
}

function rangeOf(size: number, before: number, stride: number): Range {
  const start = Math.floor(before / stride);
  return { start, count: Math.floor((before + size - 1) / stride) - start + 1 };
}

/** Undefined where a phase reads nothing but zeros. */
function reachOf(phase: Phase, { start, count }: Range, outputs: number): Reach | undefined {
  const low = start - phase.shift - (phase.taps - 1) * phase.dilation;
  const high = start + count - phase.shift;
  const [from, to] = [Math.max(0, low), Math.min(outputs, high)];
  return from < to ? { from, to, padding: [from - low, high - to] } : undefined;
}

/** Tensors [N, H, W, C] (undefined: zeros) interleaved along an axis; undefined where all are zero. */
function interleave(parts: readonly (Tensor | undefined)[], axis: 1 | 2): Tensor | undefined {
  const there = parts.filter((part) => part !== undefined);
  const some = there[0];
  if (some === undefined || parts.length === 1) return some;
  if (there.length === 1) {
    const at = parts.indexOf(some);
    return some.pad(
      some.shape.map((_, i): [number, number, number] =>
        i === axis ? [at, parts.length - 1 - at, parts.length - 1] : [0, 0, 0],
      ),
    );
  }
  const apart = [...some.shape.slice(0, axis + 1), 1, ...some.shape.slice(axis + 1)];
  const stacked = parts.map((part) => (part ?? some.zerosLike()).reshape(apart));
  return stacked[0]!
    .concat(stacked.slice(1), axis + 1)
    .reshape(some.shape.map((n, i) => (i === axis ? n * parts.length : n)));
}

/** [KH, KW, C / groups, F] -> [KH, KW, F / groups, C]: images and outputs change places, in each group. */
function exchanged(kernel: Tensor, groups: number): Tensor {
  const [kh, kw, depth, filters] = kernel.shape as [number, number, number, number];
  const width = filters / groups;
  if (depth === 1 && width === 1) return kernel;
  return kernel
    .reshape([kh, kw, depth, groups, width])
    .transpose([0, 1, 4, 3, 2])
    .reshape([kh, kw, width, groups * depth]);
}

/** The first phase if all phases read the same pixels, as they do if the stride divides the kernel; otherwise undefined. */
function alike(phases: readonly (Phase | undefined)[]): Phase | undefined {
  const [one] = phases;
  const same = phases.every(
    (phase) =>
      phase !== undefined &&
      phase.taps === one!.taps &&
      phase.shift === one!.shift &&
      phase.dilation === one!.dilation,
  );
  return same ? one : undefined;
}

/** The kernel's elements that reach the pixels of a phase each way, turned around. */
function tapsOf(kernel: Tensor, vertical: Phase, horizontal: Phase): Tensor {
  return kernel
    .slice([vertical.first, horizontal.first], [], [vertical.step, horizontal.step])
    .flip([0, 1]);
}

/** Those of all phases as filters of one kernel, where strides divide it: [KH, KW, F, C] -> [KH / s, KW / s, F, s s C]. */
function tapsOfAll(kernel: Tensor, [down, right]: Pair): Tensor {
  const [kh, kw, depth, filters] = kernel.shape as [number, number, number, number];
  const [tall, wide] = [kh / down, kw / right];
  return kernel
    .reshape([tall, down, wide, right, depth, filters])
    .flip([0, 2])
    .transpose([0, 2, 4, 1, 3, 5])
    .reshape([tall, wide, depth, down * right * filters]);
}

/** Channels become pixels: [N, H, W, s s C] -> [N, s H, s W, C]. */
function spread(x: Tensor | undefined, [down, right]: Pair): Tensor | undefined {
  if (x === undefined || down * right === 1) return x;
  const [batch, rows, columns, filters] = x.shape as [number, number, number, number];
  const channels = filters / (down * right);
  return x
    .reshape([batch, rows, columns, down, right, channels])
    .transpose([0, 1, 3, 2, 4, 5])
    .reshape([batch, rows * down, columns * right, channels]);
}

/**
 * The transpose of `conv` in x: g [N, OH, OW, F], kernel [KH, KW, C / groups, F] -> [N, ...size, C], for the geometry of
 * that `conv` and images of `size`. ShapeError where they do not fit.
 */
export function convInput(g: Tensor, kernel: Tensor, geometry: ConvGeometry, size: Pair): Tensor {
  const { strides, padding, dilation, groups } = geometry;
  const [batch, rows, columns] = g.shape as [number, number, number, number];
  const [kh, kw, depth] = kernel.shape as [number, number, number, number];
  const turned = exchanged(kernel, groups);
  const down = rangeOf(size[0], padding[0][0], strides[0]);
  const right = rangeOf(size[1], padding[1][0], strides[1]);

  const convolve = (
    [vertical, horizontal]: readonly [Phase | undefined, Phase | undefined],
    taps: (vertical: Phase, horizontal: Phase) => Tensor,
  ): Tensor | undefined => {
    const y = vertical && reachOf(vertical, down, rows);
    const x = horizontal && reachOf(horizontal, right, columns);
    if (y === undefined || x === undefined) return undefined;
    const read = g.slice([0, y.from, x.from], [batch, y.to, x.to]);
    return applyConv(read, taps(vertical!, horizontal!), {
      ...geometry,
      strides: [1, 1],
      dilation: [vertical!.dilation, horizontal!.dilation],
      padding: [y.padding, x.padding],
    });
  };

  const along = phasesOf(kh, strides[0], dilation[0]);
  const across = phasesOf(kw, strides[1], dilation[1]);
  const same = [alike(along), alike(across)] as const;
  const together = groups === 1 && same.every((phase) => phase !== undefined);
  const whole = together
    ? spread(
        convolve(same, () => tapsOfAll(turned, strides)),
        strides,
      )
    : interleave(
        along.map((vertical) =>
          interleave(
            across.map((horizontal) =>
              convolve([vertical, horizontal], (one, other) => tapsOf(turned, one, other)),
            ),
            2,
          ),
        ),
        1,
      );
  const [top, left] = [padding[0][0] % strides[0], padding[1][0] % strides[1]];
  if (whole !== undefined)
    return whole.slice([0, top, left], [batch, top + size[0], left + size[1]]);
  // Nothing reaches the image where no window covers any of it.
  const none = { shape: [batch, size[0], size[1], depth * groups], dtype: g.dtype };
  return apply("constant", { value: 0, ...none }, [], [none])[0]!;
}

// The matrix product of equal batches; broadcasting and vectors are the function `matmul`'s.

/** Rules of the matrix product. */
export const matmulRules: { matmul: Rules<"matmul"> } = {
  matmul: bilinear(
    (inputs) => {
      arity("matmul", inputs, 2);
      const [a, b] = inputs as [TensorType, TensorType];
      requireSameDType("matmul", a, b);
      requireDType("matmul", a, floats);
      const batch = a.shape.slice(0, -2);
      const fits =
        a.shape.length >= 2 &&
        b.shape.length >= 2 &&
        sameShape(batch, b.shape.slice(0, -2)) &&
        a.shape.at(-1) === b.shape.at(-2);
      if (!fits)
        throw new ShapeError(
          complaint(
            "matmul",
            "[..., M, K] and [..., K, N] of equal batch",
            `${formatShape(a.shape)} and ${formatShape(b.shape)}`,
          ),
        );
      return [{ shape: [...batch, a.shape.at(-2)!, b.shape.at(-1)!], dtype: a.dtype }];
    },
    (g, _, b) => g.matmul(b.swapAxes(-1, -2)),
    (g, a) => a.swapAxes(-1, -2).matmul(g),
  ),
};
