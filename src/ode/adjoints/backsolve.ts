/**
 * @file The adjoint method of Chen et al. 2018 (algorithm 1, appendix D): the augmented system is solved backward from
 * output to output, the state restarting from the forward solve's value, the adjoint jumping by each output's cotangent.
 * Memory does not grow with the number of steps. It is as accurate as the tolerances if the dynamics can be run backward;
 * on stiff or chaotic problems it can be silently wrong: see reconstructionError.
 */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { between, flag } from "../../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../../base/options.ts";
import type { HostContext, HostOp, HostRun, Pointer } from "../../ir/host.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { zeros } from "../../ops/creation.ts";
import { add } from "../../ops/elementwise.ts";
import { at, flip, slice } from "../../ops/shaping.ts";
import { augmentedField, augmentedState, jvpOf, vjpOf } from "../derivatives.ts";
import { keyOf } from "../../ir/key.ts";
import { Integration, type Watchers } from "../loop.ts";
import type { ErrorScale, NormPart, PlannedTolerance } from "../norm.ts";
import { type Stepping, steppingOf, steppingSpec } from "../options.ts";
import { sizeInBytes } from "../packing.ts";
import {
  type GradientMode,
  type Problem,
  applySolve,
  backwardInputs,
  problemKey,
  twice,
} from "../solve-node.ts";
import { SolveError } from "../status.ts";
import { isAdaptive } from "../stepper.ts";
import { addElements } from "./step-back.ts";

const backsolveSchema = schema({
  ...steppingSpec,
  rtol: optional(between(0, Infinity), undefined, "relative tolerance of the backward solve"),
  atol: optional(between(0, Infinity), undefined, "absolute tolerance of the backward solve"),
  seminorm: optional(
    flag,
    false,
    "leaves the parameters' gradients out of the error norm (Kidger, Chen and Lyons 2021): they do not feed back into the adjoint, and steps grow",
  ),
  warmStart: optional(
    flag,
    false,
    "goes on with the previous interval's step size after each output instead of estimating a first step anew: with many outputs about half the evaluations",
  ),
});

/** Options of the backward solve. Those that are not given are as in the forward solve. */
type OwnOptions = OptionsOf<(typeof backsolveSchema)["spec"]>;

/** Options of `{ kind: "backsolve" }`. Those that are not given are as in the forward solve; both flags are off, as in torchdiffeq. */
export type BacksolveOptions = OwnOptions & { readonly kind: "backsolve" };

export const backsolve: GradientMode = {
  name: "backsolve",
  configure(who, options) {
    // Checked now, so that mistakes show in the forward call already.
    const { warmStart, controller } = backsolveSchema.read(who, options);
    const given = Object.entries(options).filter(([name]) => name !== "controller");
    return {
      name: "backsolve",
      key: ["backsolve", given, controller?.key ?? controller],
      backward: (problem, rows, wanted) =>
        backsolveOp(augmentedProblem(problem, wanted, options), problem, rows, wanted, warmStart),
    };
  },
};

/** The options in a gradient option of kind "backsolve". Throws ArgumentError for other kinds. */
export function ownOptions(who: string, gradient: unknown): OwnOptions {
  const { kind, ...options } = (
    typeof gradient === "string" ? { kind: gradient } : gradient
  ) as BacksolveOptions;
  if (kind !== "backsolve")
    throw new ArgumentError(
      complaint(who, '"backsolve" or { kind: "backsolve", ... }', describe(kind)),
    );
  return options;
}

/** The augmented system as a problem of its own. Its own gradient is the forward problem's. */
export function augmentedProblem(
  problem: Problem,
  wanted: readonly number[],
  own: OwnOptions,
): Problem {
  const who = `${problem.who}: gradient backsolve`;
  const chosen = backsolveSchema.read(who, own);
  const method = chosen.method ?? problem.method;
  const options = { ...inheritedStepping(problem.stepping, isAdaptive(method)), ...own };
  const settings = backsolveSchema.read(who, options);
  const controller = chosen.controller ?? problem.stepping.controller;
  const field = augmentedField(problem.field, wanted);
  method.check?.(who, field, []);
  return {
    ...problem,
    who,
    method,
    field,
    scale: augmentedScale(who, problem, wanted, settings),
    stepping: steppingOf(who, options, settings, method, controller),
  };
}

function augmentedScale(
  who: string,
  { field, scale }: Problem,
  wanted: readonly number[],
  own: { rtol: number | undefined; atol: number | undefined; seminorm: boolean },
): ErrorScale {
  const leaves = field.state.length;
  const both = twice(scale, leaves);
  const tolerances = (
    given: number | undefined,
    forward: readonly PlannedTolerance[],
  ): PlannedTolerance[] => {
    if (given !== undefined) return [...forward, ...wanted].map(() => given);
    const numbers = forward.filter((tolerance) => typeof tolerance === "number");
    if (numbers.length < forward.length && wanted.length > 0)
      throw new ArgumentError(
        complaint(
          who,
          "rtol and atol as numbers if the forward tolerances are tensors",
          "none",
          'Give gradient: { kind: "backsolve", rtol, atol }.',
        ),
      );
    return [...forward, ...wanted.map(() => Math.min(...numbers))];
  };
  const ofGradients: NormPart = { leaves: wanted.map((_, index) => 2 * leaves + index) };
  return {
    rtol: tolerances(own.rtol, both.rtol),
    atol: tolerances(own.atol, both.atol),
    norm: own.seminorm ? both.norm : [...both.norm, ofGradients],
    extras: scale.extras,
  };
}

/** The forward solve's stepping, as far as the backward solver can use it. */
function inheritedStepping(stepping: Stepping, adaptive: boolean): OwnOptions {
  const { firstStep, minStep, maxStep, maxSteps, stepSize, steps } = stepping;
  return adaptive ? { firstStep, minStep, maxStep, maxSteps } : { stepSize, steps, maxSteps };
}

function backsolveOp(
  augmented: Problem,
  problem: Problem,
  rows: number,
  wanted: readonly number[],
  warmStart: boolean,
): HostOp {
  const { state, parameters } = problem.field;
  const compose = (inputs: readonly Tensor[]): Tensor[] =>
    composed(augmented, problem, rows, wanted, inputs);
  return {
    name: "backsolve",
    outputs: [...state, ...wanted.map((index) => parameters[index]!)],
    get key() {
      return keyOf("backsolve", rows, wanted, warmStart, problemKey(augmented));
    },
    vjp: (inputs, _, cotangents, wrt) => vjpOf(compose, inputs, cotangents, wrt),
    jvp: (inputs, _, tangents) => jvpOf(compose, inputs, tangents),
    prepare: (context) => prepareBacksolve(augmented, problem, rows, wanted, warmStart, context),
  };
}

function prepareBacksolve(
  augmented: Problem,
  problem: Problem,
  rows: number,
  wanted: readonly number[],
  warmStart: boolean,
  context: HostContext,
): HostRun {
  const { watch, who } = augmented;
  const { state } = problem.field;
  const inputLayout = backwardInputs(problem, rows);
  const layout = augmentedState(problem.field, wanted);
  const integration = new Integration(context, augmented, "backsolve");
  const { stepper } = integration;
  const bytes = layout.types.map(sizeInBytes);
  const jumped = state.map((type) => context.allocate(type));
  const nothing = layout.split(layout.types).gradients.map((type) => context.allocate(type));
  const times = new Float64Array(rows);
  const interval = new Float64Array(2);
  const watchers: Watchers = { direction: "backward", onStep: watch.onStep, signal: watch.signal };
  /** Where each part of the state at the start of the next interval is read. */
  const start = layout.types.map((): Pointer => 0);
  const { z, a, gradients } = layout.start;
  const pointAtRow = (part: number, stacks: readonly Pointer[], row: number): void => {
    for (let leaf = 0; leaf < stacks.length; leaf++)
      start[part + leaf] = stacks[leaf]! + row * bytes[leaf]!;
  };

  return (inputs, outputs) => {
    const { ys, cotangents, times: given, parameters, extras } = inputLayout.split(inputs);
    times.set(context.view("float64", given, rows));
    integration.resetStats();
    const span = Math.abs(times[rows - 1]! - times[0]!);
    let firstStep: number | undefined;
    // The adjoint starts as the last output's cotangent, read in its place; the parameters' gradients as zeros.
    pointAtRow(a, cotangents, rows - 1);
    for (let index = 0; index < nothing.length; index++) start[gradients + index] = nothing[index]!;
    for (let row = rows - 1; row > 0; row--) {
      if (times[row] !== times[row - 1]) {
        interval[0] = times[row]!;
        interval[1] = times[row - 1]!;
        pointAtRow(z, ys, row);
        stepper.begin(start, parameters, extras);
        const status = integration.run({ times: interval, count: 2, firstStep, span }, watchers);
        if (status !== "success" && status !== "event")
          throw new SolveError(who, integration.failure(status));
        if (warmStart) firstStep = integration.proposed;
        for (let index = a; index < start.length; index++) start[index] = stepper.state[index]!;
      }
      if (row === 1) break;
      for (let leaf = 0; leaf < state.length; leaf++) {
        const cotangent = cotangents[leaf]! + (row - 1) * bytes[leaf]!;
        addElements(context, state[leaf]!, jumped[leaf]!, start[a + leaf]!, cotangent);
        start[a + leaf] = jumped[leaf]!;
      }
    }
    for (let index = a; index < start.length; index++)
      context.copy(outputs[index - a]!, start[index]!, bytes[index]!);
    watch.onStats?.({ direction: "backward", ...integration.stats });
  };
}

/** The same computation as a composition of solves, one per interval: what is differentiated for second derivatives. */
function composed(
  augmented: Problem,
  problem: Problem,
  rows: number,
  wanted: readonly number[],
  inputs: readonly Tensor[],
): Tensor[] {
  const { ys, cotangents, times, parameters, extras } = backwardInputs(problem, rows).split(inputs);
  const layout = augmentedState(problem.field, wanted);
  const rowOf = (stacks: readonly Tensor[], row: number): Tensor[] =>
    stacks.map((leaf) => at(leaf, row));
  let a = rowOf(cotangents, rows - 1);
  let gradients: readonly Tensor[] = layout
    .split(layout.types)
    .gradients.map(({ shape, dtype }) => zeros(shape, { dtype }));
  for (let row = rows - 1; row > 0; row--) {
    const interval = flip(slice(times, row - 1, row + 1), 0);
    const start = layout.join({ z: rowOf(ys, row), a, gradients });
    const given = [...start, interval, ...parameters, ...extras];
    const end = layout.split(rowOf(applySolve(augmented, { rows: 2 }, given), 1));
    gradients = end.gradients;
    const jump = rowOf(cotangents, row - 1);
    a = end.a.map((leaf, index) => (row > 1 ? add(leaf, jump[index]!) : leaf));
  }
  return [...a, ...gradients];
}
