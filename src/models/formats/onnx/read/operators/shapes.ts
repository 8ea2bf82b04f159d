/** @file Shapes and constants. Few of these operators move anything. */
import { type Shape, formatShape, sameShape, sizeOf } from "../../../../../ir/shape.ts";
import { checkExtents, type Signal, sampleSize } from "../builder.ts";
import { constantOf, type Constant, mostElements } from "../constant.ts";
import type { NodeReader } from "../node.ts";
import type { Operators } from "./operator.ts";
import type { Tensor } from "../../../../../ir/tensor.ts";
import { full, tensor } from "../../../../../ops/index.ts";

/** The shape that Reshape's second operand stands for. */
function targetOf(node: NodeReader, from: Shape, target: readonly number[]): number[] {
  const copies = !node.flag("allowzero", false);
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
    throw node.error(
      `a shape of ${sizeOf(from)} elements, as the input's ${formatShape(from)}`,
      formatShape(target),
    );
  return shape;
}

/** Gives the input in another shape. Throws where samples would be mixed. */
function reshaped(node: NodeReader, signal: Signal, shape: Shape): void {
  if (shape[0] !== signal.shape[0] || sampleSize(shape) !== sampleSize(signal.shape))
    throw node.error(
      `a shape that keeps the batch as its first axis, ${formatShape([signal.shape[0]!])} and ${sampleSize(signal.shape)} elements`,
      formatShape(shape),
      "Samples must not depend on one another.",
    );
  node.give(node.builder.reshape(node.who, node.name, signal, shape));
}

async function axesOf(node: NodeReader): Promise<readonly number[] | undefined> {
  if (node.opset < 13) return node.ints("axes");
  return node.has(1) ? node.numbers(1, "axes") : undefined;
}

function distinct(node: NodeReader, axes: readonly number[], rank: number): readonly number[] {
  const found = axes.map((axis) => node.axis(axis, rank));
  if (new Set(found).size < found.length) throw node.error("axes, each once", formatShape(axes));
  return found;
}

async function squeezedShape(node: NodeReader, shape: Shape): Promise<number[]> {
  const given = await axesOf(node);
  const axes = given
    ? distinct(node, given, shape.length)
    : shape.flatMap((extent, axis) => (extent === 1 && axis > 0 ? [axis] : []));
  const bad = axes.find((axis) => shape[axis] !== 1);
  if (bad !== undefined) throw node.error(`extent 1 on axis ${bad}`, formatShape(shape));
  return shape.filter((_, axis) => !axes.includes(axis));
}

async function unsqueezedShape(node: NodeReader, shape: Shape): Promise<number[]> {
  const given = await axesOf(node);
  if (given === undefined || given.length > 16) throw node.error("axes", "none, or too many");
  const rank = shape.length + given.length;
  const axes = distinct(node, given, rank);
  const rest = shape.values();
  return Array.from({ length: rank }, (_, axis) =>
    axes.includes(axis) ? 1 : (rest.next().value as number),
  );
}

/** Reads the shape of a constant or value as `shapeOf` has it. */
function toShape(shapeOf: (node: NodeReader, shape: Shape) => Promise<number[]>) {
  return {
    async build(node: NodeReader): Promise<void> {
      const signal = node.signal(0);
      reshaped(node, signal, await shapeOf(node, signal.shape));
    },
    async fold(node: NodeReader) {
      const constant = node.constant(0, "the operand");
      const shape = await shapeOf(node, constant.shape);
      return constantOf(await constant.load(node.builder.dtype, shape), constant.type);
    },
  };
}

async function reshapeTarget(node: NodeReader, shape: Shape): Promise<number[]> {
  return targetOf(node, shape, await node.numbers(1, "the shape"));
}

async function flatShape(node: NodeReader, shape: Shape): Promise<number[]> {
  const given = node.int("axis", 1);
  const axis = given === shape.length ? given : node.axis(given, shape.length);
  return [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis))];
}

function orderOf(node: NodeReader, rank: number): readonly number[] {
  const order = node.ints("perm") ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  if (
    !sameShape(
      order.toSorted((a, b) => a - b),
      Array.from({ length: rank }, (_, axis) => axis),
    )
  )
    throw node.error(`perm: the axes 0 to ${rank - 1}, each once`, formatShape(order));
  return order;
}

function transposed(node: NodeReader): void {
  const signal = node.builder.unflattened(node.who, node.name, node.signal(0));
  const order = orderOf(node, signal.shape.length);
  if (order[0] !== 0)
    throw node.error(
      "axis 0, the batch, to stay the first",
      formatShape(order),
      "Samples must not depend on one another.",
    );
  node.give({
    ...signal,
    shape: order.map((axis) => signal.shape[axis]!),
    order: signal.order.map((axis) => order.indexOf(axis)),
  });
}

async function expandedShape(node: NodeReader, shape: Shape): Promise<number[]> {
  const target = await node.numbers(1, "the shape");
  const rank = Math.max(target.length, shape.length);
  const at = (of: readonly number[], axis: number): number => of[of.length - rank + axis] ?? 1;
  return Array.from({ length: rank }, (_, axis) => {
    const [have, want] = [at(shape, axis), at(target, axis)];
    if (have !== want && have !== 1 && want !== 1)
      throw node.error(`a shape to which ${formatShape(shape)} broadcasts`, formatShape(target));
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
    async fold(node) {
      const constant = node.constant(0, "the operand");
      const order = orderOf(node, constant.shape.length);
      return constantOf(
        await constant.load(node.builder.dtype, constant.shape, order),
        constant.type,
      );
    },
  },
  Expand: {
    note: "of constants, or to the shape that is there",
    async build(node) {
      const signal = node.signal(0);
      const shape = await expandedShape(node, signal.shape);
      if (!sameShape(shape, signal.shape))
        throw node.error(
          `the shape of its input, ${formatShape(signal.shape)}`,
          formatShape(shape),
        );
      node.give(signal);
    },
    async fold(node) {
      const constant = node.constant(0, "the operand");
      const shape = await expandedShape(node, constant.shape);
      checkExtents(node.who, shape);
      const x = await constant.load(node.builder.dtype);
      return constantOf(x.broadcastTo(shape), constant.type);
    },
  },
};

/** Integers, as they are held. */
function integers(values: readonly number[]): Tensor {
  return tensor(values, { dtype: "float64", shape: [values.length] });
}

function shapeOf(node: NodeReader): Constant {
  const { shape } = node.input(0);
  const bound = (name: string, otherwise: number): number => {
    const at = node.int(name, otherwise);
    return Math.min(Math.max(at < 0 ? at + shape.length : at, 0), shape.length);
  };
  const part = shape.slice(bound("start", 0), bound("end", shape.length));
  return constantOf(integers(part), "int64");
}

function sizeOfInput(node: NodeReader): Constant {
  return constantOf(tensor(sizeOf(node.input(0).shape), { dtype: "float64" }), "int64");
}

export const constants: Operators = {
  Constant: {
    note: "dense numbers",
    async fold(node) {
      const { attributes } = node.proto;
      const { dtype } = node.builder;
      const found = node.tensor("value");
      if (found !== undefined) return found;
      if (attributes.has("value_float"))
        return constantOf(tensor(node.float("value_float", 0), { dtype }), "float");
      if (attributes.has("value_int"))
        return constantOf(tensor(node.int("value_int", 0), { dtype: "float64" }), "int64");
      const ints = node.ints("value_ints");
      if (ints !== undefined) return constantOf(integers(ints), "int64");
      const floats = node.floats("value_floats");
      if (floats !== undefined)
        return constantOf(tensor(floats, { dtype, shape: [floats.length] }), "float");
      throw node.error("a value of numbers", [...attributes.keys()].join(", ") || "none");
    },
  },
  ConstantOfShape: {
    async fold(node) {
      const shape = await node.numbers(0, "the shape");
      checkExtents(node.who, shape);
      const value = node.tensor("value");
      if (value === undefined)
        return constantOf(full(shape, 0, { dtype: node.builder.dtype }), "float");
      if (sizeOf(value.shape) !== 1)
        throw node.error("a value of one element", formatShape(value.shape));
      const one = await value.load(node.builder.dtype, []);
      return constantOf(full(shape, one.item(), { dtype: one.dtype as "float32" }), value.type);
    },
  },
  Shape: {
    build: (node) => node.give(shapeOf(node)),
    fold: async (node) => shapeOf(node),
  },
  Size: {
    build: (node) => node.give(sizeOfInput(node)),
    fold: async (node) => sizeOfInput(node),
  },
  Range: {
    note: "of constants",
    async fold(node) {
      const { type } = node.constant(0, "the start");
      const start = await node.number(0, "the start");
      const limit = await node.number(1, "the limit");
      const delta = await node.number(2, "the delta");
      const count = Math.max(0, Math.ceil((limit - start) / delta));
      if (!(count >= 0 && count <= 1 << 20 && count <= mostElements))
        throw node.error(`at most ${1 << 20} numbers`, String(count));
      return constantOf(integers(Array.from({ length: count }, (_, i) => start + i * delta)), type);
    },
  },
};
