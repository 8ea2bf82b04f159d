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
import type { Step } from "../step.ts";
import type { Operators } from "./operator.ts";

/**
 * The matrix [inputs, units] of input 1, its rows in the order in which `x` is flattened: so no image is transposed when the
 * network runs.
 */
async function matrix(step: Step, x: Signal, isTransposed: boolean): Promise<Tensor> {
  const { shape } = step.constant(1, "the matrix");
  const inputs = x.shape.at(-1)!;
  const units = shape.at(isTransposed ? 0 : 1);
  if (shape.length !== 2 || shape[isTransposed ? 1 : 0] !== inputs)
    throw step.error(
      `a matrix of ${isTransposed ? `[units, ${inputs}]` : `[${inputs}, units]`}`,
      `shape ${formatShape(shape)}`,
    );
  const view = x.flattened?.view ?? [inputs];
  const order = x.flattened?.order ?? [0];
  const found = isTransposed
    ? await step.weights(1, "the matrix", [units!, ...view], [...order.map((axis) => axis + 1), 0])
    : await step.weights(1, "the matrix", [...view, units!], [...order, order.length]);
  return order.length === 1 ? found : found.reshape([inputs, units!]);
}

/** The input, with its last axis last unless it says how it is flattened. */
function rows(step: Step): Signal {
  const x = step.signal(0);
  if (x.flattened !== undefined) return x;
  const order = x.shape.map((_, axis) => axis);
  return step.builder.arranged(step.who, step.name, x, order);
}

async function gemm(step: Step): Promise<void> {
  const x = rows(step);
  if (x.shape.length !== 2)
    throw step.error("a value [N, inputs]", `shape ${formatShape(x.shape)}`);
  if (step.flag("transA", false)) throw step.error("transA 0", "1", "Its columns are samples.");
  const alpha = step.float("alpha", 1);
  const weights = await matrix(step, x, step.flag("transB", false));
  const kernel = alpha === 1 ? weights : weights.mul(alpha);
  const units = kernel.shape[1]!;
  const useBias = step.has(2);
  const symbol = step.layer((base) => dense({ units, useBias, ...base }), x.symbol, {
    kernel,
    ...(useBias && { bias: await bias(step, units) }),
  });
  step.give({ symbol, type: x.type, shape: [x.shape[0]!, units], order: [0, 1] });
}

async function bias(step: Step, units: number): Promise<Tensor> {
  const { shape } = step.constant(2, "C");
  const count = sizeOf(shape);
  if (shape.length > 2 || (count !== 1 && (count !== units || shape.at(-1) !== units)))
    throw step.error(`C of shape [${units}], the same for all samples`, formatShape(shape));
  const beta = step.float("beta", 1);
  const flat = await step.weights(2, "C", [count]);
  const scaled = beta === 1 ? flat : flat.mul(beta);
  return count === units ? scaled : full([units], scaled.item(), { dtype: step.builder.dtype });
}

async function matmul(step: Step): Promise<void> {
  const x = rows(step);
  const kernel = await matrix(step, x, false);
  const units = kernel.shape[1]!;
  const symbol = step.layer((base) => dense({ units, useBias: false, ...base }), x.symbol, {
    kernel,
  });
  step.give({ ...x, symbol, shape: [...x.shape.slice(0, -1), units], flattened: undefined });
}

export const products: Operators = {
  Gemm: { note: "with constant B and C, A not transposed", build: gemm },
  MatMul: { note: "with a constant matrix as the second operand", build: matmul },
};

/** The input with its channels, ONNX' axis 1, and where they lie. */
function channelsOf(step: Step): {
  readonly x: Signal;
  readonly axis: number;
  readonly count: number;
} {
  const given = step.signal(0);
  const count = given.shape[1];
  if (count === undefined)
    throw step.error("a value with channels", `shape ${formatShape(given.shape)}`);
  const x = given.shape.length === 2 && given.flattened ? given : step.usual(given);
  return { x, axis: x.order.indexOf(1), count };
}

async function batch(step: Step): Promise<void> {
  if (step.flag("training_mode", false))
    throw step.error("training_mode 0", "1", "Export the network for inference.");
  if (step.opset < 9 && !step.flag("spatial", true))
    throw step.error("spatial 1", "0", "Statistics for each pixel are not supported.");
  step.requireOutputs(1);
  const { x, axis, count } = channelsOf(step);
  const { view = [count], order = [0] } = x.flattened ?? {};
  const parameters: Record<string, Awaited<ReturnType<Step["weights"]>>> = {};
  for (const [index, field] of ["gamma", "beta", "movingMean", "movingVariance"].entries()) {
    const { shape } = step.constant(index + 1, field);
    if (shape.length !== 1 || shape[0] !== count)
      throw step.error(`${field} of shape [${count}]`, formatShape(shape));
    const found = await step.weights(index + 1, field, view, order);
    parameters[field] = order.length === 1 ? found : found.reshape([count]);
  }
  const symbol = step.layer(
    (base) =>
      batchNorm({
        axis: axis === x.order.length - 1 ? -1 : axis,
        epsilon: step.float("epsilon", 1e-5),
        momentum: step.float("momentum", 0.9),
        ...base,
      }),
    x.symbol,
    parameters,
  );
  step.give({ ...x, symbol });
}

async function groups(step: Step, count: (channels: number) => number): Promise<void> {
  const { x: given, count: channels } = channelsOf(step);
  const x = step.builder.unflattened(step.who, step.name, given);
  const groups = count(channels);
  if (groups < 1 || channels % groups !== 0)
    throw step.error(`groups that divide ${channels} channels`, String(groups));
  const vector = async (index: number, what: string) => {
    // GroupNormalization of opset 18 to 20 has one factor for each group.
    const { shape } = step.constant(index, what);
    if (step.proto.operator !== "GroupNormalization" || step.opset >= 21 || shape[0] === channels)
      return step.vector(index, what, channels);
    return (await step.vector(index, what, groups)).repeat(channels / groups, 0);
  };
  const symbol = step.layer(
    (base) =>
      groupNorm({
        groups: groups === channels ? -1 : groups,
        axis: x.order.indexOf(1),
        epsilon: step.float("epsilon", 1e-5),
        ...base,
      }),
    x.symbol,
    { gamma: await vector(1, "the scale"), beta: await vector(2, "the bias") },
  );
  step.give({ ...x, symbol });
}

async function layer(step: Step): Promise<void> {
  step.requireOutputs(1);
  const given = step.signal(0);
  const x = step.usual(given);
  const rank = x.shape.length;
  const first = step.axis(step.int("axis", -1), rank);
  if (first === 0) throw step.error("an axis of a sample", "axis 0, the batch");
  const view = x.shape.slice(first);
  const axis = x.order.flatMap((one, position) => (one >= first ? [position] : []));
  const order = axis.map((position) => x.order[position]! - first);
  const parameter = async (index: number, what: string) => {
    const { shape } = step.constant(index, what);
    if (sizeOf(shape) !== sizeOf(view) || shape.length > rank)
      throw step.error(`${what} of shape ${formatShape(view)}`, formatShape(shape));
    return step.weights(index, what, view, order);
  };
  const center = step.has(2);
  const symbol = step.layer(
    (base) => layerNorm({ axis, center, epsilon: step.float("epsilon", 1e-5), ...base }),
    x.symbol,
    {
      gamma: await parameter(1, "the scale"),
      ...(center && { beta: await parameter(2, "the bias") }),
    },
  );
  step.give({ ...x, symbol });
}

export const normalizations: Operators = {
  BatchNormalization: { note: "for inference, with constant statistics", build: batch },
  InstanceNormalization: { build: (step) => groups(step, (channels) => channels) },
  GroupNormalization: { build: (step) => groups(step, () => step.int("num_groups", 0)) },
  LayerNormalization: { note: "without mean and deviation as outputs", build: layer },
  LRN: {
    build(step) {
      const x = step.images(0);
      const symbol = step.layer(
        (base) =>
          localResponseNorm({
            size: step.int("size", 0),
            alpha: step.float("alpha", 1e-4),
            beta: step.float("beta", 0.75),
            k: step.float("bias", 1),
            ...base,
          }),
        x.symbol,
      );
      step.give({ ...x, symbol });
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
async function factorsOf(step: Step, shape: readonly number[]): Promise<readonly number[]> {
  const isUpsample = step.proto.operator === "Upsample";
  if (isUpsample && step.opset < 9) return step.floats("scales") ?? [];
  const scales = isUpsample || step.opset < 11 ? 1 : 2;
  const axes = step.opset >= 18 ? step.ints("axes") : undefined;
  const spread = (values: readonly number[], whole: readonly number[]): number[] => {
    const all = [...whole];
    for (const [index, axis] of (axes ?? whole.map((_, i) => i)).entries())
      all[step.axis(axis, whole.length)] = values[index] ?? Number.NaN;
    return all;
  };
  const given = step.has(scales) ? await step.numbers(scales, "scales") : [];
  if (given.length > 0)
    return spread(
      given,
      shape.map(() => 1),
    );
  step.text("keep_aspect_ratio_policy", ["stretch"], "stretch");
  if (step.has(3)) {
    const sizes = spread(await step.numbers(3, "sizes"), shape);
    return sizes.map((size, axis) => size / shape[axis]!);
  }
  throw step.error("scales or sizes", "neither");
}

async function resize(step: Step): Promise<void> {
  const x = step.images(0);
  const factors = await factorsOf(step, x.shape);
  const [n, c, down, across] = factors as [number, number, number, number];
  const isWhole = (factor: number): boolean =>
    Number.isInteger(factor) && factor >= 1 && factor <= 1024;
  if (factors.length !== 4 || n !== 1 || c !== 1 || !isWhole(down) || !isWhole(across))
    throw step.error("whole factors for rows and columns, and 1 for others", formatShape(factors));
  const isUpsample = step.proto.operator === "Upsample";
  const old = isUpsample || step.opset < 11;
  const mode = step.text("mode", ["nearest", "linear"], "nearest");
  const how = old
    ? "asymmetric"
    : step.text("coordinate_transformation_mode", coordinates, "half_pixel");
  const rounding = old ? "floor" : step.text("nearest_mode", roundings, "round_prefer_floor");
  const repeats = ([2, 3] as const).every((axis) => {
    const [extent, factor] = [x.shape[axis]!, factors[axis]!];
    return Array.from({ length: extent * factor }, (_, i) => i).every(
      (i) => nearest(i, factor, extent, how, rounding) === Math.floor(i / factor),
    );
  });
  const isHalfPixel =
    how === "half_pixel" || how === "half_pixel_symmetric" || how === "pytorch_half_pixel";
  if (mode === "nearest" ? !repeats : !isHalfPixel && (down > 1 || across > 1))
    throw step.error(
      mode === "nearest"
        ? "every pixel repeated as often"
        : "coordinate_transformation_mode half_pixel for mode linear",
      `coordinate_transformation_mode ${how}${mode === "nearest" ? ` and nearest_mode ${rounding}` : ""}`,
    );
  const symbol = step.layer(
    (base) =>
      upSampling2d({
        size: [down, across],
        interpolation: mode === "nearest" ? "nearest" : "bilinear",
        ...base,
      }),
    x.symbol,
  );
  const [h, w] = symbol.shape as [number, number];
  step.give({ ...x, symbol, shape: [x.shape[0]!, x.shape[1]!, h, w] });
}

const note = "whole factors; nearest, or linear with half-pixel centres";

export const resizings: Operators = {
  Resize: { note, build: resize },
  Upsample: { note, build: resize },
};
