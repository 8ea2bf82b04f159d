/** @file The public entrance of `adjoint/explain`: what a network looks at. */
import "../compile/evaluate.ts";

export { ExplainError } from "./errors.ts";
