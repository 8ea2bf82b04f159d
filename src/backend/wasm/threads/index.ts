/** @file Threads share the chunks of kernels over the cores of the machine. */
export { checkThreads, defaultThreads } from "./pool.ts";
export { Forks } from "./forks.ts";
export { Pool } from "./pool.ts";
