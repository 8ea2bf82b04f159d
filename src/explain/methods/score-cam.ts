/** @file Score-CAM: feature maps weighted by what the network says of the image seen through them. No gradients. */
import type { Tensor } from "../../ir/tensor.ts";
import type { BatchOptions } from "../batches.ts";
import { weighByScores } from "../channel-weights.ts";
import { type Explainer, explainer } from "../explain.ts";
import { resizeBilinear } from "../maps/resize.ts";
import { unitRange } from "../maps/scale.ts";

/**
 * Each feature map, enlarged to the image (corners aligned, as pytorch-grad-cam does) and scaled to [0, 1], masks the image; the
 * softmax of the scores over channels weighs the maps. One forward pass for each channel.
 */
export const scoreCam: Explainer<BatchOptions> = explainer<BatchOptions>({
  name: "scoreCam",
  title: "Score-CAM",
  source: "Wang et al. 2020, eq. 3 to 7 and algorithm 1",
  at: "layer",
  fold: "sum",
  relu: true,
  options: ["batchSize"],
  study(study, options) {
    const { image, activations, program } = study;
    const [, height, width] = image.shape as [number, number, number];
    const scoresOf = (layer: number, size: number): ((channels: Tensor) => Tensor) => {
      const masked = program(`${layer}`, size, (batch, picture, maps, channels) => {
        const chosen = maps!.take(channels!, 3);
        const masks = unitRange(resizeBilinear(chosen, height, width, "corners"));
        return [batch.scoresOf(picture!.mul(masks.transpose([3, 1, 2, 0])))];
      });
      return (channels) => masked(image, activations[layer]!, channels)[0]!;
    };
    return weighByScores(study, options, scoresOf, (scores) => scores.softmax());
  },
});
