/** @file Every schedule. A schedule is one file here and one line below. */
export { constant } from "./constant.ts";
export { cosine } from "./cosine.ts";
export { exponential } from "./exponential.ts";
export type { ExponentialOptions } from "./exponential.ts";
export { linear } from "./linear.ts";
export { piecewise } from "./piecewise.ts";
export type { Rate, Schedule } from "./schedule.ts";
export { warmup } from "./warmup.ts";
