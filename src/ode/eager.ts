/** @file A solve outside every trace: run at once, with its status, counts and steps brought back. */
import { type TypedArray, allocate } from "../ir/dtype.ts";
import type { TensorType } from "../ir/graph.ts";
import type { HostContext, Pointer } from "../ir/host.ts";
import { sizeOf } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { DenseOutput, type DenseStep } from "./dense.ts";
import type { Integration } from "./loop.ts";
import type { StepMachine } from "./machine.ts";
import type { BoundProblem } from "./define-problem.ts";
import type { Problem } from "./problem.ts";
import { withSession } from "./session.ts";
import { applySolve } from "./solve-op.ts";
import type { Failure, SolveStats, SolveStatus } from "./status.ts";

/** Which steps to bring back besides the outputs. */
export type Keep = "outputs" | "steps" | "dense";

/** All that a solve leaves behind. */
export interface EagerResult {
  readonly status: SolveStatus;
  readonly failure: Failure | undefined;
  readonly stats: SolveStats;
  /** Outputs, a leaf each, and how many of their rows were reached. */
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

/** Runs a solve. Numerical failure is a status of the result. */
export function runEagerly(
  bound: BoundProblem,
  y0: readonly Tensor[],
  times: Tensor,
  keep: Keep,
): EagerResult {
  const { problem, captured } = bound;
  const { state } = problem.plan.field;
  const stepTimes: number[] = [(times.elements as Float64Array)[0]!];
  const stepStates: Tensor[][] = [[...y0]];
  const denseSteps: DenseStep[] = [];
  let end: Omit<EagerResult, "outputs" | "stepTimes" | "stepStates" | "dense"> | undefined;
  const states = (context: HostContext, pointers: readonly Pointer[]): Tensor[] =>
    state.map(
      (type, leaf) =>
        new Tensor(
          { shape: type.shape, dtype: type.dtype },
          elementsAt(context, type, pointers[leaf]!),
        ),
    );

  const collect =
    (machine: StepMachine, context: HostContext, integration: Integration) =>
    (t: number, h: number, t1: number): void => {
      stepTimes.push(t1);
      stepStates.push(states(context, machine.y1));
      if (keep !== "dense") return;
      if (machine.interpolationNeedsSlope) {
        machine.prepareInterpolation(t1);
        integration.stats.evaluations += 1;
      }
      const stages = Array.from({ length: problem.plan.solver.interpolant.stages }, (_, j) =>
        state.map((type, leaf) => elementsAt(context, type, machine.stages[j]!.leaves[leaf]!)),
      );
      denseSteps.push({
        t,
        h,
        y: state.map((type, leaf) => elementsAt(context, type, machine.y[leaf]!)),
        stages,
      });
    };

  const outputs = withSession(
    {
      onStats: problem.watch.onStats,
      watchers: (machine, context, integration) => ({
        ...problem.watch,
        ...(keep !== "outputs" && { onAccept: collect(machine, context, integration) }),
      }),
      finish(integration, machine, context, status, failure) {
        end = {
          status,
          failure,
          stats: { ...integration.stats },
          rows: integration.rows,
          t: integration.t,
          y: states(context, machine.y),
        };
      },
    },
    () =>
      applySolve(detached(bound), { rows: times.size, eager: true }, [...y0, times, ...captured]),
  );
  const dense =
    keep === "dense"
      ? new DenseOutput(denseSteps, problem.plan.solver.interpolant, state)
      : undefined;
  return { ...end!, outputs, stepTimes, stepStates, dense };
}

/** The problem without its callbacks, which reach the loop by the session: calls with other callbacks share a program. */
function detached({ problem }: BoundProblem): Problem {
  return { ...problem, watch: {} };
}

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
