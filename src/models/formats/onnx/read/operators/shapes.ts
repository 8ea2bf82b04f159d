/** @file Shapes and constants. Few of these operators move anything. */
import { type Shape, formatShape, sameShape, sizeOf } from "../../../../../ir/shape.ts";
import { checkExtents, type Signal, sampleSize } from "../builder.ts";
import { constantOf, type Constant, mostElements } from "../constant.ts";
import type { Step } from "../step.ts";
import type { Operators } from "./operator.ts";
import type { Tensor } from "../../../../../ir/tensor.ts";
import { full, tensor } from "../../../../../ops/index.ts";

/** The shape that Reshape's second operand stands for. */
function targetOf(step: Step, from: Shape, target: readonly number[]): number[] {
  const copies = !step.flag("allowzero", false);
  const shape = target.map((extent, axis) => (extent === 0 && copies ? (from[axis] ?? 0) : extent));
  const open = shape.indexOf(-1);
  if (open >= 0) {
    const rest = sizeOf(shape.filter((_, axis) => axis !== open));
    shape[open] = rest === 0 ? 0 : sizeOf(from) / rest;
  }
  if (
    !shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0) ||
    sizeOf(shape) !== sizeOf(from)
  )
    throw step.error(
      `a shape of ${sizeOf(from)} elements, as the input's ${formatShape(from)}`,
      formatShape(target),
    );
  return shape;
}

/** Gives the input in another shape. Throws where samples would be mixed. */
function reshaped(step: Step, signal: Signal, shape: Shape): void {
  if (shape[0] !== signal.shape[0] || sampleSize(shape) !== sampleSize(signal.shape))
    throw step.error(
      `a shape that keeps the batch as its first axis, ${formatShape([signal.shape[0]!])} and ${sampleSize(signal.shape)} elements`,
      formatShape(shape),
      "Samples must not depend on one another.",
    );
  step.give(step.builder.reshape(step.who, step.name, signal, shape));
}

async function axesOf(step: Step): Promise<readonly number[] | undefined> {
  if (step.opset < 13) return step.ints("axes");
  return step.has(1) ? step.numbers(1, "axes") : undefined;
}

function distinct(step: Step, axes: readonly number[], rank: number): readonly number[] {
  const found = axes.map((axis) => step.axis(axis, rank));
  if (new Set(found).size < found.length) throw step.error("axes, each once", formatShape(axes));
  return found;
}

async function squeezedShape(step: Step, shape: Shape): Promise<number[]> {
  const given = await axesOf(step);
  const axes = given
    ? distinct(step, given, shape.length)
    : shape.flatMap((extent, axis) => (extent === 1 && axis > 0 ? [axis] : []));
  const bad = axes.find((axis) => shape[axis] !== 1);
  if (bad !== undefined) throw step.error(`extent 1 on axis ${bad}`, formatShape(shape));
  return shape.filter((_, axis) => !axes.includes(axis));
}

async function unsqueezedShape(step: Step, shape: Shape): Promise<number[]> {
  const given = await axesOf(step);
  if (given === undefined || given.length > 16) throw step.error("axes", "none, or too many");
  const rank = shape.length + given.length;
  const axes = distinct(step, given, rank);
  const rest = shape.values();
  return Array.from({ length: rank }, (_, axis) =>
    axes.includes(axis) ? 1 : (rest.next().value as number),
  );
}

/** Reads the shape of a constant or value as `shapeOf` has it. */
function toShape(shapeOf: (step: Step, shape: Shape) => Promise<number[]>) {
  return {
    async build(step: Step): Promise<void> {
      const signal = step.signal(0);
      reshaped(step, signal, await shapeOf(step, signal.shape));
    },
    async fold(step: Step) {
      const constant = step.constant(0, "the operand");
      const shape = await shapeOf(step, constant.shape);
      return constantOf(await constant.load(step.builder.dtype, shape), constant.type);
    },
  };
}

async function reshapeTarget(step: Step, shape: Shape): Promise<number[]> {
  return targetOf(step, shape, await step.numbers(1, "the shape"));
}

async function flatShape(step: Step, shape: Shape): Promise<number[]> {
  const given = step.int("axis", 1);
  const axis = given === shape.length ? given : step.axis(given, shape.length);
  return [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis))];
}

function orderOf(step: Step, rank: number): readonly number[] {
  const order = step.ints("perm") ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  if (
    !sameShape(
      order.toSorted((a, b) => a - b),
      Array.from({ length: rank }, (_, axis) => axis),
    )
  )
    throw step.error(`perm: the axes 0 to ${rank - 1}, each once`, formatShape(order));
  return order;
}

function transposed(step: Step): void {
  const signal = step.builder.unflattened(step.who, step.name, step.signal(0));
  const order = orderOf(step, signal.shape.length);
  if (order[0] !== 0)
    throw step.error(
      "axis 0, the batch, to stay the first",
      formatShape(order),
      "Samples must not depend on one another.",
    );
  step.give({
    ...signal,
    shape: order.map((axis) => signal.shape[axis]!),
    order: signal.order.map((axis) => order.indexOf(axis)),
  });
}

async function expandedShape(step: Step, shape: Shape): Promise<number[]> {
  const target = await step.numbers(1, "the shape");
  const rank = Math.max(target.length, shape.length);
  const at = (of: readonly number[], axis: number): number => of[of.length - rank + axis] ?? 1;
  return Array.from({ length: rank }, (_, axis) => {
    const [have, want] = [at(shape, axis), at(target, axis)];
    if (have !== want && have !== 1 && want !== 1)
      throw step.error(`a shape to which ${formatShape(shape)} broadcasts`, formatShape(target));
    return Math.max(have, want);
  });
}

export const shapings: Operators = {
  Reshape: { note: "with a constant shape that keeps the batch first", ...toShape(reshapeTarget) },
  Flatten: { note: "that keeps the batch", ...toShape(flatShape) },
  Squeeze: { note: "with constant axes", ...toShape(squeezedShape) },
  Unsqueeze: { note: "with constant axes", ...toShape(unsqueezedShape) },
  Transpose: {
    note: "that keeps the batch first",
    build: transposed,
    async fold(step) {
      const constant = step.constant(0, "the operand");
      const order = orderOf(step, constant.shape.length);
      return constantOf(
        await constant.load(step.builder.dtype, constant.shape, order),
        constant.type,
      );
    },
  },
  Expand: {
    note: "of constants, or to the shape that is there",
    async build(step) {
      const signal = step.signal(0);
      const shape = await expandedShape(step, signal.shape);
      if (!sameShape(shape, signal.shape))
        throw step.error(
          `the shape of its input, ${formatShape(signal.shape)}`,
          formatShape(shape),
        );
      step.give(signal);
    },
    async fold(step) {
      const constant = step.constant(0, "the operand");
      const shape = await expandedShape(step, constant.shape);
      checkExtents(step.who, shape);
      const x = await constant.load(step.builder.dtype);
      return constantOf(x.broadcastTo(shape), constant.type);
    },
  },
};

/** Integers, as they are held. */
function integers(values: readonly number[]): Tensor {
  return tensor(values, { dtype: "float64", shape: [values.length] });
}

function shapeOf(step: Step): Constant {
  const { shape } = step.input(0);
  const bound = (name: string, otherwise: number): number => {
    const at = step.int(name, otherwise);
    return Math.min(Math.max(at < 0 ? at + shape.length : at, 0), shape.length);
  };
  const part = shape.slice(bound("start", 0), bound("end", shape.length));
  return constantOf(integers(part), "int64");
}

function sizeOfInput(step: Step): Constant {
  return constantOf(tensor(sizeOf(step.input(0).shape), { dtype: "float64" }), "int64");
}

export const constants: Operators = {
  Constant: {
    note: "dense numbers",
    async fold(step) {
      const { attributes } = step.proto;
      const { dtype } = step.builder;
      const found = step.tensor("value");
      if (found !== undefined) return found;
      if (attributes.has("value_float"))
        return constantOf(tensor(step.float("value_float", 0), { dtype }), "float");
      if (attributes.has("value_int"))
        return constantOf(tensor(step.int("value_int", 0), { dtype: "float64" }), "int64");
      const ints = step.ints("value_ints");
      if (ints !== undefined) return constantOf(integers(ints), "int64");
      const floats = step.floats("value_floats");
      if (floats !== undefined)
        return constantOf(tensor(floats, { dtype, shape: [floats.length] }), "float");
      throw step.error("a value of numbers", [...attributes.keys()].join(", ") || "none");
    },
  },
  ConstantOfShape: {
    async fold(step) {
      const shape = await step.numbers(0, "the shape");
      checkExtents(step.who, shape);
      const value = step.tensor("value");
      if (value === undefined)
        return constantOf(full(shape, 0, { dtype: step.builder.dtype }), "float");
      if (sizeOf(value.shape) !== 1)
        throw step.error("a value of one element", formatShape(value.shape));
      const one = await value.load(step.builder.dtype, []);
      return constantOf(full(shape, one.item(), { dtype: one.dtype as "float32" }), value.type);
    },
  },
  Shape: {
    build: (step) => step.give(shapeOf(step)),
    fold: async (step) => shapeOf(step),
  },
  Size: {
    build: (step) => step.give(sizeOfInput(step)),
    fold: async (step) => sizeOfInput(step),
  },
  Range: {
    note: "of constants",
    async fold(step) {
      const { type } = step.constant(0, "the start");
      const start = await step.number(0, "the start");
      const limit = await step.number(1, "the limit");
      const delta = await step.number(2, "the delta");
      const count = Math.max(0, Math.ceil((limit - start) / delta));
      if (!(count >= 0 && count <= 1 << 20 && count <= mostElements))
        throw step.error(`at most ${1 << 20} numbers`, String(count));
      return constantOf(integers(Array.from({ length: count }, (_, i) => start + i * delta)), type);
    },
  },
};
