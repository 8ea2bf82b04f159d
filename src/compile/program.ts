/** @file Programs: a graph optimised, cut into kernels, given memory and made callable. */
import { type AnyGraph, type Graph, type Node, type Value, asGraph } from "../ir/graph.ts";
import { InternalError } from "../base/errors.ts";
import type { HostRun, Pointer, Procedure } from "../ir/host.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { Kernel, Place } from "../ir/kernel.ts";
import { accessOf } from "./access.ts";
import { typeKey } from "../ir/key.ts";
import { formKernels } from "./fuse/kernels.ts";
import { hostContext } from "./host-context.ts";
import { type SharedBlock, workplaceOf } from "./shared-memory.ts";
import type { Holdings } from "./holdings.ts";
import { type MemoryPlan, paddedBytes, settledKernels } from "./plan.ts";
import { optimize } from "./passes/index.ts";

type Step = () => void;

/** A graph that runs on values in kernel memory, found through a table of slots: one per input, then one per output. */
export class Program implements Procedure {
  readonly name: string;
  /** After every pass. */
  readonly graph: Graph;
  readonly kernels: readonly Kernel[];
  readonly plan: MemoryPlan;
  private readonly holdings: Holdings;
  private readonly slots: Pointer;
  private readonly steps: Step[] = [];
  private readonly outputStart: number;
  /** How many inputs are not captured. */
  private readonly free: number;
  private readonly prepared: SharedBlock[] = [];
  /** What is to be done before the first run. */
  private pending: (() => void) | undefined;

  /** The last inputs are the `captured` tensors: bound here, and never to be bound otherwise. */
  constructor(
    source: AnyGraph,
    name: string,
    holdings: Holdings,
    captured: readonly Tensor[] = [],
  ) {
    this.name = name;
    this.holdings = holdings;
    const { batchInvariant, backend } = holdings;
    this.graph = optimize(asGraph(source), false, backend.claims, batchInvariant, backend.target);
    this.kernels = formKernels(this.graph, { target: backend.target, invariant: batchInvariant });
    const { inputs, outputs } = this.graph;
    this.outputStart = inputs.length;
    const slotOf = new Map<Value, number>(inputs.map((input, index) => [input, index]));
    outputs.forEach((output, index) => slotOf.set(accessOf(output).base, this.outputStart + index));
    const firstConstant = inputs.length - captured.length;
    this.free = firstConstant;
    const tensors = new Map(
      captured.map((tensor, index) => [inputs[firstConstant + index]!, tensor]),
    );
    const { once, every } = settledKernels(
      this.kernels,
      new Set(tensors.keys()),
      new Set(slotOf.keys()),
    );
    const settled = new Map<Value, Pointer>();
    const fresh = once.filter((kernel) => this.settle(kernel, tensors, settled));
    const elsewhere = new Set([...slotOf.keys(), ...settled.keys()]);
    const { plan, addressOf } = workplaceOf(every, elsewhere, holdings);
    this.plan = plan;
    this.slots = holdings.allocate(Math.max(64, 4 * (inputs.length + outputs.length)));
    const place = (value: Value): Place => {
      const slot = slotOf.get(value);
      if (slot !== undefined) return { kind: "slot", slot };
      const fixed = settled.get(value);
      if (fixed !== undefined) return { kind: "address", address: fixed };
      const address = addressOf(value);
      if (address === undefined)
        throw new InternalError(
          `${name}: ${typeKey(value)} is read from memory, but no kernel writes it there`,
        );
      return { kind: "address", address };
    };
    captured.forEach((tensor, index) =>
      this.bindInput(firstConstant + index, holdings.constant(tensor, name)),
    );
    if (fresh.length > 0) this.runOnce(fresh, place);
    for (const part of cut(every))
      this.steps.push(
        part[0]!.work.kind === "host"
          ? this.hostStep(part[0]!, place)
          : this.segmentStep(this.steps.length, part, place),
      );
  }

  bindInput(index: number, pointer: Pointer): void {
    this.holdings.backend.memory.i32[(this.slots >>> 2) + index] = pointer;
  }

  bindOutput(index: number, pointer: Pointer): void {
    this.bindInput(this.outputStart + index, pointer);
  }

  bindInputs(first: number, pointers: readonly Pointer[]): void {
    const { i32 } = this.holdings.backend.memory;
    const start = (this.slots >>> 2) + first;
    for (let index = 0; index < pointers.length; index++) i32[start + index] = pointers[index]!;
  }

  bindOutputs(first: number, pointers: readonly Pointer[]): void {
    this.bindInputs(this.outputStart + first, pointers);
  }

  run(): void {
    if (this.pending !== undefined) this.pending();
    const { steps } = this;
    for (let index = 0; index < steps.length; index++) steps[index]!();
  }

  /** Gives every input but the captured ones, and every output, memory of its own and binds it. */
  bindOwn(): { inputs: Pointer[]; outputs: Pointer[] } {
    const own = (value: Value, bind: (pointer: Pointer) => void): Pointer => {
      const pointer = this.holdings.allocate(paddedBytes(value));
      bind(pointer);
      return pointer;
    };
    return {
      inputs: this.graph.inputs
        .slice(0, this.free)
        .map((input, index) => own(input, (pointer) => this.bindInput(index, pointer))),
      outputs: this.graph.outputs.map((output, index) =>
        own(output, (pointer) => this.bindOutput(index, pointer)),
      ),
    };
  }

  /**
   * Finds a place for what a kernel makes of constants; false if another program has made it already. Prepared kernels are
   * shared with all programs that capture the same tensor.
   */
  private settle(
    kernel: Kernel,
    tensors: ReadonlyMap<Value, Tensor>,
    settled: Map<Value, Pointer>,
  ): boolean {
    const { holdings } = this;
    const { work } = kernel;
    const tensor = work.kind === "prepareKernel" ? tensors.get(work.kernel.value) : undefined;
    if (work.kind !== "prepareKernel" || tensor === undefined) {
      for (const value of kernel.outputs) settled.set(value, holdings.allocate(paddedBytes(value)));
      return true;
    }
    const { algorithm, shape, out } = work;
    const key = JSON.stringify([algorithm, shape, work.kernel.view]);
    const block = holdings.derived(tensor, key, paddedBytes(out));
    settled.set(out, block.pointer);
    if (block.ready) return false;
    this.prepared.push(block);
    return true;
  }

  private runOnce(kernels: readonly Kernel[], place: (value: Value) => Place): void {
    const { holdings, slots } = this;
    let run: Step | undefined;
    holdings.enqueue(
      { name: `${this.name}/once`, kernels, place, slots },
      (compiled) => (run = compiled),
    );
    this.pending = () => {
      if (run === undefined) holdings.compile();
      run!();
      for (const block of this.prepared) block.ready = true;
      this.pending = undefined;
    };
  }

  /** Compiled at the first call, with everything else that waits by then. */
  private segmentStep(
    index: number,
    kernels: readonly Kernel[],
    place: (value: Value) => Place,
  ): Step {
    const { holdings, slots } = this;
    holdings.enqueue(
      { name: `${this.name}/${index}`, kernels, place, slots },
      (run) => (this.steps[index] = run),
    );
    return () => {
      holdings.compile();
      this.steps[index]!();
    };
  }

  private hostStep(kernel: Kernel, place: (value: Value) => Place): Step {
    if (kernel.work.kind !== "host") throw new TypeError("not a host kernel");
    const { node, inputs, outputs } = kernel.work;
    const run: HostRun = (node as Node<"host">).params.op.prepare(
      hostContext(this.holdings, (graph, name) => new Program(graph, name, this.holdings)),
    );
    const fixed = (value: Value): Pointer => {
      const at = place(value);
      return at.kind === "address" ? at.address : -1 - at.slot;
    };
    const inputPlaces = inputs.map(fixed);
    const outputPlaces = outputs.map(fixed);
    const inputPointers = [...inputPlaces];
    const outputPointers = [...outputPlaces];
    const resolve = (places: readonly number[], pointers: number[]): void => {
      const { i32 } = this.holdings.backend.memory;
      for (let index = 0; index < places.length; index++) {
        const at = places[index]!;
        if (at < 0) pointers[index] = i32[(this.slots >>> 2) + (-1 - at)]! >>> 0;
      }
    };
    return () => {
      resolve(inputPlaces, inputPointers);
      resolve(outputPlaces, outputPointers);
      run(inputPointers, outputPointers);
    };
  }
}

/** Cuts the kernels into parts at host operations, each of which is a part of its own. */
function cut(kernels: readonly Kernel[]): Kernel[][] {
  const parts: Kernel[][] = [];
  let open: Kernel[] | undefined;
  for (const kernel of kernels) {
    const host = kernel.work.kind === "host";
    if (host || open === undefined) parts.push((open = []));
    open.push(kernel);
    if (host) open = undefined;
  }
  return parts;
}
