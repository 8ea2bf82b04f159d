/**
 * @file How tensors lie in the file. Images here are channels last, in ONNX channels first: a value of four axes has a *form* in
 * either layout, whichever its maker gives, and the other one only where somebody asks for it.
 */
import type { Dims, Extent } from "./dims.ts";

/** `plain`: axes as they are here. `image`: [N, C, H, W] of what is [N, H, W, C] here. */
export type Layout = "plain" | "image";

/** A tensor of the file that stands for a value. Its extents may be 1, or axes missing in front, where the value's broadcast. */
export interface Form {
  readonly name: string;
  readonly layout: Layout;
  readonly dims: Dims;
}

/** Which axis here is axis i there. */
export const toImage = [0, 3, 1, 2] as const;
/** Which axis there is axis i here. */
export const toPlain = [0, 2, 3, 1] as const;

/** Where an axis of a value lies in a layout. */
export function axisIn(layout: Layout, axis: number): number {
  return layout === "image" ? toImage.indexOf(axis as 0 | 1 | 2 | 3) : axis;
}

/** A list with an entry an axis, in the order of a layout. */
export function orderedIn<T>(layout: Layout, list: readonly T[]): T[] {
  return layout === "image" ? toImage.map((axis) => list[axis]!) : [...list];
}

/** Whether a permutation moves only extents of 1: then it is a reshape. */
export function keepsOrder(dims: Dims, perm: readonly number[]): boolean {
  const moved = perm.filter((axis) => dims[axis] !== 1);
  return moved.every((axis, index) => index === 0 || axis > moved[index - 1]!);
}

/** With extents of 1 in front up to the given number of axes. */
export function padded(dims: Dims, rank: number): Dims {
  return [...Array.from({ length: rank - dims.length }, () => 1), ...dims];
}

/** The extents that broadcasting makes. */
export function broadcastDims(all: readonly Dims[]): Dims {
  const rank = Math.max(...all.map((dims) => dims.length));
  const wide = all.map((dims) => padded(dims, rank));
  return wide[0]!.map(
    (_, axis): Extent => wide.map((dims) => dims[axis]!).find((extent) => extent !== 1) ?? 1,
  );
}

export function sameDims(a: Dims, b: Dims): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}
