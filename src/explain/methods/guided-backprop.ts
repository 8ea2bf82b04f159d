/** @file Guided backpropagation: the image's gradient, of which rectifiers pass on only what is positive. */
import { type Explainer, explainer } from "../explain.ts";

/** Sharp pictures of what excites the network. They hardly depend on the class (Adebayo et al. 2018): see `guidedGradCam`. */
export const guidedBackprop: Explainer = explainer({
  name: "guidedBackprop",
  title: "Guided backpropagation",
  source: "Springenberg et al. 2014, section 3.4 and figure 1",
  at: "image",
  fold: "max",
  relu: false,
  contributions: ({ guidedGradients }) => guidedGradients,
});
