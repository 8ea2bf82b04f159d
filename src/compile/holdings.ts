/** @file Ownership of kernel memory. */
import type { Backend } from "../backend/backend.ts";
import type { Pointer } from "../ir/host.ts";

/** Blocks of kernel memory that live as long as a program and all it contains. */
export class Holdings {
  readonly backend: Backend;
  /** Objects that host operations of one program share. */
  readonly shared: Map<object, unknown> = new Map();
  private blocks = new Map<Pointer, number>();

  constructor(backend: Backend) {
    this.backend = backend;
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

  free(pointer: Pointer): void {
    const bytes = this.blocks.get(pointer);
    if (bytes === undefined) return;
    this.blocks.delete(pointer);
    this.backend.memory.free(pointer, bytes);
  }

  release(): void {
    for (const [pointer, bytes] of this.blocks) this.backend.memory.free(pointer, bytes);
    this.blocks.clear();
  }
}
