/** @file The adjoint's jumps at outputs: sums of two states in kernel memory. Plain code: too small a program to compile one for. */
import type { TensorType } from "../../ir/graph.ts";
import type { HostContext, Pointer } from "../../ir/host.ts";
import { sizeOf } from "../../ir/shape.ts";

/** into = a + b, element by element, each sum rounded once. `into` may be `a`. */
export function addElements(
  context: HostContext,
  type: TensorType,
  into: Pointer,
  a: Pointer,
  b: Pointer,
): void {
  const size = sizeOf(type.shape);
  const [sum, x, y] = [into, a, b].map((pointer) => context.view(type.dtype, pointer, size)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let index = 0; index < size; index++) sum[index] = x[index]! + y[index]!;
}
