/** @file Typed errors. Each says who complains, what was expected, what came, and what to do. */

/** Base of every error the library throws on purpose. */
export class AdjointError extends Error {
  override readonly name: string = "AdjointError";
}

/** Shapes that do not fit. */
export class ShapeError extends AdjointError {
  override readonly name: string = "ShapeError";
}

/** Element types that do not fit. */
export class DTypeError extends AdjointError {
  override readonly name: string = "DTypeError";
}

/** An argument of the wrong kind, count or range. */
export class ArgumentError extends AdjointError {
  override readonly name: string = "ArgumentError";
}

/** A traced tensor used where only a value can be, or outside its trace. */
export class TraceError extends AdjointError {
  override readonly name: string = "TraceError";
}

/** A program that contradicts itself: a defect of the library, found by its own checks. */
export class InternalError extends AdjointError {
  override readonly name: string = "InternalError";
}

/** A thread that helps with kernels failed, or showed no sign of life. */
export class ThreadError extends AdjointError {
  override readonly name: string = "ThreadError";
}

/** `who: expected X, got Y. Hint`: the sentence all errors share. */
export function complaint(who: string, expected: string, got: string, hint?: string): string {
  return `${who}: expected ${expected}, got ${got}.${hint === undefined ? "" : ` ${hint}`}`;
}

/** A short description of any value for error messages. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "undefined";
  if (typeof value === "string")
    return value.length > 60 ? `a string of ${value.length} characters` : JSON.stringify(value);
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint")
    return String(value);
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object") return String((value as object).constructor?.name ?? "object");
  return typeof value;
}
