/**
 * @file Values that depend on the input. ONNX has images as [N, C, H, W]; here channels come last, and every value knows how its
 * axes lie in memory. So most changes of layout that a file asks for (Transpose, Squeeze, a Reshape that splits channels) are
 * changes of that knowledge alone.
 */
import { type Shape, sameShape, sizeOf } from "../../../../ir/shape.ts";
import type { SymbolicTensor } from "../../../../nn/graph/symbolic.ts";
import type { ElementType } from "./constant.ts";

/** A value that depends on the input. */
export interface Signal {
  readonly symbol: SymbolicTensor;
  readonly type: ElementType;
  /** As in ONNX, with the batch that the file declares (or 1). */
  readonly shape: Shape;
  /** The ONNX axis that each axis of the symbol is, the batch first. Axes of extent 1 may be missing. */
  readonly order: readonly number[];
  /**
   * Of a vector that is a flattened image: the sample's shape in ONNX, and the order in which its axes are flattened here. ONNX
   * flattens them as they are. Undefined where both agree.
   */
  readonly flattened?: Flattened | undefined;
}

/** How a flattened value lies in memory. */
export interface Flattened {
  readonly view: Shape;
  readonly order: readonly number[];
}

/** How values of a rank lie in memory unless something else is as good: channels last for images. */
export function usualOrder(rank: number): readonly number[] {
  return rank === 4 ? [0, 2, 3, 1] : Array.from({ length: rank }, (_, axis) => axis);
}

/** The axes of an order that matter: the batch, and those of other extents than 1. */
export function longAxes(order: readonly number[], shape: Shape): number[] {
  return order.filter((axis) => axis === 0 || shape[axis] !== 1);
}

/** Whether a value that lies in one order lies in another one too: axes of extent 1 may be anywhere. */
export function isSameLayout(a: readonly number[], b: readonly number[], shape: Shape): boolean {
  return sameShape(longAxes(a, shape), longAxes(b, shape));
}

/** Extents of a sample that lies in an order. */
export function sampleOf(shape: Shape, order: readonly number[]): number[] {
  return order.slice(1).map((axis) => shape[axis]!);
}

export function sameFlattened(a: Signal, b: Signal): boolean {
  const [p, q] = [a.flattened, b.flattened];
  return (
    p === q ||
    (p !== undefined && q !== undefined && sameShape(p.view, q.view) && sameShape(p.order, q.order))
  );
}

/** Axes of two shapes that hold the same elements: runs of axes, each with as many elements as its partner. */
export interface AxisGroup {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** The finest groups of axes in which a row-major shape becomes another one of as many elements. */
export function axisGroups(from: Shape, to: Shape): AxisGroup[] {
  const groups: AxisGroup[] = [];
  let [i, j] = [0, 0];
  while (i < from.length || j < to.length) {
    const group: { from: number[]; to: number[] } = { from: [], to: [] };
    let [p, q] = [1, 1];
    do {
      if (i < from.length && (p <= q || j === to.length)) {
        p *= from[i]!;
        group.from.push(i++);
      } else {
        q *= to[j]!;
        group.to.push(j++);
      }
    } while (p !== q && (i < from.length || j < to.length));
    groups.push(group);
  }
  return groups;
}

/** Whether a reshape keeps samples apart: sizes of samples. */
export function sampleSize(shape: Shape): number {
  return sizeOf(shape.slice(1));
}
