// From a finished training to the model that is written.
import type { Model } from "./model-file.ts";
import { weightsOf } from "./network.ts";
import type { Problem } from "./problem.ts";
import type { Trained } from "./train.ts";

/** The model of a fit. */
export function toModel(problem: Problem, trained: Trained): Model {
  const { series, scaling, options, train } = problem;
  const { model, nodes, starts, course } = trained;
  const rows = train.tau.length;
  return {
    timeName: series.timeName,
    names: series.names,
    scaling,
    architecture: options.architecture,
    weights: weightsOf(model.dynamics),
    nodeTimes: [...nodes].map((tau) => tau * scaling.unit + scaling.origin),
    nodeStates: starts,
    span: {
      first: series.times[0]!,
      trainEnd: series.times[rows - 1]!,
      last: series.times.at(-1)!,
    },
    training: {
      seed: options.seed,
      iterations: course.iteration,
      kept: course.kept?.iteration ?? course.iteration,
      loss: course.kept?.loss ?? Number.NaN,
      validation: course.kept?.validation ?? null,
      evaluations: course.evaluations,
    },
  };
}
