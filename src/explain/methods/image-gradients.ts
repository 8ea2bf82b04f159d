/** @file Methods that explain the image by the score's derivatives. One entry for each method, with its paper and equation. */
import { between, count } from "../../base/kinds.ts";
import { type OptionsOf, optional } from "../../base/options.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { arange, random, scalar, tensor } from "../../ops/index.ts";
import { type Explainer, explainer } from "../explainer.ts";
import { resizeBilinear, unitRange } from "../maps.ts";
import type { ExplainOptions } from "../method.ts";
import { batchOptions, randomOptions } from "../options.ts";
import { baseline, baselineLike, drawEach, portions } from "./batches.ts";

/** How strongly the score responds to each pixel: the largest magnitude among the derivatives of its channels. */
export const saliency: Explainer = explainer({
  name: "saliency",
  title: "Saliency",
  source: "Simonyan et al. 2013, section 3.1",
  at: "image",
  fold: "max",
  relu: false,
  contributions: ({ gradients }) => gradients,
});

/**
 * The image times its gradient: what pixels contribute to the score's linear approximation. A pixel that is 0 in the numbers
 * that the network takes contributes nothing, whatever its colour.
 */
export const inputXGradient: Explainer = explainer({
  name: "inputXGradient",
  title: "Input x gradient",
  source: "Shrikumar et al. 2016, section 3",
  at: "image",
  fold: "sum",
  relu: false,
  contributions: ({ images, gradients }) => images.mul(gradients),
});

/**
 * The image's gradient, of which rectifiers pass on only what is positive: sharp pictures of what excites the network. They
 * hardly depend on the class (Adebayo et al. 2018); see `guidedGradCam`. Throws ExplainError for networks without ReLU.
 */
export const guidedBackprop: Explainer = explainer({
  name: "guidedBackprop",
  title: "Guided backpropagation",
  source: "Springenberg et al. 2014, section 3.4 and figure 1",
  at: "image",
  fold: "max",
  relu: false,
  contributions: ({ guidedGradients }) => guidedGradients,
});

/**
 * A network of ReLUs computes x · ∂f/∂x plus the sum over all biases of b · ∂f/∂b (eq. 3). The map adds up the magnitudes of
 * those terms that belong to a position: the image's, and those of biases of feature maps, each channel scaled to [0, 1] and
 * enlarged to the image's size (as pytorch-grad-cam does; the authors' program scales all channels of a layer together).
 */
export const fullGrad: Explainer = explainer({
  name: "fullGrad",
  title: "FullGrad",
  source: "Srinivas and Fleuret 2019, eq. 3 and 5",
  at: "image",
  fold: "sum",
  relu: true,
  contributions({ images, gradients, biases }) {
    const [, height, width] = images.shape as [number, number, number];
    const shares = biases.map(({ bias, gradients: derivative }) => bias.mul(derivative));
    return [images.mul(gradients), ...shares]
      .map((share) => resizeBilinear(unitRange(share.abs()), height, width).sum([3], true))
      .reduce((sum, map) => sum.add(map));
  },
});

const smoothGradOptions = {
  ...randomOptions,
  samples: optional(count, 50, "Number of noisy copies."),
  noise: optional(
    between(0, Infinity),
    0.15,
    "Standard deviation of the noise, relative to the difference between the image's largest and smallest number.",
  ),
};

/** Options of `smoothGrad`. */
export type SmoothGradOptions = ExplainOptions & OptionsOf<typeof smoothGradOptions>;

/** Saliency with less noise: the gradient averaged over noisy copies of the image, then the largest magnitude of its channels. */
export const smoothGrad: Explainer<SmoothGradOptions> = explainer({
  name: "smoothGrad",
  title: "SmoothGrad",
  source: "Smilkov et al. 2017, section 3",
  at: "image",
  fold: "max",
  relu: false,
  options: smoothGradOptions,
  *study({ image, program }, { samples, noise, seed, batchSize }) {
    const size = Math.min(batchSize, samples);
    const gradientSum = program([], size, (look, picture, key, sigma, numbers, total) => {
      const { shape, dtype } = picture!;
      const draws = drawEach(key!, numbers!, (own) =>
        random.normal(own, shape.slice(1), { dtype }),
      );
      const { gradients } = look(picture!.add(draws.mul(sigma!)));
      const counts = numbers!.less(total!).cast(dtype).reshape([size, 1, 1, 1]);
      return gradients.mul(counts).sum([0], true);
    });
    const sigma = image.max().sub(image.min()).mul(noise);
    const total = scalar(samples, { dtype: "int32" });
    let sum = image.zerosLike();
    for (const { numbers, start } of portions(samples, size)) {
      yield start / samples;
      sum = sum.add(gradientSum(image, random.key(seed), sigma, numbers, total));
    }
    return sum.div(samples);
  },
});

const integratedGradientsOptions = {
  ...batchOptions,
  baseline,
  steps: optional(count, 50, "Points of the Gauss-Legendre rule; 50 is Captum's default."),
};

/** Options of `integratedGradients`. */
export type IntegratedGradientsOptions = ExplainOptions &
  OptionsOf<typeof integratedGradientsOptions>;

/**
 * (x - x') times the mean gradient along the straight line from the baseline x' to x. Over all pixels and channels the
 * contributions add up to the difference of the scores (completeness, proposition 1), as accurately as the rule integrates.
 */
export const integratedGradients: Explainer<IntegratedGradientsOptions> = explainer({
  name: "integratedGradients",
  title: "Integrated gradients",
  source: "Sundararajan et al. 2017, eq. 1",
  at: "image",
  fold: "sum",
  relu: false,
  options: integratedGradientsOptions,
  *study({ who, image, program }, { steps, batchSize, baseline: from }) {
    const size = Math.min(batchSize, steps);
    const start = baselineLike(who, image, from);
    const gradientSum = program([], size, (look, origin, way, nodes, weights) => {
      const { gradients } = look(origin!.add(way!.mul(nodes!.reshape([size, 1, 1, 1]))));
      return gradients.mul(weights!.reshape([size, 1, 1, 1])).sum([0], true);
    });
    const { nodes, weights } = gaussLegendre(steps);
    const way = image.sub(start);
    let mean = image.zerosLike();
    for (const { start: first } of portions(steps, size)) {
      yield first / steps;
      // The last batch is filled up with weights of zero.
      const its = (numbers: Float64Array): Tensor =>
        tensor(
          Float64Array.from({ length: size }, (_, i) => numbers[first + i] ?? 0),
          { dtype: image.dtype },
        );
      mean = mean.add(gradientSum(start, way, its(nodes), its(weights)));
    }
    return mean.mul(way);
  },
});

/**
 * The Gauss-Legendre rule of n points on [0, 1]: the integral is about the sum of weights times values at nodes, exact for
 * polynomials of degree 2 n - 1. Nodes are the zeros of the Legendre polynomial P_n, found by Newton's method from near cos(π
 * (i - 1/4) / (n + 1/2)); weights are 2 / ((1 - x²) P_n'(x)²) on [-1, 1] (Abramowitz and Stegun 22.16.6 and 25.4.29).
 */
export function gaussLegendre(n: number): {
  readonly nodes: Float64Array;
  readonly weights: Float64Array;
} {
  const angles = arange(0, n, 1, { dtype: "float64" })
    .add(0.75)
    .mul(Math.PI / (n + 0.5));
  const nodes = angles.cos().data() as Float64Array;
  const weights = nodes.map((start, i) => {
    let x = start;
    for (let step = 0; step < 8; step++) {
      const { value, slope } = legendre(n, x);
      x -= value / slope;
    }
    nodes[i] = (1 + x) / 2;
    const { slope } = legendre(n, x);
    return 1 / ((1 - x * x) * slope * slope);
  });
  return { nodes, weights };
}

/** P_n and its derivative at x, by Bonnet's recursion. */
function legendre(n: number, x: number): { readonly value: number; readonly slope: number } {
  let [before, value] = [1, x];
  for (let k = 1; k < n; k++)
    [before, value] = [value, ((2 * k + 1) * x * value - k * before) / (k + 1)];
  return { value, slope: (n * (x * value - before)) / (x * x - 1) };
}
