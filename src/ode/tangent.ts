/**
 * @file Forward derivatives of a solve: the tangent obeys d(dy)/dt = (df/dy) dy + (df/dp) dp, integrated along with y by the
 * same method under the same norm (forward sensitivity). Times enter in closed form, as in time-gradient.ts.
 */
import { typeOf } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { trace } from "../ir/trace.ts";
import { inline } from "../autodiff/inline.ts";
import { jvpGraph } from "../autodiff/jvp-graph.ts";
import { tidy } from "../compile/passes/index.ts";
import { zeros } from "../ops/creation.ts";
import { add, cast, mul, sub } from "../ops/elementwise.ts";
import { at, stack } from "../ops/shaping.ts";
import type { Field } from "./field.ts";
import type { Problem, SolveVariant } from "./problem.ts";

/** Tangents of a solve's outputs, from those of its inputs (undefined: zero). `solve` applies a solve to tensors. */
export function solveTangents(
  problem: Problem,
  variant: SolveVariant,
  inputs: readonly Tensor[],
  results: readonly Tensor[],
  tangents: readonly (Tensor | undefined)[],
  solve: (problem: Problem, variant: SolveVariant, inputs: readonly Tensor[]) => Tensor[],
): (Tensor | undefined)[] {
  const { plan } = problem;
  const { field } = plan;
  const leaves = field.state.length;
  const count = field.parameters.length;
  const times = inputs[leaves]!;
  const byTime = tangents[leaves];
  const parameters = inputs.slice(leaves + 1, leaves + 1 + count);
  const extras = inputs.slice(leaves + 1 + count);
  const moving = [...parameters.keys()].filter(
    (index) => tangents[leaves + 1 + index] !== undefined,
  );
  const slopes = (row: number): Tensor[] =>
    inline(field.graph, [
      cast(at(times, row), field.time.dtype),
      ...results.map((leaf) => at(leaf, row)),
      ...parameters,
    ]);
  const timesTangent = (row: number, leaf: Tensor): Tensor => cast(at(byTime!, row), leaf.dtype);

  let start = inputs
    .slice(0, leaves)
    .map((leaf, index) => tangents[index] ?? zeros(leaf.shape, { dtype: leaf.dtype }));
  if (byTime !== undefined) {
    const slope = slopes(0);
    start = start.map((leaf, index) => sub(leaf, mul(slope[index]!, timesTangent(0, leaf))));
  }
  const shifted = plan.norm.map((part) => ({
    ...part,
    leaves: part.leaves.map((leaf) => leaf + leaves),
  }));
  const augmented: Problem = {
    ...problem,
    plan: {
      ...plan,
      field: tangentField(field, moving),
      rtol: [...plan.rtol, ...plan.rtol],
      atol: [...plan.atol, ...plan.atol],
      norm: [...plan.norm, ...shifted],
    },
  };
  const directions = moving.map((index) => tangents[leaves + 1 + index]!);
  const outputs = solve(augmented, { ...variant, eager: false }, [
    ...inputs.slice(0, leaves),
    ...start,
    times,
    ...parameters,
    ...directions,
    ...extras,
  ]);
  const moved = outputs.slice(leaves);
  if (byTime === undefined) return moved;
  return moved.map((leaf, index) => {
    const shifts = Array.from({ length: variant.rows }, (_, row) =>
      mul(slopes(row)[index]!, timesTangent(row, leaf)),
    );
    return add(leaf, stack(shifts));
  });
}

/** State y and its tangent; parameters, then the tangents of those in `moving`. */
function tangentField(field: Field, moving: readonly number[]): Field {
  const { state, parameters, time } = field;
  const leaves = state.length;
  const types = [...state, ...state];
  const all = [...parameters, ...moving.map((index) => parameters[index]!)].map(typeOf);
  const { graph } = trace(
    (t, ...rest) => {
      const y = rest.slice(0, leaves);
      const direction = rest.slice(leaves, 2 * leaves);
      const values = rest.slice(2 * leaves, 2 * leaves + parameters.length);
      const moves: (Tensor | undefined)[] = values.map(() => undefined);
      moving.forEach(
        (index, position) => (moves[index] = rest[2 * leaves + parameters.length + position]),
      );
      const { outputs, tangents } = jvpGraph(
        field.graph,
        [t!, ...y, ...values],
        [undefined, ...direction, ...moves],
      );
      return [
        ...outputs,
        ...tangents.map(
          (tangent, index) => tangent ?? zeros(state[index]!.shape, { dtype: state[index]!.dtype }),
        ),
      ];
    },
    [time, ...types, ...all],
  );
  return { graph: tidy(graph), state: types, parameters: all, time };
}
