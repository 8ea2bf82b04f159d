/** @file Weights of a layer's channels, found by running the network once for each. */
import type { Tensor } from "../ir/tensor.ts";
import { tensor } from "../ops/index.ts";
import { type BatchOptions, batchSizeOf, portions } from "./batches.ts";
import type { Study } from "./method.ts";

/** The scores [size] of one layer with something done to the channels int32 [size]. */
export type ChannelScores = (layer: number, size: number) => (channels: Tensor) => Tensor;

/**
 * What each channel contributes, [1, h, w, C] a layer: the feature maps times weights [C], which follow from the channels'
 * scores [C]. Yields what part is done.
 */
export function* weighByScores(
  { who, activations }: Study,
  options: BatchOptions,
  scoresOf: ChannelScores,
  weightsOf: (scores: Tensor) => Tensor,
): Generator<number, Tensor[]> {
  const contributions: Tensor[] = [];
  for (const [layer, maps] of activations.entries()) {
    const channels = maps.shape[3]!;
    const size = batchSizeOf(who, options, channels);
    const run = scoresOf(layer, size);
    const scores = new Float64Array(channels);
    for (const { numbers, start, count } of portions(channels, size)) {
      yield (layer + start / channels) / activations.length;
      scores.set(run(numbers).data().subarray(0, count), start);
    }
    contributions.push(maps.mul(weightsOf(tensor(scores, { dtype: maps.dtype }))));
  }
  return contributions;
}
