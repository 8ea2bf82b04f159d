/** @file Activations, which are several primitives here and one operator there. */
import type { Value } from "../../../../../ir/graph.ts";
import type { PrimName } from "../../../../../ir/prim.ts";
import { axisIn } from "../forms.ts";
import { broadcasting } from "../lower/elementwise.ts";
import { numberOf, unbroadcast } from "../statics.ts";
import type { Pattern, Sight, Step } from "../step.ts";
import type { Attributes } from "../emitter.ts";

/** A step of one operator. */
function operator(
  op: string,
  inputs: readonly Value[],
  value: Value,
  attributes?: Attributes,
): Step {
  return {
    inputs,
    lower: (to) => {
      broadcasting(to, op, inputs, value, attributes);
    },
  };
}
const one = (op: string, x: Value, value: Value, attributes?: Attributes): Step =>
  operator(op, [x], value, attributes);

/** The operand of a binary primitive whose other operand is this number. */
function besides(see: Sight, value: Value, prim: PrimName, number: number): Value | undefined {
  const [a, b] = see.node(value, prim)?.inputs ?? [];
  if (b !== undefined && numberOf(b) === number) return a;
  return a !== undefined && numberOf(a) === number ? b : undefined;
}

/** max(x, 0) */
const relu: Pattern = {
  name: "Relu",
  match: (value, see) => {
    const x = besides(see, value, "max", 0);
    return x && one("Relu", x, value);
  },
};

/** min(max(x, low), high), or a relu in place of the maximum. */
const clip: Pattern = {
  name: "Clip",
  match: (value, see) => {
    const [a, b] = see.node(value, "min")?.inputs ?? [];
    if (a === undefined || b === undefined || numberOf(b) === undefined) return undefined;
    const [c, d] = see.node(a, "max")?.inputs ?? [];
    if (c === undefined || d === undefined) return undefined;
    const [x, low] = numberOf(d) === undefined ? [d, c] : [c, d];
    if (numberOf(low) === undefined) return undefined;
    return operator("Clip", [x, low, b], value);
  },
};

/** exp(-|x|) as the sigmoid and the softplus have it, exp(x < 0 ? x : -x): its x. */
function decay(see: Sight, value: Value): Value | undefined {
  const inner = see.node(value, "exp")?.inputs[0];
  const choice = inner && see.node(inner, "select");
  if (choice === undefined) return undefined;
  const [condition, x, negated] = choice.inputs as [Value, Value, Value];
  return isBelowZero(see, condition, x) && see.node(negated, "neg")?.inputs[0] === x
    ? x
    : undefined;
}

function isBelowZero(see: Sight, condition: Value, x: Value): boolean {
  const [a, zero] = see.node(condition, "lt")?.inputs ?? [];
  return a === x && zero !== undefined && numberOf(zero) === 0;
}

/** (x < 0 ? z : 1) / (z + 1) with z = exp(-|x|) */
const sigmoid: Pattern = {
  name: "Sigmoid",
  match: (value, see) => {
    const [top, bottom] = see.node(value, "div")?.inputs ?? [];
    const z = bottom && besides(see, bottom, "add", 1);
    const x = z && decay(see, z);
    const choice = top && see.node(top, "select");
    if (x === undefined || choice === undefined) return undefined;
    const [condition, below, above] = choice.inputs as [Value, Value, Value];
    const fits = isBelowZero(see, condition, x) && below === z && numberOf(above) === 1;
    return fits ? one("Sigmoid", x, value) : undefined;
  },
};

/** (x < 0 ? 0 : x) + log1p(exp(-|x|)) */
const softplus: Pattern = {
  name: "Softplus",
  single: true,
  match: (value, see) => {
    const [top, rest] = see.node(value, "add")?.inputs ?? [];
    const z = rest && see.node(rest, "log1p")?.inputs[0];
    const x = z && decay(see, z);
    const choice = top && see.node(top, "select");
    if (x === undefined || choice === undefined) return undefined;
    const [condition, below, above] = choice.inputs as [Value, Value, Value];
    const fits = isBelowZero(see, condition, x) && numberOf(below) === 0 && above === x;
    return fits ? one("Softplus", x, value) : undefined;
  },
};

/** x > 0 ? x : the rest, for what is done to x elsewhere. */
function positiveOr(see: Sight, value: Value): { x: Value; rest: Value } | undefined {
  const choice = see.node(value, "select");
  if (choice === undefined) return undefined;
  const [condition, x, rest] = choice.inputs as [Value, Value, Value];
  const [a, zero] = see.node(condition, "gt")?.inputs ?? [];
  return a === x && zero !== undefined && numberOf(zero) === 0 ? { x, rest } : undefined;
}

/** x > 0 ? x : slope x, with a number or with a parameter. */
const leakyRelu: Pattern = {
  name: "LeakyRelu, PRelu",
  single: true,
  match: (value, see) => {
    const { x, rest } = positiveOr(see, value) ?? {};
    const [a, slope] = (rest && see.node(rest, "mul")?.inputs) ?? [];
    if (x === undefined || a !== x || slope === undefined) return undefined;
    const alpha = numberOf(slope);
    if (alpha !== undefined) return one("LeakyRelu", x, value, { alpha: { real: alpha } });
    return see.isConstant(unbroadcast(slope)) ? operator("PRelu", [x, slope], value) : undefined;
  },
};

/** x > 0 ? x : alpha (exp(min(x, 0)) - 1) */
const elu: Pattern = {
  name: "Elu",
  single: true,
  match: (value, see) => {
    const { x, rest } = positiveOr(see, value) ?? {};
    if (x === undefined || rest === undefined) return undefined;
    const [scaled, factor] = see.node(rest, "mul")?.inputs ?? [rest, undefined];
    const alpha = factor === undefined ? 1 : numberOf(factor);
    const least = scaled && see.node(scaled, "expm1")?.inputs[0];
    if (alpha === undefined || least === undefined || besides(see, least, "min", 0) !== x)
      return undefined;
    return one("Elu", x, value, { alpha: { real: alpha } });
  },
};

/** The axis of e / sum(e), if that is what is divided. */
function summedAxis(see: Sight, total: Value, e: Value): number | undefined {
  let from = unbroadcast(total);
  from = see.node(from, "reshape")?.inputs[0] ?? from;
  const sum = see.node(from, "reduceSum");
  return sum?.inputs[0] === e && sum.params.axes.length === 1 ? sum.params.axes[0] : undefined;
}

/** The x of x - s, where s does not vary along an axis: what softmax subtracts, which it does not depend on. */
function shifted(see: Sight, value: Value, axis: number): Value | undefined {
  const [x, shift] = see.node(value, "sub")?.inputs ?? [];
  if (x === undefined || shift === undefined) return undefined;
  const { shape } = unbroadcast(shift);
  return shape.length === x.shape.length && shape[axis] === 1 ? x : undefined;
}

/** exp(x - s) / sum(exp(x - s)) */
const softmax: Pattern = {
  name: "Softmax",
  match: (value, see) => {
    const [e, total] = see.node(value, "div")?.inputs ?? [];
    const axis = e && total && summedAxis(see, total, e);
    const power = e && see.node(e, "exp")?.inputs[0];
    if (axis === undefined || power === undefined) return undefined;
    const x = shifted(see, power, axis);
    return x && alongAxis("Softmax", x, value, axis);
  },
};

/** x - s - log(sum(exp(x - s))) */
const logSoftmax: Pattern = {
  name: "LogSoftmax",
  match: (value, see) => {
    const [y, total] = see.node(value, "sub")?.inputs ?? [];
    if (y === undefined || total === undefined) return undefined;
    const logarithm = see.node(unbroadcast(total), "log")?.inputs[0];
    const from = logarithm && (see.node(logarithm, "reshape")?.inputs[0] ?? logarithm);
    const e = from && see.node(from, "reduceSum")?.inputs[0];
    const axis = e && logarithm && summedAxis(see, logarithm, e);
    if (axis === undefined || see.node(e!, "exp")?.inputs[0] !== y) return undefined;
    const x = shifted(see, y, axis);
    return x && alongAxis("LogSoftmax", x, value, axis);
  },
};

function alongAxis(op: string, x: Value, value: Value, axis: number): Step {
  return {
    inputs: [x],
    lower: (to) => {
      const layout = to.commonLayout([x]);
      const attributes = { axis: axisIn(layout, axis) };
      to.emit(op, [to.exact(x, layout)], to.dims(value, layout), layout, attributes, value);
    },
  };
}

/** Patterns of activations. */
export const activationPatterns: readonly Pattern[] = [
  clip,
  relu,
  sigmoid,
  softplus,
  leakyRelu,
  elu,
  softmax,
  logSoftmax,
];
