/** @file Memory plan: where each value between kernels lies, decided once; what is no longer needed lends its place. */
import { kernelBytes } from "../ir/dtype.ts";
import type { TensorType, Value } from "../ir/graph.ts";
import type { Kernel } from "../ir/kernel.ts";
import { sizeOf } from "../ir/shape.ts";

/** Blocks start at cache lines. */
export const alignment = 64;

/**
 * Large blocks are longer by so many bytes than their values: those that follow each other then begin at different lines of
 * a page. Extents being round numbers, they would else begin at the same, and a loop over several values would find all of
 * its streams in the same sets of the caches: it ran at a third of the speed.
 */
const stagger = 13 * alignment;
const large = 1 << 16;

/** Bytes a tensor takes in kernel memory: whole cache lines, and a little more for large ones. */
export function bytesOf(type: TensorType): number {
  const bytes = sizeOf(type.shape) * kernelBytes[type.dtype];
  const lines = Math.max(1, Math.ceil(bytes / alignment)) * alignment;
  return lines < large ? lines : lines + stagger;
}

/** Offsets into one arena for the values between kernels. */
export interface MemoryPlan {
  readonly offsets: ReadonlyMap<Value, number>;
  readonly bytes: number;
  /** What the values would take without sharing. */
  readonly unshared: number;
}

interface Hole {
  offset: number;
  bytes: number;
}

/** Plans values written by kernels, except those in `elsewhere` (inputs and outputs of the program). */
export function planMemory(kernels: readonly Kernel[], elsewhere: ReadonlySet<Value>): MemoryPlan {
  const lastUse = new Map<Value, number>();
  kernels.forEach((kernel, index) => {
    for (const value of [...kernel.inputs, ...kernel.outputs]) lastUse.set(value, index);
  });
  const offsets = new Map<Value, number>();
  const arena = new Arena();
  let unshared = 0;
  kernels.forEach((kernel, index) => {
    for (const value of kernel.outputs) {
      if (elsewhere.has(value)) continue;
      offsets.set(value, arena.take(bytesOf(value)));
      unshared += bytesOf(value);
    }
    // Outputs are placed before inputs are given back: no kernel writes over what it reads.
    for (const value of new Set([...kernel.inputs, ...kernel.outputs]))
      if (lastUse.get(value) === index && offsets.has(value))
        arena.give(offsets.get(value)!, bytesOf(value));
  });
  return { offsets, bytes: arena.bytes, unshared };
}

/** Best fit over a growing line of bytes. */
class Arena {
  bytes = 0;
  private readonly holes: Hole[] = [];

  take(bytes: number): number {
    let best: Hole | undefined;
    for (const hole of this.holes)
      if (hole.bytes >= bytes && (best === undefined || hole.bytes < best.bytes)) best = hole;
    if (best === undefined) {
      const last = this.holes.at(-1);
      // Grow the hole at the end rather than leave it behind.
      const offset =
        last !== undefined && last.offset + last.bytes === this.bytes
          ? this.holes.pop()!.offset
          : this.bytes;
      this.bytes = offset + bytes;
      return offset;
    }
    const { offset } = best;
    best.offset += bytes;
    best.bytes -= bytes;
    if (best.bytes === 0) this.holes.splice(this.holes.indexOf(best), 1);
    return offset;
  }

  give(offset: number, bytes: number): void {
    let index = this.holes.findIndex((hole) => hole.offset > offset);
    if (index < 0) index = this.holes.length;
    this.holes.splice(index, 0, { offset, bytes });
    for (const at of [index, index - 1]) {
      const [here, next] = [this.holes[at], this.holes[at + 1]];
      if (here !== undefined && next !== undefined && here.offset + here.bytes === next.offset) {
        here.bytes += next.bytes;
        this.holes.splice(at + 1, 1);
      }
    }
  }
}
