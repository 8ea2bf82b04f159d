/** @file The tensor programs of the discrete adjoint: a step backward, and what an output inside a step pulls on. */
import type { Graph, TensorType } from "../../ir/graph.ts";
import { trace } from "../../ir/trace.ts";
import { vjpGraph } from "../../autodiff/vjp-graph.ts";
import { zeros } from "../../ops/creation.ts";
import { add, cast, mul } from "../../ops/elementwise.ts";
import { type StepPlan, summedStages, wholeStepGraph } from "../step-graphs.ts";

const scalar64: TensorType = { shape: [], dtype: "float64" };

/**
 * One step backward. Inputs t, h, y, parameters, cotangents of y1, (with outputs inside: a cotangent to add to y's, and one
 * for each stage,) and gradients so far of the wanted parameters; outputs the cotangent of y and the gradients.
 */
export function stepBackGraph(plan: StepPlan, wanted: readonly number[], inside: boolean): Graph {
  const { state, parameters } = plan.field;
  const leaves = state.length;
  const forward = wholeStepGraph(plan, inside);
  const stages = inside ? plan.solver.interpolant.stages : 0;
  const accumulators = wanted.map((index) => parameters[index]!);
  const pulls = [
    ...state,
    ...(inside ? state : []),
    ...Array.from({ length: stages }, () => state).flat(),
  ];
  const { graph } = trace(
    (t, h, ...rest) => {
      const inputs = [t!, h!, ...rest.slice(0, leaves + parameters.length)];
      const given = rest.slice(leaves + parameters.length);
      const cotangent = given.slice(0, leaves);
      const direct = inside ? given.slice(leaves, 2 * leaves) : undefined;
      const ofStages = given.slice(inside ? 2 * leaves : leaves, pulls.length);
      const sums = given.slice(pulls.length);
      const wrt = inputs.map(
        (_, index) => (index >= 2 && index < 2 + leaves) || wanted.includes(index - 2 - leaves),
      );
      const gradients = vjpGraph(forward, inputs, wrt).pullback([...cotangent, ...ofStages]);
      const y = state.map(
        ({ shape, dtype }, leaf) => gradients[2 + leaf] ?? zeros(shape, { dtype }),
      );
      return [
        ...(direct === undefined ? y : y.map((leaf, index) => add(leaf, direct[index]!))),
        ...wanted.map((index, position) => {
          const gradient = gradients[2 + leaves + index];
          return gradient === undefined ? sums[position]! : add(sums[position]!, gradient);
        }),
      ];
    },
    [scalar64, scalar64, ...state, ...parameters, ...pulls, ...accumulators],
  );
  return graph;
}

/** Inputs weights (float64), an output's cotangent, the cotangents so far of y and of every stage; outputs the latter two with the output's pull added. */
export function pullGraph(plan: StepPlan): Graph {
  const { state } = plan.field;
  const leaves = state.length;
  const count = plan.solver.interpolant.stages;
  const used = new Set(summedStages(plan.solver));
  return trace(
    (...inputs) => {
      const cotangent = inputs.slice(count, count + leaves);
      const sums = inputs.slice(count + leaves);
      return sums.map((sum, index) => {
        const leaf = index % leaves;
        const stage = Math.floor(index / leaves) - 1;
        if (stage < 0) return add(sum, cotangent[leaf]!);
        return used.has(stage)
          ? add(sum, mul(cotangent[leaf]!, cast(inputs[stage]!, cotangent[leaf]!.dtype)))
          : sum;
      });
    },
    [
      ...Array.from({ length: count }, () => scalar64),
      ...state,
      ...Array.from({ length: count + 1 }, () => state).flat(),
    ],
  ).graph;
}
