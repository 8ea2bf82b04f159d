/** @file What host operations get from the program that contains them. */
import type { DType } from "../ir/dtype.ts";
import type { AnyGraph } from "../ir/graph.ts";
import type { HostContext, Pointer, Procedure } from "../ir/host.ts";
import type { Holdings } from "./holdings.ts";
import { paddedBytes } from "./plan.ts";

/** `compile` makes procedures whose memory belongs to the same holdings. */
export function hostContext(
  holdings: Holdings,
  compile: (graph: AnyGraph, name: string) => Procedure,
): HostContext {
  const { memory } = holdings.backend;
  return {
    compile,
    allocate: (type) => holdings.allocate(paddedBytes(type)),
    reallocate(pointer, oldBytes, newBytes): Pointer {
      const moved = holdings.allocate(newBytes);
      memory.copy(moved, pointer, Math.min(oldBytes, newBytes));
      holdings.free(pointer);
      return moved;
    },
    view(dtype: DType, pointer, size) {
      if (dtype === "float32") return memory.f32.subarray(pointer >>> 2, (pointer >>> 2) + size);
      if (dtype === "float64") return memory.f64.subarray(pointer >>> 3, (pointer >>> 3) + size);
      return memory.i32.subarray(pointer >>> 2, (pointer >>> 2) + size);
    },
    copy: (to, from, bytes) => memory.copy(to, from, bytes),
    fill: (pointer, bytes) => memory.clear(pointer, bytes),
    shared<T>(key: object, make: () => T): T {
      let value = holdings.shared.get(key) as T | undefined;
      if (value === undefined) holdings.shared.set(key, (value = make()));
      return value;
    },
    found: <T>(key: object) => holdings.shared.get(key) as T | undefined,
    get caller() {
      return holdings.caller;
    },
  };
}
