/** @file Long work in steps that gives way to timers, signals and other work. */

/** Longest time between looks at signals and timers, in milliseconds. */
const patience = 50;

/** A function that gives way to the event loop if it has not for a while. */
export function breather(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < patience) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    last = performance.now();
  };
}
