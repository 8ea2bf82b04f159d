/**
 * @file The loop of every solve, forward and backward: tries steps, accepts or rejects them, writes outputs, keeps count,
 * reports, and stops for one of the reasons in status.ts. Plain code over a compiled step (machine.ts); it allocates nothing.
 */
import { ArgumentError, complaint } from "../base/errors.ts";
import type { Pointer } from "../ir/host.ts";
import type { Controller, StepSizeRule } from "./controllers/controller.ts";
import { stepCount, stepEnd } from "./grid.ts";
import type { StepMachine } from "./machine.ts";
import type { SolveStats, SolveStatus, StepReport } from "./status.ts";

/** How steps are chosen. */
export interface Stepping {
  readonly controller: Controller;
  /** First step size; worked out from the problem unless given. */
  readonly firstStep: number | undefined;
  readonly minStep: number;
  readonly maxStep: number;
  /** Attempts allowed in all. */
  readonly maxSteps: number;
  /** Methods of fixed steps: the size, or their number; without either the output times are the grid. */
  readonly stepSize: number | undefined;
  readonly steps: number | undefined;
}

/** What the loop tells while it runs. All optional. */
export interface Watchers {
  readonly direction: "forward" | "backward";
  readonly onStep?: ((step: StepReport) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with each accepted step before the machine moves on: its start, size and end. */
  readonly onAccept?: ((t: number, h: number, t1: number) => void) | undefined;
  /** Called for each output: its row, and where it lies in the step about to be accepted, in (0, 1]. */
  readonly onOutput?: ((row: number, theta: number) => void) | undefined;
}

/** Integrations with one machine: reused from run to run. */
export class Integration {
  readonly stats: SolveStats = { evaluations: 0, steps: 0, accepted: 0, rejected: 0 };
  /** Time reached, and size of the step attempted last. */
  t = 0;
  h = 0;
  /** Outputs written: rows below this are valid. */
  rows = 0;
  private readonly machine: StepMachine;
  private readonly stepping: Stepping;
  private readonly rule: StepSizeRule;
  private readonly row: Pointer[];
  private outputs: readonly Pointer[] | undefined;
  private watch: Watchers = { direction: "forward" };
  /** Set by backward integrations over parts of a span: the whole span, which `steps` divides. */
  span: number | undefined;
  /** Replaces the first step's size in the next run, where set. */
  firstStep: number | undefined;
  /** The size that the controller would have gone on with after the last run. */
  proposed: number | undefined;
  private times: Float64Array = new Float64Array(0);
  private count = 0;

  constructor(machine: StepMachine, stepping: Stepping) {
    this.machine = machine;
    this.stepping = stepping;
    this.rule = stepping.controller.begin(errorOrder(machine));
    this.row = machine.leafBytes.map(() => 0);
  }

  /** Sets every count to zero. */
  resetStats(): void {
    const { stats } = this;
    stats.evaluations = stats.steps = stats.accepted = stats.rejected = 0;
  }

  /**
   * Integrates from the state that the machine has begun with, at times[0], to times[count - 1]; `count` >= 1 times are in order.
   * The state at times[i] is written to row i of `outputs` (a pointer a leaf to rows one after another), if given.
   * The machine's `y` is the state reached.
   */
  run(
    times: Float64Array,
    count: number,
    outputs: readonly Pointer[] | undefined,
    copy: (to: Pointer, from: Pointer, bytes: number) => void,
    watch: Watchers,
  ): SolveStatus {
    this.times = times;
    this.count = count;
    this.outputs = outputs;
    this.watch = watch;
    this.rows = 0;
    const start = times[0]!;
    const end = times[count - 1]!;
    this.t = start;
    this.h = 0;
    while (this.rows < count && times[this.rows] === start) this.writeRow(this.machine.y, copy);
    if (this.rows === count) return "success";
    this.rule.reset();
    const direction = end > start ? 1 : -1;
    return this.machine.adaptive
      ? this.adaptive(end, direction, copy)
      : this.fixed(start, end, direction, copy);
  }

  private adaptive(
    end: number,
    direction: number,
    copy: (to: Pointer, from: Pointer, bytes: number) => void,
  ): SolveStatus {
    const { machine, stats, stepping, rule, watch } = this;
    const { minStep, maxStep, maxSteps } = stepping;
    const given = this.firstStep ?? stepping.firstStep;
    let size: number;
    if (given === undefined) {
      size = machine.start(this.t, direction);
      stats.evaluations += 2;
      // A slope that is not finite makes the size NaN, an infinite one makes it 0.
      if (!(size > 0)) return "nonFinite";
    } else {
      size = given;
      if (machine.needsSlope) {
        machine.evaluateSlope(this.t);
        stats.evaluations += 1;
      }
    }
    let finite = true;
    for (;;) {
      if (size > maxStep) size = maxStep;
      const { t } = this;
      // A last step up to a hundredth longer saves one that would be tiny; beyond maxStep only what is rounding.
      const reach = Math.max(size * (1 + 1e-9), Math.min(1.01 * size, maxStep));
      const last = (t + direction * reach - end) * direction >= 0;
      const h = last ? end - t : direction * size;
      this.h = h;
      if (!last && (size < minStep || t + 0.1 * h === t))
        return finite ? "stepUnderflow" : "nonFinite";
      if (stats.steps >= maxSteps) return "maxSteps";
      if (watch.signal !== undefined && watch.signal.aborted) return "aborted";
      const error = machine.step(t, h);
      stats.steps += 1;
      stats.evaluations += machine.evaluationsPerStep;
      finite = error - error === 0;
      const accepted = error <= 1;
      const factor = finite ? rule.factor(error, accepted) : rule.smallestFactor;
      // A norm or a controller of the user's; the loop would not end.
      if (error < 0 || !(factor > 0)) throw unusable(error, factor);
      if (accepted) this.take(h, last ? end : t + h, direction, copy);
      else stats.rejected += 1;
      if (watch.onStep !== undefined)
        watch.onStep({ t, h, error, accepted, steps: stats.steps, direction: watch.direction });
      size = Math.abs(h) * factor;
      if (accepted && last) {
        this.proposed = size;
        return "success";
      }
      if (!finite && t + 0.1 * h * factor === t) return "nonFinite";
    }
  }

  private fixed(
    start: number,
    end: number,
    direction: number,
    copy: (to: Pointer, from: Pointer, bytes: number) => void,
  ): SolveStatus {
    const { machine, stats, stepping, watch, times, span } = this;
    const { maxSteps } = stepping;
    const steps = span === undefined ? stepping.steps : undefined;
    const stepSize =
      span === undefined || stepping.steps === undefined
        ? stepping.stepSize
        : span / stepping.steps;
    if (machine.needsSlope) {
      machine.evaluateSlope(start);
      stats.evaluations += 1;
    }
    const total = stepCount(steps, stepSize, start, end, this.count);
    for (let index = 1; index <= total; index++) {
      const { t } = this;
      const t1 = index === total ? end : stepEnd(index, steps, stepSize, start, end, times);
      if (t1 === t) continue;
      const h = t1 - t;
      this.h = h;
      if (stats.steps >= maxSteps) return "maxSteps";
      if (watch.signal !== undefined && watch.signal.aborted) return "aborted";
      const error = machine.step(t, h);
      stats.steps += 1;
      stats.evaluations += machine.evaluationsPerStep;
      const accepted = error === 0;
      if (accepted) this.take(h, t1, direction, copy);
      else stats.rejected += 1;
      if (watch.onStep !== undefined)
        watch.onStep({ t, h, error, accepted, steps: stats.steps, direction: watch.direction });
      if (!accepted) return "nonFinite";
    }
    return "success";
  }

  /** Writes the outputs that the step covers, and moves on to its end. */
  private take(
    h: number,
    t1: number,
    direction: number,
    copy: (to: Pointer, from: Pointer, bytes: number) => void,
  ): void {
    const { machine, times, count, watch } = this;
    this.stats.accepted += 1;
    let prepared = false;
    while (this.rows < count) {
      const time = times[this.rows]!;
      // Grids accumulate rounding: an output this close to the end of a step is at its end.
      const beyond = (time - t1) * direction;
      const slack = 1e-12 * Math.abs(h);
      if (beyond > slack) break;
      const theta = beyond >= -slack ? 1 : (time - this.t) / h;
      if (watch.onOutput !== undefined) watch.onOutput(this.rows, theta);
      if (theta === 1 || this.outputs === undefined) this.writeRow(machine.y1, copy);
      else {
        if (!prepared) {
          machine.prepareInterpolation(t1);
          if (machine.interpolationNeedsSlope) this.stats.evaluations += 1;
          prepared = true;
        }
        this.pointAtRow();
        machine.interpolate(theta, h, this.row);
        this.rows += 1;
      }
    }
    if (watch.onAccept !== undefined) watch.onAccept(this.t, h, t1);
    machine.accept();
    this.t = t1;
  }

  private writeRow(
    from: readonly Pointer[],
    copy: (to: Pointer, from: Pointer, bytes: number) => void,
  ): void {
    if (this.outputs !== undefined) {
      this.pointAtRow();
      const { row } = this;
      for (let leaf = 0; leaf < row.length; leaf++)
        copy(row[leaf]!, from[leaf]!, this.machine.leafBytes[leaf]!);
    }
    this.rows += 1;
  }

  private pointAtRow(): void {
    const { row, outputs, machine } = this;
    for (let leaf = 0; leaf < row.length; leaf++)
      row[leaf] = outputs![leaf]! + this.rows * machine.leafBytes[leaf]!;
  }
}

function unusable(error: number, factor: number): ArgumentError {
  return new ArgumentError(
    error < 0
      ? complaint("norm", "a number that is not negative", String(error))
      : complaint("controller", "a positive factor for the step size", String(factor)),
  );
}

/** The error estimate is O(h^q) with q one above the lower order of the pair. */
function errorOrder(machine: StepMachine): number {
  const { order, embedded } = machine.plan.solver.tableau;
  return Math.min(order, embedded?.order ?? order) + (embedded === undefined ? 0 : 1);
}
