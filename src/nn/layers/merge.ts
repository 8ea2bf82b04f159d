/** @file What layers of several inputs have in common: inputs of one size, or that broadcast as Keras has it. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Shape, broadcastShapes } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { Layer, type LayerOptions } from "../layer.ts";
import { formatShapes, isShapeList } from "../shapes.ts";

/** A layer from a list of tensors to one. */
export abstract class ListLayer extends Layer<readonly Tensor[]> {
  constructor(options: LayerOptions) {
    super(options);
    if (options.inputShape !== undefined)
      throw new ArgumentError(
        complaint(
          `${this.label}: inputShape`,
          "none: it takes several inputs",
          describe(options.inputShape),
          "Use it in a graph model: its shapes come from what it is applied to.",
        ),
      );
  }

  /** Throws ArgumentError naming the layer unless x is a list of tensors. */
  protected requireTensors(x: unknown): asserts x is readonly Tensor[] {
    if (!Array.isArray(x) || x.length === 0)
      throw new ArgumentError(
        complaint(
          this.label,
          "a list of at least one tensor",
          describe(x),
          `Apply it to a list: ${this.kind}().apply([a, b]).`,
        ),
      );
    for (const [index, item] of x.entries()) requireTensor(`${this.label}: input ${index}`, item);
  }

  /** Throws ArgumentError naming the layer unless these are the shapes of a list. */
  protected requireShapes(shapes: readonly Shape[]): void {
    if (!isShapeList(shapes))
      throw new ArgumentError(
        complaint(
          this.label,
          "a list of inputs",
          "one input",
          `Apply it to a list: ${this.kind}().apply([a, b]).`,
        ),
      );
  }
}

/**
 * A layer that makes one element of the elements at a place of its inputs. Extents of 1 broadcast, and samples of lower rank
 * get axes of 1 in front, as in Keras.
 */
export abstract class Merge extends ListLayer {
  /** The result for two or more tensors that broadcast. */
  protected abstract merge(inputs: readonly Tensor[]): Tensor;

  protected make(shapes: readonly Shape[]): Shape {
    this.requireShapes(shapes);
    return this.common(shapes);
  }

  private common(shapes: readonly Shape[]): Shape {
    try {
      return broadcastShapes(this.label, ...shapes);
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      throw new ShapeError(
        complaint(
          this.label,
          "inputs whose extents are equal or 1, counted from the last axis",
          `samples of shape ${formatShapes(shapes)}`,
        ),
      );
    }
  }

  /** The inputs as one. Throws ShapeError naming the layer where they do not fit each other. */
  forward(x: readonly Tensor[]): Tensor {
    this.requireTensors(x);
    this.common(x.map(({ shape }) => shape.slice(1)));
    const batches = new Set(x.map(({ shape }) => shape[0]));
    if (batches.size > 1 || batches.has(undefined))
      throw new ShapeError(
        complaint(
          this.label,
          "batches of one size as the first axis",
          formatShapes(x.map(({ shape }) => shape)),
        ),
      );
    const rank = Math.max(...x.map((tensor) => tensor.rank));
    return this.merge(
      x.map((tensor) => {
        const [batch, ...sample] = tensor.shape;
        const ones = Array.from({ length: rank - tensor.rank }, () => 1);
        return ones.length === 0 ? tensor : tensor.reshape([batch!, ...ones, ...sample]);
      }),
    );
  }
}
