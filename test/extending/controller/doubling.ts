/** @file A controller that halves and doubles steps, as codes did before step sizes were continuous. */
import type { Controller } from "../../../src/ode/index.ts";

export const doubling: Controller = {
  key: "doubling",
  begin: (order) => ({
    smallestFactor: 1 / 2,
    reset() {},
    factor(error, accepted) {
      if (!accepted) return 1 / 2;
      // A step twice as long has an error 2^order times as large.
      return error * 2 ** order < 1 / 2 ? 2 : 1;
    },
  }),
};
