/** @file Drawing parameters: keys, where elements lie, and large tensors block by block, which take little memory beside themselves. */
import { asOneGraph } from "../autodiff/arguments.ts";
import { residentElements } from "../compile/shared-memory.ts";
import { backend } from "../compile/engine.ts";
import { makeExecutable } from "../compile/evaluate.ts";
import { type DType, allocate, isFloat } from "../ir/dtype.ts";
import { type Shape, checkShape, sizeOf } from "../ir/shape.ts";
import { Tensor, concreteElements } from "../ir/tensor.ts";
import { currentTrace, trace } from "../ir/trace.ts";
import { random, tensor } from "../ops/index.ts";

/** The `index`-th key under a key. */
export function childKey(key: Tensor, index: number): Tensor {
  const fold = ([of, by]: readonly Tensor[]): Tensor[] => [random.foldIn(of!, by!)];
  return asOneGraph(fold, [key, tensor(index, { dtype: "int32" })])[0]!;
}

/** Elements of a block; smaller tensors are drawn whole. */
const blockSize = 1 << 18;

/** Room for a parameter's elements. Those of large ones lie in kernel memory from the start: programs read them there. */
export function parameterElements(
  dtype: "float32" | "float64",
  size: number,
): Float32Array | Float64Array {
  const resident = size > blockSize ? residentElements(backend(), dtype, size) : undefined;
  return resident ?? (allocate(dtype, size) as Float32Array | Float64Array);
}

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
    return asOneGraph(([k]) => [draw(k!, shape)], [key])[0]!;
  const elements = parameterElements(dtype, size);
  const whole = Math.floor(size / blockSize);
  drawBlocks(draw, key, elements.subarray(0, whole * blockSize), blockSize, 0);
  drawBlocks(draw, key, elements.subarray(whole * blockSize), size - whole * blockSize, whole);
  return new Tensor({ shape: [...shape], dtype }, elements);
}

/** Draws blocks of a length, numbered from `first` on, by a program that does not outlive them: each takes as much as a block. */
function drawBlocks(
  draw: (key: Tensor, shape: Shape) => Tensor,
  key: Tensor,
  elements: Float32Array | Float64Array,
  length: number,
  first: number,
): void {
  if (elements.length === 0) return;
  const { graph, captured } = trace((k) => [draw(k, [length])], [key]);
  const program = makeExecutable(graph, "drawn", captured);
  try {
    for (let start = 0, block = first; start < elements.length; start += length, block++) {
      const [part] = program.call([childKey(key, block)]);
      elements.set(concreteElements(part!, "drawn") as Float32Array, start);
    }
  } finally {
    program.release();
  }
}
