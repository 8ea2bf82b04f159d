/** @file SmoothGrad: the mean gradient of noisy copies of the image. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { type RandomOptions, batchSizeOf, countOf, drawEach, portions } from "../batches.ts";
import { type Explainer, explainer } from "../explain.ts";
import { random, scalar } from "../../ops/index.ts";

/** Options of `smoothGrad`. */
export interface SmoothGradOptions extends RandomOptions {
  /** How many noisy copies: 50 unless given. */
  readonly samples?: number;
  /** Standard deviation of the noise as a part of the image's range, largest less smallest number: 0.15 unless given. */
  readonly noise?: number;
}

/** Saliency with less noise: the gradient averaged over normal noise, then the largest magnitude of its channels. */
export const smoothGrad: Explainer<SmoothGradOptions> = explainer<SmoothGradOptions>({
  name: "smoothGrad",
  title: "SmoothGrad",
  source: "Smilkov et al. 2017, section 3",
  at: "image",
  fold: "max",
  relu: false,
  options: ["batchSize", "seed", "samples", "noise"],
  *study({ who, image, program }, options) {
    const samples = countOf(`${who}: samples`, options.samples, 50);
    const { noise = 0.15, seed = 0 } = options;
    if (!(noise >= 0 && noise < Infinity))
      throw new ArgumentError(
        complaint(`${who}: noise`, "a number of at least 0", describe(noise)),
      );
    const size = batchSizeOf(who, options, samples);
    const gradientSum = program("gradients", size, (batch, picture, key, sigma, numbers, total) => {
      const { shape, dtype } = picture!;
      const draws = drawEach(key!, numbers!, (own) =>
        random.normal(own, shape.slice(1), { dtype }),
      );
      const gradients = batch.gradientsOf(picture!.add(draws.mul(sigma!)));
      const counts = numbers!.less(total!).cast(dtype).reshape([size, 1, 1, 1]);
      return [gradients.mul(counts).sum([0], true)];
    });
    const sigma = image.max().sub(image.min()).mul(noise);
    const total = scalar(samples, { dtype: "int32" });
    let sum = image.zerosLike();
    for (const { numbers, start } of portions(samples, size)) {
      yield start / samples;
      sum = sum.add(gradientSum(image, random.key(seed), sigma, numbers, total)[0]!);
    }
    return [sum.div(samples)];
  },
});
