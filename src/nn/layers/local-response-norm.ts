/** @file Local response normalisation, of networks from before batch normalisation. */
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { Layer, type LayerOptions, checkCount, checkOptions } from "../layer.ts";
import { imageShape, requireImages } from "./image.ts";
import { checkNumber } from "./input.ts";

/** Options of `localResponseNorm`, with PyTorch's names and defaults. */
export interface LocalResponseNormOptions extends LayerOptions {
  /** Number of neighbouring channels whose squares are summed: 5 unless given. */
  readonly size?: number;
  /** Factor of the mean of the squares: 1e-4 unless given. */
  readonly alpha?: number;
  /** Exponent: 0.75 unless given. */
  readonly beta?: number;
  /** What is added to it: 1 unless given. */
  readonly k?: number;
}

/**
 * x / (k + alpha mean(x²))^beta, the mean being over `size` channels around each, those beyond the first and last counted as 0
 * (Krizhevsky et al. 2012, section 3.3, where alpha is what alpha / size is here).
 */
export class LocalResponseNorm extends Layer {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;

  constructor(options: LocalResponseNormOptions = {}) {
    checkOptions("localResponseNorm", options, ["size", "alpha", "beta", "k"]);
    super(options);
    const { size = 5, alpha = 1e-4, beta = 0.75, k = 1 } = options;
    checkCount(`${this.label}: size`, size);
    checkNumber(`${this.label}: alpha`, alpha);
    checkNumber(`${this.label}: beta`, beta);
    checkNumber(`${this.label}: k`, k);
    this.size = size;
    this.alpha = alpha;
    this.beta = beta;
    this.k = k;
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "localResponseNorm";
  }

  protected make(inputShape: Shape): Shape {
    return imageShape(this.label, inputShape);
  }

  /** x [batch, rows, columns, channels] -> the same shape. ShapeError names the layer. */
  forward(x: Tensor): Tensor {
    const channels = requireImages(this.label, x, this.inputShape?.[2]).shape[3]!;
    const before = Math.floor((this.size - 1) / 2);
    const after = this.size - 1 - before;
    const squares = x.mul(x);
    // Channels farther away than the last one add nothing.
    const nearest = Math.max(-before, 1 - channels);
    const farthest = Math.min(after, channels - 1);
    const around = squares.pad([0, 0, 0, [-nearest, farthest]]);
    let sum = around.slice([0, 0, 0, 0], [undefined, undefined, undefined, channels]);
    for (let first = 1; first <= farthest - nearest; first++)
      sum = sum.add(
        around.slice([0, 0, 0, first], [undefined, undefined, undefined, first + channels]),
      );
    return x.mul(
      sum
        .mul(this.alpha / this.size)
        .add(this.k)
        .pow(-this.beta),
    );
  }
}

/**
 * Local response normalisation: `localResponseNorm({ size: 5, alpha: 1e-4, beta: 0.75, k: 2 })`. Throws ArgumentError for options
 * it does not know or cannot use.
 */
export function localResponseNorm(options: LocalResponseNormOptions = {}): LocalResponseNorm {
  return new LocalResponseNorm(options);
}
