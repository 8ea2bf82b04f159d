/** @file Integrated gradients: contributions that add up to what the image changes about the score. */
import type { Tensor } from "../../ir/tensor.ts";
import { tensor } from "../../ops/index.ts";
import { type Baseline, baselineOf } from "../baseline.ts";
import { type BatchOptions, batchSizeOf, countOf, portions } from "../batches.ts";
import { type Explainer, explainer } from "../explain.ts";
import { gaussLegendre } from "../quadrature.ts";

/** Options of `integratedGradients`. */
export interface IntegratedGradientsOptions extends BatchOptions {
  /** Where the path to the image begins: a number or an image, in the numbers that the network takes. 0 unless given. */
  readonly baseline?: Baseline;
  /** Points of the Gauss-Legendre rule: 50 unless given, as in Captum. */
  readonly steps?: number;
}

/**
 * (x - x') times the mean gradient along the straight line from the baseline x' to x. Over all pixels and channels the
 * contributions add up to the score's difference (completeness, proposition 1), as well as the rule integrates.
 */
export const integratedGradients: Explainer<IntegratedGradientsOptions> =
  explainer<IntegratedGradientsOptions>({
    name: "integratedGradients",
    title: "Integrated gradients",
    source: "Sundararajan et al. 2017, eq. 1",
    at: "image",
    fold: "sum",
    relu: false,
    options: ["batchSize", "baseline", "steps"],
    *study({ who, image, program }, options) {
      const steps = countOf(`${who}: steps`, options.steps, 50);
      const size = batchSizeOf(who, options, steps);
      const start = baselineOf(who, image, options.baseline);
      const gradientSum = program("gradients", size, (batch, from, way, places, weights) => {
        const points = from!.add(way!.mul(places!.reshape([size, 1, 1, 1])));
        const gradients = batch.gradientsOf(points);
        return [gradients.mul(weights!.reshape([size, 1, 1, 1])).sum([0], true)];
      });
      const { nodes, weights } = gaussLegendre(steps);
      const way = image.sub(start);
      let mean = image.zerosLike();
      for (const { start: first } of portions(steps, size)) {
        yield first / steps;
        // Beyond the last point weights are zero.
        const own = (numbers: Float64Array): Tensor =>
          tensor(
            Float64Array.from({ length: size }, (_, i) => numbers[first + i] ?? 0),
            { dtype: image.dtype },
          );
        mean = mean.add(gradientSum(start, way, own(nodes), own(weights))[0]!);
      }
      return [mean.mul(way)];
    },
  });
