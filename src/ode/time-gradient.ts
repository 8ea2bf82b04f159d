/**
 * @file Derivatives of a solve by its times, in closed form: dL/dt_i = (dL/dz_i) . f(t_i, z_i) for outputs, and
 * dL/dt_0 = -a(t_0) . f(t_0, z_0) for the initial time, a the adjoint without the first output's own cotangent.
 * (Shifting the start by dt is the same as starting at the old time from z_0 - f dt.) No time channel is integrated.
 * An operation of its own, so that it costs nothing where times are constants.
 */
import type { TensorType } from "../ir/graph.ts";
import type { HostContext, HostOp, HostRun, Pointer } from "../ir/host.ts";
import type { Tensor } from "../ir/tensor.ts";
import { apply, trace } from "../ir/trace.ts";
import { inline } from "../autodiff/inline.ts";
import { graphKey } from "../compile/key.ts";
import { inlineCalls } from "../compile/passes/inline-calls.ts";
import { add, cast, mul, neg } from "../ops/elementwise.ts";
import { sum } from "../ops/reductions.ts";
import { at, stack } from "../ops/shaping.ts";
import { jvpOf, vjpOf } from "./derive.ts";
import type { Field } from "./field.ts";
import { bytesOf } from "./machine.ts";
import type { Problem } from "./problem.ts";

/** The cotangent of the times, float64 [rows]. */
export function timeGradient(
  problem: Problem,
  rows: number,
  results: readonly Tensor[],
  cotangents: readonly Tensor[],
  adjoint: readonly Tensor[],
  times: Tensor,
  captured: readonly Tensor[],
): Tensor {
  const { field } = problem.plan;
  const op = timeGradientOp(field, rows);
  return apply(
    "host",
    { op },
    [...results, ...cotangents, ...adjoint, times, ...captured.slice(0, field.parameters.length)],
    op.outputs,
  )[0]!;
}

function timeGradientOp(field: Field, rows: number): HostOp {
  const leaves = field.state.length;
  const compose = (inputs: readonly Tensor[]): Tensor[] => {
    const parameters = inputs.slice(3 * leaves + 1);
    const times = inputs[3 * leaves]!;
    return [
      stack(
        Array.from({ length: rows }, (_, row) => {
          const y = inputs.slice(0, leaves).map((leaf) => at(leaf, row));
          const cotangent =
            row === 0
              ? inputs.slice(2 * leaves, 3 * leaves).map((leaf) => neg(leaf))
              : inputs.slice(leaves, 2 * leaves).map((leaf) => at(leaf, row));
          return slopeAlong(field, at(times, row), y, cotangent, parameters);
        }),
      ),
    ];
  };
  return {
    name: "timeGradient",
    outputs: [{ shape: [rows], dtype: "float64" }],
    get key() {
      return `timeGradient;${rows};${graphKey(inlineCalls(field.graph))}`;
    },
    vjp: (inputs, _, cotangents, wrt) => vjpOf(compose, inputs, cotangents, wrt),
    jvp: (inputs, _, tangents) => jvpOf(compose, inputs, tangents),
    prepare: (context) => prepareTimeGradient(field, rows, context),
  };
}

/** sum over leaves of cotangent . f(t, y), a float64 scalar. */
export function slopeAlong(
  field: Field,
  t: Tensor,
  y: readonly Tensor[],
  cotangent: readonly Tensor[],
  parameters: readonly Tensor[],
): Tensor {
  const slope = inline(field.graph, [cast(t, field.time.dtype), ...y, ...parameters]);
  return slope
    .map((leaf, index) => sum(cast(mul(leaf, cotangent[index]!), "float64")))
    .reduce((total, part) => add(total, part));
}

function prepareTimeGradient(field: Field, rows: number, context: HostContext): HostRun {
  const { state, parameters } = field;
  const leaves = state.length;
  const time: TensorType = { shape: [], dtype: "float64" };
  const { graph } = trace(
    (t, ...rest) => [
      slopeAlong(
        field,
        t!,
        rest.slice(0, leaves),
        rest.slice(leaves, 2 * leaves),
        rest.slice(2 * leaves),
      ),
    ],
    [time, ...state, ...state, ...parameters],
  );
  const procedure = context.compile(graph, "ode/time-gradient");
  const bytes = state.map(bytesOf);
  return (inputs: readonly Pointer[], outputs: readonly Pointer[]) => {
    parameters.forEach((_, index) =>
      procedure.bindInput(1 + 2 * leaves + index, inputs[3 * leaves + 1 + index]!),
    );
    for (let row = 0; row < rows; row++) {
      procedure.bindInput(0, inputs[3 * leaves]! + 8 * row);
      for (let leaf = 0; leaf < leaves; leaf++) {
        procedure.bindInput(1 + leaf, inputs[leaf]! + row * bytes[leaf]!);
        procedure.bindInput(
          1 + leaves + leaf,
          row === 0 ? inputs[2 * leaves + leaf]! : inputs[leaves + leaf]! + row * bytes[leaf]!,
        );
      }
      procedure.bindOutput(0, outputs[0]! + 8 * row);
      procedure.run();
    }
    const first = context.view("float64", outputs[0]!, 1);
    first[0] = -first[0]!;
  };
}
