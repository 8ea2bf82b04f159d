/**
 * @file States in kernel memory. The leaves of a state lie side by side in packs, one array per dtype, so that a sum of whole states is
 * one loop whatever their number and shapes.
 */
import { kernelBytes } from "../ir/dtype.ts";
import type { TensorType } from "../ir/graph.ts";
import type { HostContext, Pointer } from "../ir/host.ts";
import { sizeOf } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { slice } from "../ops/shaping.ts";

/** Leaves start at whole vectors; the gaps between them stay 0. */
const alignment = 4;

/** The place of a leaf: its pack, and the element at which it begins. */
export interface PackedLeaf {
  readonly pack: number;
  readonly offset: number;
  readonly size: number;
}

/** How a state is packed: the packs' types, and the place of each leaf. */
export interface Packing {
  readonly packs: readonly TensorType[];
  readonly leaves: readonly PackedLeaf[];
}

/** Packs the leaves of a state, in order. */
export function packingOf(state: readonly TensorType[]): Packing {
  const dtypes = [...new Set(state.map((leaf) => leaf.dtype))];
  const sizes = dtypes.map(() => 0);
  const leaves = state.map(({ shape, dtype }): PackedLeaf => {
    const pack = dtypes.indexOf(dtype);
    const offset = Math.ceil(sizes[pack]! / alignment) * alignment;
    const size = sizeOf(shape);
    sizes[pack] = offset + size;
    return { pack, offset, size };
  });
  return { packs: dtypes.map((dtype, pack) => ({ shape: [sizes[pack]!], dtype })), leaves };
}

/** The elements of a leaf, as one axis. */
export function leafOf(packs: readonly Tensor[], { pack, offset, size }: PackedLeaf): Tensor {
  return slice(packs[pack]!, offset, offset + size);
}

/** A state in kernel memory: pointers to its packs, to its leaves, to the leaves that f reads, and to what a method carries with it. */
export interface PackedState {
  readonly packs: readonly Pointer[];
  readonly leaves: readonly Pointer[];
  readonly read: readonly Pointer[];
  readonly carried: readonly Pointer[];
  /** Leaves, then what is carried. */
  readonly all: readonly Pointer[];
}

/** Memory for a state, zeroed; `read` marks the leaves that f reads. */
export function allocateState(
  context: HostContext,
  { packs, leaves }: Packing,
  read: readonly boolean[],
  carries: readonly TensorType[] = [],
): PackedState {
  const starts = packs.map((type) => context.allocate(type));
  const pointers = leaves.map(
    ({ pack, offset }) => starts[pack]! + offset * kernelBytes[packs[pack]!.dtype],
  );
  const carried = carries.map((type) => context.allocate(type));
  const all = [...pointers, ...carried];
  const isRead = pointers.filter((_, leaf) => read[leaf]);
  return { packs: starts, leaves: pointers, read: isRead, carried, all };
}

/** Bytes that a tensor takes in kernel memory. */
export function sizeInBytes({ shape, dtype }: TensorType): number {
  return sizeOf(shape) * kernelBytes[dtype];
}
