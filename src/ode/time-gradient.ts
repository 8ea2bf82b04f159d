/**
 * @file Derivatives of a solve by its times, in closed form: dL/dt_i = (dL/dz_i) . f(t_i, z_i) for outputs, and
 * dL/dt_0 = -a(t_0) . f(t_0, z_0) for the initial time, a the adjoint without the first output's own cotangent.
 * (Shifting the start by dt is the same as starting at the old time from z_0 - f dt.) No time channel is integrated.
 * An operation of its own, so that it costs nothing where times are constants.
 */
import type { TensorType } from "../ir/graph.ts";
import type { HostContext, HostOp, HostRun, Pointer } from "../ir/host.ts";
import { Layout } from "../ir/layout.ts";
import type { Tensor } from "../ir/tensor.ts";
import { apply } from "../ir/trace.ts";
import { inline } from "../autodiff/graph-derivatives.ts";
import { add, cast, mul, neg } from "../ops/elementwise.ts";
import { sum } from "../ops/reductions.ts";
import { at, stack } from "../ops/shaping.ts";
import { jvpOf, vjpOf } from "./derived-fields.ts";
import type { Field } from "./field.ts";
import { keyOf } from "../ir/key.ts";
import { sizeInBytes } from "./packing.ts";

type List = readonly TensorType[];
/** Results and their cotangents have rows; the adjoint is that at the first time. */
type Inputs = Layout<{
  results: List;
  cotangents: List;
  adjoint: List;
  times: TensorType;
  parameters: List;
}>;

/** The cotangent of the times, float64 [rows]. */
export function timeGradient(
  field: Field,
  results: readonly Tensor[],
  cotangents: readonly Tensor[],
  adjoint: readonly Tensor[],
  times: Tensor,
  parameters: readonly Tensor[],
): Tensor {
  const layout: Inputs = new Layout({
    results,
    cotangents: results,
    adjoint: field.state,
    times: times as TensorType,
    parameters: field.parameters,
  });
  const op = timeGradientOp(field, layout, times.size);
  const inputs = layout.join({ results, cotangents, adjoint, times, parameters });
  return apply("host", { op }, inputs, op.outputs)[0]!;
}

function timeGradientOp(field: Field, layout: Inputs, rows: number): HostOp {
  const compose = (inputs: readonly Tensor[]): Tensor[] => {
    const { results, cotangents, adjoint, times, parameters } = layout.split(inputs);
    const row = (index: number): Tensor => {
      const y = results.map((leaf) => at(leaf, index));
      const cotangent =
        index === 0 ? adjoint.map((leaf) => neg(leaf)) : cotangents.map((leaf) => at(leaf, index));
      return slopeAlong(field, at(times, index), y, cotangent, parameters);
    };
    return [stack(Array.from({ length: rows }, (_, index) => row(index)))];
  };
  return {
    name: "timeGradient",
    outputs: [{ shape: [rows], dtype: "float64" }],
    get key() {
      return keyOf("timeGradient", rows, field.graph);
    },
    vjp: (inputs, _, cotangents, wrt) => vjpOf(compose, inputs, cotangents, wrt),
    jvp: (inputs, _, tangents) => jvpOf(compose, inputs, tangents),
    prepare: (context) => prepareTimeGradient(field, layout, rows, context),
  };
}

/** sum over leaves of cotangent . f(t, y), a float64 scalar. */
function slopeAlong(
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

function prepareTimeGradient(
  field: Field,
  layout: Inputs,
  rows: number,
  context: HostContext,
): HostRun {
  const { state, parameters } = field;
  const t: TensorType = { shape: [], dtype: "float64" };
  const inner = new Layout({ t, y: state, cotangent: state, parameters });
  const graph = inner.graph((given) => [
    slopeAlong(field, given.t, given.y, given.cotangent, given.parameters),
  ]);
  const procedure = context.compile(graph, "ode/time-gradient");
  const bytes = state.map(sizeInBytes);
  const rowOf = (stacks: readonly Pointer[], row: number): Pointer[] =>
    stacks.map((pointer, leaf) => pointer + row * bytes[leaf]!);
  return (inputs, [times]) => {
    const given = layout.split(inputs);
    procedure.bindInputs(inner.start.parameters, given.parameters);
    for (let row = 0; row < rows; row++) {
      procedure.bindInput(inner.start.t, given.times + 8 * row);
      procedure.bindInputs(inner.start.y, rowOf(given.results, row));
      procedure.bindInputs(
        inner.start.cotangent,
        row === 0 ? given.adjoint : rowOf(given.cotangents, row),
      );
      procedure.bindOutput(0, times! + 8 * row);
      procedure.run();
    }
    const first = context.view("float64", times!, 1);
    first[0] = -first[0]!;
  };
}
