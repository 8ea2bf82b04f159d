/** @file Where in a network numbers stop being finite: asked when an explanation is not. */
import { inline } from "../../autodiff/index.ts";
import { jit } from "../../compile/jit.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { stack } from "../../ops/index.ts";
import type { Module } from "../../nn/module.ts";
import { ExplainError } from "../errors.ts";
import type { Pass } from "./pass.ts";

/** Whether all elements are finite, in one pass that does nothing else. */
export function areFinite(tensors: readonly Tensor[]): boolean {
  return tensors.every(({ elements }) => {
    // Products with zero are zero or NaN, and so is their sum.
    let sum = 0;
    for (let i = 0; i < elements!.length; i++) sum += elements![i]! * 0;
    return sum === 0;
  });
}

/** The error that says which layer is the first to give NaN or infinity, and why if that can be told. */
export function notFinite(
  who: string,
  network: Module,
  { graph, captured, layers }: Pass,
  images: Tensor,
  classes: Tensor,
): ExplainError {
  const spoilt = network
    .namedParameters()
    .find(([, tensor]) => tensor.elements !== undefined && !areFinite([tensor]));
  const because = spoilt === undefined ? "" : ` Its parameter ${spoilt[0]} has such elements.`;
  if (layers.length > 0) {
    const watching = { ...graph, outputs: layers.map(({ value }) => value) };
    const program = jit((x: Tensor, c: Tensor) =>
      stack(inline(watching, [x, c, ...captured]).map((value) => value.isFinite().all())),
    );
    const flags = program(images, classes).data();
    const first = flags.indexOf(0);
    if (first >= 0)
      return new ExplainError(
        `${who}: the network computes NaN or infinity, first in layer "${layers[first]!.name}".${because} ` +
          "The image is finite: check the weights, and that the image is prepared as the network expects.",
      );
  }
  return new ExplainError(
    `${who}: the network's outputs are finite, but the map is not: a derivative is infinite or NaN.${because} ` +
      "Choose a layer nearer to the output, or a method without gradients such as eigenCam or scoreCam.",
  );
}
