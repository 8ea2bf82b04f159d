/** @file Arithmetic with a tensor of the layer's own: biases, factors and constants that networks in files have as nodes. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Shape, broadcastShapes, checkShape, formatShape, sameShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { childKey } from "../at-once.ts";
import { type Initializer, type InitializerName, initializerOf } from "../initializers.ts";
import { Layer, type LayerOptions, type Setting, checkOptions } from "../layer.ts";
import { checkFlag, requireDType, requireRank } from "./input.ts";

const operations = {
  add: (a: Tensor, b: Tensor): Tensor => a.add(b),
  subtract: (a: Tensor, b: Tensor): Tensor => a.sub(b),
  multiply: (a: Tensor, b: Tensor): Tensor => a.mul(b),
  divide: (a: Tensor, b: Tensor): Tensor => a.div(b),
  power: (a: Tensor, b: Tensor): Tensor => a.pow(b),
  maximum: (a: Tensor, b: Tensor): Tensor => a.maximum(b),
  minimum: (a: Tensor, b: Tensor): Tensor => a.minimum(b),
} as const;

/** Options of `arithmetic`. */
export interface ArithmeticOptions extends LayerOptions {
  readonly operation: keyof typeof operations;
  /** Shape of the layer's own tensor, which broadcasts to a sample: [] (one number) unless given. */
  readonly operandShape?: Shape;
  /** `ones` unless given. */
  readonly operandInitializer?: InitializerName | Initializer;
  /** Whether the layer's own tensor is the first operand, as in 1 - x: false unless given. */
  readonly operandFirst?: boolean;
}

/** x and a tensor of the layer's own as the operands of an operation, element by element. */
export class Arithmetic extends Layer {
  /** Of `operandShape`. */
  operand!: Tensor;
  readonly operation: keyof typeof operations;
  readonly operandShape: Shape;
  readonly operandInitializer: Initializer;
  readonly operandFirst: boolean;

  constructor(options: ArithmeticOptions) {
    checkOptions("arithmetic", options, [
      "operation",
      "operandShape",
      "operandInitializer",
      "operandFirst",
    ]);
    super(options);
    const { operation, operandShape = [], operandInitializer = "ones" } = options;
    if (!Object.hasOwn(operations, operation))
      throw new ArgumentError(
        complaint(
          `${this.label}: operation`,
          `one of ${Object.keys(operations).join(", ")}`,
          describe(operation),
        ),
      );
    checkShape(`${this.label}: operandShape`, operandShape);
    checkFlag(`${this.label}: operandFirst`, options.operandFirst);
    this.operation = operation;
    this.operandShape = [...operandShape];
    this.operandInitializer = initializerOf(
      `${this.label}: operandInitializer`,
      operandInitializer,
    );
    this.operandFirst = options.operandFirst ?? false;
    if (options.inputShape !== undefined) this.grow(options.inputShape);
  }

  get kind(): string {
    return "arithmetic";
  }

  protected make(inputShape: Shape, { key, dtype }: Setting): Shape {
    const { operandShape } = this;
    if (
      operandShape.length > inputShape.length ||
      !sameShape(broadcastShapes(this.label, inputShape, operandShape), inputShape)
    )
      throw new ShapeError(
        complaint(
          this.label,
          `samples to which ${formatShape(operandShape)} broadcasts`,
          formatShape(inputShape),
        ),
      );
    this.operand = this.operandInitializer(childKey(key, 0), operandShape, dtype);
    return inputShape;
  }

  /** x [batch, ...] -> the same shape. ShapeError and DTypeError name the layer. */
  forward(x: Tensor): Tensor {
    this.requireGrown();
    requireRank(this.label, x, this.inputShape!);
    requireDType(this.label, x, this.operand.dtype);
    const apply = operations[this.operation];
    return this.operandFirst ? apply(this.operand, x) : apply(x, this.operand);
  }
}

/**
 * Arithmetic with a tensor of the layer's own: `arithmetic({ operation: "multiply", operandShape: [64] })` is a factor for each
 * channel. Throws ArgumentError for options it does not know or cannot use, ShapeError for samples to which the tensor does
 * not broadcast.
 */
export function arithmetic(options: ArithmeticOptions): Arithmetic {
  return new Arithmetic(options);
}
