/** @file The methods of explanation. A new one is a line here and an entry in the chapter that it belongs to. */
import {
  eigenCam,
  eigenGradCam,
  gradCam,
  gradCamPlusPlus,
  guidedGradCam,
  hiResCam,
  layerCam,
  xGradCam,
} from "./activation-maps.ts";
import {
  fullGrad,
  guidedBackprop,
  inputXGradient,
  integratedGradients,
  saliency,
  smoothGrad,
} from "./image-gradients.ts";
import { ablationCam, occlusion, rise, scoreCam } from "./perturbation.ts";

export * from "./activation-maps.ts";
export {
  fullGrad,
  guidedBackprop,
  inputXGradient,
  integratedGradients,
  saliency,
  smoothGrad,
} from "./image-gradients.ts";
export type { IntegratedGradientsOptions, SmoothGradOptions } from "./image-gradients.ts";
export * from "./perturbation.ts";

/** Every method by its name. */
export const methods = {
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
} as const;

/** The name of a method. */
export type MethodName = keyof typeof methods;
