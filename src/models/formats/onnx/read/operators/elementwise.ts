/**
 * @file Functions of each element, softmax, and arithmetic with broadcasting: between values, between constants, and between both.
 */
import * as nn from "../../../../../nn/index.ts";
import {
  type AnyLayer,
  type ActivationName,
  activation,
  arithmetic,
  clip,
  dropout,
  elu,
  leakyRelu,
  logSoftmax,
  prelu,
  relu,
  softmax,
  unary,
  type UnaryOptions,
} from "../../../../../nn/index.ts";
import {
  formatShape,
  type Shape,
  broadcastShapes,
  sameShape,
  sizeOf,
} from "../../../../../ir/shape.ts";
import { scalar } from "../../../../../ops/index.ts";
import { Tensor } from "../../../../../ir/tensor.ts";
import { type Base, type Signal, longAxes, sameFlattened, usualOrder } from "../builder.ts";
import { constantOf, isFloatType, mostElements, type Constant } from "../constant.ts";
import { type NodeReader, isSignal } from "../node.ts";
import type { Operator, Operators } from "./operator.ts";
import { ShapeError } from "../../../../../base/errors.ts";

/** Applies a layer that computes each element from the same element of its input. */
function elementwise(node: NodeReader, make: (base: Base) => AnyLayer): Signal {
  const x = node.signal(0);
  return { ...x, symbol: node.layer(make, x.symbol) };
}

function each(make: (node: NodeReader) => (base: Base) => AnyLayer): Operator {
  return { build: (node) => node.give(elementwise(node, make(node))) };
}

function named(name: ActivationName): Operator {
  return each(() => (base) => activation({ activation: name, ...base }));
}

/** An elementary function, of constants too. */
function elementary(operation: UnaryOptions["operation"], of: (x: Tensor) => Tensor): Operator {
  return {
    ...each(() => (base) => unary({ operation, ...base })),
    async fold(node) {
      const constant = node.constant(0, "the operand");
      return constantOf(of(await constant.load(node.builder.dtype)), constant.type);
    },
  };
}

/** Whether a limit limits anything: writers use the largest float for none. */
function isLimit(limit: number | undefined): limit is number {
  return limit !== undefined && Math.abs(limit) < 3.4e38;
}

async function limits(
  node: NodeReader,
): Promise<{ low: number | undefined; high: number | undefined }> {
  if (node.opset < 11) return { low: node.float("min", -3.5e38), high: node.float("max", 3.5e38) };
  return {
    low: node.has(1) ? await node.number(1, "min") : undefined,
    high: node.has(2) ? await node.number(2, "max") : undefined,
  };
}

async function clipped(node: NodeReader): Promise<void> {
  const { low, high } = await limits(node);
  const minValue = isLimit(low) ? low : undefined;
  const maxValue = isLimit(high) ? high : undefined;
  node.give(
    elementwise(node, (base) =>
      minValue === 0 && (maxValue === undefined || maxValue >= 0)
        ? relu({ ...(maxValue !== undefined && { maxValue }), ...base })
        : clip({
            ...(minValue !== undefined && { minValue }),
            ...(maxValue !== undefined && { maxValue }),
            ...base,
          }),
    ),
  );
}

function hardSigmoid(node: NodeReader): void {
  const [alpha, beta] = [node.float("alpha", 0.2), node.float("beta", 0.5)];
  if (Math.abs(alpha - 1 / 6) < 1e-6 && beta === 0.5)
    return node.give(
      elementwise(node, (base) => activation({ activation: "hardSigmoid", ...base })),
    );
  const x = node.signal(0);
  const { dtype } = node.builder;
  const scaled = node.helper(
    "scale",
    (base) => arithmetic({ operation: "multiply", trainable: false, ...base }),
    x.symbol,
    { operand: scalar(alpha, { dtype }) },
  );
  const shifted = node.helper(
    "shift",
    (base) => arithmetic({ operation: "add", trainable: false, ...base }),
    scaled,
    { operand: scalar(beta, { dtype }) },
  );
  const symbol = node.layer((base) => clip({ minValue: 0, maxValue: 1, ...base }), shifted);
  node.give({ ...x, symbol });
}

function selu(node: NodeReader): void {
  const alpha = node.float("alpha", 1.67326319217681884765625);
  const gamma = node.float("gamma", 1.05070102214813232421875);
  if (Math.abs(alpha - 1.6732632423543772) < 1e-6 && Math.abs(gamma - 1.0507009873554805) < 1e-6)
    return node.give(elementwise(node, (base) => activation({ activation: "selu", ...base })));
  const x = node.signal(0);
  const bent = node.helper("elu", (base) => elu({ alpha, ...base }), x.symbol);
  const symbol = node.layer(
    (base) => arithmetic({ operation: "multiply", trainable: false, ...base }),
    bent,
    { operand: scalar(gamma, { dtype: node.builder.dtype }) },
  );
  node.give({ ...x, symbol });
}

async function parametric(node: NodeReader): Promise<void> {
  const x = node.usual(node.signal(0));
  const { shape } = node.constant(1, "the slope");
  const view = [...x.shape.map(() => 1), ...shape].slice(-x.shape.length);
  if (
    shape.length > x.shape.length ||
    view[0] !== 1 ||
    !view.every((extent, axis) => extent === 1 || extent === x.shape[axis])
  )
    throw node.error(
      `a slope that broadcasts to ${formatShape(x.shape)}, the same for all samples`,
      formatShape(shape),
    );
  const alpha = await node.weights(1, "the slope", view, x.order);
  const sharedAxes = x.order.flatMap((axis, position) =>
    position > 0 && view[axis] === 1 && x.shape[axis] !== 1 ? [position] : [],
  );
  const symbol = node.layer((base) => prelu({ sharedAxes, ...base }), x.symbol, {
    alpha: alpha.reshape(alpha.shape.slice(1)),
  });
  node.give({ ...x, symbol });
}

function probabilities(make: typeof softmax | typeof logSoftmax): Operator {
  return {
    build(node) {
      const x = node.builder.unflattened(node.who, node.name, node.signal(0));
      const rank = x.shape.length;
      const first = node.axis(node.int("axis", node.opset < 13 ? 1 : -1), rank);
      if (first === 0) throw node.error("an axis of a sample", "axis 0, the batch");
      // Before opset 13 all axes from the first on count as one.
      const axes = node.opset < 13 ? x.shape.map((_, axis) => axis).slice(first) : [first];
      const axis = axes.map((one) => x.order.indexOf(one)).filter((position) => position > 0);
      const whole = axis.length > 0 ? x : node.usual(x);
      const symbol = node.layer(
        (base) =>
          make({
            axis: axis.length > 0 ? axis : axes.map((one) => whole.order.indexOf(one)),
            ...base,
          }),
        whole.symbol,
      );
      node.give({ ...whole, symbol });
    },
  };
}

async function dropped(node: NodeReader): Promise<void> {
  node.requireOutputs(1);
  if (node.opset >= 12 && node.has(2) && (await node.number(2, "training_mode")) !== 0)
    throw node.error("training_mode false", "true", "Export the network for inference.");
  const rate =
    node.opset < 12 ? node.float("ratio", 0.5) : node.has(1) ? await node.number(1, "ratio") : 0.5;
  node.give(elementwise(node, (base) => dropout({ rate, ...base })));
}

function cast(node: NodeReader): void {
  const x = node.input(0) as Signal;
  const to = node.elementType("to");
  if (!isFloatType(to)) throw node.error("a float type for what depends on the input", to);
  node.give({ ...x, type: to });
}

export const activations: Operators = {
  Relu: each(() => (base) => relu(base)),
  LeakyRelu: each((node) => {
    const negativeSlope = node.float("alpha", 0.01);
    return (base) => leakyRelu({ negativeSlope, ...base });
  }),
  PRelu: { note: "with a constant slope", build: parametric },
  ThresholdedRelu: each((node) => {
    const threshold = node.float("alpha", 1);
    return (base) => relu({ threshold, ...base });
  }),
  Elu: each((node) => {
    const alpha = node.float("alpha", 1);
    return (base) => elu({ alpha, ...base });
  }),
  Selu: { build: selu },
  Sigmoid: named("sigmoid"),
  HardSigmoid: { build: hardSigmoid },
  HardSwish: named("hardSilu"),
  Tanh: named("tanh"),
  Softplus: named("softplus"),
  Softsign: named("softsign"),
  Gelu: each((node) => {
    const how = node.text("approximate", ["none", "tanh"], "none");
    return (base) => activation({ activation: how === "none" ? "gelu" : "geluTanh", ...base });
  }),
  Mish: named("mish"),
  Erf: elementary("erf", (x) => x.erf()),
  Exp: elementary("exp", (x) => x.exp()),
  Log: elementary("log", (x) => x.log()),
  Sqrt: elementary("sqrt", (x) => x.sqrt()),
  Abs: elementary("abs", (x) => x.abs()),
  Neg: elementary("negate", (x) => x.neg()),
  Reciprocal: elementary("reciprocal", (x) => x.reciprocal()),
  Clip: { note: "with constant limits", build: clipped },
  Softmax: probabilities(softmax),
  LogSoftmax: probabilities(logSoftmax),
  Dropout: { note: "for inference, without the mask", build: dropped },
  Identity: {
    build: (node) => node.give(node.input(0)),
    fold: async (node) => node.constant(0, "the operand"),
  },
  Cast: {
    note: "between float types, or of constants",
    build: cast,
    async fold(node) {
      const constant = node.constant(0, "the operand");
      const to = node.elementType("to");
      const { dtype } = node.builder;
      const x = await constant.load(dtype);
      if (isFloatType(to)) return constantOf(x.cast(dtype), to);
      if (to === "bool") return constantOf(x.notEqual(0).cast("float64"), to);
      // Towards 0.
      const whole = x.abs().floor().mul(x.sign());
      return constantOf(whole.cast("float64"), to);
    },
  },
};

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

/** The common shape. Throws FormatError naming the node if there is none, or if it is absurdly large. */
function broadcast(node: NodeReader, ...shapes: Shape[]): Shape {
  let common: Shape;
  try {
    common = broadcastShapes(node.who, ...shapes);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw node.error(
      "shapes that broadcast (equal extents, or 1, from the right)",
      shapes.map(formatShape).join(" and "),
    );
  }
  if (sizeOf(common) > mostElements)
    throw node.error(`at most ${mostElements} elements`, formatShape(common));
  return common;
}

/** Values in layouts that broadcast as layers do: from the last axis. */
function aligned(node: NodeReader, given: readonly Signal[]): readonly Signal[] {
  const rank = Math.max(...given.map(({ shape }) => shape.length));
  const odd = given.find(({ shape }) => shape.length !== rank);
  if (odd !== undefined)
    throw node.error(
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
    node.builder.arranged(node.who, node.name, signal, usualOrder(rank)),
  );
}

/** Several values as one. */
function merged(
  node: NodeReader,
  given: readonly Signal[],
  merge: (base: object) => nn.AnyLayer,
): void {
  const types = new Set(given.map(({ type }) => type));
  if (types.size > 1) throw node.error("operands of one type", [...types].join(" and "));
  const shape = broadcast(node, ...given.map((signal) => signal.shape));
  const values = aligned(node, given);
  const longest = values.reduce((a, b) => (b.order.length > a.order.length ? b : a));
  const symbol = node.layer(
    merge,
    values.map((value) => value.symbol),
  );
  node.give({ ...longest, symbol, shape });
}

/** A value and a constant. */
async function withConstant(
  node: NodeReader,
  given: Signal,
  constant: Constant,
  operation: Operation,
  operandFirst: boolean,
  helper?: string,
): Promise<Signal> {
  if (constant.type !== given.type)
    throw node.error(`a constant of type ${given.type}, as the other operand`, constant.type);
  const shape = broadcast(node, given.shape, constant.shape);
  const rank = given.shape.length;
  const view = [...given.shape.map(() => 1), ...constant.shape].slice(-rank);
  if (!sameShape(shape, given.shape) || constant.shape.length > rank || view[0] !== 1)
    throw node.error(
      `a constant that broadcasts to ${formatShape(given.shape)}, the same for all samples`,
      formatShape(constant.shape),
    );
  const isOne = sizeOf(view) === 1;
  const signal = isOne || rank === 2 ? given : node.builder.unflattened(node.who, node.name, given);
  const { flattened } = signal;
  const operand = isOne
    ? await node.elements(constant, "the operand", [])
    : flattened !== undefined
      ? await node.elements(constant, "the operand", flattened.view, flattened.order)
      : await node.elements(constant, "the operand", ...arrangedView(view, signal.order));
  const extents = flattened !== undefined && !isOne ? [sizeOf(view)] : operand.shape;
  const first = extents.findIndex((extent) => extent !== 1);
  const operandShape = first < 0 ? [] : extents.slice(first);
  const make = (base: object): nn.AnyLayer =>
    // A number that is the same everywhere belongs to a formula, a tensor may be learnt.
    nn.arithmetic({ operation, operandShape, operandFirst, trainable: !isOne, ...base });
  const parameters = { operand: operand.reshape(operandShape) };
  const symbol =
    helper === undefined
      ? node.layer(make, signal.symbol, parameters)
      : node.helper(helper, make, signal.symbol, parameters);
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
    async build(node) {
      const [a, b] = [node.input(0), node.input(1)];
      if (isSignal(a) && isSignal(b)) {
        const { merge } = forms[operation];
        if (merge === undefined)
          throw node.error("a constant exponent", "one that depends on the input");
        return merged(node, [node.signal(0), node.signal(1)], merge);
      }
      const [signal, constant] = isSignal(a) ? [node.signal(0), b] : [node.signal(1), a];
      node.give(await withConstant(node, signal, constant as Constant, operation, !isSignal(a)));
    },
    async fold(node) {
      const [a, b] = [node.constant(0, "an operand"), node.constant(1, "an operand")];
      if (a.type !== b.type && operation !== "power")
        throw node.error("operands of one type", `${a.type} and ${b.type}`);
      broadcast(node, a.shape, b.shape);
      const { dtype } = node.builder;
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
    async build(node) {
      const signals = node.proto.inputs.flatMap((_, index) =>
        isSignal(node.input(index)) ? [node.signal(index)] : [],
      );
      const constants = node.inputs().filter((value) => !isSignal(value)) as Constant[];
      if (constants.length === 0)
        return signals.length === 1 ? node.give(signals[0]!) : merged(node, signals, merge);
      if (operation === "average" || signals.length > 1)
        throw node.error(
          "values that all depend on the input, or one and constants",
          `${signals.length} values and ${constants.length} constants`,
        );
      let [signal] = signals as [Signal];
      for (const [index, constant] of constants.entries())
        signal = await withConstant(
          node,
          signal,
          constant,
          operation,
          false,
          index < constants.length - 1 ? `operand${index}` : undefined,
        );
      node.give(signal);
    },
    ...(operation !== "average" && {
      fold: async (node: NodeReader) => {
        const first = node.constant(0, "an operand");
        const others = (node.inputs() as Constant[]).slice(1);
        broadcast(node, ...node.inputs().map(({ shape }) => shape));
        const { dtype } = node.builder;
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
