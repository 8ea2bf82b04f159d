/**
 * @file Phases whose chunks several threads share: the code that hands chunks out. Helpers are
 * only ever helpers: the caller claims chunks like them, so one that is late, asleep or absent costs nothing, and what is computed
 * never depends on them.
 */
import type { Pointer } from "../../../ir/host.ts";
import type { FunctionBuilder, FunctionHandle, Local, WasmModule } from "../asm/index.ts";
import { emitHelp } from "./helper.ts";
import { board, control, claim, claimed, increase, notify, readTicket } from "./layout.ts";

/** Looks at `done` before the caller asks what is going on: some tens of microseconds. */
const looksAtOnce = 20_000;
/** Addresses and numbers that the code of a module is made for. */
export interface Setting {
  /** Address of the board. */
  readonly board: Pointer;
  /** The module's number, and the address of its record. */
  readonly number: number;
  readonly record: Pointer;
  /** Threads that the module's private scratch memory has room for. */
  readonly capacity: number;
}

/** Writes the call of one chunk of a phase. */
export type ChunkCall = (fn: FunctionBuilder, chunk: Local, thread: Local) => void;

/** The phases of a module that threads share, each called at one site. */
export class Forks {
  readonly #module: WasmModule;
  readonly #setting: () => Setting;
  readonly #wait: FunctionHandle;
  readonly #sites: ChunkCall[] = [];
  /** What runs at each site, for messages. */
  readonly names: string[] = [];
  #fork: FunctionBuilder | undefined;

  /** `wait` is the imported function (chunks helpers must have done) that the caller calls when this takes long. */
  constructor(module: WasmModule, setting: () => Setting, wait: FunctionHandle) {
    this.#module = module;
    this.#setting = setting;
    this.#wait = wait;
  }

  /** Emits the call of a phase: all its chunks, done when the call is over. */
  call(caller: FunctionBuilder, name: string, chunks: number, chunkCall: ChunkCall): void {
    this.#fork ??= this.#module.func("fork", { params: ["i32", "i32"], results: [] });
    caller.i32(this.#sites.push(chunkCall) - 1);
    this.names.push(name);
    caller.i32(chunks);
    caller.call(this.#fork);
  }

  /** Emits what the calls need. Gives back whether there were any. */
  finish(): boolean {
    if (this.#fork === undefined) return false;
    const dispatch = this.#module.func("dispatch", {
      params: ["i32", "i32", "i32"],
      results: [],
    });
    emitDispatch(dispatch, this.#sites, 0, this.#sites.length);
    const setting = this.#setting();
    emitFork(this.#fork, setting, dispatch, this.#wait);
    emitHelp(this.#module, setting.number, dispatch);
    return true;
  }
}

/** (site, chunk, thread): a tree of comparisons. */
function emitDispatch(
  fn: FunctionBuilder,
  sites: readonly ChunkCall[],
  from: number,
  to: number,
): void {
  if (to - from === 1) return sites[from]!(fn, fn.param(1), fn.param(2));
  const middle = (from + to) >> 1;
  fn.get(fn.param(0));
  fn.i32(middle);
  fn.op("i32.lt_u");
  fn.if(
    () => emitDispatch(fn, sites, from, middle),
    () => emitDispatch(fn, sites, middle, to),
  );
}

/** (site, chunks): runs all chunks, with the team's help if there is one. */
function emitFork(
  fn: FunctionBuilder,
  setting: Setting,
  dispatch: FunctionBuilder,
  wait: FunctionHandle,
): void {
  const [site, chunks] = [fn.param(0), fn.param(1)];
  const team = fn.local("i32");
  const own = fn.local("i32");
  const run = (chunk: () => void): void => {
    fn.get(site);
    chunk();
    fn.i32(0);
    fn.call(dispatch);
  };

  fn.i32(0);
  fn.load("i32.load", setting.board + board.team);
  fn.tee(team);
  fn.ifResult(
    "i32",
    () => {
      fn.get(team);
      fn.load("i32.atomic.load", control.ready);
    },
    () => fn.i32(0),
  );
  fn.op("i32.eqz");
  fn.if(() => {
    fn.loop((top) => {
      run(() => fn.get(own));
      increase(fn, own);
      fn.get(chunks);
      fn.op("i32.lt_u");
      fn.brIf(top);
    });
    fn.return();
  });

  emitTask(fn, setting, team);
  emitRing(fn, team);

  const ticket = fn.local("i64");
  fn.block((nothingLeft) => {
    fn.loop((top) => {
      readTicket(fn, team, ticket);
      fn.op("i32.eqz");
      fn.brIf(nothingLeft);
      claim(fn, team, ticket);
      fn.op("i32.eqz");
      fn.brIf(top);
      run(() => claimed(fn, ticket, () => fn.get(chunks)));
      increase(fn, own);
      fn.drop();
      fn.br(top);
    });
  });

  const others = fn.local("i32");
  fn.get(chunks);
  fn.get(own);
  fn.op("i32.sub");
  fn.set(others);
  emitJoin(fn, team, others, wait);
}

/** Writes the task's words, then the ticket. Nothing of the task before can be claimed any more. */
function emitTask(fn: FunctionBuilder, setting: Setting, team: Local): void {
  const [site, chunks] = [fn.param(0), fn.param(1)];
  const word = (offset: number, value: () => void, store = "i32.store"): void => {
    fn.get(team);
    value();
    fn.store(store, offset);
  };
  const allowed = fn.local("i32");
  word(control.module, () => fn.i32(setting.number));
  word(control.record, () => fn.i32(setting.record | 0));
  word(control.site, () => fn.get(site));
  word(control.chunks, () => fn.get(chunks));
  word(control.limit, () => {
    // The helpers allowed and the caller, or fewer, where there is room for fewer.
    fn.get(team);
    fn.load("i32.load", control.allowed);
    fn.i32(1);
    fn.op("i32.add");
    fn.tee(allowed);
    fn.i32(setting.capacity);
    fn.get(allowed);
    fn.i32(setting.capacity);
    fn.op("i32.lt_u");
    fn.select();
  });
  word(control.done, () => fn.i32(0));
  const freed = (): void => {
    fn.i32(0);
    fn.load("i32.atomic.load", setting.board + board.freed);
  };
  word(control.freed, freed, "i32.atomic.store");
  const ticket = (): void => {
    fn.get(team);
    fn.load("i64.atomic.load", control.ticket);
    fn.i64(0xffff_ffffn);
    fn.op("i64.or");
    fn.i64(1n);
    fn.op("i64.add");
    fn.get(chunks);
    fn.op("i64.extend_i32_u");
    fn.op("i64.or");
  };
  word(control.ticket, ticket, "i64.atomic.store");
}

/** Wakes helpers, if there are any asleep that may be woken. */
function emitRing(fn: FunctionBuilder, team: Local): void {
  fn.get(team);
  fn.load("i32.atomic.load", control.asleep);
  fn.get(team);
  fn.load("i32.load", control.quiet);
  fn.op("i32.eqz");
  fn.op("i32.and");
  fn.if(() => {
    // In this order, for a helper reads the bell before it says that it goes to sleep.
    fn.get(team);
    fn.i32(0);
    fn.store("i32.atomic.store", control.asleep);
    fn.get(team);
    fn.i32(1);
    fn.load("i32.atomic.rmw.add", control.bell);
    fn.drop();
    notify(fn, team, control.bell, 1);
    fn.drop();
  });
}

/** Waits until helpers have done their chunks. */
function emitJoin(fn: FunctionBuilder, team: Local, others: Local, wait: FunctionHandle): void {
  const looks = fn.local("i32");
  fn.block((allDone) => {
    fn.loop((top) => {
      fn.get(team);
      fn.load("i32.atomic.load", control.done);
      fn.get(others);
      fn.op("i32.eq");
      fn.brIf(allDone);
      increase(fn, looks);
      fn.i32(looksAtOnce);
      fn.op("i32.lt_u");
      fn.brIf(top);
      fn.i32(0);
      fn.set(looks);
      fn.get(others);
      fn.call(wait);
      fn.br(top);
    });
  });
}
