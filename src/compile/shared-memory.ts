/**
 * @file Kernel memory that programs share. Constants, which are the concrete tensors that programs capture and what is computed from
 * them alone, are stored once for all programs: otherwise a network's forward pass, its gradient and its explanation would each have
 * a copy of the weights. Working memory is shared because one program runs at a time, and nobody reads its values between kernels
 * afterwards; programs with host operations, during which others may run, have working memory of their own.
 */
import { type Backend, writeElements } from "../backend/backend.ts";
import type { TypedArray } from "../ir/dtype.ts";
import type { Pointer } from "../ir/host.ts";
import { type Tensor, concreteElements } from "../ir/tensor.ts";
import { paddedBytes, type MemoryPlan, planMemory } from "./plan.ts";
import type { Kernel } from "../ir/kernel.ts";
import type { Value } from "../ir/graph.ts";

/** A block of kernel memory that programs share. */
export interface SharedBlock {
  readonly pointer: Pointer;
  /** Whether what belongs there has been written. */
  ready: boolean;
  users: number;
}

/** Blocks of one tensor: its elements under "", results computed from it under their keys. */
type Blocks = Map<string, SharedBlock>;

/** What the programs of one backend share. */
class SharedMemory {
  readonly constants = new WeakMap<Tensor, Blocks>();
  readonly working: WorkingBlock[] = [];
  /** Elements stored in kernel memory. Views of parts of them are not listed: they do not keep the memory. */
  readonly residents = new WeakSet<TypedArray>();
  /** Resident elements that programs read, once for each program: perhaps nobody else holds them any more. */
  readonly held = new Set<{ readonly elements: TypedArray }>();

  blocksOf(tensor: Tensor): Blocks {
    let blocks = this.constants.get(tensor);
    if (blocks === undefined) this.constants.set(tensor, (blocks = new Map()));
    return blocks;
  }
}

const memories = new WeakMap<Backend, SharedMemory>();

function sharedBy(backend: Backend): SharedMemory {
  let memory = memories.get(backend);
  if (memory === undefined) memories.set(backend, (memory = new SharedMemory()));
  return memory;
}

/** The block for `key` of a tensor, `bytes` long, allocated if nobody uses one; to be given back by `release`. */
export function acquire(
  backend: Backend,
  tensor: Tensor,
  key: string,
  bytes: number,
): { readonly block: SharedBlock; readonly release: () => void } {
  const blocks = sharedBy(backend).blocksOf(tensor);
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
    const { held } = sharedBy(backend);
    const user = { elements };
    held.add(user);
    return { pointer: resident, release: () => void held.delete(user) };
  }
  const { block, release } = acquire(backend, tensor, "", paddedBytes(tensor));
  if (!block.ready) {
    writeElements(backend.memory, block.pointer, elements);
    block.ready = true;
  }
  return { pointer: block.pointer, release };
}

/** Where a tensor's elements lie if that is kernel memory of this backend. */
function residentPointer(backend: Backend, { elements }: Tensor): Pointer | undefined {
  if (elements === undefined || !sharedBy(backend).residents.has(elements)) return undefined;
  return elements.byteOffset;
}

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
  const bytes = paddedBytes({ shape: [size], dtype });
  let pointer: Pointer;
  try {
    pointer = memory.allocate(bytes);
  } catch {
    return undefined;
  }
  const all = dtype === "float32" ? memory.f32 : memory.f64;
  const start = pointer / all.BYTES_PER_ELEMENT;
  const elements = all.subarray(start, start + size) as Float32Array | Float64Array;
  sharedBy(backend).residents.add(elements);
  orphans.register(elements, () => memory.free(pointer, bytes));
  return elements;
}

/** Bytes from which a program's working memory is shared. */
const worthwhile = 1 << 20;

interface WorkingBlock {
  readonly pointer: Pointer;
  readonly bytes: number;
  /** Programs that work in it. */
  users: number;
}

/** Where values between kernels are stored. */
export interface Workplace {
  /** The plan for these kernels alone, without what other programs share. */
  readonly plan: MemoryPlan;
  addressOf(value: Value): Pointer | undefined;
}

/** Whoever owns a program's memory, and gives back what it borrowed. */
export interface Borrower {
  readonly backend: Backend;
  allocate(bytes: number): Pointer;
  /** Adds to what is done when all is given back. */
  onRelease(action: () => void): void;
}

/** Finds memory for the values that kernels pass to each other: in blocks that other programs work in, and in new ones. */
export function workplaceOf(
  kernels: readonly Kernel[],
  elsewhere: ReadonlySet<Value>,
  owner: Borrower,
): Workplace {
  const alone = planMemory(kernels, elsewhere);
  if (alone.bytes < worthwhile || kernels.some(({ work }) => work.kind === "host")) {
    const arena = alone.bytes === 0 ? 0 : owner.allocate(alone.bytes);
    return {
      plan: alone,
      addressOf: (value) => shifted(alone.offsets.get(value), arena),
    };
  }
  const { backend } = owner;
  const blocks = sharedBy(backend).working;
  const plan = planMemory(
    kernels,
    elsewhere,
    blocks.map(({ bytes }) => bytes),
  );
  const known = blocks.reduce((sum, { bytes }) => sum + bytes, 0);
  if (plan.bytes > known) {
    const bytes = plan.bytes - known;
    blocks.push({ pointer: backend.memory.allocate(bytes), bytes, users: 0 });
  }
  const used = new Set<WorkingBlock>();
  const addresses = new Map<Value, Pointer>();
  for (const [value, offset] of plan.offsets) {
    let [index, start] = [0, 0];
    while (offset >= start + blocks[index]!.bytes) start += blocks[index++]!.bytes;
    used.add(blocks[index]!);
    addresses.set(value, blocks[index]!.pointer + offset - start);
  }
  for (const block of used) {
    block.users++;
    owner.onRelease(() => {
      if (--block.users > 0) return;
      blocks.splice(blocks.indexOf(block), 1);
      backend.memory.free(block.pointer, block.bytes);
    });
  }
  return { plan: alone, addressOf: (value) => addresses.get(value) };
}

const shifted = (offset: number | undefined, by: Pointer): Pointer | undefined =>
  offset === undefined ? undefined : by + offset;
