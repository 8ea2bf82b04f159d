/** @file The wasm backend: one module for all segments compiled together, a function a kernel, a function a segment. */
import type { Pointer } from "../../ir/host.ts";
import type { Kernel, Segment } from "../../ir/kernel.ts";
import { InternalError } from "../../base/errors.ts";
import type { Backend } from "../backend.ts";
import { type FunctionBuilder, WasmModule } from "./asm/index.ts";
import { type PhaseContext, loadSlot } from "./emit.ts";
import { emitConv, emitConvFilter, emitPrepareKernel } from "./kernels/conv/index.ts";
import { forBlocks } from "./kernels/flow.ts";
import { directEmitters, emitMatmul, phasedEmitters } from "./kernels/index.ts";
import { emitLoops, mergeAxes } from "./loops/index.ts";
import { WasmMemory } from "./memory.ts";
import { signatureOf } from "./signature.ts";
import { Forks, Pool } from "./threads/index.ts";
import type { Setting } from "./threads/forks.ts";
import { wasmTarget } from "./target.ts";

/** What the backend may be told. */
export interface WasmOptions {
  /** Threads that kernels may run on, the caller's included. */
  readonly threads?: number;
  /** Whether memory is shared between threads; unless told, wherever that is possible. */
  readonly shared?: boolean;
  /** Milliseconds without a sign of life after which helpers are given up, at least. */
  readonly patience?: number;
}

/** The backend, and its threads. */
export interface WasmBackend extends Backend {
  readonly memory: WasmMemory;
  readonly pool: Pool;
}

/** Kernels as WebAssembly with 128-bit SIMD, compiled when the program is. */
export function createWasmBackend(options: WasmOptions = {}): WasmBackend {
  const memory = new WasmMemory(options.shared);
  const pool = new Pool(memory, options.threads ?? 1, options.patience);
  const scratch = new Scratch(memory);
  const privateScratch = new Scratch(memory);
  return {
    name: "wasm",
    target: wasmTarget,
    memory,
    pool,
    get threads() {
      return pool.threads;
    },
    setThreads: (count) => pool.setThreads(count),
    compile(segments, allocate = (bytes) => memory.allocate(bytes)) {
      const { capacity } = pool;
      let registered: ReturnType<Pool["register"]> | undefined;
      const module = new WasmModule();
      module.importMemory("env", "memory", memory.limits);
      const remainder = module.importFunction("env", "rem", {
        params: ["f64", "f64"],
        results: ["f64"],
      });
      const wait = module.importFunction("env", "wait", { params: ["i32"], results: [] });
      const register = (): Setting => {
        registered = pool.register(allocate);
        return { ...registered, board: memory.board, capacity };
      };
      const forks = capacity > 1 ? new Forks(module, register, wait) : undefined;
      emitSegments(segments, forks, {
        module,
        scratch: (size: number) => scratch.atLeast(size),
        privateScratch(size: number) {
          const step = Math.ceil(size / privateAlignment) * privateAlignment;
          return { address: privateScratch.atLeast(step * capacity), step };
        },
        remainder,
      });
      const bytes = module.finish();
      const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
        env: {
          memory: memory.wasm,
          rem: (x: number, y: number) => x % y,
          wait: (others: number) => pool.wait(others, (site) => forks!.names[site] ?? "a kernel"),
        },
      });
      const runs = segments.map((_, index) => instance.exports[`segment${index}`] as () => void);
      if (registered === undefined) return runs;
      pool.publish(registered, bytes, allocate);
      return runs.map((run) => pool.guard(run));
    },
  };
}

/** Threads' own regions lie two cache lines apart: processors fetch lines in pairs. */
const privateAlignment = 128;

function emitSegments(
  segments: readonly Segment[],
  forks: Forks | undefined,
  shared: Omit<KernelContext, "place" | "slots">,
): void {
  const merged = segments.map((segment) => segment.kernels.map(withMergedAxes));
  const callKernel = kernelCaller(merged.flat(), forks);
  segments.forEach(({ place, slots }, index) => {
    const context: KernelContext = { ...shared, place, slots };
    const calls = merged[index]!.map((kernel) => callKernel(context, kernel));
    const options = { params: [], results: [], exported: true };
    const run = shared.module.func(`segment${index}`, options);
    for (const call of calls) call(run);
  });
  forks?.finish();
}

type KernelContext = Omit<PhaseContext, "phase">;

/** What the backend needs of a kernel. */
type Emittable = Pick<Kernel, "name" | "work">;

/** Elementwise loops over as many elements are alike, whatever the shapes: they can share a function. */
function withMergedAxes({ name, work }: Kernel): Emittable {
  return work.kind === "loops"
    ? { name, work: { kind: "loops", nests: work.nests.map(mergeAxes) } }
    : { name, work };
}

/** A phase of a kernel, emitted: a function of the kernel's parameters, a chunk and a thread. */
interface EmittedPhase {
  readonly name: string;
  readonly fn: FunctionBuilder;
  readonly chunks: number;
}

/**
 * Emits a kernel, and gives back what calls it. A kernel that comes several times (the stages of a step, say) becomes one
 * function that is told the addresses: less to compile, and hot sooner. One that comes once knows its addresses.
 */
function kernelCaller(
  kernels: readonly Emittable[],
  forks: Forks | undefined,
): (context: KernelContext, kernel: Emittable) => (caller: FunctionBuilder) => void {
  const signatures = new Map(kernels.map((kernel) => [kernel, signatureOf(kernel)]));
  const times = new Map<string, number>();
  for (const { key } of signatures.values()) times.set(key, (times.get(key) ?? 0) + 1);
  const emitted = new Map<string, readonly EmittedPhase[]>();
  return (context, kernel) => {
    const { key, values } = signatures.get(kernel)!;
    const once = times.get(key) === 1;
    const parameters = once ? [] : values;
    let phases = once ? undefined : emitted.get(key);
    if (phases === undefined) {
      phases = emitPhases(
        once
          ? context
          : {
              ...context,
              place: (value) => ({ kind: "parameter", index: values.indexOf(value) }),
            },
        kernel,
        parameters.length,
      );
      emitted.set(key, phases);
    }
    const made = phases;
    return (caller) => {
      for (const { fn, chunks, name } of made) {
        const callChunk = (at: FunctionBuilder, chunk: () => void, thread: () => void): void => {
          for (const value of parameters) {
            const place = context.place(value);
            if (place.kind === "address") at.i32(place.address | 0);
            else loadSlot(context, at, (place as { slot: number }).slot);
          }
          chunk();
          thread();
          at.call(fn);
        };
        if (chunks > 1 && forks !== undefined) {
          forks.call(caller, name, chunks, (at, chunk, thread) =>
            callChunk(
              at,
              () => at.get(chunk),
              () => at.get(thread),
            ),
          );
          continue;
        }
        const chunk = caller.local("i32");
        forBlocks(caller, chunks, 1, [[chunk, 1]], () =>
          callChunk(
            caller,
            () => caller.get(chunk),
            () => caller.i32(0),
          ),
        );
      }
    };
  };
}

function emitPhases(context: KernelContext, kernel: Emittable, parameters: number): EmittedPhase[] {
  const phases: EmittedPhase[] = [];
  const params = Array.from({ length: parameters + 2 }, () => "i32" as const);
  emitKernel(
    {
      ...context,
      phase(chunks, emit) {
        const name = `${kernel.name}/${phases.length}`;
        const fn = context.module.func(name, { params, results: [] });
        phases.push({ name, fn, chunks });
        emit({ fn, chunk: fn.param(parameters), thread: fn.param(parameters + 1) });
      },
    },
    kernel,
  );
  return phases;
}

function emitKernel(context: PhaseContext, { work }: Emittable): void {
  switch (work.kind) {
    case "loops":
      return emitLoops(context, work.nests);
    case "matmul":
      return emitMatmul(context, work);
    case "conv":
      return emitConv(context, work);
    case "convFilter":
      return emitConvFilter(context, work);
    case "prepareKernel":
      return emitPrepareKernel(context, work);
    case "direct": {
      const phased = phasedEmitters[work.node.prim as keyof typeof phasedEmitters];
      if (phased !== undefined) return phased(context, work);
      const emit = directEmitters[work.node.prim as keyof typeof directEmitters];
      if (emit === undefined) throw new InternalError(`wasm has no kernel for ${work.node.prim}`);
      return context.phase(1, ({ fn }) => emit(context, fn, work));
    }
    case "host":
      throw new InternalError("a host operation reached the backend");
  }
}

/** Memory that kernels write to and leave behind. Earlier, smaller regions stay with the kernels that know them. */
class Scratch {
  #pointer: Pointer = 0;
  #bytes = 0;
  readonly #memory: WasmMemory;

  constructor(memory: WasmMemory) {
    this.#memory = memory;
  }

  atLeast(bytes: number): Pointer {
    if (bytes > this.#bytes) {
      const size = Math.max(bytes, 2 * this.#bytes, 4096);
      this.#pointer = this.#memory.allocate(size);
      this.#bytes = size;
    }
    return this.#pointer;
  }
}
