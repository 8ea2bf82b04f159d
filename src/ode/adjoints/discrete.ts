/**
 * @file The discrete adjoint: the accepted steps are taken as given, and differentiated one by one in reverse
 * ("discretise, then optimise"). Exact for the numbers that the forward solve computed; step sizes count as constants.
 * A step is differentiated whole: its stages are computed again from the state at its start. Outputs inside a step pull on
 * the interpolant's stages: y(theta) = y + h sum_j b_j(theta) k_j is linear in them.
 */
import { AdjointError } from "../../ir/errors.ts";
import type { TensorType } from "../../ir/graph.ts";
import type { HostContext, HostOp, HostRun, Pointer, Procedure } from "../../ir/host.ts";
import { interpolationWeights } from "../interpolant.ts";
import { Integration } from "../loop.ts";
import { StepMachine, bytesOf } from "../machine.ts";
import { problemKey } from "../define-problem.ts";
import type { Problem } from "../problem.ts";
import { failureOf } from "../solve-op.ts";
import { SolveError } from "../status.ts";
import { wholeStepGraph } from "../step-graphs.ts";
import { pullGraph, stepBackGraph } from "./discrete-graphs.ts";
import { addElements } from "./jump.ts";
import { Trail, allocateBytes } from "./trail.ts";

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

/** Two sets of places for values that are updated from step to step. */
class Alternating {
  now: Pointer[];
  next: Pointer[];

  constructor(context: HostContext, types: readonly TensorType[]) {
    this.now = types.map((type) => context.allocate(type));
    this.next = types.map((type) => context.allocate(type));
  }

  exchange(): void {
    const { now } = this;
    this.now = this.next;
    this.next = now;
  }
}

function bindInputs(procedure: Procedure, from: number, pointers: readonly Pointer[]): void {
  for (let index = 0; index < pointers.length; index++)
    procedure.bindInput(from + index, pointers[index]!);
}

function bindOutputs(procedure: Procedure, from: number, pointers: readonly Pointer[]): void {
  for (let index = 0; index < pointers.length; index++)
    procedure.bindOutput(from + index, pointers[index]!);
}

function prepareDiscrete(
  problem: Problem,
  rows: number,
  wanted: readonly number[],
  record: object,
  limit: number,
  context: HostContext,
): HostRun {
  const { plan, stepping, who, watch } = problem;
  const { state, parameters } = plan.field;
  const { interpolant } = plan.solver;
  const leaves = state.length;
  const bytes = state.map(bytesOf);
  const copy = context.copy.bind(context);
  const trailOf = (machine: StepMachine): Trail =>
    context.shared(record, () => new Trail(context, machine, rows, limit));
  // Found complete where the forward solve ran in the same program; else (a pullback compiled apart) it is run again here.
  let own: { machine: StepMachine; integration: Integration } | undefined;
  let trail: Trail | undefined;

  const scalars = context.allocate({ shape: [2 + interpolant.stages], dtype: "float64" });
  const weights = new Float64Array(interpolant.stages);
  const accumulators = wanted.map((index) => parameters[index]!);
  const adjoint = new Alternating(context, state);
  const sums = new Alternating(context, accumulators);
  const pulls = new Alternating(
    context,
    Array.from({ length: interpolant.stages + 1 }, () => state).flat(),
  );
  const pullBytes = Array.from({ length: interpolant.stages + 1 }, () => bytes).flat();
  const bound: Pointer[] = [];
  const times = new Float64Array(rows);

  const withScalars = (procedure: Procedure): Procedure => {
    procedure.bindInput(0, scalars);
    procedure.bindInput(1, scalars + 8);
    return procedure;
  };
  // A step without outputs inside, and one with: each compiled when the first such step comes.
  let plain: Procedure | undefined;
  let inside: Procedure | undefined;
  const stepBackProcedure = (withOutputs: boolean): Procedure => {
    const name = `${problem.gradient.name}/${withOutputs ? "step-with-outputs" : "step"}`;
    const compiled = (): Procedure =>
      withScalars(context.compile(stepBackGraph(plan, wanted, withOutputs), name));
    return withOutputs ? (inside ??= compiled()) : (plain ??= compiled());
  };
  let pull: Procedure | undefined;
  let forward: Procedure | undefined;
  let row: Pointer[] = state.map(() => 0);
  let evaluations = 0;
  let steps = 0;

  const setScalars = (t: number, h: number): void => {
    const block = context.view("float64", scalars, 2);
    block[0] = t;
    block[1] = h;
  };

  /** Levels of states computed again: level 0 between states of the trail, the next between states of level 0, and so on. */
  const levels: Pointer[][] = [];
  const level = (depth: number): Pointer[] =>
    (levels[depth] ??= bytes.map((size) => allocateBytes(context, size * limit)));

  const advanceFrom = (step: number, y: readonly Pointer[], to: readonly Pointer[]): void => {
    forward ??= withScalars(context.compile(wholeStepGraph(plan, false), "discrete/forward"));
    setScalars(trail!.t[step]!, trail!.h[step]!);
    bindInputs(forward, 2, y);
    bindInputs(forward, 2 + leaves, bound);
    bindOutputs(forward, 0, to);
    forward.run();
    evaluations += plan.solver.tableau.stages - (plan.solver.tableau.firstSameAsLast ? 1 : 0);
  };

  /** Walks back over steps [from, to), the state at `from` lying at `y`. */
  const sweep = (
    from: number,
    to: number,
    y: readonly Pointer[],
    depth: number,
    cotangents: readonly Pointer[],
  ): void => {
    const length = to - from;
    if (length === 1) return stepBack(from, y, cotangents);
    // States at every stride-th step from here on, in at most `limit` places.
    const stride = Math.ceil(length / limit);
    const places = level(depth);
    const at = (index: number): Pointer[] =>
      places.map((place, leaf) => place + index * bytes[leaf]!);
    const scratch = scratchOf(depth);
    const count = Math.ceil(length / stride);
    let previous: readonly Pointer[] = y;
    for (let step = 0; step < (count - 1) * stride; step++) {
      const kept = (step + 1) % stride === 0;
      const target: readonly Pointer[] = kept ? at((step + 1) / stride - 1) : scratch[step % 2]!;
      advanceFrom(from + step, previous, target);
      previous = target;
    }
    for (let part = count - 1; part >= 0; part--) {
      const start = from + part * stride;
      sweep(
        start,
        Math.min(to, start + stride),
        part === 0 ? y : at(part - 1),
        depth + 1,
        cotangents,
      );
    }
  };
  const scratches: Pointer[][][] = [];
  const scratchOf = (depth: number): Pointer[][] =>
    (scratches[depth] ??= [0, 1].map(() => state.map((type) => context.allocate(type))));

  let nextRow = 0;
  const pointAt = (cotangents: readonly Pointer[], index: number): void => {
    row = cotangents.map((pointer, leaf) => pointer + index * bytes[leaf]!);
  };
  const addRow = (): void => {
    for (let leaf = 0; leaf < leaves; leaf++) {
      const place = adjoint.now[leaf]!;
      addElements(context, state[leaf]!, place, place, row[leaf]!);
    }
  };

  const stepBack = (step: number, y: readonly Pointer[], cotangents: readonly Pointer[]): void => {
    let pulled = false;
    for (; nextRow > 0 && trail!.stepOf[nextRow] === step; nextRow--) {
      pointAt(cotangents, nextRow);
      const theta = trail!.thetaOf[nextRow]!;
      if (theta === 1) {
        addRow();
        continue;
      }
      if (!pulled) pulls.now.forEach((pointer, index) => context.fill(pointer, pullBytes[index]!));
      pulled = true;
      if (pull === undefined) {
        pull = context.compile(pullGraph(plan), "discrete/pull");
        for (let j = 0; j < interpolant.stages; j++) pull.bindInput(j, scalars + 8 * (2 + j));
      }
      interpolationWeights(interpolant, theta, weights);
      const block = context.view("float64", scalars, 2 + interpolant.stages);
      for (let j = 0; j < weights.length; j++) block[2 + j] = trail!.h[step]! * weights[j]!;
      bindInputs(pull, interpolant.stages, row);
      bindInputs(pull, interpolant.stages + leaves, pulls.now);
      bindOutputs(pull, 0, pulls.next);
      pull.run();
      pulls.exchange();
    }
    const procedure = stepBackProcedure(pulled);
    setScalars(trail!.t[step]!, trail!.h[step]!);
    bindInputs(procedure, 2, y);
    bindInputs(procedure, 2 + leaves, bound);
    let next = 2 + leaves + bound.length;
    bindInputs(procedure, next, adjoint.now);
    next += leaves;
    if (pulled) {
      bindInputs(procedure, next, pulls.now);
      next += pulls.now.length;
    }
    bindInputs(procedure, next, sums.now);
    bindOutputs(procedure, 0, adjoint.next);
    bindOutputs(procedure, leaves, sums.next);
    procedure.run();
    adjoint.exchange();
    sums.exchange();
    steps += 1;
    evaluations += pulled
      ? interpolant.stages
      : plan.solver.tableau.stages - (plan.solver.tableau.firstSameAsLast ? 1 : 0);
  };

  /** The forward solve once more, with a recorder, where its program was another one. */
  const replay = (inputs: readonly Pointer[]): Trail => {
    if (own === undefined) {
      const machine = new StepMachine(context, plan, "replay");
      own = { machine, integration: new Integration(machine, stepping) };
    }
    const { machine, integration } = own;
    const recorded = trailOf(machine);
    recorded.begin();
    integration.resetStats();
    machine.begin(inputs.slice(0, leaves), inputs.slice(2 * leaves + 1));
    const status = integration.run(times, rows, undefined, copy, {
      direction: "forward",
      ...recorded.watch,
    });
    if (status !== "success" && status !== "event")
      throw new SolveError(who, failureOf(status, integration, machine));
    recorded.finish();
    return recorded;
  };

  return (inputs, outputs) => {
    evaluations = steps = 0;
    bound.length = 0;
    for (let index = 0; index < parameters.length; index++)
      bound.push(inputs[2 * leaves + 1 + index]!);
    times.set(context.view("float64", inputs[2 * leaves]!, rows));
    const shared =
      own === undefined ? context.shared<Trail | undefined>(record, () => undefined) : undefined;
    trail = shared?.complete === true ? shared : replay(inputs);
    const cotangents = inputs.slice(leaves, 2 * leaves);
    adjoint.now.forEach((pointer, leaf) => context.fill(pointer, bytes[leaf]!));
    sums.now.forEach((pointer, index) => context.fill(pointer, bytesOf(accumulators[index]!)));
    nextRow = rows - 1;
    const { stride } = trail;
    for (let start = Math.floor((trail.count - 1) / stride) * stride; start >= 0; start -= stride) {
      const y = state.map((_, leaf) => trail!.state(start, leaf));
      sweep(start, Math.min(trail.count, start + stride), y, 0, cotangents);
    }
    for (; nextRow > 0; nextRow--) {
      pointAt(cotangents, nextRow);
      addRow();
    }
    for (let leaf = 0; leaf < leaves; leaf++)
      copy(outputs[leaf]!, adjoint.now[leaf]!, bytes[leaf]!);
    accumulators.forEach((type, index) =>
      copy(outputs[leaves + index]!, sums.now[index]!, bytesOf(type)),
    );
    watch.onStats?.({ direction: "backward", evaluations, steps, accepted: steps, rejected: 0 });
  };
}
