/** @file Every method by its name. */
import type { Explainer } from "../explain.ts";
import { gradCam } from "./grad-cam.ts";

export { gradCam };

/** Every method by its name. */
export const methods: {
  readonly gradCam: Explainer;
} = {
  gradCam,
};
