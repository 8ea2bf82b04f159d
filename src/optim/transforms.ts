/** @file The transformations that optimisers are chained from: clipping, decay, momentum, scaling, and the step downhill. */
import { ArgumentError } from "../base/errors.ts";
import { between, decay, flag, positive } from "../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../base/options.ts";
import { Tensor } from "../ir/tensor.ts";
import { type Tree, mapTree, treeLeaves } from "../ir/tree.ts";
import { scalar, where, zerosLike } from "../ops/index.ts";
import {
  type Rate,
  type Transformation,
  rate,
  rateAt,
  stateful,
  stateless,
  zipTrees,
} from "./transformation.ts";

/** √(sum of squares of all elements of all leaves), a float64 scalar: squares of float32 numbers cannot overflow there. */
export function globalNorm(tree: unknown): Tensor {
  let total = scalar(0, { dtype: "float64" });
  for (const leaf of treeLeaves("globalNorm", tree)) {
    const wide = leaf.cast("float64");
    total = total.add(wide.mul(wide).sum());
  }
  return total.sqrt();
}

/**
 * All gradients scaled by one factor, so that their global norm is at most `maxNorm` (Pascanu et al. 2013, algorithm 1).
 * Throws ArgumentError for a norm that is not positive.
 */
export function clipByGlobalNorm(maxNorm: number): Transformation {
  positive.read("clipByGlobalNorm: maxNorm", maxNorm, ArgumentError);
  return {
    init: () => [],
    transform: (updates, state, _params, _step) => {
      const norm = globalNorm(updates);
      const factor = where(norm.greater(maxNorm), norm.reciprocal().mul(maxNorm), 1);
      return {
        updates: mapTree("clipByGlobalNorm", updates, (update) =>
          update.mul(factor.cast(update.dtype)),
        ),
        state,
      };
    },
  };
}

/** Every element limited to [-limit, limit]. NaN stays NaN. Throws ArgumentError for a limit that is not positive. */
export function clipByValue(limit: number): Transformation {
  positive.read("clipByValue: limit", limit, ArgumentError);
  return stateless("clipByValue", (update) => update.clip(-limit, limit));
}

/**
 * update + weightDecay · parameter. Before an optimiser this is L2 regularisation; after Adam's scaling it is the decoupled decay
 * of AdamW (Loshchilov and Hutter 2017). Throws ArgumentError for a decay below 0.
 */
export function addDecayedWeights(weightDecay: number): Transformation {
  between(0, Infinity).read("addDecayedWeights: weightDecay", weightDecay, ArgumentError);
  return stateless("addDecayedWeights", (update, parameter) =>
    update.add(parameter.mul(weightDecay)),
  );
}

/** -learningRate · update: what ends a chain. Throws ArgumentError for what is neither a number of at least 0 nor a schedule. */
export function scaleByLearningRate(learningRate: Rate): Transformation {
  rate.read("scaleByLearningRate: learningRate", learningRate, ArgumentError);
  return stateless("scaleByLearningRate", (update, _parameter, step) => {
    const now = rateAt(learningRate, step);
    return update.mul(now instanceof Tensor ? now.neg().cast(update.dtype) : -now);
  });
}

/**
 * v = momentum · v + update, and v is the new update; with `nesterov` the new update is update + momentum · v
 * (Sutskever et al. 2013, eqs. 1 to 4, in the form in which the learning rate comes afterwards).
 * Throws ArgumentError for a momentum outside [0, 1).
 */
export function accumulateMomentum(momentum: number, nesterov = false): Transformation {
  const who = "accumulateMomentum";
  decay.read(`${who}: momentum`, momentum, ArgumentError);
  return {
    init: (params) => mapTree(who, params as Tree, zerosLike),
    transform: (updates, state, _params, _step) => {
      const add = (update: Tensor, v: Tensor): Tensor => v.mul(momentum).add(update);
      const velocity = zipTrees(who, updates, [state], (update, v) => add(update!, v!));
      const next = nesterov
        ? zipTrees(who, updates, [velocity as Tree], (update, v) => add(update!, v!))
        : velocity;
      return { updates: next, state: velocity as Tree };
    },
  };
}

const epsilon = optional(between(0, Infinity), 1e-8, "Added to the root, against division by 0.");

/** The constants of Adam. */
export const adamSpec = {
  beta1: optional(decay, 0.9, "Share of the running mean of gradients that stays each step."),
  beta2: optional(decay, 0.999, "Share of the running mean of squared gradients that stays."),
  epsilon,
};

const adamSchema = schema(adamSpec);

/** Options of `scaleByAdam`. */
export type AdamMoments = OptionsOf<typeof adamSpec>;

/**
 * (m / (1 - β1ᵗ)) / (√(v / (1 - β2ᵗ)) + ε), where m and v are the running means of g and g² (Kingma and Ba 2014, algorithm 1).
 * Throws ArgumentError for options out of range.
 */
export function scaleByAdam(options: AdamMoments = {}): Transformation {
  const { beta1, beta2, epsilon: small } = adamSchema.read("scaleByAdam", options);
  return stateful("scaleByAdam", ["mean", "square"], (step) => {
    // In float64, and by expm1: 1 - 0.999 in float32 is off by 1e-5 of its size.
    const turn = step.cast("float64").add(1);
    // The library's own logarithm: Math.log may differ between engines.
    const missing = (beta: number): Tensor =>
      turn
        .mul(scalar(beta, { dtype: "float64" }).log())
        .expm1()
        .neg();
    const correction1 = missing(beta1);
    const correction2 = missing(beta2).sqrt();
    return (g, { mean: m, square: v }) => {
      const mean = m.mul(beta1).add(g.mul(1 - beta1));
      const square = v.mul(beta2).add(g.mul(g).mul(1 - beta2));
      const root = square.sqrt().div(correction2.cast(g.dtype)).add(small);
      return { update: mean.div(correction1.cast(g.dtype)).div(root), mean, square };
    };
  });
}

/** The constants of RMSprop. */
export const rmsSpec = {
  decay: optional(decay, 0.99, "Share of the running means that stays each step."),
  epsilon,
  centered: optional(flag, false, "Whether to divide by the root of the variance instead."),
};

const rmsSchema = schema(rmsSpec);

/** Options of `scaleByRms`. */
export type RmsOptions = OptionsOf<typeof rmsSpec>;

/**
 * g / (√s + ε) with s = decay · s + (1 - decay) g²; centred, √(s - m²) with m the running mean of g (Graves 2013, eqs. 38 to 40).
 * Throws ArgumentError for options out of range.
 */
export function scaleByRms(options: RmsOptions = {}): Transformation {
  const { decay: stays, epsilon: small, centered } = rmsSchema.read("scaleByRms", options);
  const mix = (mean: Tensor, now: Tensor): Tensor => mean.mul(stays).add(now.mul(1 - stays));
  if (!centered)
    return stateful("scaleByRms", ["square"], () => (g, { square: s }) => {
      const square = mix(s, g.mul(g));
      return { update: g.div(square.sqrt().add(small)), square };
    });
  return stateful("scaleByRms", ["square", "mean"], () => (g, { square: s, mean: m }) => {
    const square = mix(s, g.mul(g));
    const mean = mix(m, g);
    // Rounding can make a variance negative: 0 then.
    const variance = square.sub(mean.mul(mean)).maximum(0);
    return { update: g.div(variance.sqrt().add(small)), square, mean };
  });
}
