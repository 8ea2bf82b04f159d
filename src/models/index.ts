/** @file The public entrance of `adjoint/models`: networks and images from files. */
import "../compile/evaluate.ts";

export { FormatError } from "./errors.ts";
export * from "./images/index.ts";
