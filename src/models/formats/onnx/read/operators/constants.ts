/** @file Constants, and the arithmetic of shapes: Constant, ConstantOfShape, Shape, Size and Range. */
import { formatShape, sizeOf } from "../../../../../ir/shape.ts";
import type { Tensor } from "../../../../../ir/tensor.ts";
import { full, tensor } from "../../../../../ops/index.ts";
import { checkExtents } from "../builder.ts";
import { type Constant, constantOf, mostElements } from "../constant.ts";
import type { Step } from "../step.ts";
import type { Operators } from "./operator.ts";

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
