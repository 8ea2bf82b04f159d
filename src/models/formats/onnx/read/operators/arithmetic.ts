/** @file Arithmetic with broadcasting, between values, between constants, and between both. */
import * as nn from "../../../../../nn/index.ts";
import { ShapeError } from "../../../../../base/errors.ts";
import {
  type Shape,
  broadcastShapes,
  formatShape,
  sameShape,
  sizeOf,
} from "../../../../../ir/shape.ts";
import { Tensor } from "../../../../../ir/tensor.ts";
import { mostElements, type Constant, constantOf, isFloatType } from "../constant.ts";
import { type Signal, longAxes, sameFlattened, usualOrder } from "../signal.ts";
import { type Step, isSignal } from "../step.ts";
import type { Operator, Operators } from "./operator.ts";

type Operation = nn.ArithmeticOptions["operation"];

/** How each operation is done between values, and between constants. */
const forms: Readonly<
  Record<
    Operation,
    {
      readonly merge?: (base: object) => nn.AnyLayer;
      readonly fold: (a: Tensor, b: Tensor) => Tensor;
    }
  >
> = {
  add: { merge: (base) => nn.add(base), fold: (a, b) => a.add(b) },
  subtract: { merge: (base) => nn.subtract(base), fold: (a, b) => a.sub(b) },
  multiply: { merge: (base) => nn.multiply(base), fold: (a, b) => a.mul(b) },
  divide: { merge: (base) => nn.divide(base), fold: (a, b) => a.div(b) },
  maximum: { merge: (base) => nn.maximum(base), fold: (a, b) => a.maximum(b) },
  minimum: { merge: (base) => nn.minimum(base), fold: (a, b) => a.minimum(b) },
  power: { fold: (a, b) => a.pow(b) },
};

/** The common shape; FormatError naming the node where there is none, or one that is absurd. */
function broadcast(step: Step, ...shapes: Shape[]): Shape {
  let common: Shape;
  try {
    common = broadcastShapes(step.who, ...shapes);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw step.error(
      "shapes that broadcast (equal extents, or 1, from the right)",
      shapes.map(formatShape).join(" and "),
    );
  }
  if (sizeOf(common) > mostElements)
    throw step.error(`at most ${mostElements} elements`, formatShape(common));
  return common;
}

/** Values in layouts that broadcast as layers do: from the last axis. */
function aligned(step: Step, given: readonly Signal[]): readonly Signal[] {
  const rank = Math.max(...given.map(({ shape }) => shape.length));
  const odd = given.find(({ shape }) => shape.length !== rank);
  if (odd !== undefined)
    throw step.error(
      `values of one rank, ${rank}`,
      formatShape(odd.shape),
      "Axis 0 is the batch of both.",
    );
  const [first] = given as [Signal];
  if (given.every((other) => sameFlattened(first, other))) {
    const longest = given.reduce((a, b) => (b.order.length > a.order.length ? b : a)).order;
    const fits = ({ order, shape }: Signal): boolean =>
      sameShape(order.slice(1), longest.slice(longest.length - order.length + 1)) &&
      longest.every((axis) => order.includes(axis) || shape[axis] === 1);
    const covers = given.every(({ shape }) =>
      longAxes(
        shape.map((_, axis) => axis),
        shape,
      ).every((axis) => longest.includes(axis)),
    );
    if (covers && given.every(fits)) return given;
  }
  return given.map((signal) =>
    step.builder.arranged(step.who, step.name, signal, usualOrder(rank)),
  );
}

/** Several values as one. */
function merged(step: Step, given: readonly Signal[], merge: (base: object) => nn.AnyLayer): void {
  const types = new Set(given.map(({ type }) => type));
  if (types.size > 1) throw step.error("operands of one type", [...types].join(" and "));
  const shape = broadcast(step, ...given.map((signal) => signal.shape));
  const values = aligned(step, given);
  const longest = values.reduce((a, b) => (b.order.length > a.order.length ? b : a));
  const symbol = step.layer(
    merge,
    values.map((value) => value.symbol),
  );
  step.give({ ...longest, symbol, shape });
}

/** A value and a constant. */
async function withConstant(
  step: Step,
  given: Signal,
  constant: Constant,
  operation: Operation,
  operandFirst: boolean,
  helper?: string,
): Promise<Signal> {
  if (constant.type !== given.type)
    throw step.error(`a constant of type ${given.type}, as the other operand`, constant.type);
  const shape = broadcast(step, given.shape, constant.shape);
  const rank = given.shape.length;
  const view = [...given.shape.map(() => 1), ...constant.shape].slice(-rank);
  if (!sameShape(shape, given.shape) || constant.shape.length > rank || view[0] !== 1)
    throw step.error(
      `a constant that broadcasts to ${formatShape(given.shape)}, the same for all samples`,
      formatShape(constant.shape),
    );
  const isOne = sizeOf(view) === 1;
  const signal = isOne || rank === 2 ? given : step.builder.unflattened(step.who, step.name, given);
  const { flattened } = signal;
  const operand = isOne
    ? await step.elements(constant, "the operand", [])
    : flattened !== undefined
      ? await step.elements(constant, "the operand", flattened.view, flattened.order)
      : await step.elements(constant, "the operand", ...arrangedView(view, signal.order));
  const extents = flattened !== undefined && !isOne ? [sizeOf(view)] : operand.shape;
  const first = extents.findIndex((extent) => extent !== 1);
  const operandShape = first < 0 ? [] : extents.slice(first);
  const make = (base: object): nn.AnyLayer =>
    // A number that is the same everywhere belongs to a formula, a tensor may be learnt.
    nn.arithmetic({ operation, operandShape, operandFirst, trainable: !isOne, ...base });
  const parameters = { operand: operand.reshape(operandShape) };
  const symbol =
    helper === undefined
      ? step.layer(make, signal.symbol, parameters)
      : step.helper(helper, make, signal.symbol, parameters);
  return { ...signal, symbol };
}

/** View and order of a constant beside a value, without the batch: axes that the value does not have have extent 1. */
function arrangedView(view: Shape, order: readonly number[]): [Shape, readonly number[]] {
  const kept = view.map((_, axis) => axis).filter((axis) => order.includes(axis) && axis > 0);
  return [kept.map((axis) => view[axis]!), order.slice(1).map((axis) => kept.indexOf(axis))];
}

function binary(operation: Operation): Operator {
  return {
    ...(operation === "power" && { note: "with a constant exponent" }),
    async build(step) {
      const [a, b] = [step.input(0), step.input(1)];
      if (isSignal(a) && isSignal(b)) {
        const { merge } = forms[operation];
        if (merge === undefined)
          throw step.error("a constant exponent", "one that depends on the input");
        return merged(step, [step.signal(0), step.signal(1)], merge);
      }
      const [signal, constant] = isSignal(a) ? [step.signal(0), b] : [step.signal(1), a];
      step.give(await withConstant(step, signal, constant as Constant, operation, !isSignal(a)));
    },
    async fold(step) {
      const [a, b] = [step.constant(0, "an operand"), step.constant(1, "an operand")];
      if (a.type !== b.type && operation !== "power")
        throw step.error("operands of one type", `${a.type} and ${b.type}`);
      broadcast(step, a.shape, b.shape);
      const { dtype } = step.builder;
      const [x, y] = [await a.load(dtype), await b.load(dtype)];
      const result = forms[operation].fold(x, y.cast(x.dtype));
      const isWhole = isFloatType(a.type) || operation !== "divide";
      return constantOf(isWhole ? result : result.abs().floor().mul(result.sign()), a.type);
    },
  };
}

/** Any number of operands. */
function variadic(operation: Operation | "average"): Operator {
  const merge =
    operation === "average" ? (base: object) => nn.average(base) : forms[operation].merge!;
  return {
    async build(step) {
      const signals = step.proto.inputs.flatMap((_, index) =>
        isSignal(step.input(index)) ? [step.signal(index)] : [],
      );
      const constants = step.inputs().filter((value) => !isSignal(value)) as Constant[];
      if (constants.length === 0)
        return signals.length === 1 ? step.give(signals[0]!) : merged(step, signals, merge);
      if (operation === "average" || signals.length > 1)
        throw step.error(
          "values that all depend on the input, or one and constants",
          `${signals.length} values and ${constants.length} constants`,
        );
      let [signal] = signals as [Signal];
      for (const [index, constant] of constants.entries())
        signal = await withConstant(
          step,
          signal,
          constant,
          operation,
          false,
          index < constants.length - 1 ? `operand${index}` : undefined,
        );
      step.give(signal);
    },
    ...(operation !== "average" && {
      fold: async (step: Step) => {
        const first = step.constant(0, "an operand");
        const others = (step.inputs() as Constant[]).slice(1);
        broadcast(step, ...step.inputs().map(({ shape }) => shape));
        const { dtype } = step.builder;
        let sum = await first.load(dtype);
        for (const other of others)
          sum = forms[operation].fold(sum, (await other.load(dtype)).cast(sum.dtype));
        return constantOf(sum, first.type);
      },
    }),
  };
}

export const arithmetics: Operators = {
  Add: binary("add"),
  Sub: binary("subtract"),
  Mul: binary("multiply"),
  Div: binary("divide"),
  Pow: binary("power"),
  Sum: variadic("add"),
  Mean: variadic("average"),
  Max: variadic("maximum"),
  Min: variadic("minimum"),
};
