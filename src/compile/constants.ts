/**
 * @file Constants: concrete tensors that programs capture, and what is computed from them alone, in kernel memory once for
 * all programs. Weights of a network would else lie there for its forward pass, its gradient and its explanation, each.
 */
import type { Backend } from "../backend/backend.ts";
import { writeElements } from "../backend/backend.ts";
import type { TypedArray } from "../ir/dtype.ts";
import type { Pointer } from "../ir/host.ts";
import { type Tensor, concreteElements } from "../ir/tensor.ts";
import { bytesOf } from "./plan.ts";

/** A block of kernel memory that programs share. */
export interface SharedBlock {
  readonly pointer: Pointer;
  /** Whether what belongs there has been written. */
  ready: boolean;
  users: number;
}

/** Blocks of one tensor: its elements under "", results computed from it under their keys. */
type Blocks = Map<string, SharedBlock>;

const known = new WeakMap<Backend, WeakMap<Tensor, Blocks>>();

function blocksOf(backend: Backend, tensor: Tensor): Blocks {
  let tensors = known.get(backend);
  if (tensors === undefined) known.set(backend, (tensors = new WeakMap()));
  let blocks = tensors.get(tensor);
  if (blocks === undefined) tensors.set(tensor, (blocks = new Map()));
  return blocks;
}

/** The block for `key` of a tensor, `bytes` long, allocated if nobody uses one; to be given back by `release`. */
export function acquire(
  backend: Backend,
  tensor: Tensor,
  key: string,
  bytes: number,
): { readonly block: SharedBlock; readonly release: () => void } {
  const blocks = blocksOf(backend, tensor);
  let block = blocks.get(key);
  if (block === undefined)
    blocks.set(key, (block = { pointer: backend.memory.allocate(bytes), ready: false, users: 0 }));
  block.users++;
  const taken = block;
  return {
    block: taken,
    release() {
      taken.users--;
      if (taken.users > 0) return;
      blocks.delete(key);
      backend.memory.free(taken.pointer, bytes);
    },
  };
}

/** A concrete tensor's elements in kernel memory; to be given back by `release`. */
export function acquireElements(
  backend: Backend,
  tensor: Tensor,
  who: string,
): { readonly pointer: Pointer; readonly release: () => void } {
  const elements = concreteElements(tensor, who);
  const resident = residentPointer(backend, tensor);
  if (resident !== undefined) {
    const user = { elements };
    held.add(user);
    return { pointer: resident, release: () => void held.delete(user) };
  }
  const { block, release } = acquire(backend, tensor, "", bytesOf(tensor));
  if (!block.ready) {
    writeElements(backend.memory, block.pointer, elements);
    block.ready = true;
  }
  return { pointer: block.pointer, release };
}

/** Where a tensor's elements lie if that is kernel memory of this backend. */
function residentPointer(backend: Backend, { elements }: Tensor): Pointer | undefined {
  if (elements === undefined || residents.get(elements) !== backend) return undefined;
  return elements.byteOffset;
}

/** Elements that lie in kernel memory. Parts of them do too, but do not keep it. */
const residents = new WeakMap<TypedArray, Backend>();

/** Resident elements that programs read, once for each program: nobody else may have them any more. */
const held = new Set<{ readonly elements: TypedArray }>();

/** Blocks are given back when the elements are gone: tensors of several shapes may share them. */
const orphans = new FinalizationRegistry<() => void>((free) => free());

/** Elements that lie in kernel memory as long as they are held, or undefined where memory cannot be kept in place or is short. */
export function residentElements(
  backend: Backend,
  dtype: "float32" | "float64",
  size: number,
): Float32Array | Float64Array | undefined {
  const { memory } = backend;
  if (!memory.stable) return undefined;
  const bytes = bytesOf({ shape: [size], dtype });
  let pointer: Pointer;
  try {
    pointer = memory.allocate(bytes);
  } catch {
    return undefined;
  }
  const all = dtype === "float32" ? memory.f32 : memory.f64;
  const start = pointer / all.BYTES_PER_ELEMENT;
  const elements = all.subarray(start, start + size) as Float32Array | Float64Array;
  residents.set(elements, backend);
  orphans.register(elements, () => memory.free(pointer, bytes));
  return elements;
}
