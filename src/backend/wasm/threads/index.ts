/** @file Threads: kernels' chunks shared out over the cores of the machine. */
export { checkThreads, defaultThreads } from "./count.ts";
export { Forks } from "./forks.ts";
export { Pool } from "./pool.ts";
