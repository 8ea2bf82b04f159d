/** @file A solve of fixed steps written out step by step, as one long program without a loop. */
import { inline } from "../autodiff/graph-derivatives.ts";
import { ArgumentError, complaint } from "../base/errors.ts";
import { Tensor } from "../ir/tensor.ts";
import { cast } from "../ops/elementwise.ts";
import { concat, reshape } from "../ops/shaping.ts";
import type { Integrand } from "./loop.ts";
import { beginGraph, isAdaptive, stepGraph, weightedSum } from "./stepper.ts";
import { interpolationWeights } from "./tableau.ts";
import { stepCount, stepEnd } from "./times.ts";

const scalar = (value: number): Tensor =>
  new Tensor({ shape: [], dtype: "float64" }, Float64Array.of(value));

/**
 * The outputs of a solve, written into the current trace. Throws ArgumentError for adaptive methods, and for times that are not known now.
 */
export function unrollSolve(
  who: string,
  { method, field, stepping }: Integrand,
  given: { y0: readonly Tensor[]; times: Tensor; parameters: readonly Tensor[] },
): Tensor[] {
  if (isAdaptive(method))
    throw new ArgumentError(
      complaint(
        `${who}: method`,
        "one of fixed steps (euler, midpoint, rk4, rk4_38) if the solve is to be written out",
        method.name,
        'Only the data tell how many steps an adaptive method takes: give { method: "rk4", steps: 20 }, say.',
      ),
    );
  const times = given.times.elements as Float64Array | undefined;
  if (times === undefined)
    throw new ArgumentError(
      complaint(`${who}: times`, "numbers if the solve is to be written out", "a traced tensor"),
    );
  const { parameters } = given;
  const { steps, stepSize } = stepping;
  const rows = times.length;
  const [start, end] = [times[0]!, times[rows - 1]!];
  const total = stepCount(steps, stepSize, start, end, rows);
  const plain = stepGraph(method, field, false);
  const begun = beginGraph(method, field);
  const saved: (readonly Tensor[])[] = [];
  let y = given.y0;
  let carried: readonly Tensor[] = begun
    ? inline(begun.graph, begun.inputs.join({ t: scalar(start), y, parameters }))
    : [];
  let t = start;
  while (saved.length < rows && times[saved.length] === start) saved.push(y);
  for (let index = 1; index <= total && saved.length < rows; index++) {
    const t1 = index === total ? end : stepEnd(index, steps, stepSize, start, end, times);
    if (t1 === t) continue;
    const h = t1 - t;
    const due = (): number => (saved.length < rows ? (times[saved.length]! - t) / h : Infinity);
    // Grids accumulate rounding: an output this close to the end of a step is at its end.
    const isInside = (): boolean => due() < 1 - 1e-12;
    const { graph, inputs, outputs } = isInside() ? stepGraph(method, field, true) : plain;
    const step = outputs.split(
      inline(graph, inputs.join({ t: scalar(t), h: scalar(h), y, carried, parameters })),
    );
    while (isInside()) {
      const weights = new Float64Array(step.slopes.length);
      interpolationWeights(method.interpolant, due(), weights);
      saved.push(
        y.map((leaf, i) =>
          weightedSum(
            leaf,
            [...weights].map((weight) => h * weight),
            step.slopes.map((slope) => cast(slope[i]!, leaf.dtype)),
          ),
        ),
      );
    }
    ({ y, carried } = step);
    while (due() <= 1 + 1e-12) saved.push(y);
    t = t1;
  }
  return y.map((leaf, index) =>
    concat(saved.map((row) => reshape(row[index]!, [1, ...leaf.shape]))),
  );
}
