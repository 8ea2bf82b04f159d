/** @file Where in a network numbers stop being finite: asked when an explanation is not. */
import { inline } from "../../autodiff/index.ts";
import { jit } from "../../compile/jit.ts";
import { complaint } from "../../base/errors.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { stack } from "../../ops/index.ts";
import type { Module } from "../../nn/module.ts";
import { ExplainError } from "../errors.ts";
import type { Pass } from "./pass.ts";

/** Whether all elements are finite. */
export function areFinite(tensors: readonly Tensor[]): boolean {
  for (const { elements } of tensors)
    for (let i = 0; i < elements!.length; i++) if (!Number.isFinite(elements![i])) return false;
  return true;
}

/**
 * The error that says what is not finite: the image, or which layer is the first to give NaN or infinity, and why if that can be
 * told.
 */
export function notFinite(
  who: string,
  network: Module,
  { graph, captured, layers }: Pass,
  images: Tensor,
  classes: Tensor,
): ExplainError {
  if (!areFinite([images]))
    return new ExplainError(complaint(`${who}: image`, "finite numbers", "NaN or infinity in it"));
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
