/** @file The wasm backend: one module for all segments compiled together, a function a kernel, a function a segment. */
import type { Pointer } from "../../ir/host.ts";
import type { Kernel, Segment } from "../../ir/kernel.ts";
import { InternalError } from "../../ir/errors.ts";
import type { Backend } from "../backend.ts";
import { type FunctionBuilder, WasmModule } from "./asm/index.ts";
import { type PhaseContext, loadSlot } from "./emit.ts";
import { emitConv, emitConvFilter, emitPrepareKernel } from "./kernels/conv/index.ts";
import { forBlocks } from "./kernels/flow.ts";
import { directEmitters, emitMatmul } from "./kernels/index.ts";
import { emitLoops, mergeAxes } from "./loops/index.ts";
import { WasmMemory } from "./memory.ts";
import { signatureOf } from "./signature.ts";

/** Kernels as WebAssembly with 128-bit SIMD, compiled when the program is. */
export function createWasmBackend(): Backend {
  const memory = new WasmMemory();
  const scratch = new Scratch(memory);
  const privateScratch = new Scratch(memory);
  return {
    name: "wasm",
    memory,
    compile(segments) {
      const bytes = assemble(segments, memory, scratch, privateScratch);
      const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
        env: { memory: memory.wasm, rem: (x: number, y: number) => x % y },
      });
      return segments.map((_, index) => instance.exports[`segment${index}`] as () => void);
    },
  };
}

function assemble(
  segments: readonly Segment[],
  memory: WasmMemory,
  scratch: Scratch,
  privateScratch: Scratch,
): Uint8Array<ArrayBuffer> {
  const module = new WasmModule();
  module.importMemory("env", "memory", memory.limits);
  const shared = {
    module,
    scratch: (size: number) => scratch.atLeast(size),
    privateScratch: (size: number) => ({ address: privateScratch.atLeast(size), step: size }),
    remainder: module.importFunction("env", "rem", { params: ["f64", "f64"], results: ["f64"] }),
  };
  const merged = segments.map((segment) => segment.kernels.map(withMergedAxes));
  const callKernel = kernelCaller(merged.flat());
  segments.forEach(({ place, slots }, index) => {
    const context: KernelContext = { ...shared, place, slots };
    const calls = merged[index]!.map((kernel) => callKernel(context, kernel));
    const run = module.func(`segment${index}`, { params: [], results: [], exported: true });
    for (const call of calls) call(run);
  });
  return module.finish();
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
  readonly fn: FunctionBuilder;
  readonly chunks: number;
}

/**
 * Emits a kernel, and gives back what calls it. A kernel that comes several times (the stages of a step, say) becomes one
 * function that is told the addresses: less to compile, and hot sooner. One that comes once knows its addresses.
 */
function kernelCaller(
  kernels: readonly Emittable[],
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
      for (const { fn, chunks } of made) {
        const chunk = caller.local("i32");
        forBlocks(caller, chunks, 1, [[chunk, 1]], () => {
          for (const value of parameters) {
            const place = context.place(value);
            if (place.kind === "address") caller.i32(place.address | 0);
            else loadSlot(context, caller, (place as { slot: number }).slot);
          }
          caller.get(chunk);
          caller.i32(0);
          caller.call(fn);
        });
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
        const fn = context.module.func(`${kernel.name}/${phases.length}`, { params, results: [] });
        phases.push({ fn, chunks });
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
      return context.phase(1, ({ fn }) => emitLoops(context, fn, work.nests));
    case "matmul":
      return emitMatmul(context, work);
    case "conv":
      return emitConv(context, work);
    case "convFilter":
      return emitConvFilter(context, work);
    case "prepareKernel":
      return emitPrepareKernel(context, work);
    case "direct": {
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
  private pointer: Pointer = 0;
  private bytes = 0;
  private readonly memory: WasmMemory;

  constructor(memory: WasmMemory) {
    this.memory = memory;
  }

  atLeast(bytes: number): Pointer {
    if (bytes > this.bytes) {
      const size = Math.max(bytes, 2 * this.bytes, 4096);
      this.pointer = this.memory.allocate(size);
      this.bytes = size;
    }
    return this.pointer;
  }
}
