/** @file What `solve` returns: a solution at the times that were saved, and as a function of time. */
import { ArgumentError, TraceError, complaint } from "../base/errors.ts";
import { type TypedArray, allocate } from "../ir/dtype.ts";
import type { TensorType } from "../ir/graph.ts";
import { sizeOf } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import type { Tree, TreeDef } from "../ir/tree.ts";
import type { Failure, SolveStats, SolveStatus } from "./status.ts";
import { type Interpolant, derivativeWeights, interpolationWeights } from "./tableau.ts";

/** What a solution is made of. */
export interface SolutionParts {
  readonly status: SolveStatus;
  readonly failure?: Failure | undefined;
  readonly ts: Tensor;
  readonly ys: readonly Tensor[];
  readonly def: TreeDef;
  readonly stats?: SolveStats | undefined;
  readonly dense?: DenseOutput | undefined;
}

/** An initial value problem solved, as far as it could be. */
export class Solution<Y extends Tree = Tree> {
  /**
   * "success", or why the solve stopped short: "maxSteps", "stepUnderflow", "nonFinite", "aborted". `ts` and `ys` hold what
   * was reached before. Inside a trace it is "success": there a failure throws SolveError when the program runs.
   */
  readonly status: SolveStatus;
  /** Time, step size and stage of a failure. */
  readonly failure: Failure | undefined;
  /** Times of the outputs, float64 [n]. */
  readonly ts: Tensor;
  /** Outputs: a tree like y0 whose leaves have shape [n, ...leaf]. */
  readonly ys: Y;
  readonly #counts: SolveStats | undefined;
  readonly #dense: DenseOutput | undefined;
  readonly #def: TreeDef;

  /** @internal Made by `solve`. */
  constructor(parts: SolutionParts) {
    this.status = parts.status;
    this.failure = parts.failure;
    this.ts = parts.ts;
    this.ys = parts.def.rebuild(parts.ys) as Y;
    this.#counts = parts.stats;
    this.#dense = parts.dense;
    this.#def = parts.def;
  }

  /** Evaluations of f, and steps attempted, accepted and rejected. Throws TraceError inside a trace: use `onStats` there. */
  get stats(): Readonly<SolveStats> {
    if (this.#counts === undefined)
      throw new TraceError(
        "stats: the solve has not run yet, it is part of a program that is being traced. Give solve an onStats callback.",
      );
    return this.#counts;
  }

  /** y(t) by the method's interpolant. Throws ArgumentError without `saveAt: { dense: true }`, or outside the span integrated. */
  at(t: number): Y {
    return this.#def.rebuild(this.#continuous("at").at(t)) as Y;
  }

  /** y'(t), the derivative of the interpolant. Throws as `at`. */
  derivative(t: number): Y {
    return this.#def.rebuild(this.#continuous("derivative").derivative(t)) as Y;
  }

  #continuous(who: string): DenseOutput {
    if (this.#dense === undefined)
      throw new ArgumentError(
        `${who}: expected a dense solution, got one with outputs only. Solve with saveAt: { dense: true }.`,
      );
    return this.#dense;
  }
}

/** One accepted step: its start and size, and the state and the interpolant's slopes there, an array per leaf. */
export interface DenseStep {
  readonly t: number;
  readonly h: number;
  readonly y: readonly TypedArray[];
  /** [slope][leaf] */
  readonly slopes: readonly (readonly TypedArray[])[];
}

/** Steps joined to a function of time. Sums are formed in double precision and rounded once to the leaf's dtype. */
export class DenseOutput {
  readonly #steps: readonly DenseStep[];
  readonly #interpolant: Interpolant;
  readonly #state: readonly TensorType[];
  readonly #weights: Float64Array;

  constructor(steps: readonly DenseStep[], interpolant: Interpolant, state: readonly TensorType[]) {
    this.#steps = steps;
    this.#interpolant = interpolant;
    this.#state = state;
    this.#weights = new Float64Array(interpolant.coefficients.length);
  }

  /** y(t), a tensor per leaf. Throws ArgumentError outside the span that was integrated. */
  at(t: number): Tensor[] {
    const step = this.#find("at", t);
    interpolationWeights(this.#interpolant, (t - step.t) / step.h, this.#weights);
    return this.#combine(step, step.h, true);
  }

  /** y'(t), the derivative of the interpolant. Throws ArgumentError outside the span that was integrated. */
  derivative(t: number): Tensor[] {
    const step = this.#find("derivative", t);
    derivativeWeights(this.#interpolant, (t - step.t) / step.h, this.#weights);
    return this.#combine(step, 1, false);
  }

  #find(who: string, t: number): DenseStep {
    const steps = this.#steps;
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

  #combine(step: DenseStep, factor: number, withState: boolean): Tensor[] {
    return this.#state.map(({ shape, dtype }, leaf) => {
      const elements = allocate(dtype, sizeOf(shape));
      for (let index = 0; index < elements.length; index++) {
        let sum = 0;
        for (let j = 0; j < this.#weights.length; j++)
          sum += this.#weights[j]! * step.slopes[j]![leaf]![index]!;
        elements[index] = (withState ? step.y[leaf]![index]! : 0) + factor * sum;
      }
      return new Tensor({ shape, dtype }, elements);
    });
  }
}
