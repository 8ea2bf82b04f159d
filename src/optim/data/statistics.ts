/** @file Data brought to mean 0 and deviation 1 a channel. */
import { isFloat } from "../../ir/dtype.ts";
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { Tensor, concreteElements } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";

/** A number, or one for each index of the last axis. */
export interface ChannelStatistics {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Mean and standard deviation of each channel (the last axis) over all samples and places, summed in float64. */
export function channelStatistics(x: Tensor): ChannelStatistics {
  const who = "channelStatistics";
  const channels = channelsOf(who, x);
  const elements = concreteElements(x, who);
  const count = elements.length / channels;
  if (elements.length === 0) throw new ShapeError(complaint(who, "at least one sample", "none"));
  const mean = new Float64Array(channels);
  const square = new Float64Array(channels);
  for (let at = 0; at < elements.length; at += channels)
    for (let c = 0; c < channels; c++) mean[c]! += elements[at + c]!;
  for (let c = 0; c < channels; c++) mean[c]! /= count;
  for (let at = 0; at < elements.length; at += channels)
    for (let c = 0; c < channels; c++) {
      const deviation = elements[at + c]! - mean[c]!;
      square[c]! += deviation * deviation;
    }
  return { mean: [...mean], std: Array.from(square, (sum) => Math.sqrt(sum / count)) };
}

/**
 * (x - mean) / std, a number or one a channel: `normalise(x, channelStatistics(x))`. int32 and bool become float32.
 * Throws ArgumentError where their number is not that of the channels, or a deviation is not positive.
 */
export function normalise(
  x: Tensor,
  options: { readonly mean: number | readonly number[]; readonly std: number | readonly number[] },
): Tensor {
  const channels = channelsOf("normalise", x);
  const spread = (name: string, value: number | readonly number[]): readonly number[] => {
    const list = typeof value === "number" ? Array.from({ length: channels }, () => value) : value;
    if (
      !Array.isArray(list) ||
      list.length !== channels ||
      !list.every((v) => Number.isFinite(v) && (name === "mean" || v > 0))
    )
      throw new ArgumentError(
        complaint(
          `normalise: ${name}`,
          `${name === "mean" ? "a finite" : "a positive"} number, or one for each of ${channels} channels`,
          Array.isArray(value) ? `[${value.slice(0, 8).join(", ")}]` : describe(value),
        ),
      );
    return list;
  };
  const [mean, std] = [spread("mean", options.mean), spread("std", options.std)];
  const from = concreteElements(x, "normalise");
  const to = x.dtype === "float64" ? new Float64Array(from.length) : new Float32Array(from.length);
  for (let at = 0; at < from.length; at += channels)
    for (let c = 0; c < channels; c++) to[at + c] = (from[at + c]! - mean[c]!) / std[c]!;
  return new Tensor({ shape: x.shape, dtype: isFloat(x.dtype) ? x.dtype : "float32" }, to);
}

function channelsOf(who: string, x: Tensor): number {
  requireTensor(who, x);
  if (x.dtype === "bool")
    throw new DTypeError(complaint(who, "numbers", "bool", 'Use cast("float32").'));
  const channels = x.shape.at(-1);
  if (channels === undefined || channels < 1)
    throw new ShapeError(complaint(who, "channels along the last axis", "none"));
  return channels;
}
