/**
 * @file Working memory that programs share: one runs at a time, and nobody reads its values between kernels afterwards. Programs
 * with host operations, during which others may run, have memory of their own.
 */
import type { Backend } from "../backend/backend.ts";
import type { Pointer } from "../ir/host.ts";
import type { Kernel } from "../ir/kernel.ts";
import type { Value } from "../ir/graph.ts";
import type { Holdings } from "./holdings.ts";
import { type MemoryPlan, planMemory } from "./plan.ts";

/** Bytes from which a program's working memory is shared. */
const worthwhile = 1 << 20;

interface Block {
  readonly pointer: Pointer;
  readonly bytes: number;
  /** Programs that work in it. */
  users: number;
}

const blocksOf = new WeakMap<Backend, Block[]>();

/** Where values between kernels lie. */
export interface Workplace {
  /** The plan of the kernels by themselves: what others work in does not show. */
  readonly plan: MemoryPlan;
  addressOf(value: Value): Pointer | undefined;
}

/** Finds a place for what kernels hand to each other: in blocks that other programs work in, and new ones. */
export function workplaceOf(
  kernels: readonly Kernel[],
  elsewhere: ReadonlySet<Value>,
  holdings: Holdings,
): Workplace {
  const alone = planMemory(kernels, elsewhere);
  if (alone.bytes < worthwhile || kernels.some(({ work }) => work.kind === "host")) {
    const arena = alone.bytes === 0 ? 0 : holdings.allocate(alone.bytes);
    return {
      plan: alone,
      addressOf: (value) => shifted(alone.offsets.get(value), arena),
    };
  }
  const { backend } = holdings;
  const blocks = blocksOf.get(backend) ?? [];
  blocksOf.set(backend, blocks);
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
  const used = new Set<Block>();
  const addresses = new Map<Value, Pointer>();
  for (const [value, offset] of plan.offsets) {
    let [index, start] = [0, 0];
    while (offset >= start + blocks[index]!.bytes) start += blocks[index++]!.bytes;
    used.add(blocks[index]!);
    addresses.set(value, blocks[index]!.pointer + offset - start);
  }
  for (const block of used) {
    block.users++;
    holdings.onRelease(() => {
      if (--block.users > 0) return;
      blocks.splice(blocks.indexOf(block), 1);
      backend.memory.free(block.pointer, block.bytes);
    });
  }
  return { plan: alone, addressOf: (value) => addresses.get(value) };
}

const shifted = (offset: number | undefined, by: Pointer): Pointer | undefined =>
  offset === undefined ? undefined : by + offset;
