/** @file What a program and all it contains have in common: kernel memory, and compilation in one go. */
import type { Backend } from "../backend/backend.ts";
import type { Pointer } from "../ir/host.ts";
import type { Segment } from "../ir/kernel.ts";
import type { Tensor } from "../ir/tensor.ts";
import { acquire, acquireElements, type Borrower, type SharedBlock } from "./shared-memory.ts";

/** Blocks of kernel memory that live as long as a program and all it contains. */
export class Holdings implements Borrower {
  readonly backend: Backend;
  readonly batchInvariant: boolean;
  /** Objects that host operations of one program share. */
  readonly shared: Map<object, unknown> = new Map();
  /** What the caller of the run under way has passed along for host operations. */
  caller: unknown;
  private blocks = new Map<Pointer, number>();
  /** What gives back blocks shared with other programs. */
  private borrowed: (() => void)[] = [];
  private waiting: { readonly segment: Segment; readonly done: (run: () => void) => void }[] = [];

  /** `batchInvariant`: programs give a sample the same bits in every batch. */
  constructor(backend: Backend, batchInvariant = false) {
    this.backend = backend;
    this.batchInvariant = batchInvariant;
  }

  /** Bytes held. */
  get bytes(): number {
    let sum = 0;
    for (const bytes of this.blocks.values()) sum += bytes;
    return sum;
  }

  allocate(bytes: number): Pointer {
    const pointer = this.backend.memory.allocate(bytes);
    this.blocks.set(pointer, bytes);
    return pointer;
  }

  /** Where the elements of a captured tensor lie, for all programs that capture it. */
  constant(tensor: Tensor, who: string): Pointer {
    const { pointer, release } = acquireElements(this.backend, tensor, who);
    this.borrowed.push(release);
    return pointer;
  }

  /** The block of a result computed from a captured tensor alone, for all programs that want it. */
  derived(tensor: Tensor, key: string, bytes: number): SharedBlock {
    const { block, release } = acquire(this.backend, tensor, key, bytes);
    this.borrowed.push(release);
    return block;
  }

  /** Adds to what is done when all is given back. */
  onRelease(action: () => void): void {
    this.borrowed.push(action);
  }

  free(pointer: Pointer): void {
    const bytes = this.blocks.get(pointer);
    if (bytes === undefined) return;
    this.blocks.delete(pointer);
    this.backend.memory.free(pointer, bytes);
  }

  /** Has a segment compiled, together with others, by the time `compile` returns; `done` gets it then. */
  enqueue(segment: Segment, done: (run: () => void) => void): void {
    this.waiting.push({ segment, done });
  }

  /** Compiles all segments that wait: one module takes less time than many, and they can share functions. */
  compile(): void {
    const { waiting } = this;
    // Where this throws (for want of memory, say) they go on waiting, and the next call tries again.
    const runs = this.backend.compile(
      waiting.map(({ segment }) => segment),
      (bytes) => this.allocate(bytes),
    );
    this.waiting = [];
    waiting.forEach(({ done }, index) => done(runs[index]!));
  }

  release(): void {
    for (const [pointer, bytes] of this.blocks) this.backend.memory.free(pointer, bytes);
    this.blocks.clear();
    for (const release of this.borrowed) release();
    this.borrowed = [];
  }
}
