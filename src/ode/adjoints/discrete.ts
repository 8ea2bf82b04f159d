/**
 * @file The discrete adjoint ("discretise, then optimise"): the accepted steps are taken as given, and differentiated one by one in
 * reverse. Exact for the numbers that the forward solve computed; step sizes count as constants. A step is differentiated whole: it is
 * computed again from the state at its start. Two gradient modes differ in how many states they keep: "direct" keeps all,
 * "checkpoint" a bounded number.
 */
import { AdjointError } from "../../base/errors.ts";
import { whole } from "../../base/kinds.ts";
import { type OptionsOf, checkOptions, optional, schema } from "../../base/options.ts";
import type { HostContext, HostOp, HostRun, Pointer } from "../../ir/host.ts";
import { Layout } from "../../ir/layout.ts";
import { keyOf } from "../../ir/key.ts";
import { Integration } from "../loop.ts";
import { sizeInBytes } from "../packing.ts";
import {
  type Gradient,
  type GradientMode,
  type Problem,
  backwardInputs,
  problemKey,
} from "../solve-node.ts";
import { SolveError } from "../status.ts";
import { carriedTypes, stepGraph } from "../stepper.ts";
import { StepBack } from "./step-back.ts";
import { Rewind, Trail } from "./trail.ts";

const checkpointSchema = schema({
  slots: optional(
    whole(2),
    256,
    "states kept: solves of up to that many steps recompute none, of up to its square each step once, and so on; as many states again are held for each such level on the way back",
  ),
});

/** Options of `{ kind: "checkpoint" }`. */
export type CheckpointOptions = { readonly kind: "checkpoint" } & OptionsOf<
  (typeof checkpointSchema)["spec"]
>;

/** Every state is kept. No step is computed twice but for its own derivative. */
export const direct: GradientMode = {
  name: "direct",
  configure(who, options) {
    checkOptions(who, options, []);
    return keeping("direct", Infinity);
  },
};

/**
 * A bounded number of states is kept, evenly over a solve of unknown length; the steps between them are computed again, level by level
 * (Griewank and Walther 2008, chapter 12). The gradient is that of "direct".
 */
export const checkpoint: GradientMode = {
  name: "checkpoint",
  configure: (who, options) => keeping("checkpoint", checkpointSchema.read(who, options).slots),
};

function keeping(name: string, limit: number): Gradient {
  return {
    name,
    key: [name, limit],
    recorder: (context, { stepper }, { method, field }, rows) =>
      new Trail(context, stepper, [...field.state, ...carriedTypes(method, field)], rows, limit),
    backward: (problem, rows, wanted, record) => discreteOp(problem, rows, wanted, record, limit),
  };
}

/** The backward operation over a trail that keeps at most `limit` states. */
function discreteOp(
  problem: Problem,
  rows: number,
  wanted: readonly number[],
  record: object,
  limit: number,
): HostOp {
  const { state, parameters } = problem.field;
  const again = (): never => {
    throw new AdjointError(
      `${problem.who}: expected one derivative through gradient "${problem.gradient.name}", got a second one. ` +
        'Use gradient: "backsolve", whose backward solve can be differentiated again, or differentiate jvp (forward mode) instead.',
    );
  };
  return {
    name: problem.gradient.name,
    outputs: [...state, ...wanted.map((index) => parameters[index]!)],
    get key() {
      return keyOf("discrete", rows, limit, wanted, problemKey(problem));
    },
    vjp: again,
    jvp: again,
    prepare: (context) => prepareDiscrete(problem, rows, wanted, record, limit, context),
  };
}

function prepareDiscrete(
  problem: Problem,
  rows: number,
  wanted: readonly number[],
  record: object,
  limit: number,
  context: HostContext,
): HostRun {
  const { field, method, watch } = problem;
  const layout = backwardInputs(problem, rows);
  const results = new Layout({
    adjoint: field.state,
    gradients: wanted.map((index) => field.parameters[index]!),
  });
  const bytes = field.state.map(sizeInBytes);
  const stepBack = new StepBack(context, method, field, wanted);
  const rewind = new Rewind(context, stepGraph(method, field, false), limit);
  const replay = replayer(problem, rows, record, context);
  const cotangent: Pointer[] = bytes.map(() => 0);

  return (inputs, outputs) => {
    const { ys, cotangents, times, parameters, extras } = layout.split(inputs);
    // Complete if the forward solve ran in this program; a pullback compiled apart has to run it again.
    const recorded = context.found<Trail>(record);
    const trail =
      replay.isNeeded() || recorded?.complete !== true
        ? replay.run(ys, times, parameters, extras)
        : recorded;
    const pointAt = (row: number): Pointer[] => {
      for (let leaf = 0; leaf < bytes.length; leaf++)
        cotangent[leaf] = cotangents[leaf]! + row * bytes[leaf]!;
      return cotangent;
    };
    stepBack.begin(parameters);
    let row = rows - 1;
    rewind.run(trail, parameters, (step, state) => {
      const [t, h] = [trail.t[step]!, trail.h[step]!];
      for (; row > 0 && trail.stepOf[row] === step; row--) {
        const theta = trail.thetaOf[row]!;
        if (theta === 1) stepBack.addCotangent(pointAt(row));
        else stepBack.addInside(pointAt(row), theta, h);
      }
      stepBack.back(t, h, state);
    });
    stepBack.finish(context.view("float64", times, 1)[0]!, ys);
    // Outputs at the first time itself; the first row's own cotangent is the caller's to add.
    for (; row > 0; row--) stepBack.addCotangent(pointAt(row));
    const { adjoint, gradients } = results.split(outputs);
    stepBack.copyTo(adjoint, gradients);
    const { steps } = stepBack;
    const evaluations = stepBack.evaluations + rewind.evaluations;
    watch.onStats?.({ direction: "backward", evaluations, steps, accepted: steps, rejected: 0 });
  };
}

interface Replayer {
  /** Whether this program has to run the forward solve itself: found out at the first call. */
  isNeeded(): boolean;
  run(
    y0: readonly Pointer[],
    times: Pointer,
    parameters: readonly Pointer[],
    extras: readonly Pointer[],
  ): Trail;
}

/** The forward solve once more, with a trail, if it was in another program. */
function replayer(problem: Problem, rows: number, record: object, context: HostContext): Replayer {
  const times = new Float64Array(rows);
  let own: { integration: Integration; trail: Trail } | undefined;
  const make = (): { integration: Integration; trail: Trail } => {
    const integration = new Integration(context, problem, "replay");
    const trail = context.shared(
      record,
      () => problem.gradient.recorder!(context, integration, problem, rows) as Trail,
    );
    return { integration, trail };
  };
  return {
    isNeeded: () => own !== undefined,
    run(y0, given, parameters, extras) {
      const { integration, trail } = (own ??= make());
      times.set(context.view("float64", given, rows));
      trail.begin();
      integration.resetStats();
      integration.stepper.begin(y0, parameters, extras);
      const watch = { direction: "forward", ...trail.watch } as const;
      const status = integration.run({ times, count: rows }, watch);
      if (status !== "success" && status !== "event")
        throw new SolveError(problem.who, integration.failure(status));
      trail.finish();
      return trail;
    },
  };
}
