/** @file Small computations as one program: a layer is made by a few programs rather than by one for each operation. */
import type { Tensor } from "../ir/tensor.ts";
import { currentTrace, evaluateGraph, trace } from "../ir/trace.ts";
import { random, tensor } from "../ops/index.ts";

/** `fn` of the inputs: traced along inside a trace, one program outside. */
export function atOnce(fn: (...inputs: Tensor[]) => Tensor, ...inputs: readonly Tensor[]): Tensor {
  if (currentTrace() !== undefined) return fn(...inputs);
  const { graph, captured } = trace((...placeholders) => [fn(...placeholders)], inputs);
  return evaluateGraph(graph, [...inputs, ...captured])[0]!;
}

/** The `index`-th key under a key. */
export function childKey(key: Tensor, index: number): Tensor {
  return atOnce(random.foldIn, key, tensor(index, { dtype: "int32" }));
}
