/** @file Arithmetic as layers: networks in files have it between the layers that Keras has. */
import { ArgumentError, ShapeError, complaint } from "../../base/errors.ts";
import { finite, flag, listOf, oneOf, whole } from "../../base/kinds.ts";
import { optional, required } from "../../base/options.ts";
import { broadcastShapes, formatShape, sameShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { requireTensor } from "../../ops/bind.ts";
import { composite } from "../../ops/composite.ts";
import { type OptionsFor, factory, layer, weight } from "../declare.ts";
import { axes as axesKind, initializer } from "../kinds.ts";
import { requireDType, requireRank, sampleAxes } from "./checks.ts";

/** The names of a table. */
function namesOf<Name extends string>(table: Readonly<Record<Name, unknown>>): readonly Name[] {
  return Object.keys(table) as Name[];
}

const ofOne = {
  abs: (x: Tensor): Tensor => x.abs(),
  erf: (x: Tensor): Tensor => x.erf(),
  exp: (x: Tensor): Tensor => x.exp(),
  log: (x: Tensor): Tensor => x.log(),
  negate: (x: Tensor): Tensor => x.neg(),
  reciprocal: (x: Tensor): Tensor => x.reciprocal(),
  sqrt: (x: Tensor): Tensor => x.sqrt(),
} as const;

/** An elementary function of each element. */
export class Unary extends layer("unary", {
  operation: required(oneOf(namesOf(ofOne)), "The function."),
}) {
  /** x [batch, ...] -> the same shape, element by element. */
  forward(x: Tensor): Tensor {
    return ofOne[this.operation](requireTensor(this.label, x));
  }
}

/** Options of `unary`. */
export type UnaryOptions = OptionsFor<typeof Unary>;

/** An elementary function as a layer: `unary({ operation: "sqrt" })`. Throws ArgumentError for unknown operations. */
export const unary = factory(Unary);

const ofTwo = {
  add: (a: Tensor, b: Tensor): Tensor => a.add(b),
  subtract: (a: Tensor, b: Tensor): Tensor => a.sub(b),
  multiply: (a: Tensor, b: Tensor): Tensor => a.mul(b),
  divide: (a: Tensor, b: Tensor): Tensor => a.div(b),
  power: (a: Tensor, b: Tensor): Tensor => a.pow(b),
  maximum: (a: Tensor, b: Tensor): Tensor => a.maximum(b),
  minimum: (a: Tensor, b: Tensor): Tensor => a.minimum(b),
} as const;

/** x and a tensor of the layer's own as the operands of an operation, element by element. */
export class Arithmetic extends layer(
  "arithmetic",
  {
    operation: required(oneOf(namesOf(ofTwo)), "The operation."),
    operandShape: optional(
      listOf(whole(0)),
      [],
      "Shape of the operand, which broadcasts to a sample.",
    ),
    operandInitializer: optional(initializer, "ones", "Makes the operand."),
    operandFirst: optional(flag, false, "Whether the operand comes first, as in 1 - x."),
  },
  {
    parameters({ label, operandShape, operandInitializer }, shape) {
      if (
        operandShape.length > shape.length ||
        !sameShape(broadcastShapes(label, shape, operandShape), shape)
      )
        throw new ShapeError(
          complaint(
            label,
            `samples to which ${formatShape(operandShape)} broadcasts`,
            formatShape(shape),
          ),
        );
      return {
        /** Of `operandShape`. */
        operand: weight(operandShape, operandInitializer),
      };
    },
  },
) {
  /** x [batch, ...] -> the same shape. Throws ShapeError and DTypeError naming the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    requireRank(this.label, x, this.inputShape!);
    requireDType(this.label, x, this.operand.dtype);
    const apply = ofTwo[this.operation];
    return this.operandFirst ? apply(this.operand, x) : apply(x, this.operand);
  }
}

/** Options of `arithmetic`. */
export type ArithmeticOptions = OptionsFor<typeof Arithmetic>;

/**
 * Arithmetic with a tensor of the layer's own: `arithmetic({ operation: "multiply", operandShape: [64] })` is a factor for each
 * channel. Throws ArgumentError for options it does not know or cannot use, ShapeError for samples to which the tensor does
 * not broadcast.
 */
export const arithmetic = factory(Arithmetic);

/** Elements limited to [minValue, maxValue], each side only where it is given; the layer that `clip` makes. */
export class Clip extends layer(
  "clip",
  {
    minValue: optional(finite, undefined, "Smallest result; none unless given."),
    maxValue: optional(finite, undefined, "Largest result; none unless given."),
  },
  {
    check({ minValue, maxValue }, who) {
      if (minValue !== undefined && maxValue !== undefined && minValue > maxValue)
        throw new ArgumentError(
          complaint(who, "minValue <= maxValue", `${minValue} and ${maxValue}`),
        );
    },
  },
) {
  /** x [batch, ...] -> the same shape, element by element. */
  forward(x: Tensor): Tensor {
    requireTensor(this.label, x);
    const { minValue: low, maxValue: high } = this;
    return composite("clip", { low, high }, [x], (a) => {
      const raised = low === undefined ? a : a.maximum(low);
      return high === undefined ? raised : raised.minimum(high);
    });
  }
}

/** Options of `clip`. */
export type ClipOptions = OptionsFor<typeof Clip>;

/** Elements limited to a range: `clip({ minValue: -1, maxValue: 1 })`. Throws ArgumentError for a range that is empty. */
export const clip = factory(Clip);

const ofMany = {
  mean: (x: Tensor, axes: readonly number[], keepDims: boolean): Tensor => x.mean(axes, keepDims),
  sum: (x: Tensor, axes: readonly number[], keepDims: boolean): Tensor => x.sum(axes, keepDims),
  max: (x: Tensor, axes: readonly number[], keepDims: boolean): Tensor => x.max(axes, keepDims),
  min: (x: Tensor, axes: readonly number[], keepDims: boolean): Tensor => x.min(axes, keepDims),
} as const;

/** The mean, sum, maximum or minimum along axes of each sample. */
export class Reduce extends layer(
  "reduce",
  {
    operation: required(oneOf(namesOf(ofMany)), "What becomes of the elements."),
    axis: required(axesKind, "One axis or several, the batch being axis 0."),
    keepDims: optional(flag, false, "Whether the axes stay, with extent 1."),
  },
  {
    outputShape({ label, axis, keepDims }, shape) {
      const axes = sampleAxes(label, axis, shape);
      return shape.flatMap((extent, index) =>
        axes.includes(index + 1) ? (keepDims ? [1] : []) : [extent],
      );
    },
  },
) {
  /** x [batch, ...] -> the same without the axes, or with extent 1 on them. Throws ShapeError for other ranks. */
  forward(x: Tensor): Tensor {
    requireRank(this.label, x, this.inputShape ?? x.shape.slice(1));
    const axes = sampleAxes(this.label, this.axis, x.shape.slice(1));
    return ofMany[this.operation](x, axes, this.keepDims);
  }
}

/** Options of `reduce`. */
export type ReduceOptions = OptionsFor<typeof Reduce>;

/** Axes of samples reduced: `reduce({ operation: "mean", axis: [1, 2] })`. Throws ArgumentError for options it does not know or cannot use. */
export const reduce = factory(Reduce);
