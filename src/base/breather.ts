/** @file Long work in steps that gives way to timers, signals and other work. */

/** Longest time between two turns of the event loop, in milliseconds. */
const patience = 50;

/** A function to call between steps: it lets the event loop turn if it has not for a while. */
export function breather(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < patience) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    last = performance.now();
  };
}
