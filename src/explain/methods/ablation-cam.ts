/** @file Ablation-CAM: feature maps weighted by how much the score falls without them. No gradients. */
import type { Tensor } from "../../ir/tensor.ts";
import type { BatchOptions } from "../batches.ts";
import { weighByScores } from "../channel-weights.ts";
import { type Explainer, explainer } from "../explain.ts";

/**
 * Weights are (y - y_k) / |y| with y_k the score when channel k is zero everywhere: one pass above the layer for each channel.
 * The magnitude of y is in place of the paper's y, which for a negative score would turn the map's sign.
 */
export const ablationCam: Explainer<BatchOptions> = explainer<BatchOptions>({
  name: "ablationCam",
  title: "Ablation-CAM",
  source: "Desai and Ramaswamy 2020, eq. 3 and 4",
  at: "layer",
  fold: "sum",
  relu: true,
  options: ["batchSize"],
  study(study, options) {
    const { image, activations, program, score } = study;
    const scoresOf = (layer: number, size: number): ((channels: Tensor) => Tensor) => {
      const ablated = program(`${layer}`, size, (batch, picture, maps, channels) => {
        const isOff = channels!.oneHot(maps!.shape[3]!, { dtype: maps!.dtype });
        const rest = maps!.mul(isOff.neg().add(1).expandDims([1, 2]));
        return [batch.scoresWith(picture!, layer, rest)];
      });
      return (channels) => ablated(image, activations[layer]!, channels)[0]!;
    };
    const least = score === 0 ? 1 : Math.abs(score);
    return weighByScores(study, options, scoresOf, (scores) => scores.neg().add(score).div(least));
  },
});
