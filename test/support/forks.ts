/** @file Modules whose phases threads share, made by hand: the threads without the compiler. */
import { type FunctionBuilder, type Local, WasmModule } from "../../src/backend/wasm/asm/index.ts";
import { WasmMemory } from "../../src/backend/wasm/memory.ts";
import { Forks, Pool } from "../../src/backend/wasm/threads/index.ts";

/** A phase: what a chunk does, with the addresses of this memory. */
export interface HandMade {
  readonly name?: string;
  readonly chunks: number;
  emit(fn: FunctionBuilder, chunk: Local, thread: Local): void;
}

/** A memory and its threads. */
export class Bench {
  readonly memory: WasmMemory;
  /** Where the binaries lie that helpers take. */
  readonly #binaries = new Map<() => void, readonly [address: number, bytes: number]>();
  readonly pool: Pool;
  /** Called before the caller looks what it waits for. */
  onWait: (() => void) | undefined;

  constructor(threads: number, options: { patience?: number; shared?: boolean } = {}) {
    this.memory = new WasmMemory(options.shared);
    this.pool = new Pool(this.memory, threads, options.patience);
  }

  /** Compiles phases that run one after the other, `times` times a call. */
  compile(phases: readonly HandMade[], times = 1): (() => void) & { release(): void } {
    const { memory, pool } = this;
    const held: [number, number][] = [];
    const allocate = (bytes: number): number => {
      const pointer = memory.allocate(bytes);
      held.push([pointer, bytes]);
      return pointer;
    };
    const module = new WasmModule();
    module.importMemory("env", "memory", memory.limits);
    const wait = module.importFunction("env", "wait", { params: ["i32"], results: [] });
    const record = pool.register(allocate);
    const setting = { ...record, board: memory.board, capacity: pool.capacity };
    const forks = new Forks(module, () => setting, wait);
    const functions = phases.map(({ name, emit }, index) => {
      const fn = module.func(name ?? `phase ${index}`, { params: ["i32", "i32"], results: [] });
      emit(fn, fn.param(0), fn.param(1));
      return fn;
    });
    const run = module.func("run", { params: [], results: [], exported: true });
    const left = run.local("i32");
    run.i32(times);
    run.set(left);
    run.loop((top) => {
      phases.forEach(({ chunks }, index) =>
        forks.call(run, functions[index]!.handle.name, chunks, (at, chunk, thread) => {
          at.get(chunk);
          at.get(thread);
          at.call(functions[index]!);
        }),
      );
      run.get(left);
      run.i32(1);
      run.op("i32.sub");
      run.tee(left);
      run.brIf(top);
    });
    forks.finish();
    const binary = module.finish();
    const env = {
      memory: memory.wasm,
      wait: (others: number) => {
        this.onWait?.();
        pool.wait(others, (site) => forks.names[site]!);
      },
    };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary), { env });
    pool.publish(record, binary, allocate);
    const guarded = pool.guard(exports["run"] as () => void);
    this.#binaries.set(guarded, held.at(-1)!);
    return Object.assign(guarded, {
      release: () => {
        for (const [pointer, bytes] of held.splice(0)) memory.free(pointer, bytes);
      },
    });
  }

  /** Makes nonsense of the binary that helpers take. */
  spoil(run: () => void): void {
    const [address, bytes] = this.#binaries.get(run)!;
    this.memory.u8.fill(255, address, address + bytes);
  }

  /** Waits, without giving the event loop a turn, until so many helpers have started. */
  started(helpers: number): void {
    const end = performance.now() + 20_000;
    while (this.pool.ready < helpers) {
      if (performance.now() > end) throw new Error(`${this.pool.ready} of ${helpers} helpers`);
      Atomics.wait(this.memory.i32, 0, 0, 1);
    }
  }
}

const benches: Bench[] = [];

/** A bench that `closeBenches` closes. */
export function bench(...args: ConstructorParameters<typeof Bench>): Bench {
  const made = new Bench(...args);
  benches.push(made);
  return made;
}

/** Ends the threads of all benches. */
export function closeBenches(): void {
  for (const { pool } of benches.splice(0)) pool.close();
}

/** The i32 numbers that lie at an address. */
export const wordsAt = ({ memory }: Bench, pointer: number, count: number): number[] =>
  Array.from(memory.i32.subarray(pointer >>> 2, (pointer >>> 2) + count));

/** Adds to words[chunk] what `of` leaves, given the chunk. */
export function addToWord(
  words: number,
  of: (fn: FunctionBuilder, chunk: Local, thread: Local) => void,
): HandMade["emit"] {
  return (fn, chunk, thread) => {
    fn.get(chunk);
    fn.i32(4);
    fn.op("i32.mul");
    const at = fn.local("i32");
    fn.tee(at);
    fn.get(at);
    fn.load("i32.load", words);
    of(fn, chunk, thread);
    fn.op("i32.add");
    fn.store("i32.store", words);
  };
}

/** Leaves a number that takes `rounds` steps of a generator to find. */
export function spin(fn: FunctionBuilder, rounds: number, seed: () => void): void {
  const state = fn.local("i32");
  const left = fn.local("i32");
  seed();
  fn.set(state);
  fn.i32(rounds);
  fn.set(left);
  fn.loop((top) => {
    fn.get(state);
    fn.i32(1664525);
    fn.op("i32.mul");
    fn.i32(1013904223);
    fn.op("i32.add");
    fn.set(state);
    fn.get(left);
    fn.i32(1);
    fn.op("i32.sub");
    fn.tee(left);
    fn.brIf(top);
  });
  fn.get(state);
}
