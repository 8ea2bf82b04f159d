/** @file The threads of a backend: how many there are, and the modules they have been given. */
import type { Pointer } from "../../../ir/host.ts";
import type { WasmMemory } from "../memory.ts";
import { board, record, mostThreads } from "./layout.ts";
import { Team, Waking } from "./team.ts";
import { ArgumentError, complaint } from "../../../base/errors.ts";

/** Runs segments with the help of other threads, which it starts when the first program could use them. */
export class Pool {
  readonly #memory: WasmMemory;
  readonly #patience: number | undefined;
  #threads: number;
  #capacity: number;
  #team: Team | undefined;
  #wanted = false;
  #modules = 0;
  #began = 0;

  constructor(memory: WasmMemory, threads: number, patience?: number) {
    this.#memory = memory;
    this.#patience = patience;
    this.#threads = this.#capacity = memory.shared ? threads : 1;
  }

  /** Threads that kernels may run on, the caller's included. */
  get threads(): number {
    return this.#threads;
  }

  /** Threads that code compiled now must have room for: the most that there ever were. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Helpers that have started. */
  get ready(): number {
    return this.#team?.ready ?? 0;
  }

  /** 1 wherever memory cannot be shared. */
  setThreads(count: number): void {
    if (!this.#memory.shared) return;
    this.#threads = count;
    this.#capacity = Math.max(this.#capacity, count);
    this.#update();
  }

  /** A new module's number, and where its record will be. */
  register(allocate: (bytes: number) => Pointer): { number: number; record: Pointer } {
    // 0 is the number of no module.
    this.#modules = (this.#modules + 1) | 0 || 1;
    return { number: this.#modules, record: allocate(record.bytes) };
  }

  /** Makes a module that has chunks to share known to helpers, and starts them if they have not been. */
  publish(
    module: { number: number; record: Pointer },
    binary: Uint8Array,
    allocate: (bytes: number) => Pointer,
  ): void {
    const address = allocate(binary.length);
    this.#memory.u8.set(binary, address);
    const words = this.#memory.i32.subarray(module.record >>> 2, (module.record >>> 2) + 3);
    words[record.number >>> 2] = module.number;
    words[record.address >>> 2] = address;
    words[record.length >>> 2] = binary.length;
    this.#wanted = true;
    this.#update();
  }

  /** A segment with chunks to share, such that an exception leaves nobody at work, and short work nobody awake. */
  guard(segment: () => void): () => void {
    const waking = new Waking();
    return () => {
      const team = this.#team;
      const helped = waking.pays || team?.asleep === false;
      if (team !== undefined) team.waking = helped;
      this.#began = performance.now();
      try {
        segment();
      } catch (error) {
        if (this.#team?.settle(error) === false) this.#giveUp();
        throw error;
      }
      waking.took(performance.now() - this.#began, helped);
    };
  }

  /** What a caller that waits for helpers calls once in a while. */
  wait(others: number, nameOf: (site: number) => string): void {
    this.#team?.wait(others, this.#began, nameOf);
  }

  /** Ends all helpers. */
  close(): void {
    this.#giveUp();
  }

  #update(): void {
    if (this.#threads > 1 && this.#wanted) {
      this.#team ??= new Team(this.#memory, this.#patience);
      this.#team.employ(this.#threads - 1);
    } else this.#team?.employ(0);
    const team = this.#threads > 1 ? this.#team?.control : undefined;
    this.#memory.i32[(this.#memory.board + board.team) >>> 2] = team ?? 0;
  }

  #giveUp(): void {
    const team = this.#team;
    this.#team = undefined;
    this.#threads = 1;
    this.#update();
    team?.dismiss();
  }
}

// How many threads there are to use.

/** Beyond these a kernel's chunks hardly keep more threads busy; whoever knows better asks for more. */
const mostByDefault = 16;

/**
 * Threads used unless told otherwise: the environment variable ADJOINT_THREADS where there is one, else as many as the machine
 * runs at a time, up to 16. Throws ArgumentError if the variable is no number of threads.
 */
export function defaultThreads(): number {
  const { process, navigator } = globalThis as {
    process?: Partial<NodeJS.Process>;
    navigator?: { readonly hardwareConcurrency?: number };
  };
  const asked = process?.env?.["ADJOINT_THREADS"];
  if (asked !== undefined && asked !== "") {
    checkThreads("ADJOINT_THREADS", Number(asked), asked);
    return Number(asked);
  }
  const available =
    process?.getBuiltinModule?.("node:os").availableParallelism() ??
    navigator?.hardwareConcurrency ??
    1;
  return Math.max(1, Math.min(mostByDefault, available));
}

/** Throws ArgumentError if `count` is no number of threads. */
export function checkThreads(who: string, count: unknown, shown: string): void {
  if (!(Number.isInteger(count) && (count as number) >= 1 && (count as number) <= mostThreads))
    throw new ArgumentError(
      complaint(who, `a whole number of threads from 1 to ${mostThreads}`, shown),
    );
}
