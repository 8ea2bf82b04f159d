/** @file The biases that a network adds to feature maps, and where it adds them. */
import { type Node, type Value, isPrim } from "../../ir/graph.ts";
import { isView } from "../../ir/prim.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { BatchNorm } from "../../nn/layers/normalizing.ts";
import { layersWithin } from "../../nn/naming.ts";
import type { Network, Pass } from "./pass.ts";

/** A bias [C], and the score's derivative by the feature maps that it is added to. */
export interface BiasTerm {
  readonly bias: Tensor;
  /** [N, h, w, C] */
  readonly gradients: Tensor;
}

/** A bias, and the value that is its sum with something. */
export interface BiasPlace {
  readonly bias: Tensor;
  readonly place: Value;
}

/**
 * Biases of feature maps in the order of computation: those of convolutions before their activation, and what batch
 * normalisation adds, beta - mean gamma / sqrt(variance + epsilon) (Srinivas and Fleuret 2019, section 3.2).
 */
export function biasesOf(network: Network, { graph, captured, layers }: Pass): BiasPlace[] {
  const normalised = layers.flatMap(({ layer, value }) =>
    layer instanceof BatchNorm && value.shape.length === 4
      ? [{ bias: implicitBias(layer), place: value }]
      : [],
  );
  const own = new Set(
    layersWithin(network).flatMap((layer) => (layer as { bias?: Tensor }).bias ?? []),
  );
  const firstCaptured = graph.inputs.length - captured.length;
  const biasOf = (value: Value): Tensor | undefined => {
    let source = value;
    while (source.node !== null && isView((source.node as Node).prim))
      source = source.node.inputs[0]!;
    const tensor = captured[graph.inputs.indexOf(source) - firstCaptured];
    return tensor !== undefined && own.has(tensor) ? tensor : undefined;
  };
  const added = graph.nodes.flatMap((node): BiasPlace[] => {
    const [place] = node.outputs;
    if (!isPrim(node, "add") || place!.shape.length !== 4) return [];
    const bias = node.inputs.map(biasOf).find((tensor) => tensor !== undefined);
    return bias === undefined ? [] : [{ bias, place: place! }];
  });
  return [...added, ...normalised].toSorted((a, b) => a.place.id - b.place.id);
}

function implicitBias(layer: BatchNorm): Tensor {
  const { movingMean, movingVariance, epsilon, gamma, beta } = layer;
  const inverse = movingVariance.add(epsilon).rsqrt();
  const away = movingMean.mul(gamma === undefined ? inverse : gamma.mul(inverse));
  return beta === undefined ? away.neg() : beta.sub(away);
}
