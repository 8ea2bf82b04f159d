/**
 * @file From what a user gives to a solve that runs: f is traced, options are checked and completed to a problem; outside every trace the
 * problem is solved at once, with its status, counts and steps brought back.
 */
import { ArgumentError, complaint } from "../base/errors.ts";
import { callback } from "../base/kinds.ts";
import { type SettingsOf, optional } from "../base/options.ts";
import { type TypedArray, allocate } from "../ir/dtype.ts";
import { type TensorType, typeOf } from "../ir/graph.ts";
import type { HostContext, Pointer } from "../ir/host.ts";
import { sizeOf } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { trace } from "../ir/trace.ts";
import type { Tree, TreeDef } from "../ir/tree.ts";
import { evaluate } from "../compile/evaluate.ts";
import { gradientKind } from "./adjoints/index.ts";
import { controllerKind } from "./controllers.ts";
import { DenseOutput, type DenseStep } from "./solution.ts";
import { type VectorField, traceField } from "./field.ts";
import {
  type ErrorScale,
  type NormPart,
  type PlannedTolerance,
  leafTolerances,
  traceNorm,
} from "./norm.ts";
import { methodKind, steppingOf, steppingSpec, toleranceKind, watchSpec } from "./options.ts";
import { type Caller, type Problem, applySolve } from "./solve-node.ts";
import type { Failure, SolveStats, SolveStatus } from "./status.ts";

/** Options that all solves share. Those for which each entrance has its own default are open. */
export const commonSpec = {
  ...steppingSpec,
  ...watchSpec,
  norm: optional(
    callback<(y: never) => Tensor>(),
    undefined,
    "norm of the scaled error; the largest root mean square of y's leaves unless given",
  ),
  gradient: optional(gradientKind, undefined, "how derivatives are computed"),
};

/** torchdiffeq's defaults. */
export const torchdiffeqSpec = {
  ...commonSpec,
  method: optional(methodKind, "dopri5", steppingSpec.method.help),
  controller: optional(controllerKind, "i", steppingSpec.controller.help),
  rtol: optional(toleranceKind, 1e-7, steppingSpec.rtol.help),
  atol: optional(toleranceKind, 1e-9, steppingSpec.atol.help),
};

/** Settings with every default decided. */
export type CommonSettings = SettingsOf<typeof torchdiffeqSpec> & {
  readonly gradient: NonNullable<SettingsOf<typeof commonSpec>["gradient"]>;
};

/** A problem, the state that it starts from, and the tensors that it was traced on. */
export interface Start {
  readonly leaves: readonly Tensor[];
  readonly def: TreeDef;
  readonly problem: Problem;
  /** Parameters and extras: the last inputs of the solve. */
  readonly captured: readonly Tensor[];
}

/**
 * The problem that f, y0 and options describe; `options` are as the user wrote them, `settings` as the schema read them.
 * Throws ArgumentError, ShapeError or DTypeError naming `who`.
 */
export function startOf<Y extends Tree>(
  who: string,
  f: VectorField<Y>,
  y0: { readonly leaves: readonly Tensor[]; readonly def: TreeDef },
  options: object,
  settings: CommonSettings,
): Start {
  const { leaves, def } = y0;
  const { method, controller, gradient, onStep, onStats, signal } = settings;
  const stepping = steppingOf(who, options, settings, method, controller);
  const tolerances = (name: "rtol" | "atol"): readonly (number | Tensor)[] =>
    leafTolerances(who, name, settings[name], def, leaves);
  const [relative, absolute] = [tolerances("rtol"), tolerances("atol")];
  checkTolerances(who, relative, absolute);
  const { field, captured } = traceField(who, f, leaves, def);
  method.check?.(who, field, def.paths);
  const { scale, extras } = scaleOf(who, relative, absolute, settings.norm, leaves, def);
  const watch = { onStep, onStats, signal };
  return {
    leaves,
    def,
    problem: { who, method, field, scale, stepping, gradient, watch },
    captured: [...captured, ...extras],
  };
}

/** How errors are measured, and the tensors that the measure has captured. */
function scaleOf(
  who: string,
  rtol: readonly (number | Tensor)[],
  atol: readonly (number | Tensor)[],
  norm: unknown,
  y0: readonly Tensor[],
  def: TreeDef,
): { scale: ErrorScale; extras: Tensor[] } {
  const extras: Tensor[] = [];
  const extra = (tensor: Tensor): number => extras.push(tensor) - 1;
  const planned = (tolerance: number | Tensor): PlannedTolerance =>
    typeof tolerance === "number" ? tolerance : { extra: extra(tolerance) };
  const [relative, absolute] = [rtol.map(planned), atol.map(planned)];
  let part: NormPart = { leaves: [...y0.keys()] };
  if (norm !== undefined) {
    const { graph, captured } = traceNorm(who, norm, y0.map(typeOf), def);
    part = { ...part, custom: { graph, extras: captured.map(extra) } };
  }
  const scale = { rtol: relative, atol: absolute, norm: [part], extras: extras.map(typeOf) };
  return { scale, extras };
}

function checkTolerances(
  who: string,
  rtol: readonly (number | Tensor)[],
  atol: readonly (number | Tensor)[],
): void {
  const hasZero = (tolerance: number | Tensor): boolean =>
    typeof tolerance === "number" ? tolerance === 0 : (tolerance.elements?.includes(0) ?? false);
  const bothZero = (one: number | Tensor, other: number | Tensor): boolean =>
    one === 0 && hasZero(other);
  if (rtol.some((one, leaf) => bothZero(one, atol[leaf]!) || bothZero(atol[leaf]!, one)))
    throw new ArgumentError(complaint(`${who}: rtol and atol`, "at least one above 0", "0 and 0"));
}

/** Which steps to bring back besides the outputs. */
export type Keep = "outputs" | "steps" | "dense";

/** All that a solve leaves behind. */
export interface RunResult {
  readonly status: SolveStatus;
  readonly failure: Failure | undefined;
  readonly stats: SolveStats;
  /** Outputs, leaf by leaf, and how many of their rows were reached. */
  readonly outputs: readonly Tensor[];
  readonly rows: number;
  /** Time and state reached. */
  readonly t: number;
  readonly y: readonly Tensor[];
  /** Start of the solve and end of every accepted step, if kept. */
  readonly stepTimes: readonly number[];
  readonly stepStates: readonly (readonly Tensor[])[];
  readonly dense: DenseOutput | undefined;
}

/** Solves a problem at once, outside every trace. Numerical failure is a status of the result. */
export function runNow(
  problem: Problem,
  captured: readonly Tensor[],
  y0: readonly Tensor[],
  times: Tensor,
  keep: Keep,
): RunResult {
  const { state } = problem.field;
  const stepTimes: number[] = [(times.elements as Float64Array)[0]!];
  const stepStates: Tensor[][] = [[...y0]];
  const denseSteps: DenseStep[] = [];
  let end: Pick<RunResult, "status" | "failure" | "stats" | "rows" | "t" | "y"> | undefined;
  const arrays = (context: HostContext, pointers: readonly Pointer[]): TypedArray[] =>
    state.map((type, leaf) => elementsAt(context, type, pointers[leaf]!));
  const tensors = (context: HostContext, pointers: readonly Pointer[]): Tensor[] =>
    arrays(context, pointers).map((elements, leaf) => new Tensor(typeOf(state[leaf]!), elements));
  const caller: Caller = {
    begin({ stepper }, context) {
      const { onStep, signal } = problem.watch;
      if (keep === "outputs") return { onStep, signal };
      const onAccept = (t: number, h: number, t1: number): void => {
        stepTimes.push(t1);
        stepStates.push(tensors(context, stepper.next));
        if (keep !== "dense") return;
        const slopes = stepper.slopes().map((slope) => arrays(context, slope));
        denseSteps.push({ t, h, y: arrays(context, stepper.state), slopes });
      };
      return { onStep, signal, onAccept };
    },
    end({ stats, rows, t, stepper }, context, status, failure) {
      end = { status, failure, stats, rows, t, y: tensors(context, stepper.state) };
      problem.watch.onStats?.({ direction: "forward", ...stats });
    },
  };
  // Without its callbacks, which travel with the call: calls with other callbacks share a program.
  const plain: Problem = { ...problem, watch: noWatch };
  const inputs = [...y0, times, ...captured];
  const { graph } = trace(
    (...given) => applySolve(plain, { rows: times.size, called: true }, given),
    inputs,
  );
  const outputs = evaluate(graph, inputs, caller);
  const dense =
    keep === "dense" ? new DenseOutput(denseSteps, problem.method.interpolant, state) : undefined;
  return { ...end!, outputs, stepTimes, stepStates, dense };
}

const noWatch = { onStep: undefined, onStats: undefined, signal: undefined };

function elementsAt(context: HostContext, type: TensorType, pointer: Pointer): TypedArray {
  const elements = allocate(type.dtype, sizeOf(type.shape));
  elements.set(context.view(type.dtype, pointer, elements.length));
  return elements;
}

/** Rows `from` to `to` of a tensor with elements. */
export function rowsOf(tensor: Tensor, from: number, to: number): Tensor {
  const size = sizeOf(tensor.shape.slice(1));
  return new Tensor(
    { shape: [to - from, ...tensor.shape.slice(1)], dtype: tensor.dtype },
    tensor.elements!.slice(from * size, to * size),
  );
}

/** Tensors with elements, of one shape, as the rows of one. */
export function stackRows(type: TensorType, rows: readonly Tensor[]): Tensor {
  const size = sizeOf(type.shape);
  const elements = allocate(type.dtype, rows.length * size);
  rows.forEach((row, index) => elements.set(row.elements!, index * size));
  return new Tensor({ shape: [rows.length, ...type.shape], dtype: type.dtype }, elements);
}
