/** @file Every method by its name. */
import type { BatchOptions } from "../batches.ts";
import type { Explainer } from "../explain.ts";
import { gradCam } from "./grad-cam.ts";
import { gradCamPlusPlus } from "./grad-cam-plus-plus.ts";
import { hiResCam } from "./hi-res-cam.ts";
import { layerCam } from "./layer-cam.ts";
import { xGradCam } from "./x-grad-cam.ts";
import { eigenCam } from "./eigen-cam.ts";
import { eigenGradCam } from "./eigen-grad-cam.ts";
import { scoreCam } from "./score-cam.ts";
import { ablationCam } from "./ablation-cam.ts";
import { fullGrad } from "./full-grad.ts";
import { saliency } from "./saliency.ts";
import { inputXGradient } from "./input-x-gradient.ts";
import { guidedBackprop } from "./guided-backprop.ts";
import { guidedGradCam } from "./guided-grad-cam.ts";
import { type SmoothGradOptions, smoothGrad } from "./smooth-grad.ts";
import { type IntegratedGradientsOptions, integratedGradients } from "./integrated-gradients.ts";
import { type OcclusionOptions, occlusion } from "./occlusion.ts";
import { type RiseOptions, rise } from "./rise.ts";

export {
  gradCam,
  gradCamPlusPlus,
  hiResCam,
  layerCam,
  xGradCam,
  eigenCam,
  eigenGradCam,
  scoreCam,
  ablationCam,
  fullGrad,
  saliency,
  inputXGradient,
  guidedBackprop,
  guidedGradCam,
  smoothGrad,
  integratedGradients,
  occlusion,
  rise,
};
export type { IntegratedGradientsOptions, OcclusionOptions, RiseOptions, SmoothGradOptions };

/** Every method by its name. */
export const methods: {
  readonly gradCam: Explainer;
  readonly gradCamPlusPlus: Explainer;
  readonly hiResCam: Explainer;
  readonly layerCam: Explainer;
  readonly xGradCam: Explainer;
  readonly eigenCam: Explainer;
  readonly eigenGradCam: Explainer;
  readonly scoreCam: Explainer<BatchOptions>;
  readonly ablationCam: Explainer<BatchOptions>;
  readonly fullGrad: Explainer;
  readonly saliency: Explainer;
  readonly inputXGradient: Explainer;
  readonly guidedBackprop: Explainer;
  readonly guidedGradCam: Explainer;
  readonly smoothGrad: Explainer<SmoothGradOptions>;
  readonly integratedGradients: Explainer<IntegratedGradientsOptions>;
  readonly occlusion: Explainer<OcclusionOptions>;
  readonly rise: Explainer<RiseOptions>;
} = {
  gradCam,
  gradCamPlusPlus,
  hiResCam,
  layerCam,
  xGradCam,
  eigenCam,
  eigenGradCam,
  scoreCam,
  ablationCam,
  fullGrad,
  saliency,
  inputXGradient,
  guidedBackprop,
  guidedGradCam,
  smoothGrad,
  integratedGradients,
  occlusion,
  rise,
};

/** The name of a method. */
export type MethodName = keyof typeof methods;
