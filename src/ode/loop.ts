/**
 * @file The loop of every solve, forward and backward: tries steps, accepts or rejects them, writes outputs, keeps count,
 * reports, and stops for one of the reasons in status.ts. Plain code over a compiled step (stepper.ts); it allocates nothing. Fixed steps
 * can also be written out, one after another, as a program without a loop.
 */
import { ArgumentError, complaint } from "../base/errors.ts";
import type { HostContext, Pointer } from "../ir/host.ts";
import { Tensor } from "../ir/tensor.ts";
import { inline } from "../autodiff/graph-derivatives.ts";
import { cast } from "../ops/elementwise.ts";
import { concat, reshape } from "../ops/shaping.ts";
import type { StepSizeRule } from "./controllers.ts";
import type { Field } from "./field.ts";
import { stepperOf } from "./graph-stepper.ts";
import type { ErrorScale } from "./norm.ts";
import type { Stepping } from "./options.ts";
import { sizeInBytes } from "./packing.ts";
import type { Failure, SolveStats, SolveStatus, StepReport } from "./status.ts";
import {
  type Method,
  type Stepper,
  beginGraph,
  isAdaptive,
  stepGraph,
  weightedSum,
} from "./stepper.ts";
import { interpolationWeights } from "./tableau.ts";
import { stepCount, stepEnd } from "./times.ts";

/** What the loop tells while it runs. All optional. */
export interface Watchers {
  readonly direction: "forward" | "backward";
  readonly onStep?: ((step: StepReport) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with each accepted step before the stepper moves on: its start, size and end. */
  readonly onAccept?: ((t: number, h: number, t1: number) => void) | undefined;
  /** Called for each output: its row, and its place in the step about to be accepted, in (0, 1]. */
  readonly onOutput?: ((row: number, theta: number) => void) | undefined;
}

/** One run of the loop. */
export interface Leg {
  /** Times of outputs in order, from the start to the end: the first `count` entries count, at least 1. */
  readonly times: Float64Array;
  readonly count: number;
  /** Where outputs go, if anywhere: for each leaf of y, a pointer to rows one after another. */
  readonly outputs?: readonly Pointer[] | undefined;
  /** Size of the first step, in place of the one that the options give or that is estimated. */
  readonly firstStep?: number | undefined;
  /** The length that a given number of steps divides, if that is more than this leg: the whole span of which it is a part. */
  readonly span?: number | undefined;
}

/** What is integrated, and how. */
export interface Integrand {
  readonly method: Method;
  readonly field: Field;
  readonly scale: ErrorScale;
  readonly stepping: Stepping;
}

/** Integrations by one compiled step: reused from run to run. */
export class Integration {
  readonly stepper: Stepper;
  /** Time reached, and size of the step attempted last. */
  t = 0;
  h = 0;
  /** Outputs written: rows below this are valid. */
  rows = 0;
  /** The size that the controller would have gone on with after the last run, for adaptive methods. */
  proposed: number | undefined;
  readonly #context: HostContext;
  readonly #stepping: Stepping;
  readonly #rule: StepSizeRule | undefined;
  readonly #leafBytes: readonly number[];
  readonly #row: Pointer[];
  #leg: Leg = { times: new Float64Array(0), count: 0 };
  #watch: Watchers = { direction: "forward" };
  #steps = 0;
  #accepted = 0;

  /** `name` appears in the names of kernels. */
  constructor(context: HostContext, { method, field, scale, stepping }: Integrand, name: string) {
    this.#context = context;
    this.stepper = stepperOf(method, context, field, scale, name);
    this.#stepping = stepping;
    const { errorOrder } = method;
    this.#rule = errorOrder === undefined ? undefined : stepping.controller.begin(errorOrder);
    this.#leafBytes = field.state.map(sizeInBytes);
    this.#row = field.state.map(() => 0);
  }

  /** The counts since the last reset. */
  get stats(): SolveStats {
    const [steps, accepted] = [this.#steps, this.#accepted];
    const { evaluations } = this.stepper;
    return { evaluations, steps, accepted, rejected: steps - accepted };
  }

  /** Sets every count to zero. */
  resetStats(): void {
    this.stepper.evaluations = this.#steps = this.#accepted = 0;
  }

  /**
   * Integrates from the state that the stepper has begun with, at the first time of the leg, to the last one. The state at times[i] is
   * written to row i of the outputs. The stepper's state is the one reached.
   */
  run(leg: Leg, watch: Watchers): SolveStatus {
    const { times, count } = leg;
    this.#leg = leg;
    this.#watch = watch;
    this.rows = 0;
    const start = times[0]!;
    const end = times[count - 1]!;
    this.t = start;
    this.h = 0;
    while (this.rows < count && times[this.rows] === start) this.#writeRow(this.stepper.state);
    if (this.rows === count) return "success";
    const direction = end > start ? 1 : -1;
    return this.#rule === undefined
      ? this.#fixed(start, end, direction)
      : this.#adaptive(this.#rule, end, direction);
  }

  /** Why the last run stopped short, with the stage for values that are not finite. */
  failure(status: Failure["status"]): Failure {
    const stage = status === "nonFinite" ? this.stepper.badStage : undefined;
    const { t, h } = this;
    return { status, t, h, steps: this.#steps, ...(stage !== undefined && { stage }) };
  }

  #adaptive(rule: StepSizeRule, end: number, direction: number): SolveStatus {
    const { stepper } = this;
    const stepping = this.#stepping;
    const watch = this.#watch;
    const { minStep, maxStep, maxSteps } = stepping;
    rule.reset();
    let size = this.#leg.firstStep ?? stepping.firstStep;
    if (size !== undefined) stepper.prepare(this.t);
    else {
      size = stepper.firstStep(this.t, direction);
      // A slope that is not finite makes the size NaN, an infinite one makes it 0.
      if (!(size > 0)) return "nonFinite";
    }
    let finite = true;
    for (;;) {
      if (size > maxStep) size = maxStep;
      const { t } = this;
      // A last step up to a hundredth longer saves one that would be tiny; beyond maxStep only what is rounding.
      const reach = Math.max(size * (1 + 1e-9), Math.min(1.01 * size, maxStep));
      const last = (t + direction * reach - end) * direction >= 0;
      const h: number = last ? end - t : direction * size;
      this.h = h;
      if (!last && (size < minStep || t + 0.1 * h === t))
        return finite ? "stepUnderflow" : "nonFinite";
      if (this.#steps >= maxSteps) return "maxSteps";
      if (watch.signal !== undefined && watch.signal.aborted) return "aborted";
      const error = stepper.step(t, h);
      this.#steps += 1;
      finite = error - error === 0;
      const accepted = error <= 1;
      const factor = finite ? rule.factor(error, accepted) : rule.smallestFactor;
      // A user's norm or controller; the loop would not end.
      if (error < 0 || !(factor > 0)) throw unusable(error, factor);
      if (accepted) this.#take(h, last ? end : t + h, direction);
      if (watch.onStep !== undefined) this.#report(watch.onStep, t, error, accepted);
      size = Math.abs(h) * factor;
      if (accepted && last) {
        this.proposed = size;
        return "success";
      }
      if (!finite && t + 0.1 * h * factor === t) return "nonFinite";
    }
  }

  #fixed(start: number, end: number, direction: number): SolveStatus {
    const { stepper } = this;
    const { times, count, span } = this.#leg;
    const stepping = this.#stepping;
    const watch = this.#watch;
    const { maxSteps } = stepping;
    const isPart = span !== undefined;
    const steps = isPart ? undefined : stepping.steps;
    const stepSize =
      isPart && stepping.steps !== undefined ? span / stepping.steps : stepping.stepSize;
    stepper.prepare(start);
    const total = stepCount(steps, stepSize, start, end, count);
    for (let index = 1; index <= total; index++) {
      const { t } = this;
      const t1 = index === total ? end : stepEnd(index, steps, stepSize, start, end, times);
      if (t1 === t) continue;
      const h = t1 - t;
      this.h = h;
      if (this.#steps >= maxSteps) return "maxSteps";
      if (watch.signal !== undefined && watch.signal.aborted) return "aborted";
      const error = stepper.step(t, h);
      this.#steps += 1;
      const accepted = error === 0;
      if (accepted) this.#take(h, t1, direction);
      if (watch.onStep !== undefined) this.#report(watch.onStep, t, error, accepted);
      if (!accepted) return "nonFinite";
    }
    return "success";
  }

  /** Writes the outputs that the step covers, and moves on to its end. */
  #take(h: number, t1: number, direction: number): void {
    const { stepper } = this;
    const { times, count, outputs } = this.#leg;
    const watch = this.#watch;
    this.#accepted += 1;
    while (this.rows < count) {
      const time = times[this.rows]!;
      // Grids accumulate rounding: an output this close to the end of a step is at its end.
      const beyond = (time - t1) * direction;
      const slack = 1e-12 * Math.abs(h);
      if (beyond > slack) break;
      const theta = beyond >= -slack ? 1 : (time - this.t) / h;
      if (watch.onOutput !== undefined) watch.onOutput(this.rows, theta);
      if (theta === 1 || outputs === undefined) this.#writeRow(stepper.next);
      else {
        this.#pointAtRow(outputs);
        stepper.interpolate(theta, this.#row);
        this.rows += 1;
      }
    }
    if (watch.onAccept !== undefined) watch.onAccept(this.t, h, t1);
    stepper.accept();
    this.t = t1;
  }

  #writeRow(from: readonly Pointer[]): void {
    const { outputs } = this.#leg;
    if (outputs !== undefined) {
      this.#pointAtRow(outputs);
      const row = this.#row;
      for (let leaf = 0; leaf < row.length; leaf++)
        this.#context.copy(row[leaf]!, from[leaf]!, this.#leafBytes[leaf]!);
    }
    this.rows += 1;
  }

  #pointAtRow(outputs: readonly Pointer[]): void {
    const row = this.#row;
    for (let leaf = 0; leaf < row.length; leaf++)
      row[leaf] = outputs[leaf]! + this.rows * this.#leafBytes[leaf]!;
  }

  #report(onStep: (step: StepReport) => void, t: number, error: number, accepted: boolean): void {
    onStep({ t, h: this.h, error, accepted, steps: this.#steps, direction: this.#watch.direction });
  }
}

function unusable(error: number, factor: number): ArgumentError {
  return new ArgumentError(
    error < 0
      ? complaint("norm", "a number that is not negative", String(error))
      : complaint("controller", "a positive factor for the step size", String(factor)),
  );
}

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
    ? inline(
        begun.graph,
        begun.inputs.join({ t: scalar(start), h: scalar(0), y, carried: [], parameters }),
      )
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
