/** @file What `solve` returns. */
import { ArgumentError, TraceError } from "../base/errors.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { Tree, TreeDef } from "../ir/tree.ts";
import type { DenseOutput } from "./dense.ts";
import type { Failure, SolveStats, SolveStatus } from "./status.ts";

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
  private readonly counts: SolveStats | undefined;
  private readonly dense: DenseOutput | undefined;
  private readonly def: TreeDef;

  /** @internal Made by `solve`. */
  constructor(parts: SolutionParts) {
    this.status = parts.status;
    this.failure = parts.failure;
    this.ts = parts.ts;
    this.ys = parts.def.rebuild(parts.ys) as Y;
    this.counts = parts.stats;
    this.dense = parts.dense;
    this.def = parts.def;
  }

  /** Evaluations of f, and steps attempted, accepted and rejected. Throws TraceError inside a trace: use `onStats` there. */
  get stats(): Readonly<SolveStats> {
    if (this.counts === undefined)
      throw new TraceError(
        "stats: the solve has not run yet, it is part of a program that is being traced. Give solve an onStats callback.",
      );
    return this.counts;
  }

  /** y(t) by the method's interpolant. Throws ArgumentError without `saveAt: { dense: true }`, or outside the span integrated. */
  at(t: number): Y {
    return this.def.rebuild(this.continuous("at").at(t)) as Y;
  }

  /** y'(t), the derivative of the interpolant. Throws as `at`. */
  derivative(t: number): Y {
    return this.def.rebuild(this.continuous("derivative").derivative(t)) as Y;
  }

  private continuous(who: string): DenseOutput {
    if (this.dense === undefined)
      throw new ArgumentError(
        `${who}: expected a dense solution, got one with outputs only. Solve with saveAt: { dense: true }.`,
      );
    return this.dense;
  }
}
