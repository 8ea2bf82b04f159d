/** @file Shapes: sizes, strides, broadcasting, axes. */
import { ArgumentError, ShapeError, complaint } from "../base/errors.ts";

/** Extents of a tensor, outermost first; [] is a scalar. */
export type Shape = readonly number[];

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** `[2, 3]`, as people write shapes. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** The common shape of operands under NumPy's broadcasting rule; throws ShapeError naming `who`. */
export function broadcastShapes(who: string, ...shapes: Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    const shift = rank - shape.length;
    for (let axis = 0; axis < shape.length; axis++) {
      const extent = shape[axis]!;
      const known = result[axis + shift]!;
      if (known === 1) result[axis + shift] = extent;
      else if (extent !== 1 && extent !== known)
        throw new ShapeError(
          complaint(
            who,
            "shapes that broadcast (equal extents, or 1, from the right)",
            shapes.map(formatShape).join(" and "),
          ),
        );
    }
  }
  return result;
}

/** An axis in [0, rank) from one that may count from the end; throws ArgumentError naming `who`. */
export function normalizeAxis(who: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    throw new ArgumentError(
      complaint(
        who,
        rank === 0 ? "no axis (the tensor is a scalar)" : `an axis in [${-rank}, ${rank - 1}]`,
        String(axis),
      ),
    );
  return axis < 0 ? axis + rank : axis;
}

/** Sorted distinct axes; undefined means all of them. */
export function normalizeAxes(
  who: string,
  axes: number | readonly number[] | undefined,
  rank: number,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = (typeof axes === "number" ? [axes] : [...axes]).map((axis) =>
    normalizeAxis(who, axis, rank),
  );
  if (new Set(list).size !== list.length)
    throw new ArgumentError(complaint(who, "distinct axes", formatShape(list)));
  return list.sort((a, b) => a - b);
}

/** Throws ShapeError unless `shape` holds non-negative integers whose product is a safe size. */
export function checkShape(who: string, shape: Shape): void {
  if (!Array.isArray(shape) || !shape.every((extent) => Number.isInteger(extent) && extent >= 0))
    throw new ShapeError(
      complaint(
        who,
        "a shape of non-negative integers",
        Array.isArray(shape) ? `[${shape.map(String).join(", ")}]` : String(shape),
      ),
    );
  if (sizeOf(shape) > 2 ** 31 - 1)
    throw new ShapeError(complaint(who, "at most 2^31 - 1 elements", formatShape(shape)));
}
