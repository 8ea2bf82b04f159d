/** @file A solve of fixed steps written out step by step, as one long program without a loop. */
import { inline } from "../autodiff/inline.ts";
import { ArgumentError, complaint } from "../base/errors.ts";
import { Tensor } from "../ir/tensor.ts";
import { add, cast, mul } from "../ops/elementwise.ts";
import { concat, reshape } from "../ops/shaping.ts";
import { stepCount, stepEnd } from "./grid.ts";
import { interpolationWeights } from "./interpolant.ts";
import type { Problem } from "./problem.ts";
import { isAdaptive } from "./solver.ts";
import { wholeStepGraph } from "./step-graphs.ts";

const scalar = (value: number): Tensor =>
  new Tensor({ shape: [], dtype: "float64" }, Float64Array.of(value));

/**
 * The outputs of a solve for the inputs of its operation, written into the current trace. Throws ArgumentError for adaptive
 * methods, and for times that are not known now.
 */
export function unrollSolve(problem: Problem, rows: number, inputs: readonly Tensor[]): Tensor[] {
  const { who, plan, stepping } = problem;
  const { solver, field } = plan;
  if (isAdaptive(solver))
    throw new ArgumentError(
      complaint(
        `${who}: method`,
        "one of fixed steps (euler, midpoint, rk4, rk4_38) where the solve is to be written out",
        solver.name,
        'Only the data tell how many steps an adaptive method takes: give { method: "rk4", steps: 20 }, say.',
      ),
    );
  const leaves = field.state.length;
  const times = inputs[leaves]!.elements as Float64Array | undefined;
  if (times === undefined)
    throw new ArgumentError(
      complaint(`${who}: times`, "numbers where the solve is to be written out", "a traced tensor"),
    );
  const parameters = inputs.slice(leaves + 1, leaves + 1 + field.parameters.length);
  const { steps, stepSize } = stepping;
  const [start, end] = [times[0]!, times[rows - 1]!];
  const total = stepCount(steps, stepSize, start, end, rows);
  const plain = wholeStepGraph(plan, false);
  const saved: Tensor[][] = [];
  let y = inputs.slice(0, leaves);
  let t = start;
  while (saved.length < rows && times[saved.length] === start) saved.push(y);
  for (let index = 1; index <= total && saved.length < rows; index++) {
    const t1 = index === total ? end : stepEnd(index, steps, stepSize, start, end, times);
    if (t1 === t) continue;
    const h = t1 - t;
    const due = (): number => (saved.length < rows ? (times[saved.length]! - t) / h : Infinity);
    // Grids accumulate rounding: an output this close to the end of a step is at its end.
    const inside = (): boolean => due() < 1 - 1e-12;
    const graph = inside() ? wholeStepGraph(plan, true) : plain;
    const outputs = inline(graph, [scalar(t), scalar(h), ...y, ...parameters]);
    while (inside()) saved.push(between(problem, y, h, outputs.slice(leaves), due()));
    y = outputs.slice(0, leaves);
    while (due() <= 1 + 1e-12) saved.push(y);
    t = t1;
  }
  return y.map((leaf, index) =>
    concat(saved.map((row) => reshape(row[index]!, [1, ...leaf.shape]))),
  );
}

/** The state inside a step: y + h sum_j b_j(theta) k_j. `stages` holds the leaves of each stage after those of the one before. */
function between(
  { plan }: Problem,
  y: readonly Tensor[],
  h: number,
  stages: readonly Tensor[],
  theta: number,
): Tensor[] {
  const { interpolant } = plan.solver;
  const weights = new Float64Array(interpolant.stages);
  interpolationWeights(interpolant, theta, weights);
  return y.map((leaf, index) =>
    weights.reduce<Tensor>(
      (sum, weight, j) =>
        weight === 0
          ? sum
          : add(sum, mul(cast(stages[j * y.length + index]!, leaf.dtype), h * weight)),
      leaf,
    ),
  );
}
