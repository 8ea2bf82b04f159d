/** @file A method of one pass: the squared gradient of the score by each channel of a layer. */
import { explainer } from "../../../src/explain/index.ts";

export const gradientEnergy = explainer({
  name: "gradientEnergy",
  title: "Gradient energy",
  source: "this test",
  at: "layer",
  fold: "sum",
  relu: false,
  contributions: ({ gradients }) => gradients.square(),
});
