/**
 * @file Choosing and converting: select, cast, stopGradient, shiftRight, and the literals constant and iota.
 * `select` blocks the branch not taken by an exact zero; an infinite derivative inside that branch is the caller's to avoid.
 */
import { dtypes, isFloat } from "../../ir/dtype.ts";
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import type { TensorType } from "../../ir/graph.ts";
import { checkShape } from "../../ir/shape.ts";
import { arity, requireAxis, requireDType, requireSame } from "../infer.ts";
import { type Rules, elementwise, nondifferentiable } from "../rules.ts";

type SelectPrim = "select" | "cast" | "stopGradient" | "shiftRight" | "constant" | "iota";

/** Rules of choices, conversions and literals. */
export const selectRules: { [P in SelectPrim]: Rules<P> } = {
  select: elementwise(
    (inputs) => {
      arity("select", inputs, 3);
      const [condition, x, y] = inputs as [TensorType, TensorType, TensorType];
      requireDType("select", condition, ["bool"], "Compare first.");
      requireSame("select", x, y);
      requireSame("select", { shape: condition.shape, dtype: x.dtype }, x);
      return [x];
    },
    [
      null,
      (d, _, condition) => d.where(condition!, 0),
      (d, _, condition) => d.zerosLike().where(condition!, d),
    ],
  ),
  cast: {
    infer(inputs, { dtype }) {
      arity("cast", inputs, 1);
      if (!dtypes.includes(dtype))
        throw new ArgumentError(complaint("cast", dtypes.join(", "), describe(dtype)));
      return [{ shape: inputs[0]!.shape, dtype }];
    },
    differentiable: true,
    vjp: ({ inputs, cotangents }) => [
      isFloat(inputs[0]!.dtype) ? cotangents[0]!.cast(inputs[0]!.dtype) : undefined,
    ],
    jvp: ({ outputs, tangents }) => [
      isFloat(outputs[0]!.dtype) ? tangents[0]!.cast(outputs[0]!.dtype) : undefined,
    ],
  },
  stopGradient: nondifferentiable((inputs) => {
    arity("stopGradient", inputs, 1);
    return [inputs[0]!];
  }),
  shiftRight: nondifferentiable((inputs, { bits }) => {
    arity("shiftRight", inputs, 1);
    requireDType("shiftRight", inputs[0]!, ["int32"]);
    if (!Number.isInteger(bits) || bits < 0 || bits > 31)
      throw new ArgumentError(complaint("shiftRight", "bits in [0, 31]", String(bits)));
    return [inputs[0]!];
  }),
  constant: nondifferentiable((inputs, { shape, dtype }) => {
    arity("constant", inputs, 0);
    checkShape("constant", shape);
    return [{ shape, dtype }];
  }),
  iota: nondifferentiable((inputs, { shape, axis, dtype }) => {
    arity("iota", inputs, 0);
    checkShape("iota", shape);
    requireAxis("iota", axis, shape.length);
    return [{ shape, dtype }];
  }),
};
