/** @file The checked way to apply a primitive. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import type { ParamsOf, PrimName } from "../ir/prim.ts";
import { Tensor } from "../ir/tensor.ts";
import { apply } from "../ir/trace.ts";
import { registry } from "./registry.ts";
import type { Rules } from "./rules.ts";

/** The rules of one primitive. */
export function rulesOf<P extends PrimName>(prim: P): Rules<P> {
  return registry[prim] as unknown as Rules<P>;
}

/**
 * Applies a primitive to tensors: into the current trace, or at once.
 * Throws ShapeError, DTypeError or ArgumentError where the inputs do not fit it.
 */
export function bind<P extends PrimName>(
  prim: P,
  inputs: readonly Tensor[],
  params: ParamsOf<P>,
): Tensor[] {
  for (const input of inputs) requireTensor(prim, input);
  return apply(prim, params, inputs, rulesOf(prim).infer(inputs, params));
}

/** As `bind`, for a primitive with one output. */
export function bind1<P extends PrimName>(
  prim: P,
  inputs: readonly Tensor[],
  params: ParamsOf<P>,
): Tensor {
  return bind(prim, inputs, params)[0]!;
}

/** Throws ArgumentError naming `who` and what was expected unless the value is an array. */
export function requireList(who: string, expected: string, value: unknown): void {
  if (!Array.isArray(value)) throw new ArgumentError(complaint(who, expected, describe(value)));
}

/** The tensor; throws ArgumentError naming `who` for anything else. */
export function requireTensor(who: string, value: unknown): Tensor {
  if (!(value instanceof Tensor))
    throw new ArgumentError(complaint(who, "a tensor", describe(value), hintOf(value)));
  return value;
}

function hintOf(value: unknown): string {
  // Of nn, which this room does not know.
  return (value as object | null | undefined)?.constructor?.name === "SymbolicTensor"
    ? "It has no elements: use layer.apply(), or nn.lambda() for functions of tensors."
    : "Make one with tensor().";
}
