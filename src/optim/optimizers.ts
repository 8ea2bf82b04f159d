/** @file The optimisers, each a chain of transformations. Defaults and numbers are those of PyTorch. */
import { ArgumentError, complaint } from "../base/errors.ts";
import { between, decay, flag } from "../base/kinds.ts";
import { type OptionsOf, optional, required, schema } from "../base/options.ts";
import { type Optimizer, type Transformation, chain, rate } from "./transformation.ts";
import {
  accumulateMomentum,
  adamSpec,
  addDecayedWeights,
  rmsSpec,
  scaleByAdam,
  scaleByLearningRate,
  scaleByRms,
} from "./transforms.ts";

const rateHelp = "Factor of each step: a number, or a schedule.";
const momentum = optional(decay, 0, "Share of the last step that is added to this one.");

const sgdSchema = schema({
  learningRate: required(rate, rateHelp),
  momentum,
  nesterov: optional(flag, false, "Whether the momentum is Nesterov's."),
});

/** Options of `sgd`. */
export type SgdOptions = OptionsOf<typeof sgdSchema.spec>;

/** p -= learningRate · v with v = momentum · v + g. Throws ArgumentError for options out of range. */
export function sgd(options: SgdOptions): Optimizer {
  const given = sgdSchema.read("sgd", options);
  if (given.nesterov && given.momentum === 0)
    throw new ArgumentError(complaint("sgd: nesterov", "a momentum above 0", "0"));
  const step = scaleByLearningRate(given.learningRate);
  return given.momentum === 0
    ? chain(step)
    : chain(accumulateMomentum(given.momentum, given.nesterov), step);
}

const rmspropSchema = schema({
  learningRate: optional(rate, 1e-2, rateHelp),
  momentum,
  ...rmsSpec,
});

/** Options of `rmsprop`. `decay` is PyTorch's alpha and Keras' rho. */
export type RmspropOptions = OptionsOf<typeof rmspropSchema.spec>;

/**
 * p -= learningRate · g / (√s + ε) with s = decay · s + (1 - decay) g² (Tieleman and Hinton 2012, lecture 6.5), optionally centred
 * (Graves 2013) and with momentum. Throws ArgumentError for options out of range.
 */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  const { learningRate, momentum: share, ...rms } = rmspropSchema.read("rmsprop", options);
  const inertia: Transformation[] = share === 0 ? [] : [accumulateMomentum(share)];
  return chain(scaleByRms(rms), ...inertia, scaleByLearningRate(learningRate));
}

const adamOptions = { learningRate: optional(rate, 1e-3, rateHelp), ...adamSpec };
const adamSchema = schema(adamOptions);

/** Options of `adam`. */
export type AdamOptions = OptionsOf<typeof adamOptions>;

/** Adam (Kingma and Ba 2014, algorithm 1). Throws ArgumentError for options out of range. */
export function adam(options: AdamOptions = {}): Optimizer {
  const { learningRate, ...moments } = adamSchema.read("adam", options);
  return chain(scaleByAdam(moments), scaleByLearningRate(learningRate));
}

const adamwSchema = schema({
  ...adamOptions,
  weightDecay: optional(
    between(0, Infinity),
    1e-2,
    "Times the learning rate, the share of every parameter that goes each step.",
  ),
});

/** Options of `adamw`. */
export type AdamwOptions = OptionsOf<typeof adamwSchema.spec>;

/** AdamW: Adam with decoupled weight decay (Loshchilov and Hutter 2017, algorithm 2). Throws ArgumentError for options out of range. */
export function adamw(options: AdamwOptions = {}): Optimizer {
  const { learningRate, weightDecay, ...moments } = adamwSchema.read("adamw", options);
  return chain(
    scaleByAdam(moments),
    addDecayedWeights(weightDecay),
    scaleByLearningRate(learningRate),
  );
}
