/** @file The matrix product of equal batches; broadcasting and vectors are the composite `matmul`'s. */
import { ShapeError, complaint } from "../../base/errors.ts";
import { formatShape, sameShape } from "../../ir/shape.ts";
import type { TensorType } from "../../ir/graph.ts";
import { arity, floats, requireDType, requireSameDType } from "../infer.ts";
import { type Rules, bilinear } from "../rules.ts";

/** Rules of the matrix product. */
export const matmulRules: { matmul: Rules<"matmul"> } = {
  matmul: bilinear(
    (inputs) => {
      arity("matmul", inputs, 2);
      const [a, b] = inputs as [TensorType, TensorType];
      requireSameDType("matmul", a, b);
      requireDType("matmul", a, floats);
      const batch = a.shape.slice(0, -2);
      const fits =
        a.shape.length >= 2 &&
        b.shape.length >= 2 &&
        sameShape(batch, b.shape.slice(0, -2)) &&
        a.shape.at(-1) === b.shape.at(-2);
      if (!fits)
        throw new ShapeError(
          complaint(
            "matmul",
            "[..., M, K] and [..., K, N] of equal batch",
            `${formatShape(a.shape)} and ${formatShape(b.shape)}`,
          ),
        );
      return [{ shape: [...batch, a.shape.at(-2)!, b.shape.at(-1)!], dtype: a.dtype }];
    },
    (g, _, b) => g.matmul(b.swapAxes(-1, -2)),
    (g, a) => a.swapAxes(-1, -2).matmul(g),
  ),
};
