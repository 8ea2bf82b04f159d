/**
 * @file What a helper thread runs: the worker program, the code that claims chunks, spins and sleeps, and how a thread
 * is started in Node and in browsers.
 */
import type { Pointer } from "../../../ir/host.ts";
import {
  type board,
  control,
  helper,
  type record,
  claim,
  claimed,
  increase,
  notify,
  readTicket,
} from "./layout.ts";
import type { FunctionBuilder, Local, WasmModule } from "../asm/index.ts";

/** What a helper is given at its start. */
export interface HelperData {
  readonly memory: WebAssembly.Memory;
  /** The module whose `help` waits for a first task. */
  readonly idle: Uint8Array<ArrayBuffer>;
  /** Addresses of the board and of the team's control block. */
  readonly at: { readonly board: Pointer; readonly control: Pointer };
  /** The helper's number, from 1 on. */
  readonly thread: number;
  /** Modules it keeps compiled. */
  readonly keep: number;
  readonly layout: {
    readonly board: typeof board;
    readonly control: typeof control;
    readonly helper: typeof helper;
    readonly record: typeof record;
  };
}

/**
 * Helps until the thread is terminated, or something goes wrong, which it leaves in kernel memory. Handed over as text: it must
 * not refer to anything outside itself.
 */
export function runHelper({ memory, idle, at, thread, keep, layout }: HelperData): void {
  const { board, control, helper, record } = layout;
  const word = (address: number): number => address >>> 2;
  const own = at.control + control.helpers + thread * helper.bytes;
  const fixed = new Int32Array(memory.buffer);
  const read = (address: number): number => Atomics.load(fixed, word(address));
  const instantiate = (bytes: BufferSource): ((team: number, thread: number) => void) => {
    const env = { memory, rem: (x: number, y: number) => x % y, wait: () => {} };
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env });
    return instance.exports["help"] as (team: number, thread: number) => void;
  };
  /** The module of the latest task, or undefined if memory was given back since that began: it may have gone with it. */
  const fetchModule = (): { number: number; bytes: Uint8Array<ArrayBuffer> } | undefined => {
    const freed = read(at.control + control.freed);
    // What is read from here on is of that task, or of a later one.
    const found = read(at.control + control.record) >>> 0;
    // Memory may have grown: a new view.
    const words = new Int32Array(memory.buffer);
    if (found + record.bytes > words.byteLength) return undefined;
    const number = Atomics.load(words, word(found + record.number));
    const address = Atomics.load(words, word(found + record.address)) >>> 0;
    const length = Atomics.load(words, word(found + record.length));
    if (length < 0 || address + length > words.byteLength) return undefined;
    const bytes = new Uint8Array(length);
    bytes.set(new Uint8Array(words.buffer, address, length));
    // Not a mere load, which processors may let overtake the copying.
    return Atomics.add(fixed, word(at.board + board.freed), 0) === freed
      ? { number, bytes }
      : undefined;
  };
  try {
    const wait = instantiate(idle);
    const helps = new Map<number, (team: number, thread: number) => void>();
    Atomics.store(fixed, word(own + helper.up), 1);
    Atomics.add(fixed, word(at.control + control.ready), 1);
    for (;;) {
      const number = read(at.control + control.module);
      let help = helps.get(number);
      if (help === undefined && number !== 0) {
        const fetched = fetchModule();
        if (fetched !== undefined) {
          help = instantiate(fetched.bytes);
          helps.set(fetched.number, help);
          if (helps.size > keep) helps.delete(helps.keys().next().value as number);
        }
      }
      (help ?? wait)(at.control, thread);
    }
  } catch (error) {
    const text = new TextEncoder().encode(String(error)).subarray(0, helper.bytes - helper.error);
    new Uint8Array(memory.buffer).set(text, own + helper.error);
    Atomics.store(fixed, word(own + helper.errorBytes), text.length);
    if (Atomics.exchange(fixed, word(own + helper.up), 0) === 1)
      Atomics.sub(fixed, word(at.control + control.ready), 1);
    // Without a chunk nobody misses it.
    if (read(own + helper.busy) !== 0) Atomics.add(fixed, word(at.control + control.failed), 1);
  }
}

// The code of helpers: claiming chunks, spinning, sleeping.

/**
 * Looks at the ticket before a helper goes to sleep: some 30 microseconds, about three times what waking it takes. Longer would
 * cost the caller more where the two must share a core, because others use the rest.
 */
const spinsAwake = 20_000;
/** How long it sleeps at most. It looks around then, should the one have died that was to wake it. */
const napNanoseconds = 10_000_000_000n;

/**
 * Exported `help(control block, thread)`: helps with tasks of this module, and comes back when there is one of another. Without
 * `dispatch` (site, chunk, thread) the module has no tasks.
 */
export function emitHelp(module: WasmModule, number: number, dispatch?: FunctionBuilder): void {
  const fn = module.func("help", { params: ["i32", "i32"], results: [], exported: true });
  const [team, thread] = [fn.param(0), fn.param(1)];
  const ticket = fn.local("i64");
  const spins = fn.local("i32");
  const own = fn.local("i32");
  const alone = fn.local("i32");
  fn.get(thread);
  fn.i32(helper.bytes);
  fn.op("i32.mul");
  fn.get(team);
  fn.op("i32.add");
  fn.i32(control.helpers);
  fn.op("i32.add");
  fn.set(own);
  fn.loop((top) => {
    readTicket(fn, team, ticket);
    fn.if(() => {
      fn.get(thread);
      fn.get(team);
      fn.load("i32.atomic.load", control.limit);
      fn.op("i32.lt_u");
      fn.if(() => {
        fn.get(team);
        fn.load("i32.atomic.load", control.module);
        fn.i32(number);
        fn.op("i32.ne");
        fn.if(() => fn.return());
        if (dispatch === undefined) return;
        emitChunk(fn, { team, thread, own, ticket, alone }, dispatch);
        // Having done all chunks alone it holds the core that the caller would run on: it goes to sleep at once.
        fn.i32(spinsAwake);
        fn.i32(0);
        fn.get(alone);
        fn.get(team);
        fn.load("i32.atomic.load", control.chunks);
        fn.op("i32.eq");
        fn.select();
        fn.set(spins);
        fn.br(top);
      });
    });
    increase(fn, spins);
    fn.i32(spinsAwake);
    fn.op("i32.lt_u");
    fn.brIf(top);
    fn.i32(0);
    fn.set(spins);
    emitSleep(fn, team, thread, ticket);
    fn.br(top);
  });
}

interface Locals {
  readonly team: Local;
  readonly thread: Local;
  /** Address of the helper's own words. */
  readonly own: Local;
  readonly ticket: Local;
  /** Chunks of a task done one after the other, from the first on, without any other thread. */
  readonly alone: Local;
}

/** Does a chunk of the ticket read, if it is still to be had. */
function emitChunk(
  fn: FunctionBuilder,
  { team, thread, own, ticket, alone }: Locals,
  dispatch: FunctionBuilder,
): void {
  const [site, chunk] = [fn.local("i32"), fn.local("i32")];
  const setBusy = (value: () => void): void => {
    fn.get(own);
    value();
    fn.store("i32.atomic.store", helper.busy);
  };
  fn.get(team);
  fn.load("i32.atomic.load", control.site);
  fn.set(site);
  claimed(fn, ticket, () => {
    fn.get(team);
    fn.load("i32.atomic.load", control.chunks);
  });
  fn.set(chunk);
  // Said before the claim, so that whoever makes the ticket worthless sees who still works.
  setBusy(() => {
    fn.get(chunk);
    fn.i32(1);
    fn.op("i32.add");
  });
  claim(fn, team, ticket);
  fn.if(() => {
    fn.get(chunk);
    fn.i32(1);
    fn.op("i32.add");
    fn.i32(-1);
    fn.get(chunk);
    fn.op("i32.eqz");
    fn.get(alone);
    fn.get(chunk);
    fn.op("i32.eq");
    fn.op("i32.or");
    fn.select();
    fn.set(alone);
    fn.get(site);
    fn.get(chunk);
    fn.get(thread);
    fn.call(dispatch);
    fn.get(team);
    fn.i32(1);
    fn.load("i32.atomic.rmw.add", control.done);
    fn.drop();
    fn.get(team);
    fn.load("i32.atomic.load", control.waiting);
    fn.if(() => {
      notify(fn, team, control.done, 1);
      fn.drop();
    });
  });
  setBusy(() => fn.i32(0));
}

/** Sleeps until the bell rings; a helper too many until the number of helpers changes. */
function emitSleep(fn: FunctionBuilder, team: Local, thread: Local, ticket: Local): void {
  const seen = fn.local("i32");
  const wait = (word: number): void => {
    fn.get(team);
    fn.get(seen);
    fn.i64(napNanoseconds);
    fn.load("memory.atomic.wait32", word);
  };
  fn.block((awake) => {
    fn.get(team);
    fn.load("i32.atomic.load", control.allowed);
    fn.tee(seen);
    fn.get(thread);
    fn.op("i32.lt_u");
    fn.if(() => {
      wait(control.allowed);
      fn.drop();
      fn.br(awake);
    });

    // The bell is read before the others are told that somebody sleeps: whoever sees that rings it afterwards.
    fn.get(team);
    fn.load("i32.atomic.load", control.bell);
    fn.set(seen);
    const setAsleep = (): void => {
      fn.get(team);
      fn.i32(1);
      fn.store("i32.atomic.store", control.asleep);
    };
    setAsleep();
    readTicket(fn, team, ticket);
    fn.brIf(awake);
    wait(control.bell);
    fn.brIf(awake);
    // Waking takes long: the caller wakes one helper, and each that is woken two more, while there is work.
    readTicket(fn, team, ticket);
    fn.if(() => {
      notify(fn, team, control.bell, 2);
      fn.drop();
    }, setAsleep);
  });
}

// Starts a helper's thread, in Node and in browsers.

/** A thread that was started. */
export interface Thread {
  stop(): void;
}

/**
 * The helper's program. Tools that keep functions' names wrap inner functions in calls of `__name`, which is theirs: here it does
 * nothing.
 */
const program = (): string => `const __name = (f) => f; const run = ${runHelper.toString()};`;

/** Starts a thread; `ended` is called some time after it has ended by itself, where that can be told. Throws where threads cannot be had. */
export function spawn(data: HelperData, ended: () => void): Thread {
  const { process } = globalThis as { process?: Partial<NodeJS.Process> };
  return process?.getBuiltinModule === undefined
    ? spawnInBrowser(data, ended)
    : spawnInNode(process.getBuiltinModule("node:worker_threads"), data, ended);
}

function spawnInNode(
  { Worker }: NonNullable<ReturnType<typeof process.getBuiltinModule<"node:worker_threads">>>,
  workerData: HelperData,
  ended: () => void,
): Thread {
  const source = `${program()} run(require("node:worker_threads").workerData);`;
  // Of the process' own settings none is inherited: loaders and the like would run in every helper.
  const worker = new Worker(source, { eval: true, workerData, env: {}, execArgv: [], argv: [] });
  worker.on("error", () => {});
  worker.on("exit", ended);
  worker.unref();
  return { stop: () => void worker.terminate() };
}

let url: string | undefined;

function spawnInBrowser(data: HelperData, ended: () => void): Thread {
  const source = `${program()} onmessage = ({ data }) => { run(data); close(); };`;
  url ??= URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url, { name: "adjoint" });
  // A policy of the page may forbid it, and says so this way.
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    ended();
  });
  worker.postMessage(data, []);
  return { stop: () => worker.terminate() };
}
