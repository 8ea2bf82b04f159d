/** @file A layer: a learned factor for each channel, small at first (Touvron et al. 2021, "Going deeper with image transformers"). */
import type { Tensor } from "../../../src/index.ts";
import * as nn from "../../../src/nn/index.ts";

class LayerScale extends nn.layer(
  "layerScale",
  { initial: nn.optional(nn.kinds.positive, 1e-4, "Every factor before training.") },
  {
    parameters: ({ initial }, shape) => ({
      gamma: nn.weight([shape.at(-1)!], nn.initializers.constant(initial)),
    }),
  },
) {
  /** x [batch, ..., channels] -> the same shape. */
  forward(x: Tensor): Tensor {
    return x.mul(this.gamma);
  }
}

export const layerScale = nn.factory(LayerScale);
