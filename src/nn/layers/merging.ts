/** @file Layers of several inputs: those that make one element of the elements at a place, and one input after another. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { optional } from "../../base/options.ts";
import { type Shape, broadcastShapes } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { concat } from "../../ops/index.ts";
import {
  type Declaration,
  type DeclaredLayer,
  type OptionsFor,
  factory,
  layer,
  notAList,
} from "../declare.ts";
import type { AnyLayer, LayerOptions } from "../layer.ts";
import { axis as axisKind } from "../kinds.ts";
import { formatShapes } from "../shapes.ts";

/** Throws ArgumentError naming the layer unless x is a list of tensors. */
function requireTensors(of: AnyLayer, x: unknown): asserts x is readonly Tensor[] {
  if (!Array.isArray(x) || x.length === 0) throw notAList(of, describe(x));
  for (const [index, item] of x.entries()) requireTensor(`${of.label}: input ${index}`, item);
}

/**
 * The shape to which samples broadcast. Extents of 1 do, and samples of lower rank get axes of 1 in front, as in Keras. Throws
 * ArgumentError unless there are `count` of them, ShapeError where they do not fit.
 */
function commonShape(label: string, shapes: readonly Shape[], count = shapes.length): Shape {
  if (shapes.length !== count)
    throw new ArgumentError(complaint(label, "two inputs", String(shapes.length)));
  try {
    return broadcastShapes(label, ...shapes);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new ShapeError(
      complaint(
        label,
        "inputs whose extents are equal or 1, counted from the last axis",
        `samples of shape ${formatShapes(shapes)}`,
      ),
    );
  }
}

/** The inputs, with axes of 1 in front of samples of lower rank. Throws ArgumentError or ShapeError where they do not fit. */
function aligned(of: AnyLayer, x: readonly Tensor[], count = x.length): readonly Tensor[] {
  requireTensors(of, x);
  const samples = x.map(({ shape }) => shape.slice(1));
  commonShape(of.label, samples, count);
  const batches = new Set(x.map(({ shape }) => shape[0]));
  if (batches.size > 1 || batches.has(undefined))
    throw new ShapeError(
      complaint(
        of.label,
        "batches of one size as the first axis",
        formatShapes(x.map(({ shape }) => shape)),
      ),
    );
  const rank = Math.max(...x.map((tensor) => tensor.rank));
  return x.map((tensor) => {
    const [batch, ...sample] = tensor.shape;
    const ones = Array.from({ length: rank - tensor.rank }, () => 1);
    return ones.length === 0 ? tensor : tensor.reshape([batch!, ...ones, ...sample]);
  });
}

/** What `elementwise` gives. */
type ElementwiseClass = { readonly declaration: Declaration } & (new (
  options?: LayerOptions,
) => DeclaredLayer<readonly Tensor[]> & {
  /** Tensors [batch, ...] that broadcast -> one tensor. Throws ArgumentError and ShapeError naming the layer. */
  forward(x: readonly Tensor[]): Tensor;
});

/** A class of layers that take their inputs together by an operation on two; `count` inputs if that is given. */
function elementwise(
  kind: string,
  merge: (a: Tensor, b: Tensor) => Tensor,
  count?: number,
): ElementwiseClass {
  return class extends layer(
    kind,
    {},
    {
      takesList: true,
      outputShape: ({ label }, shapes): Shape => commonShape(label, shapes, count),
    },
  ) {
    forward(x: readonly Tensor[]): Tensor {
      return aligned(this, x, count).reduce((before, one) => merge(before, one));
    }
  };
}

/** The sum of its inputs. */
export class Add extends elementwise("add", (a, b) => a.add(b)) {}

/** The sum of several inputs as a layer: `add().apply([a, b])`. Extents of 1 broadcast. Throws ShapeError where the inputs' shapes do not fit. */
export const add = factory(Add);

/** The first of two inputs minus the second. */
export class Subtract extends elementwise("subtract", (a, b) => a.sub(b), 2) {}

/** The difference of two inputs as a layer: `subtract().apply([a, b])`. Extents of 1 broadcast. Throws ArgumentError for another number of inputs, ShapeError where their shapes do not fit. */
export const subtract = factory(Subtract);

/** The product of its inputs, element by element. */
export class Multiply extends elementwise("multiply", (a, b) => a.mul(b)) {}

/** The product of several inputs as a layer: `multiply().apply([a, b])`. Extents of 1 broadcast. Throws ShapeError where the inputs' shapes do not fit. */
export const multiply = factory(Multiply);

/** The first of two inputs divided by the second. */
export class Divide extends elementwise("divide", (a, b) => a.div(b), 2) {}

/** The quotient of two inputs as a layer: `divide().apply([a, b])`. Extents of 1 broadcast. Throws ArgumentError for another number of inputs, ShapeError where their shapes do not fit. */
export const divide = factory(Divide);

/** The mean of its inputs, element by element. */
export class Average extends elementwise("average", (a, b) => a.add(b)) {
  override forward(x: readonly Tensor[]): Tensor {
    return super.forward(x).mul(1 / x.length);
  }
}

/** The mean of several inputs as a layer: `average().apply([a, b])`. Extents of 1 broadcast. Throws ShapeError where the inputs' shapes do not fit. */
export const average = factory(Average);

/** The largest of its inputs, element by element. */
export class Maximum extends elementwise("maximum", (a, b) => a.maximum(b)) {}

/** The largest of several inputs as a layer: `maximum().apply([a, b])`. Extents of 1 broadcast. Throws ShapeError where the inputs' shapes do not fit. */
export const maximum = factory(Maximum);

/** The smallest of its inputs, element by element. */
export class Minimum extends elementwise("minimum", (a, b) => a.minimum(b)) {}

/** The smallest of several inputs as a layer: `minimum().apply([a, b])`. Extents of 1 broadcast. Throws ShapeError where the inputs' shapes do not fit. */
export const minimum = factory(Minimum);

/** The shape of batches one after another along an axis. Throws ShapeError naming the layer where other extents differ. */
function joined(label: string, axis: number, shapes: readonly Shape[]): number[] {
  const first = shapes[0]!;
  const at = axis < 0 ? axis + first.length : axis;
  const fits = (shape: Shape): boolean =>
    shape.length === first.length &&
    shape.every((extent, index) => index === at || extent === first[index]);
  if (at < 1 || at >= first.length)
    throw new ShapeError(
      complaint(
        `${label}: axis`,
        `an axis of its inputs, which have rank ${first.length} with the batch`,
        String(axis),
      ),
    );
  if (!shapes.every(fits))
    throw new ShapeError(
      complaint(
        label,
        `inputs of equal extents except along axis ${axis}`,
        `samples of shape ${formatShapes(shapes.map((shape) => shape.slice(1)))}`,
      ),
    );
  const total = shapes.reduce((sum, shape) => sum + shape[at]!, 0);
  return first.map((extent, index) => (index === at ? total : extent));
}

/** Its inputs one after another along an axis. */
export class Concatenate extends layer(
  "concatenate",
  {
    axis: optional(axisKind, -1, "The axis to join along; 0 is the batch."),
  },
  {
    takesList: true,
    outputShape: ({ label, axis }, shapes) =>
      joined(
        label,
        axis,
        shapes.map((shape) => [1, ...shape]),
      ).slice(1),
  },
) {
  /** x: tensors [batch, ...] of equal extents on all other axes -> one tensor. Throws ShapeError naming the layer where they differ. */
  forward(x: readonly Tensor[]): Tensor {
    requireTensors(this, x);
    joined(
      this.label,
      this.axis,
      x.map(({ shape }) => shape),
    );
    return concat(x, this.axis);
  }
}

/** Options of `concatenate`, with Keras' names and defaults. */
export type ConcatenateOptions = OptionsFor<typeof Concatenate>;

/**
 * Several inputs one after another as a layer: `concatenate({ axis: -1 }).apply([a, b])`. Throws ArgumentError for options it
 * does not know or cannot use, ShapeError naming the layer where extents along other axes differ.
 */
export const concatenate = factory(Concatenate);
