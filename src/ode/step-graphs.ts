/**
 * @file The tensor programs of a step. Three small ones - a stage, a weighted sum, a norm - whose weights are inputs serve every
 * stage, the solution, outputs inside steps and the first step size; machine.ts puts them together. One more, the step as
 * a whole, is what the discrete adjoint differentiates.
 */
import type { Graph, TensorType } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { trace } from "../ir/trace.ts";
import { inline } from "../autodiff/inline.ts";
import { zeros } from "../ops/creation.ts";
import { abs, add, cast, div, maximum, mul } from "../ops/elementwise.ts";
import { sum } from "../ops/reductions.ts";
import { type Field, leavesRead } from "./field.ts";
import { type NormPart, partsNorm } from "./norm.ts";
import type { Solver } from "./solver.ts";

/** A tolerance of one leaf: a number, or which of the extra inputs holds it. */
export type PlannedTolerance = number | { readonly extra: number };

/** What a step is made of: everything the graphs below depend on. */
export interface StepPlan {
  readonly field: Field;
  readonly solver: Solver;
  /** One a leaf. */
  readonly rtol: readonly PlannedTolerance[];
  readonly atol: readonly PlannedTolerance[];
  readonly norm: readonly NormPart[];
  /** Further inputs of the graphs: what custom norms captured, then tolerances that are tensors. */
  readonly extras: readonly TensorType[];
}

const scalar64: TensorType = { shape: [], dtype: "float64" };
const scalars = (count: number): TensorType[] => Array.from({ length: count }, () => scalar64);
const repeated = <T>(list: readonly T[], times: number): T[] =>
  Array.from({ length: times }, () => list).flat();

/** Cuts a list of placeholders into parts of these lengths. */
function cut(list: readonly Tensor[], ...lengths: number[]): Tensor[][] {
  let from = 0;
  return lengths.map((length) => list.slice(from, (from += length)));
}

/** sum_j weights_j k_j of one leaf; undefined for no terms. `stages` holds a tensor a leaf for each stage. */
function combine(
  weights: readonly (number | Tensor)[],
  stages: readonly (readonly Tensor[])[],
  leaf: number,
): Tensor | undefined {
  let total: Tensor | undefined;
  weights.forEach((weight, j) => {
    if (weight === 0) return;
    const k = stages[j]![leaf]!;
    const term =
      weight === 1 ? k : mul(k, typeof weight === "number" ? weight : cast(weight, k.dtype));
    total = total === undefined ? term : add(total, term);
  });
  return total;
}

/** Stages after the first whose sums the other stages read: a last stage at y1 itself needs none. */
export function stageTerms({ tableau }: Solver): number {
  return tableau.stages - (tableau.firstSameAsLast ? 2 : 1);
}

/**
 * A stage: f(t, y + sum_j weights_j k_j). Inputs t, `stageTerms` weights, then for the leaves that f reads: y, and as many
 * k's; then parameters. Outputs f's leaves. The sum is added to y at once, so that float32 rounds it once.
 */
export function stageGraph(plan: StepPlan): Graph {
  const { state, parameters, graph, time } = plan.field;
  const read = leavesRead(plan.field);
  const leaves = [...state.keys()].filter((leaf) => read[leaf]);
  const types = leaves.map((leaf) => state[leaf]!);
  const terms = stageTerms(plan.solver);
  return trace(
    (t, ...rest) => {
      const [weights, y, k, params] = cut(
        rest,
        terms,
        leaves.length,
        terms * leaves.length,
        parameters.length,
      ) as [Tensor[], Tensor[], Tensor[], Tensor[]];
      const stages = Array.from({ length: terms }, (_, j) =>
        k.slice(j * leaves.length, (j + 1) * leaves.length),
      );
      const inner = state.map(({ shape, dtype }, leaf) => {
        const index = leaves.indexOf(leaf);
        if (index === -1) return zeros(shape, { dtype });
        const slope = combine(weights, stages, index);
        return slope === undefined ? y[index]! : add(y[index]!, slope);
      });
      return inline(graph, [cast(t!, time.dtype), ...inner, ...params]);
    },
    [scalar64, ...scalars(terms), ...types, ...repeated(types, terms), ...parameters],
  ).graph;
}

/** Stages that the solution, its error estimate or a state inside a step is a sum of. */
export function summedStages({ tableau, interpolant }: Solver): number[] {
  return [...interpolant.coefficients.keys()].filter(
    (j) =>
      (tableau.b[j] ?? 0) !== 0 ||
      (tableau.errorWeights?.[j] ?? 0) !== 0 ||
      interpolant.coefficients[j]!.some((factor) => factor !== 0),
  );
}

/** y + sum_j weights_j k_j. Inputs a weight for each of `summedStages`, y, then the stages; outputs a state. */
export function sumGraph(plan: StepPlan): Graph {
  const { state } = plan.field;
  const terms = summedStages(plan.solver).length;
  return trace(
    (...inputs) => {
      const [weights, y, k] = cut(inputs, terms, state.length, terms * state.length) as [
        Tensor[],
        Tensor[],
        Tensor[],
      ];
      const stages = Array.from({ length: terms }, (_, j) =>
        k.slice(j * state.length, (j + 1) * state.length),
      );
      return y.map((leaf, index) => add(leaf, combine(weights, stages, index)!));
    },
    [...scalars(terms), ...state, ...repeated(state, terms)],
  ).graph;
}

/** The norm of an error over atol + rtol max(|y|, |y1|), a float64 scalar. Inputs the error, y, y1, extras. */
export function normGraph(plan: StepPlan): Graph {
  const { state } = plan.field;
  const n = state.length;
  return trace(
    (...inputs) => {
      const [error, y, y1, extras] = cut(inputs, n, n, n, plan.extras.length) as [
        Tensor[],
        Tensor[],
        Tensor[],
        Tensor[],
      ];
      const pick = (tolerance: PlannedTolerance, leaf: Tensor): Tensor | number =>
        typeof tolerance === "number" ? tolerance : cast(extras[tolerance.extra]!, leaf.dtype);
      const scaled = y.map((leaf, index) => {
        const size = maximum(abs(leaf), abs(y1[index]!));
        const scale = add(mul(size, pick(plan.rtol[index]!, leaf)), pick(plan.atol[index]!, leaf));
        return div(error[index]!, scale);
      });
      return [partsNorm(plan.norm, scaled, extras)];
    },
    [...repeated(state, 3), ...plan.extras],
  ).graph;
}

/** 0 for a state of finite numbers, NaN for any other: what methods without an error estimate check. */
export function finiteGraph(plan: StepPlan): Graph {
  return trace(
    (...y) => [
      y.map((leaf) => cast(sum(mul(leaf, 0)), "float64")).reduce((total, part) => add(total, part)),
    ],
    plan.field.state,
  ).graph;
}

/**
 * The step as a function of its start. Inputs t, h, y, parameters; outputs y1, and, `withStages`, those of the interpolant one
 * after another. Coefficients are constants here, so that their zeros cost nothing when the graph is differentiated.
 */
export function wholeStepGraph(plan: StepPlan, withStages: boolean): Graph {
  const { state, parameters, graph, time } = plan.field;
  const { tableau, interpolant } = plan.solver;
  const { a, b, c, firstSameAsLast } = tableau;
  const read = leavesRead(plan.field);
  return trace(
    (t, h, ...rest) => {
      const [y, params] = cut(rest, state.length, parameters.length) as [Tensor[], Tensor[]];
      const slopeAt = (node: number, at: readonly Tensor[]): Tensor[] => {
        const time64 = node === 0 ? t! : add(t!, node === 1 ? h! : mul(h!, node));
        return inline(graph, [cast(time64, time.dtype), ...at, ...params]);
      };
      const stages: (readonly Tensor[])[] = [];
      const advance = (weights: readonly number[], all: boolean): Tensor[] =>
        y.map((leaf, index) => {
          const slope = all || read[index] ? combine(weights, stages, index) : undefined;
          return slope === undefined ? leaf : add(leaf, mul(cast(h!, leaf.dtype), slope));
        });
      const last = tableau.stages - (firstSameAsLast ? 1 : 0);
      for (let i = 0; i < last; i++)
        stages.push(slopeAt(c[i]!, i === 0 ? y : advance(a[i]!, false)));
      const y1 = advance(b.slice(0, last), true);
      if (!withStages) return y1;
      if (firstSameAsLast || interpolant.endStage) stages.push(slopeAt(1, y1));
      return [...y1, ...stages.flat()];
    },
    [scalar64, scalar64, ...state, ...parameters],
  ).graph;
}
