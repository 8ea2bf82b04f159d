/** @file Large random tensors, drawn block by block: beside the tensor itself they take little memory. */
import { residentElements } from "../compile/constants.ts";
import { backend } from "../compile/engine.ts";
import { type DType, allocate, isFloat } from "../ir/dtype.ts";
import { type Shape, checkShape, sizeOf } from "../ir/shape.ts";
import { Tensor, concreteElements } from "../ir/tensor.ts";
import { currentTrace } from "../ir/trace.ts";
import { atOnce, childKey } from "./at-once.ts";

/** Elements a block; smaller tensors are drawn whole. */
const blockSize = 1 << 18;

/** Draws a tensor: `draw(key, shape)` at once, or for large ones block i with the i-th key under the key. */
export function drawn(
  draw: (key: Tensor, shape: Shape) => Tensor,
  key: Tensor,
  shape: Shape,
  dtype: DType,
): Tensor {
  checkShape("parameter", shape);
  const size = sizeOf(shape);
  if (size <= blockSize || !isFloat(dtype) || currentTrace() !== undefined)
    return atOnce((k) => draw(k, shape), key);
  // The weights of a large network lie in kernel memory from the start: programs read them there.
  const elements = residentElements(backend(), dtype, size) ?? allocate(dtype, size);
  for (let start = 0, block = 0; start < size; start += blockSize, block++) {
    const length = Math.min(blockSize, size - start);
    const part = atOnce((k) => draw(k, [length]), childKey(key, block));
    elements.set(concreteElements(part, "drawn") as Float32Array, start);
  }
  return new Tensor({ shape: [...shape], dtype }, elements);
}
