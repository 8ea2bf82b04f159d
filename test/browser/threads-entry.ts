// What the browser runs to try threads: large products with one thread, then with as many as there are, then with three.

import { random, setThreads, threads } from "../../src/index.ts";
import { backend } from "../../src/compile/engine.ts";
import type { WasmBackend } from "../../src/backend/wasm/index.ts";

export interface ThreadsReport {
  readonly isolated: boolean;
  readonly sharedMemory: boolean;
  /** Threads by default, and after three were asked for. */
  readonly counts: readonly number[];
  /** Helpers that had started then. */
  readonly ready: readonly number[];
  /** How many different results the numbers of threads gave. */
  readonly results: number;
  readonly failure: string;
}

const results = new Set<string>();

function product(): void {
  const a = random.normal(random.key(1), [300, 200]);
  const b = random.normal(random.key(2), [200, 260]);
  results.add(a.matmul(b).sum([0]).data().join());
}

/** Gives the browser time to start `helpers`: on pages that needs turns of the event loop. */
async function ready(helpers: number): Promise<number> {
  const { pool } = backend() as WasmBackend;
  for (let turn = 0; turn < 100 && pool.ready < helpers; turn++) {
    product();
    await new Promise((resolve) => void setTimeout(resolve, 10));
  }
  for (let i = 0; i < 50; i++) product();
  return pool.ready;
}

async function report(): Promise<ThreadsReport> {
  const counts: number[] = [];
  const started: number[] = [];
  let failure = "";
  try {
    const byDefault = threads();
    setThreads(1);
    product();
    setThreads(byDefault);
    for (const count of [byDefault, 3]) {
      setThreads(count);
      counts.push(threads());
      started.push(await ready(threads() - 1));
    }
  } catch (error) {
    failure = String(error);
  }
  const { memory } = backend() as WasmBackend;
  return {
    isolated: globalThis.crossOriginIsolated,
    sharedMemory: memory.shared,
    counts,
    ready: started,
    results: results.size,
    failure,
  };
}

postMessage(await report());
