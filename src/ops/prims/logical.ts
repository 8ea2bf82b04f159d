/** @file Comparisons and logic: bool results, no derivative. */
import { dtypes } from "../../ir/dtype.ts";
import type { TensorType } from "../../ir/graph.ts";
import type { ComparePrim, LogicalPrim } from "../../ir/prim.ts";
import { arity, numbers, requireDType, requireSame } from "../infer.ts";
import { type Rules, nondifferentiable } from "../rules.ts";

function compare<P extends ComparePrim>(name: P): Rules<P> {
  const allowed = name === "eq" || name === "ne" ? dtypes : numbers;
  return nondifferentiable((inputs) => {
    arity(name, inputs, 2);
    const [x, y] = inputs as [TensorType, TensorType];
    requireSame(name, x, y);
    requireDType(name, x, allowed);
    return [{ shape: x.shape, dtype: "bool" }];
  });
}

function logical<P extends LogicalPrim>(name: P, count: number): Rules<P> {
  return nondifferentiable((inputs) => {
    arity(name, inputs, count);
    for (const input of inputs) {
      requireDType(name, input, ["bool"], 'Compare, or use cast("bool").');
      requireSame(name, inputs[0]!, input);
    }
    return [inputs[0]!];
  });
}

/** Rules of comparisons and logic. */
export const logicalRules: { [P in ComparePrim | LogicalPrim]: Rules<P> } = {
  eq: compare("eq"),
  ne: compare("ne"),
  lt: compare("lt"),
  le: compare("le"),
  gt: compare("gt"),
  ge: compare("ge"),
  and: logical("and", 2),
  or: logical("or", 2),
  not: logical("not", 1),
};
