/** @file What a function of tensors makes of shapes, found by tracing it on a batch of one. */
import type { DType } from "../ir/dtype.ts";
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { type Shape, formatShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { trace } from "../ir/trace.ts";

/** Shape of an output sample and dtype of a function of one tensor or more. Throws ArgumentError naming `who`. */
export function traceShape(
  who: string,
  fn: (inputs: Tensor[]) => unknown,
  shapes: readonly Shape[],
  dtype: DType,
): { readonly shape: Shape; readonly dtype: DType } {
  let output: unknown;
  trace(
    (...inputs) => {
      output = fn(inputs);
      return output instanceof Tensor ? [output] : [];
    },
    shapes.map((shape) => ({ shape: [1, ...shape], dtype })),
  );
  if (!(output instanceof Tensor) || output.shape[0] !== 1)
    throw new ArgumentError(
      complaint(
        who,
        "a tensor that keeps the batch as its first axis",
        output instanceof Tensor
          ? `shape ${formatShape(output.shape)} for a batch of 1`
          : describe(output),
      ),
    );
  return { shape: output.shape.slice(1), dtype: output.dtype };
}
