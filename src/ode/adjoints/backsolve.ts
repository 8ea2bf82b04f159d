/**
 * @file The adjoint method of Chen et al. 2018 (algorithm 1, appendix D): the augmented system is solved backward from
 * output to output, the state restarting from the forward solve's value, the adjoint jumping by each output's cotangent.
 * Memory does not grow with the number of steps. It is as accurate as the tolerances where the dynamics can be run backward;
 * on stiff or chaotic problems it can be silently wrong: see reconstructionError.
 */
import { ArgumentError, complaint } from "../../base/errors.ts";
import type { HostContext, HostOp, HostRun, Pointer } from "../../ir/host.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { zeros } from "../../ops/creation.ts";
import { add } from "../../ops/elementwise.ts";
import { at, flip, slice } from "../../ops/shaping.ts";
import { jvpOf, vjpOf } from "../derive.ts";
import { Integration, type Watchers } from "../loop.ts";
import { StepMachine, bytesOf } from "../machine.ts";
import type { NormPart } from "../norm.ts";
import {
  type SteppingOptions,
  checkNames,
  chooseController,
  chooseSolver,
  chooseStepping,
  steppingNames,
} from "../options.ts";
import { problemKey } from "../define-problem.ts";
import type { Problem, Gradient, GradientMode } from "../problem.ts";
import { applySolve, failureOf } from "../solve-op.ts";
import { isAdaptive } from "../solver.ts";
import { SolveError } from "../status.ts";
import type { PlannedTolerance } from "../step-graphs.ts";
import { augmentedField } from "./augmented.ts";
import { addElements } from "./jump.ts";

/** Options of `{ kind: "backsolve" }`; whatever is not given is as in the forward solve. */
export interface BacksolveOptions extends SteppingOptions {
  readonly kind: "backsolve";
  readonly rtol?: number;
  readonly atol?: number;
  /**
   * Leaves the parameters' gradients out of the error norm (Kidger, Chen and Lyons 2021): they do not feed back into the
   * adjoint, and steps grow. false unless given, as in torchdiffeq.
   */
  readonly seminorm?: boolean;
  /**
   * Goes on with the previous interval's step size after each output, instead of estimating a first step anew: with many
   * outputs about half the evaluations, at the same error control. false unless given, as in torchdiffeq.
   */
  readonly warmStart?: boolean;
}

type Settings = Omit<BacksolveOptions, "kind">;

export const backsolve: GradientMode = {
  name: "backsolve",
  configure(who, options): Gradient {
    const name = `${who}: gradient backsolve`;
    checkNames(name, options, [...steppingNames, "seminorm", "warmStart"]);
    const settings = options as Settings;
    for (const flag of ["seminorm", "warmStart"] as const)
      if (settings[flag] !== undefined && typeof settings[flag] !== "boolean")
        throw new ArgumentError(
          complaint(`${name}: ${flag}`, "true or false", String(settings[flag])),
        );
    for (const tolerance of ["rtol", "atol"] as const) {
      const value = settings[tolerance];
      if (value !== undefined && !(typeof value === "number" && value >= 0 && value < Infinity))
        throw new ArgumentError(
          complaint(`${name}: ${tolerance}`, "a number that is not negative", String(value)),
        );
    }
    // Checked now, so that mistakes show in the forward call already.
    if (settings.method !== undefined) chooseSolver(name, settings.method);
    const controller =
      settings.controller === undefined ? "" : chooseController(name, settings.controller).key;
    return {
      name: "backsolve",
      key: `backsolve(${JSON.stringify({ ...settings, controller })})`,
      backward: (problem, rows, wanted) =>
        backsolveOp(
          augmentedProblem(problem, wanted, settings),
          problem,
          rows,
          wanted,
          settings.warmStart === true,
        ),
    };
  },
};

/** The augmented system as a problem of its own. Its own gradient is the forward problem's. */
export function augmentedProblem(
  problem: Problem,
  wanted: readonly number[],
  settings: Settings,
): Problem {
  const { plan, who } = problem;
  const name = `${who}: gradient backsolve`;
  const solver = settings.method === undefined ? plan.solver : chooseSolver(name, settings.method);
  const controller =
    settings.controller === undefined
      ? problem.stepping.controller
      : chooseController(name, settings.controller);
  const inherited = inheritedStepping(problem, isAdaptive(solver));
  const stepping = chooseStepping(name, { ...inherited, ...settings }, solver, controller);
  const leaves = plan.field.state.length;
  const tolerances = (
    own: number | undefined,
    forward: readonly PlannedTolerance[],
  ): PlannedTolerance[] => {
    if (own !== undefined) return Array.from({ length: 2 * leaves + wanted.length }, () => own);
    const numbers = forward.filter((tolerance) => typeof tolerance === "number");
    if (numbers.length < forward.length && wanted.length > 0)
      throw new ArgumentError(
        complaint(
          name,
          "rtol and atol as numbers where the forward tolerances are tensors",
          "none",
          'Give gradient: { kind: "backsolve", rtol, atol }.',
        ),
      );
    return [...forward, ...forward, ...wanted.map(() => Math.min(...numbers))];
  };
  const shifted = plan.norm.map((part): NormPart => ({
    ...part,
    leaves: part.leaves.map((leaf) => leaf + leaves),
  }));
  const ofParameters: NormPart[] =
    settings.seminorm === true ? [] : [{ leaves: wanted.map((_, index) => 2 * leaves + index) }];
  return {
    ...problem,
    who: name,
    plan: {
      field: augmentedField(plan.field, wanted),
      solver,
      rtol: tolerances(settings.rtol, plan.rtol),
      atol: tolerances(settings.atol, plan.atol),
      norm: [...plan.norm, ...shifted, ...ofParameters],
      extras: plan.extras,
    },
    stepping,
  };
}

/** The forward solve's stepping, as far as the backward solver can use it. */
function inheritedStepping({ stepping }: Problem, adaptive: boolean): SteppingOptions {
  const { firstStep, minStep, maxStep, maxSteps, stepSize, steps } = stepping;
  if (adaptive)
    return { ...(firstStep !== undefined && { firstStep }), minStep, maxStep, maxSteps };
  return {
    ...(stepSize !== undefined && { stepSize }),
    ...(steps !== undefined && { steps }),
    maxSteps,
  };
}

function backsolveOp(
  augmented: Problem,
  problem: Problem,
  rows: number,
  wanted: readonly number[],
  warmStart: boolean,
): HostOp {
  const { state, parameters } = problem.plan.field;
  const compose = (inputs: readonly Tensor[]): Tensor[] =>
    composed(augmented, problem, rows, wanted, inputs);
  return {
    name: "backsolve",
    outputs: [...state, ...wanted.map((index) => parameters[index]!)],
    get key() {
      return `backsolve;${rows};${problemKey(augmented)}`;
    },
    vjp: (inputs, _, cotangents, wrt) => vjpOf(compose, inputs, cotangents, wrt),
    jvp: (inputs, _, tangents) => jvpOf(compose, inputs, tangents),
    prepare: (context) =>
      prepareBacksolve(augmented, problem, rows, wanted.length, warmStart, context),
  };
}

function prepareBacksolve(
  augmented: Problem,
  problem: Problem,
  rows: number,
  wanted: number,
  warmStart: boolean,
  context: HostContext,
): HostRun {
  const { stepping, watch } = augmented;
  const { state } = problem.plan.field;
  const leaves = state.length;
  const size = 2 * leaves + wanted;
  const machine = new StepMachine(context, augmented.plan, "backsolve");
  const integration = new Integration(machine, stepping);
  const bytes = state.map(bytesOf);
  const jumped = state.map((type) => context.allocate(type));
  const nothing = augmented.plan.field.state
    .slice(2 * leaves)
    .map((type) => context.allocate(type));
  const times = new Float64Array(rows);
  const interval = new Float64Array(2);
  const start: Pointer[] = Array.from({ length: size }, () => 0);
  const parameters: Pointer[] = [];
  const copy = context.copy.bind(context);
  const watchers: Watchers = { direction: "backward", onStep: watch.onStep, signal: watch.signal };

  return (inputs, outputs) => {
    const firstCotangent = leaves;
    for (let index = 2 * leaves + 1; index < inputs.length; index++)
      parameters[index - 2 * leaves - 1] = inputs[index]!;
    times.set(context.view("float64", inputs[2 * leaves]!, rows));
    integration.resetStats();
    integration.span = Math.abs(times[rows - 1]! - times[0]!);
    integration.firstStep = undefined;
    // The adjoint starts as the last output's cotangent, read where it lies; the parameters' gradients as zeros.
    for (let leaf = 0; leaf < leaves; leaf++)
      start[leaves + leaf] = inputs[firstCotangent + leaf]! + (rows - 1) * bytes[leaf]!;
    for (let index = 0; index < wanted; index++) start[2 * leaves + index] = nothing[index]!;
    for (let row = rows - 1; row > 0; row--) {
      if (times[row] !== times[row - 1]) {
        for (let leaf = 0; leaf < leaves; leaf++) start[leaf] = inputs[leaf]! + row * bytes[leaf]!;
        interval[0] = times[row]!;
        interval[1] = times[row - 1]!;
        machine.begin(start, parameters);
        const status = integration.run(interval, 2, undefined, copy, watchers);
        if (status !== "success" && status !== "event")
          throw new SolveError(augmented.who, failureOf(status, integration, machine));
        if (warmStart) integration.firstStep = integration.proposed;
        for (let index = leaves; index < size; index++) start[index] = machine.y[index]!;
      }
      if (row > 1) {
        for (let leaf = 0; leaf < leaves; leaf++) {
          const cotangent = inputs[firstCotangent + leaf]! + (row - 1) * bytes[leaf]!;
          addElements(context, state[leaf]!, jumped[leaf]!, start[leaves + leaf]!, cotangent);
          start[leaves + leaf] = jumped[leaf]!;
        }
      }
    }
    for (let leaf = 0; leaf < leaves; leaf++)
      copy(outputs[leaf]!, start[leaves + leaf]!, bytes[leaf]!);
    for (let index = 0; index < wanted; index++)
      copy(
        outputs[leaves + index]!,
        start[2 * leaves + index]!,
        machine.leafBytes[2 * leaves + index]!,
      );
    watch.onStats?.({ direction: "backward", ...integration.stats });
  };
}

/** The same computation as a composition of solves, one an interval: what is differentiated for second derivatives. */
function composed(
  augmented: Problem,
  problem: Problem,
  rows: number,
  wanted: readonly number[],
  inputs: readonly Tensor[],
): Tensor[] {
  const { state, parameters } = problem.plan.field;
  const leaves = state.length;
  const times = inputs[2 * leaves]!;
  const rest = inputs.slice(2 * leaves + 1);
  const row = (from: number, index: number): Tensor[] =>
    inputs.slice(from, from + leaves).map((leaf) => at(leaf, index));
  let adjoint = row(leaves, rows - 1);
  let gradients = wanted.map((index) =>
    zeros(parameters[index]!.shape, { dtype: parameters[index]!.dtype }),
  );
  for (let index = rows - 1; index > 0; index--) {
    const interval = flip(slice(times, index - 1, index + 1), 0);
    const ends = applySolve(augmented, { rows: 2 }, [
      ...row(0, index),
      ...adjoint,
      ...gradients,
      interval,
      ...rest,
    ]).map((leaf) => at(leaf, 1));
    adjoint = ends.slice(leaves, 2 * leaves);
    gradients = ends.slice(2 * leaves);
    if (index > 1)
      adjoint = row(leaves, index - 1).map((cotangent, leaf) => add(adjoint[leaf]!, cotangent));
  }
  return [...adjoint, ...gradients];
}
