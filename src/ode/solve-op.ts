/**
 * @file A solve as a host operation: a node of a graph like any other, run by the loop, differentiated by its gradient mode.
 * Inputs: y0's leaves, times (float64 [rows]), parameters, extras. Outputs: a leaf each of shape [rows, ...leaf].
 */
import { ArgumentError, complaint } from "../base/errors.ts";
import type { TensorType } from "../ir/graph.ts";
import type { HostContext, HostOp, HostRun, Pointer } from "../ir/host.ts";
import { isFloat } from "../ir/dtype.ts";
import type { Tensor } from "../ir/tensor.ts";
import { apply } from "../ir/trace.ts";
import { add } from "../ops/elementwise.ts";
import { zeros } from "../ops/creation.ts";
import { at } from "../ops/shaping.ts";
import { solveTangents } from "./tangent.ts";
import { takeSession } from "./session.ts";
import { Integration, type Watchers } from "./loop.ts";
import { StepMachine } from "./machine.ts";
import { problemKey } from "./define-problem.ts";
import type { Problem, Recorder, SolveVariant } from "./problem.ts";
import { type Failure, SolveError } from "./status.ts";
import { timeGradient } from "./time-gradient.ts";
import { unrollSolve } from "./unroll.ts";

/** Applies a solve to tensors: y0's leaves, times, then parameters and extras. One output a leaf, rows first. */
export function applySolve(
  problem: Problem,
  variant: SolveVariant,
  inputs: readonly Tensor[],
): Tensor[] {
  const op = solveOp(problem, variant);
  return apply("host", { op }, inputs, op.outputs);
}

/** The operation. */
export function solveOp(problem: Problem, variant: SolveVariant): HostOp {
  const { state } = problem.plan.field;
  const outputs: TensorType[] = state.map(({ shape, dtype }) => ({
    shape: [variant.rows, ...shape],
    dtype,
  }));
  const { rows, eager = false, record } = variant;
  return {
    name: "solve",
    outputs,
    get key() {
      return `solve;${rows};${eager};${record !== undefined};${problemKey(problem)}`;
    },
    recording: () =>
      record !== undefined
        ? solveOp(problem, variant)
        : solveOp(problem, { ...variant, record: {} }),
    vjp: (inputs, results, cotangents, wrt) =>
      solveVjp(problem, rows, record ?? {}, inputs, results, cotangents, wrt),
    jvp: (inputs, results, tangents) =>
      solveTangents(problem, variant, inputs, results, tangents, applySolve),
    unroll: (inputs) => unrollSolve(problem, rows, inputs),
    prepare: (context) => prepareSolve(problem, variant, context),
  };
}

function prepareSolve(problem: Problem, variant: SolveVariant, context: HostContext): HostRun {
  const { who, plan, stepping, gradient } = problem;
  const { rows } = variant;
  const leaves = plan.field.state.length;
  const machine = new StepMachine(context, plan, "solve");
  const integration = new Integration(machine, stepping);
  const recorder: Recorder | undefined =
    variant.record &&
    gradient.recorder &&
    context.shared(variant.record, () => gradient.recorder!(context, machine, rows));
  const times = new Float64Array(rows);
  const y0: Pointer[] = [];
  const parameters: Pointer[] = [];
  const copy = context.copy.bind(context);
  const own: Watchers = { direction: "forward", ...problem.watch, ...recorder?.watch };
  return (inputs, outputs) => {
    const session = variant.eager === true ? takeSession() : undefined;
    const watch: Watchers =
      session === undefined
        ? own
        : { direction: "forward", ...session.watchers(machine, context, integration) };
    for (let leaf = 0; leaf < leaves; leaf++) y0[leaf] = inputs[leaf]!;
    for (let index = leaves + 1; index < inputs.length; index++)
      parameters[index - leaves - 1] = inputs[index]!;
    times.set(context.view("float64", inputs[leaves]!, rows));
    checkTimes(who, times);
    integration.resetStats();
    recorder?.begin();
    machine.begin(y0, parameters);
    const status = integration.run(times, rows, outputs, copy, watch);
    const { stats } = integration;
    const failure =
      status === "success" || status === "event"
        ? undefined
        : failureOf(status, integration, machine);
    recorder?.finish();
    const onStats = session === undefined ? problem.watch.onStats : session.onStats;
    onStats?.({ direction: "forward", ...stats });
    if (session !== undefined) session.finish(integration, machine, context, status, failure);
    else if (failure !== undefined) throw new SolveError(who, failure);
  };
}

/** Why an integration stopped, with the stage for values that are not finite. */
export function failureOf(
  status: Failure["status"],
  integration: Integration,
  machine: StepMachine,
): Failure {
  const { t, h, stats } = integration;
  const stage = status === "nonFinite" ? machine.badStage : undefined;
  return { status, t, h, steps: stats.steps, ...(stage !== undefined && { stage }) };
}

/** Throws ArgumentError unless the times are finite, in order (repetitions allowed), and not all equal. */
export function checkTimes(who: string, times: Float64Array): void {
  const last = times[times.length - 1]!;
  const direction = Math.sign(last - times[0]!);
  for (let index = 0; index < times.length; index++) {
    const time = times[index]!;
    if (!(time - time === 0))
      throw new ArgumentError(
        complaint(`${who}: times`, "finite numbers", `${time} at index ${index}`),
      );
    if (index > 0 && (time - times[index - 1]!) * direction < 0)
      throw new ArgumentError(
        complaint(
          `${who}: times`,
          "increasing or decreasing times",
          `${times[index - 1]} before ${time} at index ${index}`,
        ),
      );
  }
  if (direction === 0)
    throw new ArgumentError(
      complaint(`${who}: times`, "a first and a last time that differ", `${last} twice`),
    );
}

function solveVjp(
  problem: Problem,
  rows: number,
  record: object,
  inputs: readonly Tensor[],
  results: readonly Tensor[],
  given: readonly (Tensor | undefined)[],
  wrt: readonly boolean[] = inputs.map(() => true),
): (Tensor | undefined)[] {
  if (given.every((cotangent) => cotangent === undefined)) return inputs.map(() => undefined);
  const leaves = problem.plan.field.state.length;
  const cotangents = results.map(
    (result, leaf) => given[leaf] ?? zeros(result.shape, { dtype: result.dtype }),
  );
  const times = inputs[leaves]!;
  const captured = inputs.slice(leaves + 1);
  // Extras (what norms and tolerances have captured) choose steps: the solution does not depend on them.
  const wanted = [...problem.plan.field.parameters.keys()].filter(
    (index) => wrt[leaves + 1 + index] && isFloat(captured[index]!.dtype),
  );
  const op = problem.gradient.backward(problem, rows, wanted, record);
  const swept = apply("host", { op }, [...results, ...cotangents, times, ...captured], op.outputs);
  const adjoint = swept.slice(0, leaves);
  const gradients: (Tensor | undefined)[] = captured.map(() => undefined);
  wanted.forEach((index, position) => (gradients[index] = swept[leaves + position]));
  return [
    ...adjoint.map((leaf, index) => add(leaf, at(cotangents[index]!, 0))),
    wrt[leaves]
      ? timeGradient(problem, rows, results, cotangents, adjoint, times, captured)
      : undefined,
    ...gradients,
  ];
}
