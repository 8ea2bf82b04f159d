/** @file Instructions on the words of a control block that callers and helpers have in common. */
import type { FunctionBuilder, Local } from "../asm/index.ts";
import { control } from "./layout.ts";

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
