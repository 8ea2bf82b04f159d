/** @file What methods explain with, written into the program that is being traced. */
import { type GraphVjp, vjpGraph } from "../../autodiff/index.ts";
import type { Value } from "../../ir/graph.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { ones, zerosLike } from "../../ops/index.ts";
import { type BiasTerm, biasesOf } from "./biases.ts";
import { withGuidedRelu } from "./guided.ts";
import type { Network, Pass } from "./pass.ts";

/** A layer's feature maps, or the image where a method explains that, and derivatives. What is not asked for is not computed. */
export interface Parts {
  /** A [N, h, w, C]. */
  readonly activations: Tensor;
  /** ∂score/∂A [N, h, w, C]. */
  readonly gradients: Tensor;
  /** The images [N, H, W, channels]. */
  readonly images: Tensor;
  /** ∂score/∂image [N, H, W, channels] where every rectifier lets only positive derivatives through. */
  readonly guidedGradients: Tensor;
  /** Every bias of a convolution or batch normalisation, and the score's derivative where it is added. */
  readonly biases: readonly BiasTerm[];
}

/** What a pass says (its outputs), and the parts at some of its values. */
export function partsAt(
  who: string,
  network: Network,
  pass: Pass,
  images: Tensor,
  classes: Tensor,
  sites: readonly Value[],
): { readonly readings: readonly Tensor[]; readonly parts: readonly Parts[] } {
  const { graph, captured } = pass;
  const inputs = [images, classes, ...captured];
  const count = graph.outputs.length;
  const derived = vjpGraph({ ...graph, outputs: [...graph.outputs, ...sites] }, inputs, [], sites);
  const readings = derived.outputs.slice(0, count);
  const activations = derived.outputs.slice(count);
  const gradients = once(() => gradientsAt(derived, activations, inputs.length));
  const guidedGradients = once(() => {
    const guided = vjpGraph(withGuidedRelu(who, graph), inputs, [true]);
    return gradientsAt(guided, [images], 0)[0]!;
  });
  const biases = once(() => {
    const terms = biasesOf(network, pass);
    const places = terms.map(({ place }) => place);
    const there = vjpGraph(
      { ...graph, outputs: [graph.outputs[0]!, ...places] },
      inputs,
      [],
      places,
    );
    const derivatives = gradientsAt(there, there.outputs.slice(1), inputs.length);
    return terms.map(({ bias }, index) => ({ bias, gradients: derivatives[index]! }));
  });
  const parts = activations.map((layer, index): Parts => ({
    activations: layer,
    images,
    get gradients() {
      return gradients()[index]!;
    },
    get guidedGradients() {
      return guidedGradients();
    },
    get biases() {
      return biases();
    },
  }));
  return { readings, parts };
}

/**
 * The score's derivatives by tensors like `values`, which are among the pullback's results from `first` on. A sample's score
 * depends on its own activations alone, so the sum over the batch gives each sample's.
 */
function gradientsAt(
  { outputs, pullback }: GraphVjp,
  values: readonly Tensor[],
  first: number,
): Tensor[] {
  const score = outputs[0]!;
  const cotangents = pullback([ones(score.shape, { dtype: score.dtype })]);
  return values.map((value, index) => cotangents[first + index] ?? zerosLike(value));
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
