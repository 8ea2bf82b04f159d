/** @file The tensor programs of a solve, as graphs: its start, one step, and a point inside a step. The loop that calls them is in loop.ts. */
import type { Graph, TensorType } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { trace } from "../ir/trace.ts";
import { inline } from "../autodiff/inline.ts";
import {
  abs,
  add,
  cast,
  div,
  less,
  lessEqual,
  logicalAnd,
  logicalOr,
  maximum,
  minimum,
  mul,
  pow,
  sub,
  where,
} from "../ops/elementwise.ts";
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

/** f at a time given in float64. */
function slopeAt(
  plan: StepPlan,
  t: Tensor,
  y: readonly Tensor[],
  parameters: readonly Tensor[],
): Tensor[] {
  return inline(plan.field.graph, [cast(t, plan.field.time.dtype), ...y, ...parameters]);
}

/** y + h * sum_j weights_j k_j, one expression a leaf; zero weights cost nothing. Leaves not `wanted` stay as they are. */
function advance(
  y: readonly Tensor[],
  h: Tensor,
  weights: readonly number[],
  stages: readonly (readonly Tensor[])[],
  wanted?: readonly boolean[],
): Tensor[] {
  return y.map((leaf, index) => {
    const slope = wanted?.[index] === false ? undefined : combine(weights, stages, index);
    return slope === undefined ? leaf : add(leaf, mul(cast(h, leaf.dtype), slope));
  });
}

function combine(
  weights: readonly number[],
  stages: readonly (readonly Tensor[])[],
  leaf: number,
): Tensor | undefined {
  let total: Tensor | undefined;
  weights.forEach((weight, j) => {
    if (weight === 0) return;
    const k = stages[j]![leaf]!;
    const term = weight === 1 ? k : mul(k, weight);
    total = total === undefined ? term : add(total, term);
  });
  return total;
}

/**
 * The stages of a step, and its solution. `first` is f(t, y) where it is known already. Without `withLast`, a last stage
 * that is only the slope at the end is left out.
 */
function stagesOf(
  plan: StepPlan,
  t: Tensor,
  h: Tensor,
  y: readonly Tensor[],
  parameters: readonly Tensor[],
  withLast: boolean,
  first?: readonly Tensor[],
): { stages: (readonly Tensor[])[]; y1: Tensor[] } {
  const { a, b, c, firstSameAsLast } = plan.solver.tableau;
  const read = leavesRead(plan.field);
  const stages: (readonly Tensor[])[] = [first ?? slopeAt(plan, t, y, parameters)];
  let inner: readonly Tensor[] = y;
  for (let i = 1; i < c.length; i++) {
    const ends = firstSameAsLast && i === c.length - 1;
    inner = advance(y, h, a[i]!, stages, ends ? undefined : read);
    if (ends && !withLast) break;
    const at = c[i] === 0 ? t : add(t, c[i] === 1 ? h : mul(h, c[i]!));
    stages.push(slopeAt(plan, at, inner, parameters));
  }
  return { stages, y1: firstSameAsLast ? [...inner] : advance(y, h, b, stages) };
}

/** A state over its tolerances atol + rtol * size. */
function scaled(
  plan: StepPlan,
  state: readonly Tensor[],
  sizes: readonly Tensor[],
  extras: readonly Tensor[],
): Tensor[] {
  return state.map((leaf, index) => {
    const pick = (tolerance: PlannedTolerance): Tensor | number =>
      typeof tolerance === "number" ? tolerance : cast(extras[tolerance.extra]!, leaf.dtype);
    return div(leaf, add(mul(sizes[index]!, pick(plan.rtol[index]!)), pick(plan.atol[index]!)));
  });
}

function normOf(
  plan: StepPlan,
  state: readonly Tensor[],
  sizes: readonly Tensor[],
  extras: readonly Tensor[],
): Tensor {
  return partsNorm(plan.norm, scaled(plan, state, sizes, extras), extras);
}

/** Cuts a list of placeholders into parts of these lengths. */
function cut(list: readonly Tensor[], ...lengths: number[]): Tensor[][] {
  let from = 0;
  return lengths.map((length) => list.slice(from, (from += length)));
}

function graphOf(
  fn: (...inputs: Tensor[]) => readonly Tensor[],
  types: readonly TensorType[],
): Graph {
  return trace(fn, types).graph;
}

/**
 * Inputs t, direction (+1 or -1), y, parameters, extras; outputs f(t, y) and a first step size (not signed) by Hairer,
 * Norsett and Wanner I, section II.4: two evaluations of f.
 */
export function startGraph(plan: StepPlan): Graph {
  const { state, parameters } = plan.field;
  return graphOf(
    (t, direction, ...rest) => {
      const [y, params, extras] = cut(
        rest,
        state.length,
        parameters.length,
        plan.extras.length,
      ) as [Tensor[], Tensor[], Tensor[]];
      const f0 = slopeAt(plan, t!, y, params);
      const sizes = y.map((leaf) => abs(leaf));
      const d0 = normOf(plan, y, sizes, extras);
      const d1 = normOf(plan, f0, sizes, extras);
      const h0 = where(logicalOr(less(d0, 1e-5), less(d1, 1e-5)), 1e-6, div(mul(d0, 0.01), d1));
      const trial = mul(h0, direction!);
      const f1 = slopeAt(plan, add(t!, trial), advance(y, trial, [1], [f0]), params);
      const d2 = div(
        normOf(
          plan,
          f1.map((slope, index) => sub(slope, f0[index]!)),
          sizes,
          extras,
        ),
        h0,
      );
      const flat = logicalAnd(lessEqual(d1, 1e-15), lessEqual(d2, 1e-15));
      const h1 = where(
        flat,
        maximum(mul(h0, 1e-3), 1e-6),
        pow(div(0.01, maximum(d1, d2)), 1 / plan.solver.tableau.order),
      );
      return [...f0, minimum(mul(h0, 100), h1)];
    },
    [scalar64, scalar64, ...state, ...parameters, ...plan.extras],
  );
}

/** Inputs t, y, parameters; outputs f(t, y). */
export function slopeGraph(plan: StepPlan): Graph {
  const { state, parameters } = plan.field;
  return graphOf(
    (t, ...rest) => {
      const [y, params] = cut(rest, state.length, parameters.length) as [Tensor[], Tensor[]];
      return slopeAt(plan, t!, y, params);
    },
    [scalar64, ...state, ...parameters],
  );
}

/** Stages that the interpolant reads and that are no output of the step otherwise. */
export function keptStages(solver: Solver): number {
  const { stages, firstSameAsLast } = solver.tableau;
  return firstSameAsLast ? stages - 2 : stages;
}

/**
 * Inputs t, h, y, f(t, y) (only if first same as last), parameters, extras. Outputs y1, f(t + h, y1) (only if first same
 * as last), a float64 scalar, and the remaining stages if `keepStages`. The scalar is the scaled norm of the error
 * estimate; without one it is 0 for a finite y1 and NaN otherwise.
 */
export function stepGraph(plan: StepPlan, keepStages: boolean): Graph {
  const { state, parameters } = plan.field;
  const { firstSameAsLast, errorWeights } = plan.solver.tableau;
  const known = firstSameAsLast ? state.length : 0;
  return graphOf(
    (t, h, ...rest) => {
      const [y, f0, params, extras] = cut(
        rest,
        state.length,
        known,
        parameters.length,
        plan.extras.length,
      ) as [Tensor[], Tensor[], Tensor[], Tensor[]];
      const { stages, y1 } = stagesOf(
        plan,
        t!,
        h!,
        y,
        params,
        true,
        firstSameAsLast ? f0 : undefined,
      );
      let error: Tensor;
      if (errorWeights === undefined)
        error = y1
          .map((leaf) => cast(sum(mul(leaf, 0)), "float64"))
          .reduce((total, part) => add(total, part));
      else {
        const estimate = y.map((leaf, index) =>
          mul(cast(h!, leaf.dtype), combine(errorWeights, stages, index)!),
        );
        error = normOf(
          plan,
          estimate,
          y.map((leaf, index) => maximum(abs(leaf), abs(y1[index]!))),
          extras,
        );
      }
      const inner = firstSameAsLast ? stages.slice(1, -1) : stages;
      return [
        ...y1,
        ...(firstSameAsLast ? stages.at(-1)! : []),
        error,
        ...(keepStages ? inner.flat() : []),
      ];
    },
    [scalar64, scalar64, ...state, ...state.slice(0, known), ...parameters, ...plan.extras],
  );
}

/** Inputs one float64 weight (times h) a stage of the interpolant, y, then the stages; outputs y + sum_j weight_j k_j. */
export function interpolationGraph(plan: StepPlan): Graph {
  const { state } = plan.field;
  const count = plan.solver.interpolant.stages;
  const weighted = usedStages(plan.solver);
  return graphOf(
    (...inputs) => {
      const weights = inputs.slice(0, count);
      const y = inputs.slice(count, count + state.length);
      return y.map((leaf, index) =>
        weighted.reduce(
          (total, j) =>
            add(
              total,
              mul(inputs[count + state.length * (j + 1) + index]!, cast(weights[j]!, leaf.dtype)),
            ),
          leaf,
        ),
      );
    },
    [
      ...Array.from({ length: count }, () => scalar64),
      ...Array.from({ length: count + 1 }, () => state).flat(),
    ],
  );
}

/** Stages whose polynomial is not zero. */
export function usedStages(solver: Solver): number[] {
  const used: number[] = [];
  solver.interpolant.coefficients.forEach((row, j) => {
    if (row.some((coefficient) => coefficient !== 0)) used.push(j);
  });
  return used;
}

/** The step as a function of its start: inputs t, h, y, parameters; outputs y1, then the interpolant's stages one after another. */
export function wholeStepGraph(plan: StepPlan, withStages: boolean): Graph {
  const { state, parameters } = plan.field;
  const { interpolant } = plan.solver;
  return graphOf(
    (t, h, ...rest) => {
      const [y, params] = cut(rest, state.length, parameters.length) as [Tensor[], Tensor[]];
      const { stages, y1 } = stagesOf(plan, t!, h!, y, params, withStages);
      if (!withStages) return y1;
      if (interpolant.endStage) stages.push(slopeAt(plan, add(t!, h!), y1, params));
      return [...y1, ...stages.flat()];
    },
    [scalar64, scalar64, ...state, ...parameters],
  );
}
