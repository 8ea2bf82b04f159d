// The interpreter's memory: one ArrayBuffer, replaced by a larger copy when it is full.
import type { Memory } from "../backend.ts";
import { Allocator } from "../allocator.ts";
import { complaint } from "../../base/errors.ts";

/** Addresses are int32 in slots, and ArrayBuffers above 2 GiB are not had everywhere. */
const largest = 2 ** 31 - 64;

/** A memory of plain JavaScript. `initial` is its first size in bytes. */
export function createArrayMemory(initial: number = 1 << 16): Memory {
  let u8 = new Uint8Array(0);
  let f32 = new Float32Array(0);
  let f64 = new Float64Array(0);
  let i32 = new Int32Array(0);

  const grow = (end: number): number => {
    if (end > largest)
      throw new RangeError(complaint("interp memory", `at most ${largest} bytes`, `${end} bytes`));
    const size = Math.min(largest, (Math.max(initial, end, 2 * u8.length) + 63) & ~63);
    const buffer = new ArrayBuffer(size);
    new Uint8Array(buffer).set(u8);
    u8 = new Uint8Array(buffer);
    f32 = new Float32Array(buffer);
    f64 = new Float64Array(buffer);
    i32 = new Int32Array(buffer);
    return size;
  };
  const allocator = new Allocator({ grow, clear: (start, end) => void u8.fill(0, start, end) });

  return {
    allocate: (bytes) => allocator.allocate(bytes),
    free: (pointer, bytes) => allocator.free(pointer, bytes),
    clear: (pointer, bytes) => void u8.fill(0, pointer, pointer + bytes),
    copy: (to, from, bytes) => void u8.copyWithin(to, from, from + bytes),
    get used() {
      return allocator.used;
    },
    stable: false,
    get f32() {
      return f32;
    },
    get f64() {
      return f64;
    },
    get i32() {
      return i32;
    },
    get u8() {
      return u8;
    },
  };
}
