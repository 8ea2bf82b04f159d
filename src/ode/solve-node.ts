/**
 * @file A solve as a node of a graph: what a problem is apart from the tensors it runs on, the host operation that runs it by the
 * loop, and its derivatives. The operation takes y0, the times and what f, norms and tolerances have captured, and gives each leaf of y with
 * a leading axis for the times.
 */
import { ArgumentError, complaint } from "../base/errors.ts";
import { identityOf } from "../base/identity.ts";
import { isFloat } from "../ir/dtype.ts";
import type { TensorType } from "../ir/graph.ts";
import type { HostContext, HostOp, HostRun } from "../ir/host.ts";
import { Layout } from "../ir/layout.ts";
import type { Tensor } from "../ir/tensor.ts";
import { apply } from "../ir/trace.ts";
import { inline } from "../autodiff/graph-derivatives.ts";
import { zeros } from "../ops/creation.ts";
import { add, cast, mul, sub } from "../ops/elementwise.ts";
import { at, stack } from "../ops/shaping.ts";
import { tangentField, timeGradient } from "./derivatives.ts";
import { keyOf } from "../ir/key.ts";
import { Integration, type Integrand, type Watchers, unrollSolve } from "./loop.ts";
import type { ErrorScale, PlannedTolerance } from "./norm.ts";
import type { WatchSettings } from "./options.ts";
import { type Failure, SolveError, type SolveStatus } from "./status.ts";
import { checkFinite, checkOrder } from "./times.ts";

/** Everything about a solve but its tensors. */
export interface Problem extends Integrand {
  /** Who complains in errors. */
  readonly who: string;
  readonly gradient: Gradient;
  readonly watch: WatchSettings;
}

/** What a forward solve leaves for the backward one. Lives as long as the program that contains both. */
export interface Recorder {
  /** Forgets the last run, before a new one. */
  begin(): void;
  /** What to note while the solve runs. */
  readonly watch: Pick<Watchers, "onAccept" | "onOutput">;
  /** Called when the solve has succeeded. */
  finish(): void;
}

/** A gradient mode with its options checked: how the derivative of a solve's outputs by its state and parameters is computed. */
export interface Gradient {
  readonly name: string;
  /** Values that tell it apart from other modes and options. */
  readonly key: readonly unknown[];
  /** Makes what the forward solve of a program records; absent if the outputs are enough. */
  recorder?(
    context: HostContext,
    integration: Integration,
    integrand: Integrand,
    rows: number,
  ): Recorder;
  /**
   * The backward operation. Its inputs are laid out by `backwardInputs`; its outputs are the adjoint at the first time without the first
   * row's cotangent, leaf by leaf, then the gradients by the parameters listed in `wanted`. `record` is the key under which the forward
   * solve shares its recorder.
   */
  backward(problem: Problem, rows: number, wanted: readonly number[], record: object): HostOp;
}

/** A gradient mode: reads its options. Throws ArgumentError naming `who`. */
export interface GradientMode {
  readonly name: string;
  configure(who: string, options: Readonly<Record<string, unknown>>): Gradient;
}

type List = readonly TensorType[];

/** Inputs of a solve. */
export type SolveInputs = Layout<{
  y0: List;
  times: TensorType;
  parameters: List;
  extras: List;
}>;

const timesOf = (rows: number): TensorType => ({ shape: [rows], dtype: "float64" });
const stacked = (state: List, rows: number): List =>
  state.map(({ shape, dtype }) => ({ shape: [rows, ...shape], dtype }));

/** Inputs of a solve with `rows` times. Extras are what norms and tolerances have captured. */
export function solveInputs({ field, scale }: Integrand, rows: number): SolveInputs {
  const { state, parameters } = field;
  return new Layout({ y0: state, times: timesOf(rows), parameters, extras: scale.extras });
}

/** Inputs of a backward operation: outputs of the solve and their cotangents, rows first; the rest as in the solve. */
export function backwardInputs(
  { field, scale }: Integrand,
  rows: number,
): Layout<{ ys: List; cotangents: List; times: TensorType; parameters: List; extras: List }> {
  const ys = stacked(field.state, rows);
  const { parameters } = field;
  const { extras } = scale;
  return new Layout({ ys, cotangents: ys, times: timesOf(rows), parameters, extras });
}

/** The caller of a solve outside every trace: takes part in the run, and decides what becomes of failures. */
export interface Caller {
  /** Called before the solve runs; returns what watches it. */
  begin(integration: Integration, context: HostContext): Partial<Watchers>;
  end(integration: Integration, context: HostContext, status: SolveStatus, failure?: Failure): void;
}

/** What tells apart solves of one problem. */
interface Variant {
  /** Number of times, the first included. */
  readonly rows: number;
  /** Whether each run has a `Caller`. */
  readonly called?: boolean;
  /** Set if a backward operation will follow. */
  readonly record?: object;
}

/** Applies a solve to tensors, laid out by `solveInputs`. One output per leaf, rows first. */
export function applySolve(
  problem: Problem,
  variant: Variant,
  inputs: readonly Tensor[],
): Tensor[] {
  const op = solveOp(problem, variant);
  return apply("host", { op }, inputs, op.outputs);
}

function solveOp(problem: Problem, variant: Variant): HostOp {
  const { rows, called = false, record } = variant;
  return {
    name: "solve",
    outputs: stacked(problem.field.state, rows),
    get key() {
      return keyOf("solve", rows, called, record !== undefined, problemKey(problem));
    },
    recording: () =>
      record === undefined
        ? solveOp(problem, { ...variant, record: {} })
        : solveOp(problem, variant),
    vjp: (inputs, results, cotangents, wrt) =>
      pullBack(problem, rows, record ?? {}, inputs, results, cotangents, wrt),
    jvp: (inputs, results, tangents) => pushForward(problem, rows, inputs, results, tangents),
    unroll: (inputs) => unrollSolve(problem.who, problem, solveInputs(problem, rows).split(inputs)),
    prepare: (context) => prepare(problem, variant, context),
  };
}

/** Equal for problems that do the same to equal tensors. */
export function problemKey({
  method,
  field,
  scale,
  stepping,
  gradient,
  watch,
}: Problem): readonly unknown[] {
  const { controller, firstStep, minStep, maxStep, maxSteps, stepSize, steps } = stepping;
  const tolerance = (one: PlannedTolerance): unknown =>
    typeof one === "number" ? one : [one.extra];
  return [
    identityOf(method),
    field.graph,
    scale.rtol.map(tolerance),
    scale.atol.map(tolerance),
    scale.extras.map(({ shape, dtype }) => [shape, dtype]),
    scale.norm.map(({ leaves, custom }) => [leaves, custom?.graph, custom?.extras]),
    controller.key ?? controller,
    [firstStep, minStep, maxStep, maxSteps, stepSize, steps],
    gradient.key,
    [watch.onStep, watch.onStats, watch.signal],
  ];
}

function prepare(problem: Problem, variant: Variant, context: HostContext): HostRun {
  const { who, gradient, watch } = problem;
  const { rows, record } = variant;
  const layout = solveInputs(problem, rows);
  const integration = new Integration(context, problem, "solve");
  const recorder: Recorder | undefined =
    record &&
    gradient.recorder &&
    context.shared(record, () => gradient.recorder!(context, integration, problem, rows));
  const times = new Float64Array(rows);
  return (inputs, outputs) => {
    const caller = variant.called === true ? (context.caller as Caller) : undefined;
    const { y0, times: given, parameters, extras } = layout.split(inputs);
    times.set(context.view("float64", given, rows));
    checkTimes(`${who}: times`, times);
    integration.resetStats();
    recorder?.begin();
    integration.stepper.begin(y0, parameters, extras);
    const watchers =
      caller === undefined
        ? { onStep: watch.onStep, signal: watch.signal, ...recorder?.watch }
        : caller.begin(integration, context);
    const status = integration.run(
      { times, count: rows, outputs },
      { direction: "forward", ...watchers },
    );
    const failure =
      status === "success" || status === "event" ? undefined : integration.failure(status);
    recorder?.finish();
    if (caller !== undefined) return caller.end(integration, context, status, failure);
    watch.onStats?.({ direction: "forward", ...integration.stats });
    if (failure !== undefined) throw new SolveError(who, failure);
  };
}

/** Throws ArgumentError unless the times are finite, in order (repetitions allowed), and not all equal. */
function checkTimes(who: string, times: Float64Array): void {
  checkFinite(who, times);
  checkOrder(who, times, true);
  const last = times[times.length - 1]!;
  if (last === times[0])
    throw new ArgumentError(complaint(who, "a first and a last time that differ", `${last} twice`));
}

type Derivatives = readonly (Tensor | undefined)[];

/** Reverse mode: the gradient mode's operation for state and parameters, closed forms for times. */
function pullBack(
  problem: Problem,
  rows: number,
  record: object,
  inputs: readonly Tensor[],
  results: readonly Tensor[],
  given: Derivatives,
  wrt: readonly boolean[] = inputs.map(() => true),
): Derivatives {
  if (given.every((cotangent) => cotangent === undefined)) return inputs.map(() => undefined);
  const layout = solveInputs(problem, rows);
  const { times, parameters, extras } = layout.split(inputs);
  const asked = layout.split(wrt);
  const cotangents = results.map(
    ({ shape, dtype }, leaf) => given[leaf] ?? zeros(shape, { dtype }),
  );
  // Extras choose steps: the solution does not depend on them.
  const wanted = [...parameters.keys()].filter(
    (index) => asked.parameters[index] && isFloat(parameters[index]!.dtype),
  );
  const op = problem.gradient.backward(problem, rows, wanted, record);
  const backward = backwardInputs(problem, rows);
  const swept = new Layout({
    adjoint: problem.field.state,
    gradients: wanted.map((index) => parameters[index]!),
  }).split(
    apply(
      "host",
      { op },
      backward.join({ ys: results, cotangents, times, parameters, extras }),
      op.outputs,
    ),
  );
  return layout.join<Tensor | undefined>({
    y0: swept.adjoint.map((leaf, index) => add(leaf, at(cotangents[index]!, 0))),
    times: asked.times
      ? timeGradient(problem.field, results, cotangents, swept.adjoint, times, parameters)
      : undefined,
    parameters: parameters.map((_, index) => swept.gradients[wanted.indexOf(index)]),
    extras: extras.map(() => undefined),
  });
}

/**
 * Forward mode (forward sensitivity): the tangent is integrated along with y by the same method under the same norm. Times enter in closed
 * form, as in reverse mode.
 */
function pushForward(
  problem: Problem,
  rows: number,
  inputs: readonly Tensor[],
  results: readonly Tensor[],
  tangents: Derivatives,
): Derivatives {
  const { field } = problem;
  const layout = solveInputs(problem, rows);
  const { y0, times, parameters, extras } = layout.split(inputs);
  const along = layout.split(tangents);
  const moving = [...parameters.keys()].filter((index) => along.parameters[index] !== undefined);
  /** How far the tangent of a time moves each leaf there: f(t, y) dt. */
  const shifts = (byTime: Tensor, row: number): Tensor[] =>
    inline(field.graph, [
      cast(at(times, row), field.time.dtype),
      ...results.map((leaf) => at(leaf, row)),
      ...parameters,
    ]).map((slope) => mul(slope, cast(at(byTime, row), slope.dtype)));
  const byTime = along.times;
  const start = y0.map(({ shape, dtype }, leaf) => along.y0[leaf] ?? zeros(shape, { dtype }));
  const shift = byTime && shifts(byTime, 0);
  const direction = start.map((leaf, index) =>
    shift === undefined ? leaf : sub(leaf, shift[index]!),
  );
  const tangent: Problem = {
    ...problem,
    field: tangentField(field, moving),
    scale: twice(problem.scale, y0.length),
  };
  const outputs = applySolve(tangent, { rows }, [
    ...y0,
    ...direction,
    times,
    ...parameters,
    ...moving.map((index) => along.parameters[index]!),
    ...extras,
  ]);
  const moved = new Layout({ ys: results, tangents: results }).split(outputs).tangents;
  if (byTime === undefined) return moved;
  const byRow = Array.from({ length: rows }, (_, row) => shifts(byTime, row));
  return moved.map((leaf, index) => add(leaf, stack(byRow.map((row) => row[index]!))));
}

/** The scale of a state followed by another one like it. */
export function twice({ rtol, atol, norm, extras }: ErrorScale, leaves: number): ErrorScale {
  const shifted = norm.map((part) => ({
    ...part,
    leaves: part.leaves.map((leaf) => leaf + leaves),
  }));
  return {
    rtol: [...rtol, ...rtol],
    atol: [...atol, ...atol],
    norm: [...norm, ...shifted],
    extras,
  };
}
