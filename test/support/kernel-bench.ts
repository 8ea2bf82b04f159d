// Runs kernels one at a time: values at addresses or behind slots, guards around them, the module validated.
import { WasmModule, type FunctionBuilder } from "../../src/backend/wasm/asm/index.ts";
import type { EmitContext, PhaseContext } from "../../src/backend/wasm/emit.ts";
import { kernelBytes } from "../../src/ir/dtype.ts";
import type { Value } from "../../src/ir/graph.ts";
import type { Place } from "../../src/ir/kernel.ts";
import { sizeOf } from "../../src/ir/shape.ts";

export type Floats = Float32Array | Float64Array;
export type Elements = Floats | Int32Array;

const guard = 0x5a;
const guardBytes = 64;
const slots = 64;

/** Reproducible numbers in [-1, 1), from a linear congruential generator (Numerical Recipes). */
export function floats(dtype: "float32" | "float64", size: number, seed: number): Floats {
  const out = dtype === "float32" ? new Float32Array(size) : new Float64Array(size);
  let state = Math.imul(seed, 2654435761) | 1;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    out[i] = state / 2 ** 31;
  }
  return out;
}

/** The bit patterns, so that -0 and rounding count. */
export function bits(elements: Floats): number[] {
  return [...new Uint32Array(elements.buffer, elements.byteOffset, elements.byteLength / 4)];
}

/** Memory with values in it, and a module built and run over it. Every other value lies behind a slot. */
export class Bench {
  readonly memory: WebAssembly.Memory = new WebAssembly.Memory({ initial: 1 });
  readonly #places = new Map<Value, { address: number; place: Place }>();
  #top = 4096;

  #reserve(bytes: number): number {
    const address = this.#top + guardBytes;
    this.#top = Math.ceil((address + bytes + guardBytes) / 64) * 64;
    const missing = this.#top - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / 65536));
    const bytesOf = new Uint8Array(this.memory.buffer);
    bytesOf.fill(guard, address - guardBytes, this.#top);
    return address;
  }

  #register(value: Value): number {
    const address = this.#reserve(sizeOf(value.shape) * kernelBytes[value.dtype]);
    const slot = this.#places.size;
    new Int32Array(this.memory.buffer)[slots / 4 + slot] = address;
    this.#places.set(value, {
      address,
      place: slot % 2 === 0 ? { kind: "address", address } : { kind: "slot", slot },
    });
    return address;
  }

  #elements(value: Value): Elements {
    const { address } = this.#places.get(value)!;
    const size = sizeOf(value.shape);
    if (value.dtype === "float32") return new Float32Array(this.memory.buffer, address, size);
    if (value.dtype === "float64") return new Float64Array(this.memory.buffer, address, size);
    return new Int32Array(this.memory.buffer, address, size);
  }

  /** Lays a value's elements into memory. */
  put(value: Value, elements: ArrayLike<number>): void {
    this.#register(value);
    this.#elements(value).set(elements);
  }

  /** A copy of a value's elements. */
  get(value: Value): Elements {
    return this.#elements(value).slice();
  }

  /** Builds one module of the kernels, runs them in order, and throws if a guard changed. Outputs get their memory here. */
  run(
    kernels: readonly ((context: EmitContext, fn: FunctionBuilder) => void)[],
    outputs: readonly Value[],
  ): void {
    this.runPhases(
      kernels.map((emit) => (context) => context.phase(1, ({ fn }) => emit(context, fn))),
      outputs,
    );
  }

  /** The same for kernels in phases; chunks run in the order that `order` gives, on two threads' scratch memory in turns. */
  runPhases(
    kernels: readonly ((context: PhaseContext) => void)[],
    outputs: readonly Value[],
    order: (chunks: number) => readonly number[] = (chunks) =>
      Array.from({ length: chunks }, (_, chunk) => chunk),
  ): void {
    for (const value of outputs) this.#register(value);
    const module = new WasmModule();
    module.importMemory("env", "memory", { initial: 1 });
    const params = ["i32", "i32"] as const;
    const calls: { fn: FunctionBuilder; chunks: number }[] = [];
    const context: PhaseContext = {
      module,
      place: (value) => this.#places.get(value)!.place,
      slots,
      scratch: (bytes) => this.#reserve(bytes),
      privateScratch: (bytes) => {
        const step = Math.ceil(bytes / 64) * 64;
        return { address: this.#reserve(2 * step), step };
      },
      remainder: module.importFunction("env", "rem", { params: ["f64", "f64"], results: ["f64"] }),
      phase: (chunks, emit) => {
        const fn = module.func(`phase${calls.length}`, { params: [...params], results: [] });
        calls.push({ fn, chunks });
        emit({ fn, chunk: fn.param(0), thread: fn.param(1) });
      },
    };
    for (const emit of kernels) emit(context);
    const main = module.func("main", { params: [], results: [], exported: true });
    for (const { fn, chunks } of calls)
      order(chunks).forEach((chunk, turn) => {
        main.i32(chunk);
        main.i32(turn % 2);
        main.call(fn);
      });
    const bytes = module.finish();
    if (!WebAssembly.validate(bytes)) throw new Error("the module does not validate");
    const imports = { env: { memory: this.memory, rem: (x: number, y: number) => x % y } };
    (
      new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports["main"] as () => void
    )();
    this.#checkGuards();
  }

  #checkGuards(): void {
    const memory = new Uint8Array(this.memory.buffer);
    for (const [value, { address }] of this.#places) {
      const end = address + sizeOf(value.shape) * kernelBytes[value.dtype];
      const around = [
        ...memory.subarray(address - guardBytes, address),
        ...memory.subarray(end, end + guardBytes),
      ];
      if (around.some((byte) => byte !== guard))
        throw new Error(`a kernel wrote beside value ${value.id}`);
    }
  }
}
