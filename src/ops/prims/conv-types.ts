/** @file Types of convolutions, and the checks of their geometry that all of them share. */
import { type ConvGeometry, type Pair, windowCount } from "../../ir/conv.ts";
import { ArgumentError, ShapeError, complaint } from "../../base/errors.ts";
import type { TensorType } from "../../ir/graph.ts";
import { type Shape, formatShape, sameShape, sizeOf } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { apply } from "../../ir/trace.ts";
import { arity, floats, requireDType, requireSameDType } from "../infer.ts";

/** Throws ArgumentError unless both entries are integers not below `least`. */
export function requirePair(who: string, what: string, pair: Pair, least: number): void {
  const right =
    Array.isArray(pair) &&
    pair.length === 2 &&
    pair.every((n) => Number.isInteger(n) && n >= least);
  if (!right)
    throw new ArgumentError(
      complaint(
        who,
        `${what}: two integers >= ${least}`,
        Array.isArray(pair) ? formatShape(pair) : String(pair),
      ),
    );
}

/** Throws ShapeError unless the input is [N, H, W, C] with pixels and channels. */
export function requireImages(who: string, what: string, { shape }: TensorType): void {
  if (shape.length !== 4 || shape.slice(1).includes(0))
    throw new ShapeError(
      complaint(
        who,
        `${what} [N, H, W, C] with at least one pixel and channel`,
        formatShape(shape),
      ),
    );
}

/** Throws ArgumentError unless the numbers say how windows lie on an image. */
export function requireWindows(
  who: string,
  { strides, padding }: Pick<ConvGeometry, "strides" | "padding">,
): void {
  requirePair(who, "strides", strides, 1);
  requirePair(who, "padding of rows", padding[0], 0);
  requirePair(who, "padding of columns", padding[1], 0);
}

function requireGeometry(who: string, geometry: ConvGeometry): void {
  requireWindows(who, geometry);
  requirePair(who, "dilation", geometry.dilation, 1);
  const { groups, algorithm } = geometry;
  if (!Number.isInteger(groups) || groups < 1)
    throw new ArgumentError(complaint(who, "a positive number of groups", String(groups)));
  if (algorithm !== "auto" && algorithm !== "direct")
    throw new ArgumentError(complaint(who, 'algorithm "auto" or "direct"', String(algorithm)));
}

/** How many windows fit along rows and columns; throws ShapeError where none does. */
export function requireWindowCounts(
  who: string,
  [, height, width]: Shape,
  window: Pair,
  {
    strides,
    padding,
    dilation = [1, 1],
  }: Omit<Partial<ConvGeometry>, "strides" | "padding"> & Pick<ConvGeometry, "strides" | "padding">,
): [number, number] {
  const rows = windowCount(height!, window[0], strides[0], padding[0], dilation[0]);
  const columns = windowCount(width!, window[1], strides[1], padding[1], dilation[1]);
  if (rows < 1 || columns < 1) {
    const span = window.map((n, axis) => dilation[axis]! * (n - 1) + 1);
    const size = [height! + padding[0][0] + padding[0][1], width! + padding[1][0] + padding[1][1]];
    throw new ShapeError(
      complaint(
        who,
        `an image of at least ${span.join(" x ")} pixels (what the window spans)`,
        `${size.join(" x ")} with padding`,
        'Use padding "same", or a smaller window.',
      ),
    );
  }
  return [rows, columns];
}

/** The output [N, OH, OW, F] of a convolution of `x` with a kernel of the given shape. */
function outputOf(who: string, x: TensorType, kernel: Shape, geometry: ConvGeometry): TensorType {
  requireGeometry(who, geometry);
  requireDType(who, x, floats);
  requireImages(who, "images", x);
  if (kernel.length !== 4 || !kernel.every((n) => Number.isInteger(n) && n >= 1))
    throw new ShapeError(
      complaint(who, "a kernel [KH, KW, C / groups, F] with elements", formatShape(kernel)),
    );
  const [kh, kw, depth, filters] = kernel as [number, number, number, number];
  const { groups } = geometry;
  const channels = x.shape[3]!;
  if (channels % groups !== 0 || filters % groups !== 0)
    throw new ShapeError(
      complaint(
        who,
        `channels and filters that ${groups} groups divide`,
        `${channels} channels and ${filters} filters`,
      ),
    );
  if (depth * groups !== channels)
    throw new ShapeError(
      complaint(
        who,
        `a kernel of ${channels / groups} channels (${channels} of the images in ${groups} ${groups === 1 ? "group" : "groups"})`,
        `${depth} in ${formatShape(kernel)}`,
        "Kernels are [KH, KW, C / groups, F], images [N, H, W, C].",
      ),
    );
  const [rows, columns] = requireWindowCounts(who, x.shape, [kh, kw], geometry);
  return { shape: [x.shape[0]!, rows, columns, filters], dtype: x.dtype };
}

/** Types of `conv`; `who` is named in complaints. */
export function inferConv(
  inputs: readonly TensorType[],
  geometry: ConvGeometry,
  who = "conv",
): TensorType[] {
  arity(who, inputs, 2);
  const [x, kernel] = inputs as [TensorType, TensorType];
  requireSameDType(who, x, kernel);
  return [outputOf(who, x, kernel.shape, geometry)];
}

/** Types of `convFilter`. */
export function inferConvFilter(
  inputs: readonly TensorType[],
  geometry: ConvGeometry & { readonly kernel: Pair },
): TensorType[] {
  arity("convFilter", inputs, 2);
  const [x, g] = inputs as [TensorType, TensorType];
  requireSameDType("convFilter", x, g);
  requirePair("convFilter", "kernel", geometry.kernel, 1);
  requireImages("convFilter", "images", x);
  requireImages("convFilter", "the gradient of an output", g);
  const shape = [...geometry.kernel, Math.floor(x.shape[3]! / geometry.groups), g.shape[3]!];
  const output = outputOf("convFilter", x, shape, geometry);
  if (!sameShape(output.shape, g.shape))
    throw new ShapeError(
      complaint(
        "convFilter",
        `the gradient of an output ${formatShape(output.shape)}`,
        formatShape(g.shape),
      ),
    );
  return [{ shape, dtype: x.dtype }];
}

/** Types of `prepareKernel`. */
export function inferPrepareKernel(
  inputs: readonly TensorType[],
  { size }: { readonly size: number },
): TensorType[] {
  arity("prepareKernel", inputs, 1);
  const kernel = inputs[0]!;
  requireDType("prepareKernel", kernel, floats);
  if (kernel.shape.length !== 4 || !Number.isInteger(size) || size < sizeOf(kernel.shape))
    throw new ShapeError(
      complaint(
        "prepareKernel",
        "a kernel [KH, KW, C / groups, F], and a size that has room for it",
        `${formatShape(kernel.shape)} and ${size}`,
      ),
    );
  return [{ shape: [size], dtype: kernel.dtype }];
}

/** Types of `preparedConv`. */
export function inferPreparedConv(
  inputs: readonly TensorType[],
  params: ConvGeometry & { readonly kernel: Shape },
): TensorType[] {
  arity("preparedConv", inputs, 2);
  const [x, prepared] = inputs as [TensorType, TensorType];
  requireSameDType("preparedConv", x, prepared);
  if (prepared.shape.length !== 1 || prepared.shape[0]! < sizeOf(params.kernel))
    throw new ShapeError(
      complaint(
        "preparedConv",
        `a prepared kernel of at least ${sizeOf(params.kernel)} elements`,
        formatShape(prepared.shape),
      ),
    );
  return [outputOf("preparedConv", x, params.kernel, params)];
}

const geometryOf = ({
  strides,
  padding,
  dilation,
  groups,
  algorithm,
}: ConvGeometry): ConvGeometry => ({
  strides,
  padding,
  dilation,
  groups,
  algorithm,
});

/** `conv`: x [N, H, W, C], kernel [KH, KW, C / groups, F] -> [N, OH, OW, F]. ShapeError, DTypeError or ArgumentError name `who`. */
export function applyConv(x: Tensor, kernel: Tensor, geometry: ConvGeometry, who = "conv"): Tensor {
  const params = geometryOf(geometry);
  return apply("conv", params, [x, kernel], inferConv([x, kernel], params, who))[0]!;
}

/** `convFilter`: x [N, H, W, C], g [N, OH, OW, F] -> [KH, KW, C / groups, F]. */
export function applyConvFilter(
  x: Tensor,
  g: Tensor,
  geometry: ConvGeometry,
  kernel: Pair,
): Tensor {
  const params = { ...geometryOf(geometry), kernel };
  return apply("convFilter", params, [x, g], inferConvFilter([x, g], params))[0]!;
}
