/** @file Derivatives of functions and graphs, and the loop that can be differentiated. */
export { checkGrad, GradientError } from "./check-grad.ts";
export type { CheckGradOptions } from "./check-grad.ts";
export { customVjp } from "./custom-vjp.ts";
export type { CustomVjpRules } from "./custom-vjp.ts";
export { grad, valueAndGrad } from "./grad.ts";
export type { Argnums, GradOptions, Gradients } from "./grad.ts";
export { inline } from "./inline.ts";
export type { Replacement } from "./inline.ts";
export { jvp } from "./jvp.ts";
export { jvpGraph } from "./jvp-graph.ts";
export { scan } from "./scan.ts";
export type { ScanOptions } from "./scan.ts";
export { vjp } from "./vjp.ts";
export { vjpGraph } from "./vjp-graph.ts";
export type { GraphVjp } from "./vjp-graph.ts";
