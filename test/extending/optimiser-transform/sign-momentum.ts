/** @file An optimiser transform: the sign of the gradients' running mean (Bernstein et al. 2018, "signSGD", algorithm 2). */
import { stateful } from "../../../src/optim/index.ts";

export const scaleBySignum = (beta = 0.9) =>
  stateful("scaleBySignum", ["mean"], () => (update, { mean }) => {
    const next = mean.mul(beta).add(update.mul(1 - beta));
    return { update: next.sign(), mean: next };
  });
