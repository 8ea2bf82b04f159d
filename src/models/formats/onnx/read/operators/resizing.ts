/** @file Images enlarged: Resize and Upsample, where they agree with upSampling2d. */
import { formatShape } from "../../../../../ir/shape.ts";
import { upSampling2d } from "../../../../../nn/index.ts";
import type { Step } from "../step.ts";
import type { Operators } from "./operator.ts";

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
