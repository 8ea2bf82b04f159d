/** @file Products with constant matrices, normalisations and resizing, each of which is a layer. */
import { formatShape, sizeOf } from "../../../../../ir/shape.ts";
import type { Tensor } from "../../../../../ir/tensor.ts";
import { full } from "../../../../../ops/index.ts";
import {
  dense,
  batchNorm,
  groupNorm,
  layerNorm,
  localResponseNorm,
  upSampling2d,
} from "../../../../../nn/index.ts";
import type { Signal } from "../builder.ts";
import type { NodeReader } from "../node.ts";
import type { Operators } from "./operator.ts";

/**
 * The matrix [inputs, units] of input 1, its rows in the order in which `x` is flattened: so no image is transposed when the
 * network runs.
 */
async function matrix(node: NodeReader, x: Signal, isTransposed: boolean): Promise<Tensor> {
  const { shape } = node.constant(1, "the matrix");
  const inputs = x.shape.at(-1)!;
  const units = shape.at(isTransposed ? 0 : 1);
  if (shape.length !== 2 || shape[isTransposed ? 1 : 0] !== inputs)
    throw node.error(
      `a matrix of ${isTransposed ? `[units, ${inputs}]` : `[${inputs}, units]`}`,
      `shape ${formatShape(shape)}`,
    );
  const view = x.flattened?.view ?? [inputs];
  const order = x.flattened?.order ?? [0];
  const found = isTransposed
    ? await node.weights(1, "the matrix", [units!, ...view], [...order.map((axis) => axis + 1), 0])
    : await node.weights(1, "the matrix", [...view, units!], [...order, order.length]);
  return order.length === 1 ? found : found.reshape([inputs, units!]);
}

/** The input, with its last axis last unless it says how it is flattened. */
function rows(node: NodeReader): Signal {
  const x = node.signal(0);
  if (x.flattened !== undefined) return x;
  const order = x.shape.map((_, axis) => axis);
  return node.builder.arranged(node.who, node.name, x, order);
}

async function gemm(node: NodeReader): Promise<void> {
  const x = rows(node);
  if (x.shape.length !== 2)
    throw node.error("a value [N, inputs]", `shape ${formatShape(x.shape)}`);
  if (node.flag("transA", false)) throw node.error("transA 0", "1", "Its columns are samples.");
  const alpha = node.float("alpha", 1);
  const weights = await matrix(node, x, node.flag("transB", false));
  const kernel = alpha === 1 ? weights : weights.mul(alpha);
  const units = kernel.shape[1]!;
  const useBias = node.has(2);
  const symbol = node.layer((base) => dense({ units, useBias, ...base }), x.symbol, {
    kernel,
    ...(useBias && { bias: await bias(node, units) }),
  });
  node.give({ symbol, type: x.type, shape: [x.shape[0]!, units], order: [0, 1] });
}

async function bias(node: NodeReader, units: number): Promise<Tensor> {
  const { shape } = node.constant(2, "C");
  const count = sizeOf(shape);
  if (shape.length > 2 || (count !== 1 && (count !== units || shape.at(-1) !== units)))
    throw node.error(`C of shape [${units}], the same for all samples`, formatShape(shape));
  const beta = node.float("beta", 1);
  const flat = await node.weights(2, "C", [count]);
  const scaled = beta === 1 ? flat : flat.mul(beta);
  return count === units ? scaled : full([units], scaled.item(), { dtype: node.builder.dtype });
}

async function matmul(node: NodeReader): Promise<void> {
  const x = rows(node);
  const kernel = await matrix(node, x, false);
  const units = kernel.shape[1]!;
  const symbol = node.layer((base) => dense({ units, useBias: false, ...base }), x.symbol, {
    kernel,
  });
  node.give({ ...x, symbol, shape: [...x.shape.slice(0, -1), units], flattened: undefined });
}

export const products: Operators = {
  Gemm: { note: "with constant B and C, A not transposed", build: gemm },
  MatMul: { note: "with a constant matrix as the second operand", build: matmul },
};

/** The input with its channels, ONNX' axis 1, and where they lie. */
function channelsOf(node: NodeReader): {
  readonly x: Signal;
  readonly axis: number;
  readonly count: number;
} {
  const given = node.signal(0);
  const count = given.shape[1];
  if (count === undefined)
    throw node.error("a value with channels", `shape ${formatShape(given.shape)}`);
  const x = given.shape.length === 2 && given.flattened ? given : node.usual(given);
  return { x, axis: x.order.indexOf(1), count };
}

async function batch(node: NodeReader): Promise<void> {
  if (node.flag("training_mode", false))
    throw node.error("training_mode 0", "1", "Export the network for inference.");
  if (node.opset < 9 && !node.flag("spatial", true))
    throw node.error("spatial 1", "0", "Statistics for each pixel are not supported.");
  node.requireOutputs(1);
  const { x, axis, count } = channelsOf(node);
  const { view = [count], order = [0] } = x.flattened ?? {};
  const parameters: Record<string, Awaited<ReturnType<NodeReader["weights"]>>> = {};
  for (const [index, field] of ["gamma", "beta", "movingMean", "movingVariance"].entries()) {
    const { shape } = node.constant(index + 1, field);
    if (shape.length !== 1 || shape[0] !== count)
      throw node.error(`${field} of shape [${count}]`, formatShape(shape));
    const found = await node.weights(index + 1, field, view, order);
    parameters[field] = order.length === 1 ? found : found.reshape([count]);
  }
  const symbol = node.layer(
    (base) =>
      batchNorm({
        axis: axis === x.order.length - 1 ? -1 : axis,
        epsilon: node.float("epsilon", 1e-5),
        momentum: node.float("momentum", 0.9),
        ...base,
      }),
    x.symbol,
    parameters,
  );
  node.give({ ...x, symbol });
}

async function groups(node: NodeReader, count: (channels: number) => number): Promise<void> {
  const { x: given, count: channels } = channelsOf(node);
  const x = node.builder.unflattened(node.who, node.name, given);
  const groups = count(channels);
  if (groups < 1 || channels % groups !== 0)
    throw node.error(`groups that divide ${channels} channels`, String(groups));
  const vector = async (index: number, what: string) => {
    // GroupNormalization of opset 18 to 20 has one factor for each group.
    const { shape } = node.constant(index, what);
    if (node.proto.operator !== "GroupNormalization" || node.opset >= 21 || shape[0] === channels)
      return node.vector(index, what, channels);
    return (await node.vector(index, what, groups)).repeat(channels / groups, 0);
  };
  const symbol = node.layer(
    (base) =>
      groupNorm({
        groups: groups === channels ? -1 : groups,
        axis: x.order.indexOf(1),
        epsilon: node.float("epsilon", 1e-5),
        ...base,
      }),
    x.symbol,
    { gamma: await vector(1, "the scale"), beta: await vector(2, "the bias") },
  );
  node.give({ ...x, symbol });
}

async function layer(node: NodeReader): Promise<void> {
  node.requireOutputs(1);
  const given = node.signal(0);
  const x = node.usual(given);
  const rank = x.shape.length;
  const first = node.axis(node.int("axis", -1), rank);
  if (first === 0) throw node.error("an axis of a sample", "axis 0, the batch");
  const view = x.shape.slice(first);
  const axis = x.order.flatMap((one, position) => (one >= first ? [position] : []));
  const order = axis.map((position) => x.order[position]! - first);
  const parameter = async (index: number, what: string) => {
    const { shape } = node.constant(index, what);
    if (sizeOf(shape) !== sizeOf(view) || shape.length > rank)
      throw node.error(`${what} of shape ${formatShape(view)}`, formatShape(shape));
    return node.weights(index, what, view, order);
  };
  const center = node.has(2);
  const symbol = node.layer(
    (base) => layerNorm({ axis, center, epsilon: node.float("epsilon", 1e-5), ...base }),
    x.symbol,
    {
      gamma: await parameter(1, "the scale"),
      ...(center && { beta: await parameter(2, "the bias") }),
    },
  );
  node.give({ ...x, symbol });
}

export const normalizations: Operators = {
  BatchNormalization: { note: "for inference, with constant statistics", build: batch },
  InstanceNormalization: { build: (node) => groups(node, (channels) => channels) },
  GroupNormalization: { build: (node) => groups(node, () => node.int("num_groups", 0)) },
  LayerNormalization: { note: "without mean and deviation as outputs", build: layer },
  LRN: {
    build(node) {
      const x = node.images(0);
      const symbol = node.layer(
        (base) =>
          localResponseNorm({
            size: node.int("size", 0),
            alpha: node.float("alpha", 1e-4),
            beta: node.float("beta", 0.75),
            k: node.float("bias", 1),
            ...base,
          }),
        x.symbol,
      );
      node.give({ ...x, symbol });
    },
  },
};

const coordinates = [
  "half_pixel",
  "pytorch_half_pixel",
  "asymmetric",
  "align_corners",
  "tf_half_pixel_for_nn",
  "half_pixel_symmetric",
  "tf_crop_and_resize",
] as const;
const roundings = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] as const;

/** Which pixel a pixel of the enlarged image shows (ONNX, operator Resize). */
function nearest(
  index: number,
  factor: number,
  extent: number,
  how: (typeof coordinates)[number],
  rounding: (typeof roundings)[number],
): number {
  const half = (index + 0.5) / factor;
  const at =
    how === "asymmetric"
      ? index / factor
      : how === "tf_half_pixel_for_nn"
        ? half
        : how === "align_corners"
          ? (index * (extent - 1)) / Math.max(1, extent * factor - 1)
          : half - 0.5;
  const round = {
    round_prefer_floor: Math.ceil(at - 0.5),
    round_prefer_ceil: Math.floor(at + 0.5),
    floor: Math.floor(at),
    ceil: Math.ceil(at),
  }[rounding];
  return Math.min(Math.max(round, 0), extent - 1);
}

/** Factors along the axes of the input. */
async function factorsOf(node: NodeReader, shape: readonly number[]): Promise<readonly number[]> {
  const isUpsample = node.proto.operator === "Upsample";
  if (isUpsample && node.opset < 9) return node.floats("scales") ?? [];
  const scales = isUpsample || node.opset < 11 ? 1 : 2;
  const axes = node.opset >= 18 ? node.ints("axes") : undefined;
  const spread = (values: readonly number[], whole: readonly number[]): number[] => {
    const all = [...whole];
    for (const [index, axis] of (axes ?? whole.map((_, i) => i)).entries())
      all[node.axis(axis, whole.length)] = values[index] ?? Number.NaN;
    return all;
  };
  const given = node.has(scales) ? await node.numbers(scales, "scales") : [];
  if (given.length > 0)
    return spread(
      given,
      shape.map(() => 1),
    );
  node.text("keep_aspect_ratio_policy", ["stretch"], "stretch");
  if (node.has(3)) {
    const sizes = spread(await node.numbers(3, "sizes"), shape);
    return sizes.map((size, axis) => size / shape[axis]!);
  }
  throw node.error("scales or sizes", "neither");
}

async function resize(node: NodeReader): Promise<void> {
  const x = node.images(0);
  const factors = await factorsOf(node, x.shape);
  const [n, c, down, across] = factors as [number, number, number, number];
  const isWhole = (factor: number): boolean =>
    Number.isInteger(factor) && factor >= 1 && factor <= 1024;
  if (factors.length !== 4 || n !== 1 || c !== 1 || !isWhole(down) || !isWhole(across))
    throw node.error("whole factors for rows and columns, and 1 for others", formatShape(factors));
  const isUpsample = node.proto.operator === "Upsample";
  const old = isUpsample || node.opset < 11;
  const mode = node.text("mode", ["nearest", "linear"], "nearest");
  const how = old
    ? "asymmetric"
    : node.text("coordinate_transformation_mode", coordinates, "half_pixel");
  const rounding = old ? "floor" : node.text("nearest_mode", roundings, "round_prefer_floor");
  const repeats = ([2, 3] as const).every((axis) => {
    const [extent, factor] = [x.shape[axis]!, factors[axis]!];
    return Array.from({ length: extent * factor }, (_, i) => i).every(
      (i) => nearest(i, factor, extent, how, rounding) === Math.floor(i / factor),
    );
  });
  const isHalfPixel =
    how === "half_pixel" || how === "half_pixel_symmetric" || how === "pytorch_half_pixel";
  if (mode === "nearest" ? !repeats : !isHalfPixel && (down > 1 || across > 1))
    throw node.error(
      mode === "nearest"
        ? "every pixel repeated as often"
        : "coordinate_transformation_mode half_pixel for mode linear",
      `coordinate_transformation_mode ${how}${mode === "nearest" ? ` and nearest_mode ${rounding}` : ""}`,
    );
  const symbol = node.layer(
    (base) =>
      upSampling2d({
        size: [down, across],
        interpolation: mode === "nearest" ? "nearest" : "bilinear",
        ...base,
      }),
    x.symbol,
  );
  const [h, w] = symbol.shape as [number, number];
  node.give({ ...x, symbol, shape: [x.shape[0]!, x.shape[1]!, h, w] });
}

const note = "whole factors; nearest, or linear with half-pixel centres";

export const resizings: Operators = {
  Resize: { note, build: resize },
  Upsample: { note, build: resize },
};
