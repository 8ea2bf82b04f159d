/** @file Samples in another shape. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Shape, formatShape, sizeOf } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { Layer, type LayerOptions, checkOptions } from "../layer.ts";

/** Options of `reshape`, with Keras' names. */
export interface ReshapeOptions extends LayerOptions {
  /** Shape of an output sample, without the batch; one extent may be -1 and is worked out. */
  readonly targetShape: Shape;
}

/** The elements of each sample in another shape, in the same order. */
export class Reshape extends Layer {
  readonly targetShape: Shape;

  constructor(options: ReshapeOptions) {
    checkOptions("reshape", options, ["targetShape"]);
    super(options);
    const { targetShape } = options;
    const who = `${this.label}: targetShape`;
    if (
      !Array.isArray(targetShape) ||
      !targetShape.every((extent) => Number.isInteger(extent) && extent >= -1 && extent !== 0) ||
      targetShape.filter((extent) => extent === -1).length > 1
    )
      throw new ArgumentError(
        complaint(
          who,
          "an array of positive integers, at most one of them -1",
          Array.isArray(targetShape) ? formatShape(targetShape) : describe(targetShape),
        ),
      );
    this.targetShape = [...targetShape];
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "reshape";
  }

  protected make(inputShape: Shape): Shape {
    const size = sizeOf(inputShape);
    const unknown = this.targetShape.indexOf(-1);
    const shape = [...this.targetShape];
    if (unknown >= 0) shape[unknown] = size / -sizeOf(this.targetShape);
    if (!shape.every(Number.isInteger) || sizeOf(shape) !== size)
      throw new ShapeError(
        complaint(
          this.label,
          `samples whose elements fill ${formatShape(this.targetShape)}`,
          `${size} elements, shape ${formatShape(inputShape)}`,
        ),
      );
    return shape;
  }

  /** x [batch, ...] -> [batch, ...targetShape]. ShapeError if the elements do not fill it. */
  forward(x: Tensor): Tensor {
    const [batch = 1, ...sample] = requireTensor(this.label, x).shape;
    return x.reshape([batch, ...this.make(sample)]);
  }
}

/**
 * Samples in another shape: `reshape({ targetShape: [7, 7, -1] })`. Throws ArgumentError for a target that is no shape,
 * ShapeError for samples that do not fill it.
 */
export function reshape(options: ReshapeOptions): Reshape {
  return new Reshape(options);
}
