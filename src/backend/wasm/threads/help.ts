/** @file The code of helpers: claiming chunks, spinning, sleeping. */
import type { FunctionBuilder, Local, WasmModule } from "../asm/index.ts";
import { control, helper } from "./layout.ts";
import { claim, claimed, increase, notify, readTicket } from "./words.ts";

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
