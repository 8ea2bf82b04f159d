// Threads that fail, die or cannot be had: the caller hears of it, or needs nobody.

import type { Worker } from "node:worker_threads";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ThreadError } from "../../src/index.ts";
import { type Bench, addToWord, bench, closeBenches, spin, wordsAt } from "../support/forks.ts";

/** Helpers started, in order: Node's own threads, watched on their way. */
const started: Worker[] = [];
const builtin = process.getBuiltinModule("node:worker_threads");
const { Worker: OriginalWorker } = builtin;

beforeAll(() => {
  builtin.Worker = class extends OriginalWorker {
    constructor(...args: ConstructorParameters<typeof OriginalWorker>) {
      super(...args);
      started.push(this);
    }
  };
});
afterAll(() => void (builtin.Worker = OriginalWorker));
afterEach(() => {
  closeBenches();
  started.length = 0;
});

describe("failure", () => {
  /** Chunks of which helpers do `elsewhere`, once the caller has begun one: it goes on when a helper has, too. */
  function together(
    b: Bench,
    elsewhere: (fn: Parameters<typeof spin>[0]) => void,
    here: (fn: Parameters<typeof spin>[0]) => void = () => {},
  ): (() => void) & { release(): void } {
    const flag = b.memory.allocate(64);
    const run = b.compile([
      {
        name: "kernel/0",
        chunks: 2,
        emit(fn, _, thread) {
          fn.get(thread);
          fn.if(
            () => {
              fn.i32(0);
              fn.i32(1);
              fn.store("i32.atomic.store", flag);
              elsewhere(fn);
            },
            () => {
              fn.loop((top) => {
                fn.i32(0);
                fn.load("i32.atomic.load", flag);
                fn.op("i32.eqz");
                fn.brIf(top);
              });
              here(fn);
            },
          );
        },
      },
    ]);
    b.started(1);
    return run;
  }
  const forever = (fn: Parameters<typeof spin>[0]): void => fn.loop((top) => fn.br(top));
  const afterwards = (b: Bench): void => {
    expect(b.pool.threads).toBe(1);
    const words = b.memory.allocate(64);
    const one = { chunks: 16, emit: addToWord(words, (fn) => fn.i32(1)) };
    b.compile([one])();
    expect(wordsAt(b, words, 16)).toEqual(Array.from({ length: 16 }, () => 1));
    b.pool.setThreads(2);
    b.started(1);
    b.compile([one], 100)();
    expect(wordsAt(b, words, 16)).toEqual(Array.from({ length: 16 }, () => 101));
    expect(b.pool.threads).toBe(2);
  };

  test("a helper that traps is named, with its chunk and the reason", () => {
    const b = bench(2);
    const run = together(b, (fn) => fn.op("unreachable"));
    expect(run).toThrow(ThreadError);
    b.pool.setThreads(2);
    expect(together(b, (fn) => fn.op("unreachable"))).toThrow(
      /^thread 1: RuntimeError: unreachable in chunk [01] of kernel\/0 \(2 chunks\)\. .*one thread, until setThreads/,
    );
    afterwards(b);
  });

  test("a caller that traps leaves nobody at work", () => {
    const b = bench(2);
    const word = b.memory.allocate(64);
    const run = together(
      b,
      (fn) => {
        spin(fn, 3e7, () => fn.i32(1));
        fn.drop();
        fn.i32(0);
        fn.i32(1);
        fn.store("i32.store", word);
      },
      (fn) => fn.op("unreachable"),
    );
    expect(run).toThrow(WebAssembly.RuntimeError);
    expect(wordsAt(b, word, 1)).toEqual([1]);
    expect(b.pool.threads).toBe(2);
    expect(b.pool.ready).toBe(1);
  });

  test("a helper that dies in the middle of a chunk is given up after a while", () => {
    const b = bench(2, { patience: 300 });
    b.onWait = () => {
      b.onWait = undefined;
      void started[0]!.terminate();
    };
    const start = performance.now();
    expect(together(b, forever)).toThrow(
      /^threads: expected thread 1 with chunk [01] of kernel\/0 \(2 chunks\) to come to an end, got no sign of life for \d\.\d s\./,
    );
    expect(performance.now() - start).toBeGreaterThan(250);
    afterwards(b);
  });

  test("a helper that gets nowhere is stopped", async () => {
    const b = bench(2, { patience: 200 });
    expect(together(b, forever)).toThrow(ThreadError);
    const ended = new Promise((done) => started[0]!.once("exit", done));
    await ended;
    afterwards(b);
  });

  test("helpers that die between tasks are missed by nobody", async () => {
    const b = bench(3);
    const words = b.memory.allocate(64);
    const run = b.compile([{ chunks: 16, emit: addToWord(words, (fn) => fn.i32(1)) }], 50);
    b.started(2);
    run();
    // At once, and when the event loop has heard of it.
    void started[0]!.terminate();
    for (let i = 0; i < 20; i++) run();
    await new Promise((done) => started[0]!.once("exit", done));
    run();
    expect(b.pool.ready).toBe(1);
    await started[1]!.terminate();
    expect(b.pool.ready).toBe(0);
    run();
    expect(wordsAt(b, words, 16)).toEqual(Array.from({ length: 16 }, () => 23 * 50));
    b.pool.setThreads(3);
    b.started(2);
    run();
    expect(wordsAt(b, words, 16)).toEqual(Array.from({ length: 16 }, () => 24 * 50));
  });

  test("a helper that cannot make use of a module leaves, and is missed by nobody", () => {
    const b = bench(2);
    const words = b.memory.allocate(64);
    const one = { chunks: 16, emit: addToWord(words, (fn) => fn.i32(1)) };
    const run = b.compile([one], 10);
    b.started(1);
    b.spoil(run);
    const end = performance.now() + 20_000;
    let times = 0;
    for (; b.pool.ready > 0 && performance.now() < end; times++) run();
    expect([b.pool.ready, b.pool.threads]).toEqual([0, 2]);
    run();
    expect(wordsAt(b, words, 16)).toEqual(Array.from({ length: 16 }, () => 10 * (times + 1)));
  });

  test("where no thread can be started the caller does everything", () => {
    const { Worker: watched } = builtin;
    builtin.Worker = function () {
      throw new Error("forbidden");
    } as never;
    try {
      const b = bench(4);
      const words = b.memory.allocate(64);
      b.compile([{ chunks: 16, emit: addToWord(words, (fn) => fn.i32(1)) }])();
      expect(wordsAt(b, words, 16)).toEqual(Array.from({ length: 16 }, () => 1));
    } finally {
      builtin.Worker = watched;
    }
  });
});
