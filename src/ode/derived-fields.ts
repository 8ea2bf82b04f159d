/**
 * @file Systems that follow from a vector field: the augmented adjoint (reverse mode) and the tangent system (forward mode); and the
 * derivatives of whatever can be written as a composition of differentiable operations.
 */
import { isFloat } from "../ir/dtype.ts";
import { type TensorType, typeOf } from "../ir/graph.ts";
import { Layout } from "../ir/layout.ts";
import type { Tensor } from "../ir/tensor.ts";
import { trace } from "../ir/trace.ts";
import { jvpGraph, vjpGraph } from "../autodiff/graph-derivatives.ts";
import { tidy } from "../compile/passes/index.ts";
import { zeros } from "../ops/creation.ts";
import { neg } from "../ops/elementwise.ts";
import type { Field } from "./field.ts";

type List = readonly TensorType[];

/** Inputs of a field's graph. */
function inputsOf({ time, state, parameters }: Field): Layout<{ t: TensorType; y: List; p: List }> {
  return new Layout({ t: time, y: state, p: parameters });
}

const orZeros = (found: readonly (Tensor | undefined)[], like: List): Tensor[] =>
  found.map((tensor, i) => tensor ?? zeros(like[i]!.shape, { dtype: like[i]!.dtype }));

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
 * forms (time-gradient.ts).
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
