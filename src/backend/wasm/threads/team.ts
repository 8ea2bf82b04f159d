/**
 * @file The helpers of one memory as the calling thread sees them: started, fed with modules, woken, and given up when
 * they show no sign of life.
 */
import type { Pointer } from "../../../ir/host.ts";
import { ThreadError } from "../../../base/errors.ts";
import { WasmModule } from "../asm/index.ts";
import type { WasmMemory } from "../memory.ts";
import { emitHelp, type Thread, spawn } from "./helper.ts";
import { board, control, controlBytes, helper, record } from "./layout.ts";

/** Modules a helper keeps compiled. */
const keptModules = 64;
/** Milliseconds without progress after which helpers are given up, at least. */
const patienceMs = 10_000;
/** Milliseconds that the others have once one failed. */
const lastPatienceMs = 1000;
/** Helpers also have this many times as long as the caller needed until it began to wait. */
const patienceFactor = 100;
/** Looks of a waiting caller before it sleeps, where it may: together about a quarter of a millisecond. */
const looksAwake = 8;
/** Milliseconds the caller sleeps before it looks whether the helpers are still alive. */
const napMs = 50;

/** A caller's wait for the helpers' chunks of one task. */
interface Wait {
  readonly task: number;
  readonly limit: number;
  done: number;
  looks: number;
  /** Milliseconds without progress, and when that was counted. */
  waited: number;
  counted: number;
}

/** Helpers of one memory, and what the caller does when it waits for them. */
export class Team {
  readonly control: Pointer;
  readonly #memory: WasmMemory;
  readonly #patience: number;
  readonly #helpers = new Map<number, Thread>();
  readonly #maySleep: boolean;
  #wait: Wait | undefined;

  constructor(memory: WasmMemory, patience: number = patienceMs) {
    this.#memory = memory;
    this.#patience = patience;
    // A helper that was given up may still write to it: it is never freed.
    this.control = memory.allocate(controlBytes);
    this.#maySleep = this.#canSleep();
  }

  /** Lets helpers 1 to `count` work, and starts those that are missing. There are fewer where threads cannot be had. */
  employ(count: number): void {
    this.#store(control.allowed, count);
    Atomics.notify(this.#memory.i32, (this.control + control.allowed) >>> 2);
    for (let thread = 1; thread <= count; thread++) {
      if (this.#helpers.has(thread)) continue;
      try {
        this.#helpers.set(thread, this.#start(thread));
      } catch {
        return;
      }
    }
  }

  /** Helpers that are at work or wait for it. */
  get ready(): number {
    return this.#load(control.ready);
  }

  /** Whether some may be asleep. */
  get asleep(): boolean {
    return this.#load(control.asleep) !== 0;
  }

  /** Whether the next tasks wake those who sleep. */
  set waking(wakes: boolean) {
    this.#store(control.quiet, wakes ? 0 : 1);
  }

  /** Ends all helpers, wherever they are. */
  dismiss(): void {
    const helpers = [...this.#helpers.values()];
    this.#helpers.clear();
    for (const thread of helpers) thread.stop();
  }

  /**
   * Called once in a while by a caller that waits until helpers have done `others` chunks. `began` is when it began the segment,
   * `nameOf` says what runs at a site. Throws ThreadError if a helper failed, or if there is no progress for too long.
   */
  wait(others: number, began: number, nameOf: (site: number) => string): void {
    const now = performance.now();
    const task = this.#load(control.ticket + 4);
    const done = this.#load(control.done);
    if (this.#wait?.task !== task) {
      const limit = Math.max(this.#patience, patienceFactor * (now - began));
      this.#wait = { task, limit, done, looks: 0, waited: 0, counted: now };
    }
    const wait = this.#wait;
    // A process that was stopped for a while has not waited that long.
    wait.waited += Math.min(now - wait.counted, 4 * napMs);
    wait.counted = now;
    if (done !== wait.done) wait.waited = 0;
    wait.done = done;
    if (done === others) return;
    if (this.#load(control.failed) > 0) throw this.#failure(nameOf);
    if (wait.waited > wait.limit) throw this.#standstill(wait, nameOf);
    if (++wait.looks > looksAwake && this.#maySleep) this.#sleep(done);
  }

  /**
   * After an exception in the caller: hands out no more chunks, and waits for those under way, so that nobody writes to memory
   * that is no longer the program's; not as long if helpers are the reason. Gives back whether the team is as good as before.
   */
  settle(cause: unknown): boolean {
    const ticket = (this.control + control.ticket) >>> 3;
    Atomics.and(new BigInt64Array(this.#memory.wasm.buffer), ticket, ~0xffff_ffffn);
    const limit = cause instanceof ThreadError ? lastPatienceMs : this.#patience;
    const end = performance.now() + limit;
    while (this.#busy().some(({ failed }) => !failed)) {
      if (performance.now() > end) return false;
      if (this.#maySleep) this.#sleep(this.#load(control.done));
    }
    return this.#load(control.failed) === 0 && !(cause instanceof ThreadError);
  }

  #start(thread: number): Thread {
    const start = control.helpers + thread * helper.bytes;
    this.#memory.u8.fill(0, this.control + start, this.control + start + helper.bytes);
    const data = {
      memory: this.#memory.wasm,
      idle: idleModule(this.#memory),
      at: { board: this.#memory.board, control: this.control },
      thread,
      keep: keptModules,
      layout: { board, control, helper, record },
    };
    const started: Thread = spawn(data, () => {
      // One that ended without saying so is ready no more.
      const up = (this.control + start + helper.up) >>> 2;
      if (Atomics.exchange(this.#memory.i32, up, 0) === 1)
        Atomics.sub(this.#memory.i32, (this.control + control.ready) >>> 2, 1);
      if (this.#helpers.get(thread) === started) this.#helpers.delete(thread);
    });
    return started;
  }

  #failure(nameOf: (site: number) => string): ThreadError {
    for (const { thread, chunk, failed } of this.#busy()) {
      if (!failed) continue;
      const at = this.control + control.helpers + thread * helper.bytes;
      const from = at + helper.error;
      const length = this.#memory.i32[(at + helper.errorBytes) >>> 2]!;
      const text = new TextDecoder().decode(this.#memory.u8.slice(from, from + length));
      return new ThreadError(
        `thread ${thread}: ${text} in chunk ${chunk} of ${this.#task(nameOf)}. ${afterwards}`,
      );
    }
    return new ThreadError(`threads: one failed in ${this.#task(nameOf)}. ${afterwards}`);
  }

  #standstill({ waited }: Wait, nameOf: (site: number) => string): ThreadError {
    const who = this.#busy().map(({ thread, chunk }) => `thread ${thread} with chunk ${chunk}`);
    return new ThreadError(
      `threads: expected ${who.join(", ") || "helpers"} of ${this.#task(nameOf)} to come to an end, ` +
        `got no sign of life for ${(waited / 1000).toFixed(1)} s. ${afterwards}`,
    );
  }

  #task(nameOf: (site: number) => string): string {
    return `${nameOf(this.#load(control.site))} (${this.#load(control.chunks)} chunks)`;
  }

  /** Helpers that do a chunk, or are about to claim one, or failed in one. */
  #busy(): { thread: number; chunk: number; failed: boolean }[] {
    return [...this.#helpers.keys()].flatMap((thread) => {
      const own = control.helpers + thread * helper.bytes;
      const busy = this.#load(own + helper.busy);
      const failed = this.#load(own + helper.errorBytes) > 0;
      return busy === 0 ? [] : [{ thread, chunk: busy - 1, failed }];
    });
  }

  /** Until a helper has done a chunk, or a little while. */
  #sleep(done: number): void {
    this.#store(control.waiting, 1);
    Atomics.wait(this.#memory.i32, (this.control + control.done) >>> 2, done, napMs);
    this.#store(control.waiting, 0);
  }

  /** Whether this thread may sleep: a browser's main thread may not. */
  #canSleep(): boolean {
    try {
      Atomics.wait(this.#memory.i32, (this.control + control.done) >>> 2, 1, 0);
      return true;
    } catch {
      return false;
    }
  }

  #load(offset: number): number {
    return Atomics.load(this.#memory.i32, (this.control + offset) >>> 2);
  }

  #store(offset: number, value: number): void {
    Atomics.store(this.#memory.i32, (this.control + offset) >>> 2, value);
  }
}

const afterwards =
  "What was computed is lost; from now on there is one thread, until setThreads is called.";

/** A module without tasks, whose `help` waits for those of others. */
function idleModule(memory: WasmMemory): Uint8Array<ArrayBuffer> {
  const module = new WasmModule();
  module.importMemory("env", "memory", memory.limits);
  emitHelp(module, 0);
  return module.finish();
}

// Whether a segment is worth waking helpers that sleep. Those awake help with everything.

/** Milliseconds that a segment takes by itself from which on it gains more by help than by leaving the helpers asleep. */
const worthwhileMs = 0.1;
/** Runs with help after which a segment may be tried without: once it may have been disturbed. */
const trustedRuns = 64;

/** What is known of a segment from the times it took: its shapes are fixed, so it takes as long again. */
export class Waking {
  #alone: number | undefined;
  #helped = Infinity;
  #runs = 0;

  /** Whether the next run should wake helpers. A segment that help has made short is tried without it. */
  get pays(): boolean {
    return this.#alone === undefined ? this.#helped > 2 * worthwhileMs : this.#alone > worthwhileMs;
  }

  /** Says what a run took, and whether helpers could take part. */
  took(milliseconds: number, helped: boolean): void {
    if (!helped) this.#alone = Math.min(this.#alone ?? Infinity, milliseconds);
    else {
      this.#helped = milliseconds;
      if (++this.#runs % trustedRuns === 0 && this.pays) this.#alone = undefined;
    }
  }
}
