/**
 * @file Where the words lie through which threads communicate, as byte offsets, and the instructions on them that
 * callers and helpers share. Words that different threads write lie two cache lines apart.
 */

/** The board, one a memory: always at the same address, known to all code. */
export const board = {
  /** Address of the control block of the team at work, 0 for none. */
  team: 0,
  /** Counts blocks given back to the allocator: what was there stays as long as it stands still. */
  freed: 4,
  bytes: 64,
} as const;

/** The control block, one a team. */
export const control = {
  /**
   * i64: the number of the task in the upper half, the chunks nobody has claimed yet in the lower. It only ever moves on, so
   * whoever replaces the ticket he read by one that is a chunk smaller owns that chunk, of the task whose words he read.
   */
  ticket: 0,
  /** The task: number of its module, address of the module's record, its site and chunks, and the threads that may help. */
  module: 128,
  record: 132,
  site: 136,
  chunks: 140,
  limit: 144,
  /** `freed` of the board when the task began; written after the words above. */
  freed: 148,
  /** Chunks of the task that helpers have done. */
  done: 256,
  /** Not 0 while the caller sleeps until `done` changes. */
  waiting: 260,
  /** Helpers that have started. */
  ready: 384,
  /** Helpers with a higher number than this do nothing. */
  allowed: 388,
  /** Changes when helpers that sleep shall look for work. */
  bell: 392,
  /** Not 0 if a helper may have gone to sleep since the bell rang last. */
  asleep: 396,
  /** Helpers that failed with a chunk. */
  failed: 400,
  /** Not 0 while helpers that sleep are not to be woken. */
  quiet: 404,
  /** The words of helper 0, who does not exist; those of the others follow. */
  helpers: 512,
} as const;

/** The words of one helper. */
export const helper = {
  /** A chunk plus 1 while the helper claims or does it, else 0. */
  busy: 0,
  /** Not 0 from its start to its end. */
  up: 4,
  /** What went wrong, in UTF-8: number of bytes, then those. */
  errorBytes: 8,
  error: 12,
  bytes: 128,
} as const;

/** A module's record: how a helper comes by the module. */
export const record = {
  /** The module's number, never given twice. */
  number: 0,
  /** Address and length of its binary. */
  address: 4,
  length: 8,
  bytes: 64,
} as const;

/** As many threads as a control block has room for. */
export const mostThreads = 64;

export const controlBytes: number = control.helpers + mostThreads * helper.bytes;

// Instructions on the words of a control block that callers and helpers have in common.
import type { FunctionBuilder, Local } from "../asm/index.ts";

/** Wakes up to `count` of those who wait for a word, and leaves how many that were. */
export function notify(fn: FunctionBuilder, team: Local, word: number, count: number): void {
  fn.get(team);
  fn.i32(count);
  fn.load("memory.atomic.notify", word);
}

/** Reads the ticket, and leaves the number of unclaimed chunks. */
export function readTicket(fn: FunctionBuilder, team: Local, ticket: Local): void {
  fn.get(team);
  fn.load("i64.atomic.load", control.ticket);
  fn.tee(ticket);
  fn.op("i32.wrap_i64");
}

/** Leaves 1 if one chunk of the ticket read is now the caller's, 0 if the ticket has changed meanwhile. */
export function claim(fn: FunctionBuilder, team: Local, ticket: Local): void {
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
export function claimed(fn: FunctionBuilder, ticket: Local, chunks: () => void): void {
  chunks();
  fn.get(ticket);
  fn.op("i32.wrap_i64");
  fn.op("i32.sub");
}

/** Adds 1 and leaves the sum. */
export function increase(fn: FunctionBuilder, local: Local): void {
  fn.get(local);
  fn.i32(1);
  fn.op("i32.add");
  fn.tee(local);
}
