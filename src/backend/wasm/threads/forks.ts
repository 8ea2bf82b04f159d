/**
 * @file Phases whose chunks several threads share: the code that hands chunks out, and the code of those who help. Helpers are
 * only ever helpers: the caller claims chunks like them, so one that is late, asleep or absent costs nothing, and what is computed
 * never depends on them.
 */
import type { Pointer } from "../../../ir/host.ts";
import type { FunctionBuilder, FunctionHandle, Local, WasmModule } from "../asm/index.ts";
import { board, control, helper } from "./layout.ts";

/** Looks at `done` before the caller asks what is going on: some tens of microseconds. */
const callerSpins = 20_000;
/**
 * Looks at the ticket before a helper goes to sleep: some 30 microseconds, about three times what waking it takes. Longer would
 * cost the caller more where the two must share a core, because others use the rest.
 */
const helperSpins = 20_000;

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
  const none = fn.local("i32");
  const count = fn.local("i32");
  const run = (chunk: () => void): void => {
    fn.get(site);
    chunk();
    fn.i32(0);
    fn.call(dispatch);
  };

  fn.i32(0);
  fn.load("i32.load", setting.board + board.team);
  fn.tee(team);
  fn.op("i32.eqz");
  fn.tee(none);
  fn.ifResult(
    "i32",
    () => fn.get(none),
    () => {
      fn.get(team);
      fn.load("i32.atomic.load", control.ready);
      fn.op("i32.eqz");
    },
  );
  fn.if(() => {
    fn.loop((top) => {
      run(() => fn.get(count));
      increase(fn, count);
      fn.get(chunks);
      fn.op("i32.lt_u");
      fn.brIf(top);
    });
    fn.return();
  });

  // Nothing of the task before can be claimed any more, so nobody uses what its words are replaced by too early.
  const word = (offset: number, value: () => void): void => {
    fn.get(team);
    value();
    fn.store("i32.store", offset);
  };
  word(control.module, () => fn.i32(setting.number));
  word(control.record, () => fn.i32(setting.record | 0));
  word(control.site, () => fn.get(site));
  word(control.chunks, () => fn.get(chunks));
  word(control.limit, () => {
    // The smaller of the capacity and the number of threads allowed, which is the helpers allowed and the caller.
    const allowed = fn.local("i32");
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
  fn.get(team);
  fn.i32(0);
  fn.load("i32.atomic.load", setting.board + board.freed);
  fn.store("i32.atomic.store", control.freed);
  fn.get(team);
  fn.get(team);
  fn.load("i64.atomic.load", control.ticket);
  fn.i64(0xffff_ffffn);
  fn.op("i64.or");
  fn.i64(1n);
  fn.op("i64.add");
  fn.get(chunks);
  fn.op("i64.extend_i32_u");
  fn.op("i64.or");
  fn.store("i64.atomic.store", control.ticket);

  fn.get(team);
  fn.load("i32.atomic.load", control.asleep);
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
      increase(fn, count);
      fn.drop();
      fn.br(top);
    });
  });

  const others = fn.local("i32");
  const spins = fn.local("i32");
  fn.get(chunks);
  fn.get(count);
  fn.op("i32.sub");
  fn.set(others);
  fn.block((allDone) => {
    fn.loop((top) => {
      fn.get(team);
      fn.load("i32.atomic.load", control.done);
      fn.get(others);
      fn.op("i32.eq");
      fn.brIf(allDone);
      increase(fn, spins);
      fn.i32(callerSpins);
      fn.op("i32.lt_u");
      fn.brIf(top);
      fn.i32(0);
      fn.set(spins);
      fn.get(others);
      fn.call(wait);
      fn.br(top);
    });
  });
}

/** Exported `help(control block, thread)`: helps with tasks of this module, and comes back when there is one of another. */
export function emitHelp(module: WasmModule, number: number, dispatch?: FunctionBuilder): void {
  const fn = module.func("help", { params: ["i32", "i32"], results: [], exported: true });
  const [team, thread] = [fn.param(0), fn.param(1)];
  const own = fn.local("i32");
  const ticket = fn.local("i64");
  const spins = fn.local("i32");
  const bell = fn.local("i32");
  const setBusy = (value: () => void): void => {
    fn.get(own);
    value();
    fn.store("i32.atomic.store", helper.busy);
  };

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
        const [site, chunk] = [fn.local("i32"), fn.local("i32")];
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
        fn.i32(0);
        fn.set(spins);
        fn.br(top);
      });
    });
    increase(fn, spins);
    fn.i32(helperSpins);
    fn.op("i32.lt_u");
    fn.brIf(top);
    fn.i32(0);
    fn.set(spins);

    // Too many: until the number of helpers changes.
    const allowed = fn.local("i32");
    fn.get(team);
    fn.load("i32.atomic.load", control.allowed);
    fn.tee(allowed);
    fn.get(thread);
    fn.op("i32.lt_u");
    fn.if(() => {
      fn.get(team);
      fn.get(allowed);
      fn.i64(napNanoseconds);
      fn.load("memory.atomic.wait32", control.allowed);
      fn.drop();
      fn.br(top);
    });

    fn.get(team);
    fn.load("i32.atomic.load", control.bell);
    fn.set(bell);
    fn.get(team);
    fn.i32(1);
    fn.store("i32.atomic.store", control.asleep);
    readTicket(fn, team, ticket);
    fn.brIf(top);
    fn.get(team);
    fn.get(bell);
    fn.i64(napNanoseconds);
    fn.load("memory.atomic.wait32", control.bell);
    fn.brIf(top);
    // Waking takes long: the caller wakes one helper, and each that is woken two more, while there is work.
    readTicket(fn, team, ticket);
    fn.if(
      () => {
        notify(fn, team, control.bell, 2);
        fn.drop();
      },
      () => {
        fn.get(team);
        fn.i32(1);
        fn.store("i32.atomic.store", control.asleep);
      },
    );
    fn.br(top);
  });
}

/** Nobody depends on waking up by itself; but a thread that looks around once in a while is easier to reason about. */
const napNanoseconds = 10_000_000_000n;

/** Wakes up to `count` of those who wait for a word, and leaves how many that were. */
function notify(fn: FunctionBuilder, team: Local, word: number, count: number): void {
  fn.get(team);
  fn.i32(count);
  fn.load("memory.atomic.notify", word);
}

/** Reads the ticket, and leaves the number of unclaimed chunks. */
function readTicket(fn: FunctionBuilder, team: Local, ticket: Local): void {
  fn.get(team);
  fn.load("i64.atomic.load", control.ticket);
  fn.tee(ticket);
  fn.op("i32.wrap_i64");
}

/** Leaves 1 if one chunk of the ticket read is now the caller's, 0 if the ticket has changed meanwhile. */
function claim(fn: FunctionBuilder, team: Local, ticket: Local): void {
  fn.get(team);
  fn.get(ticket);
  fn.get(ticket);
  fn.i64(1n);
  fn.op("i64.sub");
  fn.load("i64.atomic.rmw.cmpxchg", control.ticket);
  fn.get(ticket);
  fn.op("i64.eq");
}

/** Leaves the number of the chunk that a claim with this ticket gets. */
function claimed(fn: FunctionBuilder, ticket: Local, chunks: () => void): void {
  chunks();
  fn.get(ticket);
  fn.op("i32.wrap_i64");
  fn.op("i32.sub");
}

/** Adds 1 and leaves the sum. */
function increase(fn: FunctionBuilder, local: Local): void {
  fn.get(local);
  fn.i32(1);
  fn.op("i32.add");
  fn.tee(local);
}
