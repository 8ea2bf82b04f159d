/** @file State of layers over a training step: which of it got another value. */
import { ArgumentError, DTypeError, ShapeError, complaint } from "../base/errors.ts";
import { formatShape, sameShape } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { TensorsByPath } from "./parameters.ts";

/**
 * The variables after the updates that layers asked for. Throws ArgumentError for updates of what is no state of the model,
 * ShapeError or DTypeError where the new value is of another type.
 */
export function updatedVariables(
  variables: TensorsByPath,
  updates: ReadonlyMap<Tensor, Tensor>,
): TensorsByPath {
  const known = new Set(Object.values(variables));
  for (const variable of updates.keys())
    if (!known.has(variable))
      throw new ArgumentError(
        complaint(
          "trainer: update",
          "a state tensor of the model in training",
          variable.toString(),
          "Name its field in stateFields, and call the model that the loss is given.",
        ),
      );
  return Object.fromEntries(
    Object.entries(variables).map(([path, variable]) => {
      const value = updates.get(variable) ?? variable;
      const who = `trainer: update of ${path}`;
      if (!sameShape(value.shape, variable.shape))
        throw new ShapeError(
          complaint(who, `shape ${formatShape(variable.shape)}`, formatShape(value.shape)),
        );
      if (value.dtype !== variable.dtype)
        throw new DTypeError(complaint(who, variable.dtype, value.dtype, "Use cast."));
      return [path, value];
    }),
  );
}
