/** @file Kernel memory as WebAssembly memory, shared between threads where that is possible. */
import type { Pointer } from "../../ir/host.ts";
import { Allocator } from "../allocator.ts";
import type { Memory } from "../backend.ts";
import { type MemoryLimits, WasmModule } from "./asm/index.ts";
import { board } from "./threads/layout.ts";

const pageBytes = 65536;
const initialPages = 64;
/** Address space is reserved for the maximum, which not every machine grants. */
const maximumPages = [65536, 32768, 16384, 8192, 4096, 1024];

/** Grows by at least half its size, up to 4 GiB. Views are made anew after growth; old ones may be detached by it. */
export class WasmMemory implements Memory {
  readonly limits: MemoryLimits;
  readonly wasm: WebAssembly.Memory;
  /** Whether other threads can work in it. */
  readonly shared: boolean;
  /** Address of the words of threads/layout.ts. */
  readonly board: Pointer;
  f32!: Float32Array;
  f64!: Float64Array;
  i32!: Int32Array;
  u8!: Uint8Array;
  readonly #allocator: Allocator;
  readonly #fillBytes: (pointer: Pointer, bytes: number) => void;
  readonly #copyBytes: (to: Pointer, from: Pointer, bytes: number) => void;

  constructor(shared: boolean = canShare()) {
    const made = makeMemory(shared);
    this.wasm = made.wasm;
    this.limits = made.limits;
    this.shared = made.limits.shared === true;
    this.#refresh();
    const bulk = bulkFunctions(this);
    this.#fillBytes = bulk.fill;
    this.#copyBytes = bulk.copy;
    this.#allocator = new Allocator({
      grow: (end) => this.#grow(end),
      clear: (start, end) => this.clear(start, end - start),
    });
    this.board = this.#allocator.allocate(board.bytes);
  }

  get used(): number {
    return this.#allocator.used;
  }

  get stable(): boolean {
    return this.shared;
  }

  allocate(bytes: number): Pointer {
    return this.#allocator.allocate(bytes);
  }

  free(pointer: Pointer, bytes: number): void {
    if (this.shared) Atomics.add(this.i32, (this.board + board.freed) >>> 2, 1);
    this.#allocator.free(pointer, bytes);
  }

  clear(pointer: Pointer, bytes: number): void {
    this.#fillBytes(pointer, bytes);
  }

  copy(to: Pointer, from: Pointer, bytes: number): void {
    this.#copyBytes(to, from, bytes);
  }

  #grow(end: number): number {
    const have = this.wasm.buffer.byteLength / pageBytes;
    const need = Math.ceil(end / pageBytes);
    const most = this.limits.maximum!;
    if (need > have) {
      if (need > most)
        throw new RangeError(
          `kernel memory: expected at most ${most / 16} MiB, got a need of ${end} bytes. ` +
            "Use smaller batches or fewer programs.",
        );
      const target = Math.min(most, Math.max(need, Math.ceil(have * 1.5)));
      try {
        this.wasm.grow(target - have);
      } catch {
        this.wasm.grow(need - have);
      }
      this.#refresh();
    }
    return this.wasm.buffer.byteLength;
  }

  #refresh(): void {
    const { buffer } = this.wasm;
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u8 = new Uint8Array(buffer);
  }
}

/** Node always, browsers on pages isolated from other origins. */
function canShare(): boolean {
  const { crossOriginIsolated } = globalThis as { crossOriginIsolated?: boolean };
  return typeof SharedArrayBuffer === "function" && crossOriginIsolated !== false;
}

/** The memory with the largest maximum that can be had; one that is not shared where none that is can be had. */
function makeMemory(shared: boolean): { wasm: WebAssembly.Memory; limits: MemoryLimits } {
  for (const maximum of maximumPages) {
    const limits = { initial: initialPages, maximum, shared };
    try {
      return { wasm: new WebAssembly.Memory(limits), limits };
    } catch (error) {
      if (!(error instanceof RangeError)) break;
    }
  }
  if (shared) return makeMemory(false);
  const limits = { initial: initialPages, maximum: maximumPages[0]! };
  return { wasm: new WebAssembly.Memory(limits), limits };
}

/** Filling shared memory from JavaScript goes element by element, as atomic stores: 25 times slower than this. */
function bulkFunctions({ wasm, limits }: Pick<WasmMemory, "wasm" | "limits">): {
  fill: (pointer: Pointer, bytes: number) => void;
  copy: (to: Pointer, from: Pointer, bytes: number) => void;
} {
  const module = new WasmModule();
  module.importMemory("env", "memory", limits);
  const fill = module.func("fill", { params: ["i32", "i32"], results: [], exported: true });
  fill.get(fill.param(0));
  fill.i32(0);
  fill.get(fill.param(1));
  fill.op("memory.fill");
  const copy = module.func("copy", { params: ["i32", "i32", "i32"], results: [], exported: true });
  for (let i = 0; i < 3; i++) copy.get(copy.param(i));
  copy.op("memory.copy");
  const compiled = new WebAssembly.Module(module.finish());
  return new WebAssembly.Instance(compiled, { env: { memory: wasm } }).exports as never;
}
