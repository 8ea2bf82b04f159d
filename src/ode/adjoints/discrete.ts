/**
 * @file The discrete adjoint: the accepted steps are taken as given, and differentiated one by one in reverse
 * ("discretise, then optimise"). Exact for the numbers that the forward solve computed; step sizes count as constants.
 * A step is differentiated whole: its stages are computed again from the state at its start.
 */
import { AdjointError } from "../../base/errors.ts";
import type { HostContext, HostOp, HostRun, Pointer } from "../../ir/host.ts";
import { problemKey } from "../define-problem.ts";
import { Integration } from "../loop.ts";
import { StepMachine, bytesOf } from "../machine.ts";
import type { Problem } from "../problem.ts";
import { failureOf } from "../solve-op.ts";
import { SolveError } from "../status.ts";
import { Rewind } from "./rewind.ts";
import { StepBack } from "./step-back.ts";
import { Trail } from "./trail.ts";

/** The backward operation over a trail that keeps at most `limit` states. Inputs and outputs as `Gradient.backward` says. */
export function discreteOp(
  problem: Problem,
  rows: number,
  wanted: readonly number[],
  record: object,
  limit: number,
): HostOp {
  const { state, parameters } = problem.plan.field;
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
      return `discrete;${rows};${limit};${wanted.join(",")};${problemKey(problem)}`;
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
  const { plan, watch } = problem;
  const { state, parameters } = plan.field;
  const leaves = state.length;
  const bytes = state.map(bytesOf);
  const stepBack = new StepBack(context, plan, wanted);
  const rewind = new Rewind(context, plan, limit);
  const replay = replayer(problem, rows, record, limit, context);
  const cotangent: Pointer[] = state.map(() => 0);

  return (inputs, outputs) => {
    const cotangents = inputs.slice(leaves, 2 * leaves);
    const bound = inputs.slice(2 * leaves + 1, 2 * leaves + 1 + parameters.length);
    // Complete where the forward solve ran in this program; a pullback compiled apart has to run it again.
    const recorded = context.shared<Trail | undefined>(record, () => undefined);
    const trail = replay.needed || recorded?.complete !== true ? replay.run(inputs) : recorded;
    const pointAt = (row: number): Pointer[] => {
      for (let leaf = 0; leaf < leaves; leaf++)
        cotangent[leaf] = cotangents[leaf]! + row * bytes[leaf]!;
      return cotangent;
    };
    stepBack.begin(bound);
    let row = rows - 1;
    rewind.run(trail, bound, (step, y) => {
      const [t, h] = [trail.t[step]!, trail.h[step]!];
      for (; row > 0 && trail.stepOf[row] === step; row--) {
        const theta = trail.thetaOf[row]!;
        if (theta === 1) stepBack.addCotangent(pointAt(row));
        else stepBack.addInside(pointAt(row), theta, h);
      }
      stepBack.back(t, h, y);
    });
    // Outputs at the first time itself; the first row's own cotangent is the caller's to add.
    for (; row > 0; row--) stepBack.addCotangent(pointAt(row));
    stepBack.copyTo(outputs);
    const { steps } = stepBack;
    const evaluations = stepBack.evaluations + rewind.evaluations;
    watch.onStats?.({ direction: "backward", evaluations, steps, accepted: steps, rejected: 0 });
  };
}

interface Replayer {
  /** Whether this program has to run the forward solve itself: found out at the first call. */
  readonly needed: boolean;
  run(inputs: readonly Pointer[]): Trail;
}

/** The forward solve once more, with a trail, where its program was another one. */
function replayer(
  problem: Problem,
  rows: number,
  record: object,
  limit: number,
  context: HostContext,
): Replayer {
  const { plan, stepping, who } = problem;
  const leaves = plan.field.state.length;
  const times = new Float64Array(rows);
  let own: { machine: StepMachine; integration: Integration; trail: Trail } | undefined;
  return {
    get needed() {
      return own !== undefined;
    },
    run(inputs) {
      if (own === undefined) {
        const machine = new StepMachine(context, plan, "replay");
        const trail = context.shared(record, () => new Trail(context, machine, rows, limit));
        own = { machine, integration: new Integration(machine, stepping), trail };
      }
      const { machine, integration, trail } = own;
      times.set(context.view("float64", inputs[2 * leaves]!, rows));
      trail.begin();
      integration.resetStats();
      machine.begin(inputs.slice(0, leaves), inputs.slice(2 * leaves + 1));
      const status = integration.run(times, rows, undefined, context.copy.bind(context), {
        direction: "forward",
        ...trail.watch,
      });
      if (status !== "success" && status !== "event")
        throw new SolveError(who, failureOf(status, integration, machine));
      trail.finish();
      return trail;
    },
  };
}
