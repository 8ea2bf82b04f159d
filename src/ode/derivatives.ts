/**
 * @file What derivatives of solves are made of: the systems that follow from a vector field, namely the augmented adjoint (reverse mode)
 * and the tangent system (forward mode); the derivatives of compositions of differentiable operations; and derivatives by times.
 */
import { isFloat } from "../ir/dtype.ts";
import { type TensorType, typeOf } from "../ir/graph.ts";
import type { HostContext, HostOp, HostRun, Pointer } from "../ir/host.ts";
import { Layout } from "../ir/layout.ts";
import type { Tensor } from "../ir/tensor.ts";
import { apply, trace } from "../ir/trace.ts";
import { inline, jvpGraph, vjpGraph } from "../autodiff/graph-derivatives.ts";
import { tidy } from "../compile/passes/index.ts";
import { zeros } from "../ops/creation.ts";
import { add, cast, mul, neg } from "../ops/elementwise.ts";
import { sum } from "../ops/reductions.ts";
import { at, stack } from "../ops/shaping.ts";
import type { Field } from "./field.ts";
import { keyOf } from "../ir/key.ts";
import { sizeInBytes } from "./packing.ts";

type List = readonly TensorType[];

/** Inputs of a field's graph. */
function inputsOf({ time, state, parameters }: Field): Layout<{ t: TensorType; y: List; p: List }> {
  return new Layout({ t: time, y: state, p: parameters });
}

/** One tensor for each type: zeros where none was found. */
export function orZeros(found: readonly (Tensor | undefined)[], like: List): Tensor[] {
  return like.map(({ shape, dtype }, i) => found[i] ?? zeros(shape, { dtype }));
}

/** The state of the augmented adjoint system. */
export type AugmentedState = Layout<{ z: List; a: List; gradients: List }>;

/** z, then a = dL/dz, then a_p of the parameters in `wanted`. */
export function augmentedState(
  { state, parameters }: Field,
  wanted: readonly number[],
): AugmentedState {
  const types = state.map(typeOf);
  return new Layout({ z: types, a: types, gradients: wanted.map((i) => typeOf(parameters[i]!)) });
}

/**
 * The augmented adjoint system (Chen et al. 2018, appendix B): with a = dL/dz, along a solution dz/dt = f,
 * da/dt = -a df/dz, d(a_p)/dt = -a df/dp for every parameter p in `wanted`. There is no time channel: derivatives by times have closed
 * forms (timeGradient).
 */
export function augmentedField(field: Field, wanted: readonly number[]): Field {
  const { parameters, time } = field;
  const state = augmentedState(field, wanted);
  const inner = inputsOf(field);
  const wrt = inner.join({
    t: false,
    y: field.state.map(() => true),
    p: parameters.map((_, index) => wanted.includes(index)),
  });
  const layout = new Layout({ t: time, y: state.types, p: parameters });
  const graph = layout.graph(({ t, y, p }) => {
    const { z, a } = state.split(y);
    const { outputs, pullback } = vjpGraph(field.graph, inner.join({ t, y: z, p }), wrt);
    const pulled = inner.split(pullback(a.map((leaf) => neg(leaf))));
    const moving = [...pulled.y, ...wanted.map((index) => pulled.p[index])];
    const { a: like, gradients } = state.split(state.types);
    return [...outputs, ...orZeros(moving, [...like, ...gradients])];
  });
  // Every stage of a step repeats this graph: the smaller it is, the sooner the step is compiled.
  return { graph: tidy(graph), state: state.types, parameters, time };
}

/** State y and its tangent; parameters, then the tangents of those in `moving`: d(dy)/dt = (df/dy) dy + (df/dp) dp. */
export function tangentField(field: Field, moving: readonly number[]): Field {
  const { state, time } = field;
  const states = new Layout({ y: state.map(typeOf), direction: state.map(typeOf) });
  const parameters = new Layout({
    p: field.parameters.map(typeOf),
    moves: moving.map((index) => typeOf(field.parameters[index]!)),
  });
  const inner = inputsOf(field);
  const layout = new Layout({ t: time, y: states.types, p: parameters.types });
  const graph = layout.graph(({ t, y, p }) => {
    const { y: at, direction } = states.split(y);
    const { p: values, moves } = parameters.split(p);
    const along = inner.join<Tensor | undefined>({
      t: undefined,
      y: direction,
      p: values.map((_, index) => moves[moving.indexOf(index)]),
    });
    const { outputs, tangents } = jvpGraph(field.graph, inner.join({ t, y: at, p: values }), along);
    return [...outputs, ...orZeros(tangents, state)];
  });
  return { graph: tidy(graph), state: states.types, parameters: parameters.types, time };
}

type Compose = (inputs: readonly Tensor[]) => Tensor[];

/** Pulls cotangents back through a composition: one for each float input marked in `wrt` (undefined: none, or zero). */
export function vjpOf(
  compose: Compose,
  inputs: readonly Tensor[],
  cotangents: readonly (Tensor | undefined)[],
  wrt: readonly boolean[] = inputs.map((input) => isFloat(input.dtype)),
): (Tensor | undefined)[] {
  const { graph } = trace((...placeholders) => compose(placeholders), inputs.map(typeOf));
  return vjpGraph(graph, inputs, wrt).pullback(cotangents);
}

/** Pushes tangents forward through a composition: one tangent per output (undefined: zero). */
export function jvpOf(
  compose: Compose,
  inputs: readonly Tensor[],
  tangents: readonly (Tensor | undefined)[],
): (Tensor | undefined)[] {
  const { graph } = trace((...placeholders) => compose(placeholders), inputs.map(typeOf));
  return [...jvpGraph(graph, inputs, tangents).tangents];
}

/** Inputs of the gradient by times: results and their cotangents have rows; the adjoint is that at the first time. */
type TimeInputs = Layout<{
  results: List;
  cotangents: List;
  adjoint: List;
  times: TensorType;
  parameters: List;
}>;

/**
 * The cotangent of the times, float64 [rows], in closed form: dL/dt_i = (dL/dz_i) . f(t_i, z_i) for outputs, and
 * dL/dt_0 = -a(t_0) . f(t_0, z_0) for the initial time, a the adjoint without the first output's own cotangent. (Shifting the start by dt
 * is the same as starting at the old time from z_0 - f dt.) It is an operation of its own, so that it costs nothing if times are constants.
 */
export function timeGradient(
  field: Field,
  results: readonly Tensor[],
  cotangents: readonly Tensor[],
  adjoint: readonly Tensor[],
  times: Tensor,
  parameters: readonly Tensor[],
): Tensor {
  const layout: TimeInputs = new Layout({
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

function timeGradientOp(field: Field, layout: TimeInputs, rows: number): HostOp {
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
  layout: TimeInputs,
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
