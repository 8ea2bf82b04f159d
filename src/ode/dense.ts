/** @file Dense output: the continuous solution of a finished solve, evaluated anywhere. */
import { type TypedArray, allocate } from "../ir/dtype.ts";
import { ArgumentError, complaint } from "../base/errors.ts";
import type { TensorType } from "../ir/graph.ts";
import { sizeOf } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { type Interpolant, derivativeWeights, interpolationWeights } from "./interpolant.ts";

/** One accepted step: its start and size, and the state and stages there, an array a leaf. */
export interface DenseStep {
  readonly t: number;
  readonly h: number;
  readonly y: readonly TypedArray[];
  /** [stage][leaf] */
  readonly stages: readonly (readonly TypedArray[])[];
}

/** Steps joined to a function of time. Sums are formed in double precision and rounded once to the leaf's dtype. */
export class DenseOutput {
  private readonly steps: readonly DenseStep[];
  private readonly interpolant: Interpolant;
  private readonly state: readonly TensorType[];
  private readonly weights: Float64Array;

  constructor(steps: readonly DenseStep[], interpolant: Interpolant, state: readonly TensorType[]) {
    this.steps = steps;
    this.interpolant = interpolant;
    this.state = state;
    this.weights = new Float64Array(interpolant.stages);
  }

  /** y(t), a tensor a leaf. Throws ArgumentError outside the span that was integrated. */
  at(t: number): Tensor[] {
    const step = this.find("at", t);
    interpolationWeights(this.interpolant, (t - step.t) / step.h, this.weights);
    return this.combine(step, step.h, true);
  }

  /** y'(t), the derivative of the interpolant. Throws ArgumentError outside the span that was integrated. */
  derivative(t: number): Tensor[] {
    const step = this.find("derivative", t);
    derivativeWeights(this.interpolant, (t - step.t) / step.h, this.weights);
    return this.combine(step, 1, false);
  }

  private find(who: string, t: number): DenseStep {
    const { steps } = this;
    const first = steps[0];
    const last = steps.at(-1);
    if (first === undefined || last === undefined)
      throw new ArgumentError(`${who}: expected a solve of at least one accepted step, got none.`);
    const direction = Math.sign(first.h);
    const end = last.t + last.h;
    // The end may be a rounding away from the sum.
    const slack = 4 * Number.EPSILON * Math.max(Math.abs(first.t), Math.abs(end));
    if (
      !(
        typeof t === "number" &&
        (t - first.t) * direction >= -slack &&
        (end - t) * direction >= -slack
      )
    )
      throw new ArgumentError(
        complaint(
          who,
          `a time in [${Math.min(first.t, end)}, ${Math.max(first.t, end)}]`,
          String(t),
        ),
      );
    let low = 0;
    let high = steps.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((t - steps[middle]!.t) * direction >= 0) low = middle;
      else high = middle - 1;
    }
    return steps[low]!;
  }

  private combine(step: DenseStep, factor: number, withState: boolean): Tensor[] {
    return this.state.map(({ shape, dtype }, leaf) => {
      const elements = allocate(dtype, sizeOf(shape));
      for (let index = 0; index < elements.length; index++) {
        let sum = 0;
        for (let j = 0; j < this.weights.length; j++)
          sum += this.weights[j]! * step.stages[j]![leaf]![index]!;
        elements[index] = (withState ? step.y[leaf]![index]! : 0) + factor * sum;
      }
      return new Tensor({ shape, dtype }, elements);
    });
  }
}
