// The training loop of a fit: stage after stage, keeping the best weights, with checkpoints to continue from.
import { setImmediate } from "node:timers/promises";
import { SolveError } from "../../ode/index.ts";
import type { TrainerState } from "../../optim/index.ts";
import { Interrupted, WorkError } from "../errors.ts";
import type { Standing } from "../progress.ts";
import { readCourse, readSaved, writeCheckpoint } from "./checkpoint.ts";
import { type Course, score, startCourse } from "./course.ts";
import { Dynamics, type Shooting } from "./network.ts";
import type { Problem } from "./problem.ts";
import { type StageRun, prepareStage } from "./stage-run.ts";

/** What happens around the training. */
export interface TrainHooks {
  readonly onProgress: (standing: Standing) => void;
  /** Asked between iterations; true ends the fit after a last checkpoint. */
  readonly interrupted?: () => boolean;
  /** Where checkpoints go, and how many iterations lie between them; absent: none are written. */
  readonly checkpoint?: { readonly path: string; readonly every: number; readonly resume: boolean };
  /** Told where a resumed fit continues. */
  readonly onResume?: (iteration: number) => void;
}

/** A trained model and how it came about. */
export interface Trained {
  readonly model: Shooting;
  /** tau and states [nodes, states] where trajectories of the model start. */
  readonly nodes: Float64Array;
  readonly starts: Float32Array;
  readonly course: Course;
}

/** Breakdowns (a solve that fails, a loss that is no number) before a fit is given up. */
const mostBreakdowns = 8;

/** Longest time between looks at signals and timers, in milliseconds. */
const patience = 50;

/**
 * Fits a neural ODE.
 * @throws WorkError when training breaks down again and again; Interrupted when asked to stop
 */
export async function train(problem: Problem, hooks: TrainHooks): Promise<Trained> {
  const { options, stages, fingerprint } = problem;
  const { checkpoint } = hooks;
  const resumed =
    checkpoint?.resume === true ? await readCourse(checkpoint.path, fingerprint) : undefined;
  const course = resumed ?? startCourse();
  const onStats = (stats: { readonly evaluations: number }): void => {
    course.evaluations += stats.evaluations;
  };
  const prepare = (from: Shooting | Dynamics): StageRun =>
    prepareStage(problem, course.stage, from, course.rateFactor, onStats);

  let run = prepare(new Dynamics(problem.train.width, options.architecture, options.seed));
  let kept = run.trainer.model;
  let sound: TrainerState = run.trainer.state;
  if (checkpoint && resumed) {
    const saved = await readSaved(checkpoint.path, { now: sound, sound, kept });
    run.trainer.restore(saved.now);
    ({ sound, kept } = saved);
    hooks.onResume?.(course.iteration);
  }
  const save = async (): Promise<void> => {
    const saved = { now: run.trainer.state, sound, kept };
    if (checkpoint) await writeCheckpoint(checkpoint.path, fingerprint, course, saved);
  };

  /** Back to where training was sound, with half the learning rate. */
  const mend = (): void => {
    course.breakdowns++;
    if (course.breakdowns > mostBreakdowns) {
      throw new WorkError(
        `training broke down ${course.breakdowns} times, up to iteration ${course.iteration}; ` +
          "try a smaller --learning-rate, --scale log for positive data, or fewer --hidden units",
      );
    }
    course.rateFactor /= 2;
    const before = sound;
    run = prepare(kept);
    run.trainer.restore(before);
  };

  const thinning = Math.max(1, Math.floor(options.iterations / 2000));
  const evaluateEvery = Math.max(1, Math.round(options.iterations / 80));
  let yielded = performance.now();
  while (course.iteration < options.iterations) {
    const stage = stages[course.stage]!;
    if (course.iteration >= stage.to) {
      course.stage++;
      // Longer windows are another task: what was best before does not count.
      course.kept = null;
      run = prepare(run.trainer.model);
      kept = run.trainer.model;
      sound = run.trainer.state;
    }
    const loss = lossOf(() => run.trainer.step(run.batch(course.iteration)));
    if (loss === undefined) {
      mend();
      continue;
    }
    const iteration = ++course.iteration;
    if (iteration % thinning === 0) course.training.push({ iteration, loss });

    const last = iteration === stages[course.stage]!.to;
    if (iteration % evaluateEvery === 0 || last) {
      const model = run.trainer.model;
      const validation = run.validate(model);
      course.validation = validation;
      if (validation !== null && validation < Number.MAX_VALUE) {
        course.held.push({ iteration, loss: validation });
      }
      // The step's loss is that of the weights before it, and a step changes much where the loss is rough.
      const now = lossOf(() => run.trainer.evaluate(run.batch(iteration)));
      const candidate = { iteration, loss: now ?? Number.MAX_VALUE, validation };
      if (course.kept === null || score(candidate) < score(course.kept)) {
        course.kept = candidate;
        kept = model;
      }
      sound = run.trainer.state;
    }
    hooks.onProgress({
      iteration,
      loss,
      validation: course.validation ?? undefined,
      evaluations: course.evaluations,
    });
    if (checkpoint && iteration % checkpoint.every === 0) await save();
    const final = course.stage === stages.length - 1;
    if (final && course.kept && iteration - course.kept.iteration >= options.patience) break;
    if (performance.now() - yielded > patience) {
      await setImmediate();
      yielded = performance.now();
    }
    if (hooks.interrupted?.() === true) {
      await save();
      throw new Interrupted(
        `interrupted at iteration ${iteration}${checkpoint ? "; --resume continues from there" : ""}`,
      );
    }
  }
  return { model: kept, nodes: run.windows.nodes, starts: run.startsOf(kept), course };
}

/** A loss that is a number; undefined if its solve failed. */
function lossOf(compute: () => number): number | undefined {
  try {
    const loss = compute();
    return Number.isFinite(loss) ? loss : undefined;
  } catch (error) {
    if (error instanceof SolveError) return undefined;
    throw error;
  }
}
