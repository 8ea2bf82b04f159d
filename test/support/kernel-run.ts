// Runs works through the wasm backend as the compiler would: phases, chunks, addresses and slots, with guards around values.
import { createWasmBackend } from "../../src/backend/wasm/index.ts";
import { kernelBytes } from "../../src/ir/dtype.ts";
import type { Value } from "../../src/ir/graph.ts";
import type { Kernel, Place, Work } from "../../src/ir/kernel.ts";
import { sizeOf } from "../../src/ir/shape.ts";
import type { Elements } from "./kernel-bench.ts";

const guard = 0x5a;
const guardBytes = 64;

/** Works compiled over values that have their memory. */
export interface KernelRun {
  /** Runs all of them once; throws if one wrote beside a value. */
  run(): void;
  /** A copy of a value's elements. */
  get(value: Value): Elements;
}

/**
 * Compiles works over `inputs`. Outputs are full of garbage before; every other value lies behind a slot. With `twice`, each
 * work comes twice in the program, so that its function takes addresses as parameters.
 */
export function kernelRun(
  works: readonly Work[],
  inputs: ReadonlyMap<Value, ArrayLike<number>>,
  outputs: readonly Value[],
  twice = false,
): KernelRun {
  const backend = createWasmBackend();
  const { memory } = backend;
  const slots = memory.allocate(4 * (inputs.size + outputs.length));
  const places = new Map<Value, { readonly address: number; readonly place: Place }>();
  const bytesOf = (value: Value): number => sizeOf(value.shape) * kernelBytes[value.dtype];
  for (const value of [...inputs.keys(), ...outputs]) {
    const bytes = bytesOf(value) + 2 * guardBytes;
    const block = memory.allocate(bytes);
    memory.u8.fill(guard, block, block + bytes);
    const address = block + guardBytes;
    const slot = places.size;
    memory.i32[slots / 4 + slot] = address;
    const place: Place = slot % 2 === 0 ? { kind: "address", address } : { kind: "slot", slot };
    places.set(value, { address, place });
  }
  const elements = (value: Value): Elements => {
    const { address } = places.get(value)!;
    const { buffer } = memory.u8;
    const size = sizeOf(value.shape);
    if (value.dtype === "float32") return new Float32Array(buffer, address, size);
    if (value.dtype === "float64") return new Float64Array(buffer, address, size);
    return new Int32Array(buffer, address, size);
  };
  for (const [value, numbers] of inputs) elements(value).set(numbers);
  const kernels: Kernel[] = works.map((work) => ({
    name: work.kind,
    nodes: [],
    inputs: [...inputs.keys()],
    outputs,
    work,
  }));
  const [run] = backend.compile([
    {
      name: "main",
      kernels: twice ? [...kernels, ...kernels.map((kernel) => ({ ...kernel }))] : kernels,
      place: (value) => places.get(value)!.place,
      slots,
    },
  ]);
  return {
    run() {
      run!();
      for (const [value, { address }] of places) {
        const end = address + bytesOf(value);
        for (let i = 0; i < guardBytes; i++) {
          if (memory.u8[address - 1 - i] !== guard || memory.u8[end + i] !== guard)
            throw new Error(`a kernel wrote beside value ${value.id}`);
        }
      }
    },
    get: (value) => elements(value).slice(),
  };
}
