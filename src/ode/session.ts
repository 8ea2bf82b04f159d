/**
 * @file Sessions: how a solve outside every trace hands its callbacks to the loop and gets more back than tensors.
 * Compiled programs outlive the call they were made for, so a program finds the session of the present call here.
 */
import type { HostContext } from "../ir/host.ts";
import type { Integration, Watchers } from "./loop.ts";
import type { StepMachine } from "./machine.ts";
import type { WatchOptions } from "./options.ts";
import type { Failure, SolveStatus } from "./status.ts";

/** The caller's side of one solve. */
export interface Session {
  readonly onStats: WatchOptions["onStats"];
  watchers(machine: StepMachine, context: HostContext, integration: Integration): Partial<Watchers>;
  finish(
    integration: Integration,
    machine: StepMachine,
    context: HostContext,
    status: SolveStatus,
    failure: Failure | undefined,
  ): void;
}

let waiting: Session | undefined;

/** Runs `fn`, whose first eager solve will take the session. */
export function withSession<T>(session: Session, fn: () => T): T {
  waiting = session;
  try {
    return fn();
  } finally {
    waiting = undefined;
  }
}

/** The session of the present call; each is taken once. */
export function takeSession(): Session | undefined {
  const session = waiting;
  waiting = undefined;
  return session;
}
