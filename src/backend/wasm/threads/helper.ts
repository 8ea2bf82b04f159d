/**
 * @file What a helper's own thread runs. It never returns to its event loop, so everything it needs to know it finds in kernel
 * memory, modules included.
 */
import type { Pointer } from "../../../ir/host.ts";
import type { board, control, helper, record } from "./layout.ts";

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
