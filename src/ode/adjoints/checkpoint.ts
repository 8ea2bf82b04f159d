/**
 * @file Gradient mode "checkpoint": the discrete adjoint with a bounded number of states kept, evenly over a solve of
 * unknown length; steps between them are computed again, level by level (Griewank and Walther 2008, chapter 12).
 * The gradient is that of "direct".
 */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { checkNames } from "../options.ts";
import { discreteOp } from "./discrete.ts";
import type { GradientMode } from "../problem.ts";
import { Trail } from "./trail.ts";

/** Options of `{ kind: "checkpoint" }`. */
export interface CheckpointOptions {
  readonly kind: "checkpoint";
  /**
   * States kept, at least 2; 256 unless given. Solves of up to so many steps recompute none, of up to its square each step
   * once, and so on; as many states again are held for each such level while walking back.
   */
  readonly slots?: number;
}

export const checkpoint: GradientMode = {
  name: "checkpoint",
  configure(who, options) {
    checkNames(`${who}: gradient checkpoint`, options, ["slots"]);
    const { slots = 256 } = options as { slots?: number };
    if (!(Number.isInteger(slots) && slots >= 2))
      throw new ArgumentError(
        complaint(
          `${who}: gradient checkpoint: slots`,
          "an integer of at least 2",
          describe(slots),
        ),
      );
    return {
      name: "checkpoint",
      key: `checkpoint(${slots})`,
      recorder: (context, machine, rows) => new Trail(context, machine, rows, slots),
      backward: (problem, rows, wanted, record) => discreteOp(problem, rows, wanted, record, slots),
    };
  },
};
