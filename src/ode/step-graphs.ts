/**
 * @file The tensor programs of a step. Three small ones - a stage, a weighted sum, a norm - whose weights are inputs serve every
 * stage, the solution, outputs inside steps and the first step size; machine.ts puts them together. One more, the step as
 * a whole, is what the discrete adjoint differentiates.
 */
import type { DType } from "../ir/dtype.ts";
import type { Graph, TensorType } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { trace } from "../ir/trace.ts";
import { inline } from "../autodiff/inline.ts";
import { reshape } from "../ops/shaping.ts";
import { zeros } from "../ops/creation.ts";
import { abs, add, cast, div, maximum, mul } from "../ops/elementwise.ts";
import { sum } from "../ops/reductions.ts";
import { type Field, leavesRead } from "./field.ts";
import { type NormPart, partsNorm } from "./norm.ts";
import { leafOf, packingOf } from "./packing.ts";
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
const scalars = (count: number, dtype: DType): TensorType[] =>
  Array.from({ length: count }, () => ({ shape: [], dtype }));
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
    const term = weight === 1 ? k : mul(k, weight);
    total = total === undefined ? term : add(total, term);
  });
  return total;
}

/** Stages after the first whose sums the other stages read: a last stage at y1 itself needs none. */
export function stageTerms({ tableau }: Solver): number {
  return tableau.stages - (tableau.firstSameAsLast ? 2 : 1);
}

/**
 * A stage: f(t, y + sum_j weights_j k_j). Inputs t; `stageTerms` weights for each pack, in its dtype; then for the leaves
 * that f reads: y, and as many k's; then parameters. Outputs f's leaves. The sum is added to y at once, so that float32
 * rounds it once.
 */
export function stageGraph(plan: StepPlan): Graph {
  const { state, parameters, graph, time } = plan.field;
  const read = leavesRead(plan.field);
  const leaves = [...state.keys()].filter((leaf) => read[leaf]);
  const types = leaves.map((leaf) => state[leaf]!);
  const terms = stageTerms(plan.solver);
  const packing = packingOf(state);
  const weightTypes = packing.packs.flatMap(({ dtype }) => scalars(terms, dtype));
  return trace(
    (t, ...rest) => {
      const [weights, y, k, params] = cut(
        rest,
        weightTypes.length,
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
        const { pack } = packing.leaves[leaf]!;
        const own = weights.slice(pack * terms, (pack + 1) * terms);
        const slope = combine(own, stages, index);
        return slope === undefined ? y[index]! : add(y[index]!, slope);
      });
      return inline(graph, [cast(t!, time.dtype), ...inner, ...params]);
    },
    [scalar64, ...weightTypes, ...types, ...repeated(types, terms), ...parameters],
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

/**
 * y + sum_j weights_j k_j in packs. Inputs for each pack: a weight, in its dtype, for each of `summedStages`, y, then the
 * stages; outputs a state.
 */
export function sumGraph(plan: StepPlan): Graph {
  const { packs } = packingOf(plan.field.state);
  const terms = summedStages(plan.solver).length;
  return trace(
    (...inputs) =>
      packs.map((_, pack) => {
        const [weights, [y], k] = cut(inputs.slice(pack * (2 * terms + 1)), terms, 1, terms) as [
          Tensor[],
          [Tensor],
          Tensor[],
        ];
        const slope = combine(
          weights,
          k.map((stage) => [stage]),
          0,
        );
        return add(y, slope!);
      }),
    packs.flatMap((type) => [...scalars(terms, type.dtype), ...repeated([type], terms + 1)]),
  ).graph;
}

/**
 * The norm of an error over atol + rtol max(|y|, |y1|), a float64 scalar. Inputs the error, y and y1 in packs, extras.
 * A pack whose leaves have the same tolerances is scaled as a whole.
 */
export function normGraph(plan: StepPlan): Graph {
  const { rtol, atol } = plan;
  const { state } = plan.field;
  const { packs, leaves } = packingOf(state);
  const n = packs.length;
  const plain = packs.map((_, pack) => {
    const own = [...state.keys()].filter((leaf) => leaves[leaf]!.pack === pack);
    return own.every(
      (leaf) =>
        typeof rtol[leaf] === "number" &&
        typeof atol[leaf] === "number" &&
        rtol[leaf] === rtol[own[0]!] &&
        atol[leaf] === atol[own[0]!],
    )
      ? own[0]!
      : -1;
  });
  const custom = new Set(
    plan.norm.flatMap((part) => (part.custom === undefined ? [] : part.leaves)),
  );
  return trace(
    (...inputs) => {
      const [error, y, y1, extras] = cut(inputs, n, n, n, plan.extras.length) as [
        Tensor[],
        Tensor[],
        Tensor[],
        Tensor[],
      ];
      const scale = (parts: readonly [Tensor, Tensor, Tensor], leaf: number): Tensor => {
        const [of, from, to] = parts;
        const pick = (tolerance: PlannedTolerance): Tensor | number =>
          typeof tolerance === "number" ? tolerance : cast(extras[tolerance.extra]!, of.dtype);
        const size = maximum(abs(from), abs(to));
        return div(of, add(mul(size, pick(rtol[leaf]!)), pick(atol[leaf]!)));
      };
      const whole = plain.map((leaf, pack) =>
        leaf === -1 ? undefined : scale([error[pack]!, y[pack]!, y1[pack]!], leaf),
      );
      const scaled = leaves.map((place, leaf) => {
        const { shape } = state[leaf]!;
        const known = whole[place.pack];
        if (known !== undefined) {
          const part = leafOf([known], { ...place, pack: 0 });
          return custom.has(leaf) ? reshape(part, shape) : part;
        }
        const view = (packs: readonly Tensor[]): Tensor => reshape(leafOf(packs, place), shape);
        return scale([view(error), view(y), view(y1)], leaf);
      });
      return [partsNorm(plan.norm, scaled, extras)];
    },
    [...repeated(packs, 3), ...plan.extras],
  ).graph;
}

/** 0 for a state (in packs) of finite numbers, NaN for any other: what methods without an error estimate check. */
export function finiteGraph(plan: StepPlan): Graph {
  return trace(
    (...y) => [
      y.map((pack) => cast(sum(mul(pack, 0)), "float64")).reduce((total, part) => add(total, part)),
    ],
    packingOf(plan.field.state).packs,
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
