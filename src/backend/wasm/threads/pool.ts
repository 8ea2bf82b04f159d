/** @file The threads of a memory: how many there are, what they share, and what happens when one fails. */
import type { Pointer } from "../../../ir/host.ts";
import type { WasmMemory } from "../memory.ts";
import { board, record } from "./layout.ts";
import { Team } from "./team.ts";
import { Waking } from "./waking.ts";

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
