/** @file Dropout: in training, elements drawn at random become 0. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Shape, formatShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { random, where, zerosLike } from "../../ops/index.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";
import { type Mode, isTraining } from "../mode.ts";

/** Options of `dropout`. */
export interface DropoutOptions extends LayerOptions {
  /** The probability with which an element becomes 0, in [0, 1]. */
  readonly rate: number;
  /**
   * Shape of the mask, the batch included: an extent of 1 drops along the whole axis at once, null is the input's extent
   * (`[null, 1, 1, null]` drops whole channels of images). The input's shape unless given.
   */
  readonly noiseShape?: readonly (number | null)[];
}

/** x with elements dropped, and the others divided by 1 - rate (Srivastava et al. 2014, section 10). */
export class Dropout extends Layer {
  readonly rate: number;
  readonly noiseShape: readonly (number | null)[] | undefined;
  readonly seed: number | undefined;

  constructor(options: DropoutOptions) {
    checkOptions("dropout", options, ["rate", "noiseShape"]);
    super(options);
    const { rate, noiseShape, seed } = options;
    if (!(typeof rate === "number" && rate >= 0 && rate <= 1))
      throw new ArgumentError(
        complaint(`${this.label}: rate`, "a number in [0, 1]", describe(rate)),
      );
    if (
      noiseShape !== undefined &&
      !(
        Array.isArray(noiseShape) &&
        noiseShape.every((extent) => extent === null || (Number.isInteger(extent) && extent > 0))
      )
    )
      throw new ArgumentError(
        complaint(
          `${this.label}: noiseShape`,
          "extents of the mask, null for those of the input",
          describe(noiseShape),
        ),
      );
    this.rate = rate;
    this.noiseShape = noiseShape;
    this.seed = seed;
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "dropout";
  }

  protected make(inputShape: Shape): Shape {
    return inputShape;
  }

  /**
   * In training another mask for each key, and for each `seed` of the layer; otherwise x. Throws ArgumentError in training
   * without a key, ShapeError where `noiseShape` does not fit x.
   */
  forward(x: Tensor, mode?: Mode): Tensor {
    requireTensor(this.label, x);
    if (!isTraining(this.label, mode) || this.rate === 0) return x;
    const { key } = mode;
    if (key === undefined)
      throw new ArgumentError(
        complaint(
          this.label,
          "a random key in a mode of training",
          "none",
          "Pass one: model.forward(x, nn.training(key)); losses of trainers get a mode that has it.",
        ),
      );
    if (this.rate === 1) return zerosLike(x);
    const own = this.seed === undefined ? key : random.foldIn(key, this.seed | 0);
    const keep = random.bernoulli(own, this.maskShape(x.shape), { p: 1 - this.rate });
    return where(keep, x.mul(1 / (1 - this.rate)), zerosLike(x));
  }

  private maskShape(shape: Shape): Shape {
    const { noiseShape } = this;
    if (noiseShape === undefined) return shape;
    const mask = noiseShape.map((extent, axis) => extent ?? shape[axis] ?? 0);
    if (
      mask.length !== shape.length ||
      mask.some((extent, axis) => extent !== 1 && extent !== shape[axis])
    )
      throw new ShapeError(
        complaint(
          `${this.label}: noiseShape`,
          `extents of 1 or of the input's shape ${formatShape(shape)}`,
          formatShape(mask),
        ),
      );
    return mask;
  }
}

/**
 * Dropout: `dropout({ rate: 0.5 })`. In training it needs a key (`nn.training(key)`), from which models give each dropout
 * another one; in inference it passes its input on. Throws ArgumentError for options it does not know or cannot use.
 */
export function dropout(options: DropoutOptions): Dropout {
  return new Dropout(options);
}
