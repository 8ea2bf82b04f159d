// Threads that share a kernel's chunks: every chunk once, whatever helpers do and however many there are.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ArgumentError, random, setThreads, threads } from "../../src/index.ts";
import { backend } from "../../src/compile/engine.ts";
import { WasmMemory } from "../../src/backend/wasm/memory.ts";
import { control, controlBytes } from "../../src/backend/wasm/threads/layout.ts";
import { Waking } from "../../src/backend/wasm/threads/team.ts";
import { type Bench, addToWord, bench, closeBenches, spin, wordsAt } from "../support/forks.ts";

afterEach(closeBenches);

/** Numbers from 0 up to but without `below`, always the same ones. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe("chunks", () => {
  test.each([1, 2, 3, 8])("each is done once, with %d threads", (count) => {
    const b = bench(count);
    const roll = dice(count);
    for (let i = 0; i < 12; i++) {
      const phases = Array.from({ length: 1 + roll(6) }, () => {
        const chunks = 2 + roll(40);
        const words = b.memory.allocate(4 * chunks);
        const rounds = 1 + roll(300);
        const emit = addToWord(words, (fn, chunk) => {
          spin(fn, rounds, () => fn.get(chunk));
          fn.drop();
          fn.get(chunk);
          fn.i32(1);
          fn.op("i32.add");
        });
        return { chunks, words, emit };
      });
      const times = 500;
      const run = b.compile(phases, times);
      run();
      if (i === 0) b.started(count - 1);
      run();
      for (const { words, chunks } of phases)
        expect(wordsAt(b, words, chunks)).toEqual(
          Array.from({ length: chunks }, (_, chunk) => 2 * times * (chunk + 1)),
        );
      run.release();
    }
  });

  test("phases follow each other: each sees what the one before wrote", () => {
    const b = bench(3);
    const chunks = 24;
    const [here, there] = [b.memory.allocate(4 * chunks), b.memory.allocate(4 * chunks)];
    /** to[chunk] = from[chunks - 1 - chunk] + 1 */
    const turn = (from: number, to: number) => ({
      chunks,
      emit: addToWord(to, (fn, chunk) => {
        const at = fn.local("i32");
        fn.i32(chunks - 1);
        fn.get(chunk);
        fn.op("i32.sub");
        fn.i32(4);
        fn.op("i32.mul");
        fn.tee(at);
        fn.load("i32.load", from);
        fn.i32(1);
        fn.op("i32.add");
        fn.get(chunk);
        fn.i32(4);
        fn.op("i32.mul");
        fn.load("i32.load", to);
        fn.op("i32.sub");
      }),
    });
    const times = 5000;
    const run = b.compile([turn(here, there), turn(there, here)], times);
    b.started(2);
    run();
    expect(wordsAt(b, here, chunks)).toEqual(Array.from({ length: chunks }, () => 2 * times));
  });

  test("helpers really help, and never in numbers that the code has no room for", () => {
    const b = bench(2);
    const chunks = 64;
    const words = b.memory.allocate(4 * chunks);
    /** words[chunk] = 1 + thread */
    const emit = addToWord(words, (fn, chunk, thread) => {
      spin(fn, 20_000, () => fn.get(chunk));
      fn.drop();
      fn.get(thread);
      fn.i32(1);
      fn.op("i32.add");
      fn.get(chunk);
      fn.i32(4);
      fn.op("i32.mul");
      fn.load("i32.load", words);
      fn.op("i32.sub");
    });
    const run = b.compile([{ chunks, emit }]);
    const seen = (times: number, compiled: () => void): number[] => {
      const found = new Set<number>();
      for (let i = 0; i < times; i++) {
        compiled();
        for (const word of wordsAt(b, words, chunks)) found.add(word - 1);
      }
      return [...found].toSorted((x, y) => x - y);
    };
    b.started(1);
    expect(seen(200, run)).toEqual([0, 1]);
    b.pool.setThreads(4);
    b.started(3);
    expect(seen(200, run)).toEqual([0, 1]);
    const roomier = b.compile([{ chunks, emit }]);
    expect(seen(500, roomier)).toEqual([0, 1, 2, 3]);
    b.pool.setThreads(3);
    expect(seen(500, roomier)).toEqual([0, 1, 2]);
    b.pool.setThreads(1);
    expect(seen(50, roomier)).toEqual([0]);
    b.pool.setThreads(4);
    expect(seen(500, roomier)).toEqual([0, 1, 2, 3]);
  });

  test("helpers that sleep are woken, and a caller that sleeps is", () => {
    const b = bench(2);
    const words = b.memory.allocate(8);
    const slow = b.compile([
      { chunks: 2, emit: addToWord(words, (fn, c) => spin(fn, 3e7, () => fn.get(c))) },
    ]);
    slow();
    b.started(1);
    const time = (run: () => void): number => {
      const start = performance.now();
      run();
      return performance.now() - start;
    };
    const shared = Array.from({ length: 5 }, () => {
      Atomics.wait(b.memory.i32, 0, 0, 20);
      return time(slow);
    });
    b.pool.setThreads(1);
    const alone = Array.from({ length: 3 }, () => time(slow));
    // Two cores do it in half the time; on one, or a busy machine, it takes no longer than alone.
    expect(Math.min(...shared)).toBeLessThan(1.3 * Math.max(...alone));
  });
});

describe("waking", () => {
  test("pays for what takes long alone, or even with help", () => {
    const waking = new Waking();
    expect(waking.pays).toBe(true);
    waking.took(5, true);
    expect(waking.pays).toBe(true);
    // Compiled well by now, it has become short: tried without help.
    waking.took(0.15, true);
    expect(waking.pays).toBe(false);
    waking.took(0.3, false);
    expect(waking.pays).toBe(true);
  });

  test("of one that is short pays no more, and one disturbed run does not count for ever", () => {
    const waking = new Waking();
    waking.took(0.05, true);
    waking.took(0.08, false);
    // Helpers may be awake for other reasons.
    for (let i = 0; i < 1000; i++) {
      waking.took(i % 10 === 9 ? 3 : 0.08, i % 7 === 0);
      expect(waking.pays).toBe(false);
    }
    const disturbed = new Waking();
    disturbed.took(0.05, true);
    disturbed.took(3, false);
    expect(disturbed.pays).toBe(true);
    for (let i = 0; i < 100; i++) disturbed.took(0.05, disturbed.pays);
    expect(disturbed.pays).toBe(false);
  });

  test("short work leaves helpers asleep, long work does not", () => {
    const b = bench(2);
    const add = (rounds: number) => ({
      chunks: 2,
      emit: addToWord(b.memory.allocate(8), (fn, c) => spin(fn, rounds, () => fn.get(c))),
    });
    const [short, long] = [b.compile([add(10)]), b.compile([add(3e6)])];
    long();
    b.started(1);
    const bells = (): number =>
      b.memory.i32[(b.memory.i32[b.memory.board >>> 2]! + control.bell) >>> 2]!;
    /** How often the bell rang in `times` runs, each after a pause in which helpers fall asleep. */
    const rung = (run: () => void, times: number): number => {
      const before = bells();
      for (let i = 0; i < times; i++) {
        Atomics.wait(b.memory.i32, 0, 0, 5);
        run();
      }
      return bells() - before;
    };
    rung(short, 10);
    expect(rung(short, 50)).toBeLessThan(25);
    expect(rung(long, 20)).toBeGreaterThan(10);
  });
});

describe("modules", () => {
  test("more than helpers keep, taken away and come anew", () => {
    const b = bench(2);
    const chunks = 16;
    const roll = dice(5);
    const live: { run: (() => void) & { release(): void }; words: number; by: number }[] = [];
    const expected = new Map<number, number>();
    for (let i = 0; i < 400; i++) {
      if (live.length > 90) live.splice(roll(live.length), 1)[0]!.run.release();
      const words = b.memory.allocate(4 * chunks);
      // Modules of different lengths come to lie where others were.
      const by = 1 + i;
      const emit = addToWord(words, (fn, chunk) => {
        for (let j = 0; j < roll(20); j++) {
          spin(fn, 10, () => fn.get(chunk));
          fn.drop();
        }
        fn.i32(by);
      });
      live.push({ run: b.compile([{ chunks, emit }], 20), words, by });
      if (i === 0) b.started(1);
      for (let j = 0; j < 5; j++) {
        const { run, words: at, by: step } = live[roll(live.length)]!;
        run();
        expected.set(at, (expected.get(at) ?? 0) + 20 * step);
      }
    }
    for (const [words, sum] of expected)
      expect(wordsAt(b, words, chunks)).toEqual(Array.from({ length: chunks }, () => sum));
    expect(b.pool.ready).toBe(1);
  });

  test("memory grows while helpers run, and modules lie beyond where it ended", () => {
    const b = bench(2);
    const chunks = 16;
    for (let i = 0; i < 12; i++) {
      const before = b.memory.wasm.buffer.byteLength;
      while (b.memory.wasm.buffer.byteLength === before) b.memory.allocate(1 << 20);
      const words = b.memory.allocate(4 * chunks);
      const emit = addToWord(words, (fn, chunk) => {
        spin(fn, 500, () => fn.get(chunk));
        fn.drop();
        fn.i32(1);
      });
      const run = b.compile([{ chunks, emit }], 200);
      run();
      expect(wordsAt(b, words, chunks)).toEqual(Array.from({ length: chunks }, () => 200));
    }
    b.started(1);
  });

  test("what a released module took comes back", () => {
    const b = bench(2);
    const words = b.memory.allocate(64);
    const compile = () => b.compile([{ chunks: 4, emit: addToWord(words, (fn) => fn.i32(1)) }]);
    compile().release();
    const used = b.memory.used;
    compile().release();
    expect(b.memory.used).toBe(used);
  });
});

describe("memory", () => {
  test("that is not shared has one thread", () => {
    const b = bench(4, { shared: false });
    expect(b.memory.wasm.buffer).toBeInstanceOf(ArrayBuffer);
    expect([b.pool.threads, b.pool.capacity]).toEqual([1, 1]);
    b.pool.setThreads(4);
    expect(b.pool.threads).toBe(1);
  });

  test("is smaller where address space is short, and not shared where that fails", () => {
    const { Memory } = WebAssembly;
    const limited = (pages: number, sharedPages: number): WasmMemory => {
      WebAssembly.Memory = function (limits: WebAssembly.MemoryDescriptor) {
        if (limits.maximum! > (limits.shared === true ? sharedPages : pages))
          throw new RangeError("could not allocate memory");
        return new Memory(limits);
      } as never;
      try {
        return new WasmMemory();
      } finally {
        WebAssembly.Memory = Memory;
      }
    };
    const small = limited(4096, 4096);
    expect([small.limits.maximum, small.shared]).toEqual([4096, true]);
    const pointer = small.allocate(200 << 20);
    small.u8[pointer + (200 << 20) - 1] = 1;
    expect(() => small.allocate(100 << 20)).toThrow(/at most 256 MiB/);
    const alone = limited(65536, 0);
    expect([alone.limits.maximum, alone.shared]).toEqual([65536, false]);
  });

  test("is cleared and copied like any", () => {
    for (const shared of [true, false]) {
      const memory = new WasmMemory(shared);
      const pointer = memory.allocate(256);
      memory.u8.fill(7, pointer, pointer + 256);
      memory.clear(pointer + 16, 32);
      memory.copy(pointer + 40, pointer + 10, 20);
      const bytes = Array.from({ length: 256 }, (_, i) => (i >= 16 && i < 48 ? 0 : 7));
      bytes.copyWithin(40, 10, 30);
      expect(Array.from(memory.u8.subarray(pointer, pointer + 256))).toEqual(bytes);
      memory.free(pointer, 256);
      const again = memory.allocate(256);
      expect(again).toBe(pointer);
      expect(memory.u8.subarray(again, again + 256).every((byte) => byte === 0)).toBe(true);
    }
    expect(controlBytes % 64).toBe(0);
  });
});

describe("the number of threads", () => {
  test("is a whole number from 1 to 64", () => {
    const before = threads();
    for (const wrong of [0, -1, 1.5, 65, Number.NaN, "2", undefined])
      expect(() => setThreads(wrong as number)).toThrow(ArgumentError);
    expect(() => setThreads(0)).toThrow(
      "setThreads: expected a whole number of threads from 1 to 64, got 0.",
    );
    setThreads(3);
    expect(threads()).toBe(3);
    setThreads(before);
  });

  test("changes no bit of a result", () => {
    const before = threads();
    const bits = (): string => {
      const a = random.normal(random.key(1), [300, 200]);
      const b = random.normal(random.key(2), [200, 260]);
      const c = a.matmul(b);
      const hash = createHash("sha256");
      for (const t of [c, c.tanh().transpose().matmul(a), c.exp().sum([0])])
        hash.update(t.data() as Float32Array);
      return hash.digest("hex");
    };
    setThreads(1);
    const expected = bits();
    for (const count of [2, 3, 8]) {
      setThreads(count);
      for (let i = 0; i < 5; i++) expect(bits()).toBe(expected);
    }
    const { pool } = backend() as unknown as Bench;
    expect(pool.ready).toBeGreaterThan(0);
    setThreads(before);
  });
});

describe("programs of their own", () => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "adjoint-threads-"));
    const source = `
      import { random, threads } from ${JSON.stringify(fileURLToPath(new URL("../../src/index.ts", import.meta.url)))};
      import { backend } from ${JSON.stringify(fileURLToPath(new URL("../../src/compile/engine.ts", import.meta.url)))};
      const a = random.normal(random.key(1), [400, 400]);
      const end = performance.now() + 20_000;
      let sum = 0;
      do sum = a.matmul(a).sum().item();
      while (backend().pool.ready < threads() - 1 && performance.now() < end);
      const said = JSON.stringify([threads(), backend().pool.ready, sum]);
      const { parentPort } = process.getBuiltinModule("node:worker_threads");
      if (parentPort === null) console.log(said);
      else parentPort.postMessage(said);
    `;
    const { outputFiles } = await build({
      stdin: { contents: source, resolveDir: folder, loader: "ts" },
      bundle: true,
      write: false,
      minify: true,
      format: "esm",
      platform: "browser",
      logLevel: "silent",
    });
    writeFileSync(join(folder, "program.mjs"), outputFiles[0]!.text);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const program = (asked?: string): { status: number | null; stdout: string; stderr: string } => {
    const env: NodeJS.ProcessEnv = { ...process.env, ADJOINT_THREADS: asked };
    if (asked === undefined) delete env.ADJOINT_THREADS;
    return spawnSync(process.execPath, [join(folder, "program.mjs")], {
      encoding: "utf8",
      env,
      timeout: 50_000,
    });
  };

  test("end by themselves, with helpers idle, and print what they print", () => {
    const [one, three] = [program("1"), program("3")];
    expect([one.status, one.stderr, three.status, three.stderr]).toEqual([0, "", 0, ""]);
    const [threadsOfOne, readyOfOne, sumOfOne] = JSON.parse(one.stdout) as number[];
    expect([threadsOfOne, readyOfOne]).toEqual([1, 0]);
    expect(JSON.parse(three.stdout)).toEqual([3, 2, sumOfOne]);
  });

  test("are told the number by the machine, or by ADJOINT_THREADS", () => {
    const { stdout } = program();
    const machine = process.getBuiltinModule("node:os").availableParallelism();
    expect((JSON.parse(stdout) as number[])[0]).toBe(Math.min(16, machine));
    const wrong = program("many");
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toContain(
      "ADJOINT_THREADS: expected a whole number of threads from 1 to 64, got many.",
    );
  });

  test("may run in a worker", async () => {
    const worker = new Worker(join(folder, "program.mjs"), { env: { ADJOINT_THREADS: "2" } });
    const said = await new Promise<string>((done, failed) => {
      worker.once("message", done);
      worker.once("error", failed);
    });
    expect((JSON.parse(said) as number[]).slice(0, 2)).toEqual([2, 1]);
    await worker.terminate();
  });
});
