/** @file Derivatives of functions and graphs, and the loop that can be differentiated. */
export { checkGrad, GradientError } from "./check-grad.ts";
export type { CheckGradOptions } from "./check-grad.ts";
export { customVjp } from "./custom-vjp.ts";
export type { CustomVjpRules } from "./custom-vjp.ts";
export { grad, valueAndGrad } from "./transforms.ts";
export type { Argnums, GradOptions, Gradients } from "./transforms.ts";
export { inline } from "./graph-derivatives.ts";
export type { Replacement } from "./graph-derivatives.ts";
export { jvp } from "./transforms.ts";
export { jvpGraph } from "./graph-derivatives.ts";
export { scan } from "./scan.ts";
export type { ScanOptions } from "./scan.ts";
export { vjp } from "./transforms.ts";
export { vjpGraph } from "./graph-derivatives.ts";
export type { GraphVjp } from "./graph-derivatives.ts";
