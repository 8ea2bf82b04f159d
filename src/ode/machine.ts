/**
 * @file The compiled step with its state in kernel memory. State and stages have fixed places that change roles: a step writes
 * y1 beside y, and accepting it exchanges the two (and the first and last slopes). Nothing is copied or allocated on the way.
 * A step is a few calls of three programs (step-graphs.ts), their weights computed here in double precision.
 */
import { kernelBytes } from "../ir/dtype.ts";
import type { TensorType } from "../ir/graph.ts";
import type { HostContext, Pointer, Procedure } from "../ir/host.ts";
import { power } from "../ir/power.ts";
import { sizeOf } from "../ir/shape.ts";
import { leavesRead } from "./field.ts";
import { interpolationWeights } from "./interpolant.ts";
import { isAdaptive } from "./solver.ts";
import {
  type StepPlan,
  finiteGraph,
  normGraph,
  stageGraph,
  stageTerms,
  sumGraph,
  summedStages,
} from "./step-graphs.ts";

/** Bytes that a tensor takes in kernel memory. */
export function bytesOf(type: TensorType): number {
  return sizeOf(type.shape) * kernelBytes[type.dtype];
}

/** One step of one solver on one field, ready to run. */
export class StepMachine {
  readonly plan: StepPlan;
  readonly adaptive: boolean;
  /** Evaluations of f that a step takes. */
  readonly evaluationsPerStep: number;
  /** Whether a step must be given f(t, y): its last stage serves the next step as the first. */
  readonly needsSlope: boolean;
  /** Whether outputs inside a step take one more evaluation. */
  readonly interpolationNeedsSlope: boolean;
  /** Present state, a pointer a leaf. */
  readonly y: Pointer[];
  /** State after the step last run. */
  readonly y1: Pointer[];
  /** Slopes of the step last run: a pointer a leaf for each stage, the first at (t, y). */
  readonly stages: Pointer[][];
  readonly leafBytes: readonly number[];
  /** The first stage (from 1) of the step last tried that had a value that is not finite, if any. */
  badStage: number | undefined;
  private readonly context: HostContext;
  private readonly places: readonly (readonly [Pointer, Pointer])[];
  /** Leaves that f reads. */
  private readonly read: readonly number[];
  private readonly stage: Procedure;
  private readonly terms: number;
  private readonly sum: Procedure;
  private readonly summed: readonly number[];
  private readonly norm: Procedure;
  /** The error estimate, and the zeros it is added to (adaptive methods). */
  private readonly error: readonly Pointer[];
  private readonly origin: readonly Pointer[];
  private readonly scalars: Pointer;
  /** Places among the scalars: t, the norm, weights of the stage, then those of the sum. */
  private readonly sumAt: number;
  private readonly scalarCount: number;
  private readonly weights: Float64Array;
  private block: Float64Array;

  /** `name` appears in the names of kernels. */
  constructor(context: HostContext, plan: StepPlan, name: string) {
    const { state } = plan.field;
    const { tableau, interpolant } = plan.solver;
    this.context = context;
    this.plan = plan;
    this.adaptive = isAdaptive(plan.solver);
    this.needsSlope = tableau.firstSameAsLast;
    this.interpolationNeedsSlope = interpolant.endStage;
    this.evaluationsPerStep = tableau.stages - (this.needsSlope ? 1 : 0);
    this.leafBytes = state.map(bytesOf);
    const allocate = (): Pointer[] => state.map((type) => context.allocate(type));
    this.y = allocate();
    this.y1 = allocate();
    this.places = this.y.map((place, leaf) => [place, this.y1[leaf]!] as const);
    this.stages = Array.from({ length: interpolant.stages }, allocate);
    const read = leavesRead(plan.field);
    this.read = [...state.keys()].filter((leaf) => read[leaf]);
    this.terms = stageTerms(plan.solver);
    this.summed = summedStages(plan.solver);
    this.weights = new Float64Array(interpolant.stages);

    this.sumAt = 2 + this.terms;
    this.scalarCount = this.sumAt + this.summed.length;
    this.scalars = context.allocate({ shape: [this.scalarCount], dtype: "float64" });
    const at = (index: number): Pointer => this.scalars + 8 * index;
    this.stage = context.compile(stageGraph(plan), `${name}/stage`);
    this.stage.bindInput(0, at(0));
    for (let j = 0; j < this.terms; j++) this.stage.bindInput(1 + j, at(2 + j));
    this.sum = context.compile(sumGraph(plan), `${name}/sum`);
    this.summed.forEach((_, j) => this.sum.bindInput(j, at(this.sumAt + j)));
    this.norm = context.compile(
      this.adaptive ? normGraph(plan) : finiteGraph(plan),
      `${name}/norm`,
    );
    this.norm.bindOutput(0, at(1));
    this.error = this.adaptive ? allocate() : [];
    this.origin = this.adaptive ? allocate() : [];
    this.block = this.viewScalars();
    for (let j = 0; j < this.stages.length; j++) this.bindStage(j, this.stages[j]!);
    if (interpolant.endStage) this.bindStage(tableau.stages, this.stages[0]!);
  }

  /** Leaves of the state. */
  get leaves(): number {
    return this.leafBytes.length;
  }

  /** Sets out from a state, which is read where it lies; parameters and extras stay bound until the next call. */
  begin(y: readonly Pointer[], parameters: readonly Pointer[]): void {
    this.refresh();
    for (let leaf = 0; leaf < y.length; leaf++) {
      const [first, second] = this.places[leaf]!;
      this.y[leaf] = y[leaf]!;
      this.y1[leaf] = y[leaf] === first ? second : first;
    }
    const count = this.plan.field.parameters.length;
    const afterStates = 1 + this.terms + this.read.length * (1 + this.terms);
    for (let index = 0; index < count; index++)
      this.stage.bindInput(afterStates + index, parameters[index]!);
    if (!this.adaptive) return;
    for (let index = count; index < parameters.length; index++)
      this.norm.bindInput(3 * this.leaves + index - count, parameters[index]!);
  }

  /** Views of kernel memory do not survive its growth: called where memory may have grown. */
  refresh(): void {
    this.block = this.viewScalars();
  }

  /**
   * Computes f(t, y) and a first step size, not signed (Hairer, Norsett and Wanner I, section II.4): two evaluations. The
   * size is NaN where f is not finite.
   */
  start(t: number, direction: number): number {
    this.evaluateSlope(t);
    const { y, stages, summed, plan } = this;
    const { order } = plan.solver.tableau;
    const d0 = this.measure(y, y);
    const d1 = this.measure(stages[0]!, y);
    const h0 = d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : (0.01 * d0) / d1;
    // One Euler step of that size, to see how f changes; its slope in the place of a later stage.
    const later = summed[summed.length - 1]!;
    const block = this.fresh();
    block[0] = t + direction * h0;
    for (let j = 0; j < this.terms; j++) block[2 + j] = j === 0 ? direction * h0 : 0;
    this.bindStageInputs();
    this.bindTerm(0);
    this.evaluate(later);
    const weights = this.fresh();
    for (let j = 0; j < summed.length; j++)
      weights[this.sumAt + j] = summed[j] === 0 ? -1 : summed[j] === later ? 1 : 0;
    this.runSum(this.origin, this.error);
    const d2 = this.measure(this.error, y) / h0;
    const largest = Math.max(d1, d2);
    const h1 = largest <= 1e-15 ? Math.max(1e-6, 1e-3 * h0) : 1 / power(100 * largest, 1 / order);
    const size = Math.min(100 * h0, h1);
    if (!(size > 0)) this.noteBadStage();
    return size;
  }

  /** Computes f(t, y) into the first stage, one evaluation. */
  evaluateSlope(t: number): void {
    this.bindStageInputs();
    this.evaluateAt(t, 0);
  }

  /** One step from (t, y) to y1. Returns the scaled error (0 where there is no estimate), NaN if anything is not finite. */
  step(t: number, h: number): number {
    const { terms, summed } = this;
    const { a, b, c, stages, errorWeights } = this.plan.solver.tableau;
    this.bindStageInputs();
    if (this.needsSlope) this.bindTerm(0);
    const inner = this.needsSlope ? stages - 1 : stages;
    for (let i = this.needsSlope ? 1 : 0; i < inner; i++) {
      const block = this.fresh();
      const row = a[i]!;
      block[0] = t + c[i]! * h;
      for (let j = 0; j < terms; j++) block[2 + j] = j < i ? h * row[j]! : 0;
      this.evaluate(i);
      this.bindTerm(i);
    }
    const block = this.fresh();
    for (let j = 0; j < summed.length; j++) block[this.sumAt + j] = h * (b[summed[j]!] ?? 0);
    this.runSum(this.y, this.y1);
    if (this.needsSlope) this.evaluateEnd(t + h, inner);
    const error = errorWeights === undefined ? this.check() : this.estimate(h, errorWeights);
    if (!(error - error === 0)) this.noteBadStage();
    return error;
  }

  /** Takes y1 for y. */
  accept(): void {
    const { y, y1, places, leaves } = this;
    for (let leaf = 0; leaf < leaves; leaf++) {
      const place = places[leaf]!;
      const now = y1[leaf]!;
      y[leaf] = now;
      y1[leaf] = now === place[0] ? place[1] : place[0];
    }
    if (this.needsSlope) {
      const { stages } = this;
      const last = this.plan.solver.tableau.stages - 1;
      const carried = stages[last]!;
      stages[last] = stages[0]!;
      stages[0] = carried;
      this.bindStage(0, carried);
      this.bindStage(last, stages[last]!);
    }
  }

  /** Once a step, before states inside it are asked for and before it is accepted. `t1` is the step's end. */
  prepareInterpolation(t1: number): void {
    if (!this.interpolationNeedsSlope) return;
    this.bindStageInputs();
    this.evaluateEnd(t1, this.stages.length - 1);
  }

  /** The state at t + theta h, written to `into`. */
  interpolate(theta: number, h: number, into: readonly Pointer[]): void {
    const { weights, summed, stages } = this;
    const { interpolant } = this.plan.solver;
    interpolationWeights(interpolant, theta, weights);
    const block = this.fresh();
    for (let j = 0; j < summed.length; j++) block[this.sumAt + j] = h * weights[summed[j]!]!;
    if (interpolant.endStage) this.bindStage(stages.length - 1, stages[stages.length - 1]!);
    this.runSum(this.y, into);
    // Elsewhere the end's slope is not known, has weight 0, and must not be a number that is not finite.
    if (interpolant.endStage) this.bindStage(stages.length - 1, stages[0]!);
  }

  /** A stage at y + the sum that the scalars describe. */
  private evaluate(i: number): void {
    const { stage } = this;
    const into = this.stages[i]!;
    for (let leaf = 0; leaf < into.length; leaf++) stage.bindOutput(leaf, into[leaf]!);
    stage.run();
  }

  /** f(t, .) where the stage's y is bound to now. */
  private evaluateAt(t: number, i: number): void {
    const block = this.fresh();
    block[0] = t;
    for (let j = 0; j < this.terms; j++) block[2 + j] = 0;
    this.evaluate(i);
  }

  /** f(t, y1). */
  private evaluateEnd(t: number, i: number): void {
    const { read, stage, terms, y1 } = this;
    for (let index = 0; index < read.length; index++)
      stage.bindInput(1 + terms + index, y1[read[index]!]!);
    this.evaluateAt(t, i);
  }

  /** The scaled error of the step from y to y1. */
  private estimate(h: number, errorWeights: readonly number[]): number {
    const { summed } = this;
    const block = this.fresh();
    for (let j = 0; j < summed.length; j++)
      block[this.sumAt + j] = h * (errorWeights[summed[j]!] ?? 0);
    this.runSum(this.origin, this.error);
    return this.measure(this.error, this.y1);
  }

  /** The norm of `error` over the tolerances at y and y1. */
  private measure(error: readonly Pointer[], y1: readonly Pointer[]): number {
    const { norm, y, leaves } = this;
    for (let leaf = 0; leaf < leaves; leaf++) {
      norm.bindInput(leaf, error[leaf]!);
      norm.bindInput(leaves + leaf, y[leaf]!);
      norm.bindInput(2 * leaves + leaf, y1[leaf]!);
    }
    norm.run();
    return this.fresh()[1]!;
  }

  /** 0 if y1 is finite. */
  private check(): number {
    const { norm, y1, leaves } = this;
    for (let leaf = 0; leaf < leaves; leaf++) norm.bindInput(leaf, y1[leaf]!);
    norm.run();
    return this.fresh()[1]!;
  }

  /** Adds the weighted stages to a state. */
  private runSum(from: readonly Pointer[], into: readonly Pointer[]): void {
    const { sum, summed, leaves } = this;
    for (let leaf = 0; leaf < leaves; leaf++) {
      sum.bindInput(summed.length + leaf, from[leaf]!);
      sum.bindOutput(leaf, into[leaf]!);
    }
    sum.run();
  }

  /** The stage reads y; slopes not known yet have weight 0, and y stands in for them. */
  private bindStageInputs(): void {
    const { stage, read, terms, y } = this;
    const count = read.length;
    for (let index = 0; index < count; index++) {
      const pointer = y[read[index]!]!;
      for (let j = 0; j <= terms; j++) stage.bindInput(1 + terms + j * count + index, pointer);
    }
  }

  /** From here on stages read the slope of stage i. */
  private bindTerm(i: number): void {
    const { stage, read, terms } = this;
    if (i >= terms) return;
    const slope = this.stages[i]!;
    for (let index = 0; index < read.length; index++)
      stage.bindInput(1 + terms + (i + 1) * read.length + index, slope[read[index]!]!);
  }

  /** The sum reads stage j there. */
  private bindStage(j: number, pointers: readonly Pointer[]): void {
    const { sum, leaves, summed } = this;
    const position = summed.indexOf(j);
    if (position === -1) return;
    const from = summed.length + leaves * (position + 1);
    for (let leaf = 0; leaf < leaves; leaf++) sum.bindInput(from + leaf, pointers[leaf]!);
  }

  /** Finds the stage that is not finite, and clears it and later ones: their values must not meet a weight of 0. */
  private noteBadStage(): void {
    const { stages, context, leafBytes } = this;
    const { state } = this.plan.field;
    this.badStage = undefined;
    for (let i = 0; i < stages.length; i++) {
      const finite = stages[i]!.every((pointer, leaf) =>
        context
          .view(state[leaf]!.dtype, pointer, sizeOf(state[leaf]!.shape))
          .every((value) => Number.isFinite(value)),
      );
      if (!finite) this.badStage ??= i + 1;
      if (i > 0 && !finite)
        stages[i]!.forEach((pointer, leaf) => context.fill(pointer, leafBytes[leaf]!));
    }
  }

  private fresh(): Float64Array {
    if (this.block.length === 0) this.refresh();
    return this.block;
  }

  private viewScalars(): Float64Array {
    return this.context.view("float64", this.scalars, this.scalarCount) as Float64Array;
  }
}
