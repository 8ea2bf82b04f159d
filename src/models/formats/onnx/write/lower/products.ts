/** @file Matrix products, convolutions and maxima of windows. */
import { type Node, type Value, isPrim } from "../../../../../ir/graph.ts";
import type { ConvGeometry, PoolGeometry } from "../../../../../ir/conv.ts";
import type { Attributes, Emitter } from "../emitter.ts";
import type { Form } from "../forms.ts";
import { unbroadcast } from "../statics.ts";
import type { Rule } from "../step.ts";

/** A kernel [KH, KW, C / groups, F] as ONNX has it, [F, C / groups, KH, KW]. */
export function kernelForm(to: Emitter, kernel: Value): Form {
  const perm = [3, 2, 0, 1];
  const from = unbroadcast(kernel);
  if (to.statics.has(from) && from === kernel) return to.permuted(kernel, kernel.shape, perm);
  const given = to.exact(kernel, "plain");
  return to.emit(
    "Transpose",
    [given],
    perm.map((axis) => given.dims[axis]!),
    "plain",
    { perm },
  );
}

/** How windows lie, as attributes. */
export function windowAttributes(
  window: readonly number[],
  { strides, padding }: Pick<PoolGeometry, "strides" | "padding">,
): Attributes {
  const [[top, bottom], [left, right]] = padding;
  return { kernel_shape: [...window], strides: [...strides], pads: [top, left, bottom, right] };
}

/** How a kernel lies, as attributes. */
export function convAttributes(kernel: Value, geometry: ConvGeometry, groups: number): Attributes {
  const { dilation } = geometry;
  return {
    ...windowAttributes(kernel.shape.slice(0, 2), geometry),
    dilations: [...dilation],
    group: groups,
  };
}

/** The operands of a product. Rows that are flattened images are taken as they lie, and the matrix' rows are put in their order. */
export function productOperands(to: Emitter, { inputs }: Node<"matmul">): readonly Form[] {
  const [x, matrix] = inputs as [Value, Value];
  const { node } = x;
  const images = node !== null && isPrim(node, "reshape") ? node.inputs[0]! : undefined;
  if (
    images?.shape.length === 4 &&
    to.layoutOf(images) === "image" &&
    x.shape.length === 2 &&
    x.shape[0] === images.shape[0] &&
    to.statics.has(matrix)
  ) {
    const [, rows, columns, channels] = images.shape as [number, number, number, number];
    const flat = to.reshaped(to.exact(images, "image"), to.dims(x), "plain");
    const order = [rows, columns, channels, matrix.shape[1]!];
    return [flat, to.permuted(matrix, order, [2, 0, 1, 3], matrix.shape)];
  }
  return inputs.map((input) => to.exact(input, "plain"));
}

/** Rules of products and windows. */
export const productRules: {
  readonly matmul: Rule<"matmul">;
  readonly conv: Rule<"conv">;
  readonly maxPool: Rule<"maxPool">;
} = {
  matmul: (node, value, to) => {
    to.emit("MatMul", productOperands(to, node), to.dims(value), "plain", {}, value);
  },
  conv: (node, value, to) => {
    const [x, kernel] = node.inputs as [Value, Value];
    const attributes = convAttributes(kernel, node.params, node.params.groups);
    const operands = [to.exact(x, "image"), kernelForm(to, kernel)];
    to.emit("Conv", operands, to.dims(value, "image"), "image", attributes, value);
  },
  maxPool: (node, value, to) => {
    const [x] = node.inputs as [Value];
    const attributes = windowAttributes(node.params.window, node.params);
    const dims = to.dims(value, "image");
    to.emit("MaxPool", [to.exact(x, "image")], dims, "image", attributes, value);
  },
};
