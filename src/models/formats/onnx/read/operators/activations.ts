/** @file Functions of each element: activations, elementary functions, limits, and softmax. */
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
import { formatShape } from "../../../../../ir/shape.ts";
import { scalar } from "../../../../../ops/index.ts";
import type { Tensor } from "../../../../../ir/tensor.ts";
import type { Base } from "../builder.ts";
import { constantOf, isFloatType } from "../constant.ts";
import type { Signal } from "../signal.ts";
import type { Step } from "../step.ts";
import type { Operator, Operators } from "./operator.ts";

/** Applies a layer that takes each element by itself. */
function elementwise(step: Step, make: (base: Base) => AnyLayer): Signal {
  const x = step.signal(0);
  return { ...x, symbol: step.layer(make, x.symbol) };
}

function each(make: (step: Step) => (base: Base) => AnyLayer): Operator {
  return { build: (step) => step.give(elementwise(step, make(step))) };
}

function named(name: ActivationName): Operator {
  return each(() => (base) => activation({ activation: name, ...base }));
}

/** An elementary function, of constants too. */
function elementary(operation: UnaryOptions["operation"], of: (x: Tensor) => Tensor): Operator {
  return {
    ...each(() => (base) => unary({ operation, ...base })),
    async fold(step) {
      const constant = step.constant(0, "the operand");
      return constantOf(of(await constant.load(step.builder.dtype)), constant.type);
    },
  };
}

/** Whether a limit limits anything: writers use the largest float for none. */
function isLimit(limit: number | undefined): limit is number {
  return limit !== undefined && Math.abs(limit) < 3.4e38;
}

async function limits(step: Step): Promise<{ low: number | undefined; high: number | undefined }> {
  if (step.opset < 11) return { low: step.float("min", -3.5e38), high: step.float("max", 3.5e38) };
  return {
    low: step.has(1) ? await step.number(1, "min") : undefined,
    high: step.has(2) ? await step.number(2, "max") : undefined,
  };
}

async function clipped(step: Step): Promise<void> {
  const { low, high } = await limits(step);
  const minValue = isLimit(low) ? low : undefined;
  const maxValue = isLimit(high) ? high : undefined;
  step.give(
    elementwise(step, (base) =>
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

function hardSigmoid(step: Step): void {
  const [alpha, beta] = [step.float("alpha", 0.2), step.float("beta", 0.5)];
  if (Math.abs(alpha - 1 / 6) < 1e-6 && beta === 0.5)
    return step.give(
      elementwise(step, (base) => activation({ activation: "hardSigmoid", ...base })),
    );
  const x = step.signal(0);
  const { dtype } = step.builder;
  const scaled = step.helper(
    "scale",
    (base) => arithmetic({ operation: "multiply", trainable: false, ...base }),
    x.symbol,
    { operand: scalar(alpha, { dtype }) },
  );
  const shifted = step.helper(
    "shift",
    (base) => arithmetic({ operation: "add", trainable: false, ...base }),
    scaled,
    { operand: scalar(beta, { dtype }) },
  );
  const symbol = step.layer((base) => clip({ minValue: 0, maxValue: 1, ...base }), shifted);
  step.give({ ...x, symbol });
}

function selu(step: Step): void {
  const alpha = step.float("alpha", 1.67326319217681884765625);
  const gamma = step.float("gamma", 1.05070102214813232421875);
  if (Math.abs(alpha - 1.6732632423543772) < 1e-6 && Math.abs(gamma - 1.0507009873554805) < 1e-6)
    return step.give(elementwise(step, (base) => activation({ activation: "selu", ...base })));
  const x = step.signal(0);
  const bent = step.helper("elu", (base) => elu({ alpha, ...base }), x.symbol);
  const symbol = step.layer(
    (base) => arithmetic({ operation: "multiply", trainable: false, ...base }),
    bent,
    { operand: scalar(gamma, { dtype: step.builder.dtype }) },
  );
  step.give({ ...x, symbol });
}

async function parametric(step: Step): Promise<void> {
  const x = step.usual(step.signal(0));
  const { shape } = step.constant(1, "the slope");
  const view = [...x.shape.map(() => 1), ...shape].slice(-x.shape.length);
  if (
    shape.length > x.shape.length ||
    view[0] !== 1 ||
    !view.every((extent, axis) => extent === 1 || extent === x.shape[axis])
  )
    throw step.error(
      `a slope that broadcasts to ${formatShape(x.shape)}, the same for all samples`,
      formatShape(shape),
    );
  const alpha = await step.weights(1, "the slope", view, x.order);
  const sharedAxes = x.order.flatMap((axis, position) =>
    position > 0 && view[axis] === 1 && x.shape[axis] !== 1 ? [position] : [],
  );
  const symbol = step.layer((base) => prelu({ sharedAxes, ...base }), x.symbol, {
    alpha: alpha.reshape(alpha.shape.slice(1)),
  });
  step.give({ ...x, symbol });
}

function probabilities(make: typeof softmax | typeof logSoftmax): Operator {
  return {
    build(step) {
      const x = step.builder.unflattened(step.who, step.name, step.signal(0));
      const rank = x.shape.length;
      const first = step.axis(step.int("axis", step.opset < 13 ? 1 : -1), rank);
      if (first === 0) throw step.error("an axis of a sample", "axis 0, the batch");
      // Before opset 13 all axes from the first on count as one.
      const axes = step.opset < 13 ? x.shape.map((_, axis) => axis).slice(first) : [first];
      const axis = axes.map((one) => x.order.indexOf(one)).filter((position) => position > 0);
      const whole = axis.length > 0 ? x : step.usual(x);
      const symbol = step.layer(
        (base) =>
          make({
            axis: axis.length > 0 ? axis : axes.map((one) => whole.order.indexOf(one)),
            ...base,
          }),
        whole.symbol,
      );
      step.give({ ...whole, symbol });
    },
  };
}

async function dropped(step: Step): Promise<void> {
  step.requireOutputs(1);
  if (step.opset >= 12 && step.has(2) && (await step.number(2, "training_mode")) !== 0)
    throw step.error("training_mode false", "true", "Export the network for inference.");
  const rate =
    step.opset < 12 ? step.float("ratio", 0.5) : step.has(1) ? await step.number(1, "ratio") : 0.5;
  step.give(elementwise(step, (base) => dropout({ rate, ...base })));
}

function cast(step: Step): void {
  const x = step.input(0) as Signal;
  const to = step.elementType("to");
  if (!isFloatType(to)) throw step.error("a float type for what depends on the input", to);
  step.give({ ...x, type: to });
}

export const activations: Operators = {
  Relu: each(() => (base) => relu(base)),
  LeakyRelu: each((step) => {
    const negativeSlope = step.float("alpha", 0.01);
    return (base) => leakyRelu({ negativeSlope, ...base });
  }),
  PRelu: { note: "with a constant slope", build: parametric },
  ThresholdedRelu: each((step) => {
    const threshold = step.float("alpha", 1);
    return (base) => relu({ threshold, ...base });
  }),
  Elu: each((step) => {
    const alpha = step.float("alpha", 1);
    return (base) => elu({ alpha, ...base });
  }),
  Selu: { build: selu },
  Sigmoid: named("sigmoid"),
  HardSigmoid: { build: hardSigmoid },
  HardSwish: named("hardSilu"),
  Tanh: named("tanh"),
  Softplus: named("softplus"),
  Softsign: named("softsign"),
  Gelu: each((step) => {
    const how = step.text("approximate", ["none", "tanh"], "none");
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
    build: (step) => step.give(step.input(0)),
    fold: async (step) => step.constant(0, "the operand"),
  },
  Cast: {
    note: "between float types, or of constants",
    build: cast,
    async fold(step) {
      const constant = step.constant(0, "the operand");
      const to = step.elementType("to");
      const { dtype } = step.builder;
      const x = await constant.load(dtype);
      if (isFloatType(to)) return constantOf(x.cast(dtype), to);
      if (to === "bool") return constantOf(x.notEqual(0).cast("float64"), to);
      // Towards 0.
      const whole = x.abs().floor().mul(x.sign());
      return constantOf(whole.cast("float64"), to);
    },
  },
};
