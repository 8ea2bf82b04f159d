/** @file gather and scatterAdd: linear, and each other's transpose (both clamp indices to the nearest end). */
import { ShapeError, complaint } from "../../base/errors.ts";
import type { TensorType } from "../../ir/graph.ts";
import { formatShape, sameShape } from "../../ir/shape.ts";
import { arity, numbers, requireAxis, requireDType } from "../infer.ts";
import { type Rules, linear } from "../rules.ts";

/** Rules of picking and placing by index. */
export const gatherRules: { [P in "gather" | "scatterAdd"]: Rules<P> } = {
  gather: linear(
    (inputs, { axis }) => {
      arity("gather", inputs, 2);
      const [x, indices] = inputs as [TensorType, TensorType];
      requireDType("gather", indices, ["int32"]);
      requireAxis("gather", axis, x.shape.length);
      const size = indices.shape.reduce((product, extent) => product * extent, 1);
      if (x.shape[axis] === 0 && size > 0)
        throw new ShapeError(
          complaint("gather", `at least one element along axis ${axis}`, formatShape(x.shape)),
        );
      return [
        {
          shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)],
          dtype: x.dtype,
        },
      ];
    },
    (g, { inputs, params: { axis } }) => g.scatterAdd(inputs[1]!, inputs[0]!.shape[axis]!, axis),
  ),
  scatterAdd: linear(
    (inputs, { axis, size }) => {
      arity("scatterAdd", inputs, 2);
      const [updates, indices] = inputs as [TensorType, TensorType];
      requireDType("scatterAdd", updates, numbers);
      requireDType("scatterAdd", indices, ["int32"]);
      const inner = updates.shape.slice(axis, axis + indices.shape.length);
      if (!sameShape(inner, indices.shape))
        throw new ShapeError(
          complaint(
            "scatterAdd",
            `updates whose axes from ${axis} are the indices' ${formatShape(indices.shape)}`,
            formatShape(updates.shape),
          ),
        );
      if (
        !Number.isInteger(size) ||
        size < 0 ||
        (size === 0 && inner.every((extent) => extent > 0))
      )
        throw new ShapeError(complaint("scatterAdd", "an extent >= 1", String(size)));
      const shape = [
        ...updates.shape.slice(0, axis),
        size,
        ...updates.shape.slice(axis + indices.shape.length),
      ];
      requireAxis("scatterAdd", axis, shape.length);
      return [{ shape, dtype: updates.dtype }];
    },
    (g, { inputs, params: { axis } }) => g.gather(inputs[1]!, axis),
  ),
};
