/** @file Gradient mode "direct": the discrete adjoint with every state kept. No step is computed twice but for its own derivative. */
import { checkNames } from "../options.ts";
import { discreteOp } from "./discrete.ts";
import type { GradientMode } from "../problem.ts";
import { Trail } from "./trail.ts";

export const direct: GradientMode = {
  name: "direct",
  configure(who, options) {
    checkNames(`${who}: gradient direct`, options, []);
    return {
      name: "direct",
      key: "direct",
      recorder: (context, machine, rows) => new Trail(context, machine, rows, Infinity),
      backward: (problem, rows, wanted, record) =>
        discreteOp(problem, rows, wanted, record, Infinity),
    };
  },
};
