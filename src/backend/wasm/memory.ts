/** @file Kernel memory as WebAssembly memory. */
import type { Pointer } from "../../ir/host.ts";
import { Allocator } from "../allocator.ts";
import type { Memory } from "../backend.ts";
import type { MemoryLimits } from "./asm/index.ts";

const pageBytes = 65536;
const maximumPages = 65536;

/** Grows by at least half its size, up to 4 GiB. Views are made anew after growth, which detaches the old ones. */
export class WasmMemory implements Memory {
  readonly limits: MemoryLimits = { initial: 64, maximum: maximumPages };
  readonly wasm: WebAssembly.Memory = new WebAssembly.Memory({
    initial: 64,
    maximum: maximumPages,
  });
  f32!: Float32Array;
  f64!: Float64Array;
  i32!: Int32Array;
  u8!: Uint8Array;
  private readonly allocator: Allocator;

  constructor() {
    this.refresh();
    this.allocator = new Allocator({
      grow: (end) => this.grow(end),
      clear: (start, end) => void this.u8.fill(0, start, end),
    });
  }

  get used(): number {
    return this.allocator.used;
  }

  allocate(bytes: number): Pointer {
    return this.allocator.allocate(bytes);
  }

  free(pointer: Pointer, bytes: number): void {
    this.allocator.free(pointer, bytes);
  }

  private grow(end: number): number {
    const have = this.wasm.buffer.byteLength / pageBytes;
    const need = Math.ceil(end / pageBytes);
    if (need > have) {
      if (need > maximumPages)
        throw new RangeError(
          `kernel memory: expected at most 4 GiB, got a need of ${end} bytes. Use smaller batches or fewer programs.`,
        );
      const target = Math.min(maximumPages, Math.max(need, Math.ceil(have * 1.5)));
      try {
        this.wasm.grow(target - have);
      } catch {
        this.wasm.grow(need - have);
      }
      this.refresh();
    }
    return this.wasm.buffer.byteLength;
  }

  private refresh(): void {
    const { buffer } = this.wasm;
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u8 = new Uint8Array(buffer);
  }
}
