/** @file Several inputs one after another along an axis. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import type { Shape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { concat } from "../../ops/index.ts";
import { type LayerOptions, checkOptions } from "../layer.ts";
import { formatShapes } from "../shapes.ts";
import { ListLayer } from "./merge.ts";

/** Options of `concatenate`. */
export interface ConcatenateOptions extends LayerOptions {
  /** The axis along which inputs may differ; the batch counts as axis 0. -1, the last, unless given. */
  readonly axis?: number;
}

/** Its inputs one after another along an axis. */
export class Concatenate extends ListLayer {
  readonly axis: number;

  constructor(options: ConcatenateOptions = {}) {
    checkOptions("concatenate", options, ["axis"]);
    super(options);
    const { axis = -1 } = options;
    if (!Number.isInteger(axis) || axis === 0)
      throw new ArgumentError(
        complaint(`${this.label}: axis`, "an axis other than 0, the batch", describe(axis)),
      );
    this.axis = axis;
  }

  get kind(): string {
    return "concatenate";
  }

  protected make(shapes: readonly Shape[]): Shape {
    this.requireShapes(shapes);
    return this.joined(shapes.map((shape) => [1, ...shape])).slice(1);
  }

  private joined(shapes: readonly Shape[]): number[] {
    const first = shapes[0]!;
    const axis = this.axis < 0 ? this.axis + first.length : this.axis;
    const fits = (shape: Shape): boolean =>
      shape.length === first.length &&
      shape.every((extent, index) => index === axis || extent === first[index]);
    if (axis < 1 || axis >= first.length)
      throw new ShapeError(
        complaint(
          `${this.label}: axis`,
          `an axis of its inputs, which have rank ${first.length} with the batch`,
          String(this.axis),
        ),
      );
    if (!shapes.every(fits))
      throw new ShapeError(
        complaint(
          this.label,
          `inputs of equal extents but along axis ${this.axis}`,
          `samples of shape ${formatShapes(shapes.map((shape) => shape.slice(1)))}`,
        ),
      );
    const total = shapes.reduce((sum, shape) => sum + shape[axis]!, 0);
    return first.map((extent, index) => (index === axis ? total : extent));
  }

  /** The inputs joined. Throws ShapeError naming the layer where other extents differ. */
  forward(x: readonly Tensor[]): Tensor {
    this.requireTensors(x);
    this.joined(x.map(({ shape }) => shape));
    return concat(x, this.axis);
  }
}

/**
 * Several inputs one after another as a layer: `concatenate({ axis: -1 }).apply([a, b])`. Throws ArgumentError for options it
 * does not know or cannot use, ShapeError naming the layer where extents along other axes differ.
 */
export function concatenate(options: ConcatenateOptions = {}): Concatenate {
  return new Concatenate(options);
}
