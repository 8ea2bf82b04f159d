/** @file Shapes of layers with one input or output, or a list of them, and those of functions, found by tracing. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import type { DType } from "../ir/dtype.ts";
import { type Shape, checkShape, formatShape, sameShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { trace } from "../ir/trace.ts";

/** What a layer takes or gives: a tensor or a list. */
export type TensorOrList = Tensor | readonly Tensor[];

/** The shapes that belong to a tensor or a list of tensors. */
export type ShapesOf<T extends TensorOrList> = T extends Tensor ? Shape : readonly Shape[];

/** A shape or a list of shapes. */
export type ShapeOrList = Shape | readonly Shape[];

/** Whether these are the shapes of a list. */
export function isShapeList(shapes: ShapeOrList): shapes is readonly Shape[] {
  return Array.isArray(shapes) && shapes.length > 0 && Array.isArray(shapes[0]);
}

/** The shapes as a list; a single shape becomes a list of one. */
export function listOfShapes(shapes: ShapeOrList): readonly Shape[] {
  return isShapeList(shapes) ? shapes : [shapes];
}

/** Whether both are one shape, or lists of the same shapes. */
export function sameShapes(a: ShapeOrList, b: ShapeOrList): boolean {
  const [listA, listB] = [listOfShapes(a), listOfShapes(b)];
  return (
    isShapeList(a) === isShapeList(b) &&
    listA.length === listB.length &&
    listA.every((shape, index) => sameShape(shape, listB[index]!))
  );
}

/** `[28, 28, 1]`, or `[4], [5] and [6]`. */
export function formatShapes(shapes: ShapeOrList): string {
  const texts = listOfShapes(shapes).map(formatShape);
  return texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")} and ${texts.at(-1)}`;
}

/** Throws ShapeError naming `who` unless all are shapes. */
export function checkShapes(who: string, shapes: ShapeOrList): void {
  for (const shape of listOfShapes(shapes)) checkShape(who, shape);
}

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
