/**
 * @file The compiled step with its state in kernel memory. States and stages have fixed places that change roles: a step
 * writes y1 beside y, and accepting it exchanges the two (and the first and last slopes). Nothing is allocated on the way.
 * A step is a few calls of three programs (step-graphs.ts), their weights computed here in double precision.
 */
import { type TypedArray, kernelBytes } from "../ir/dtype.ts";
import type { TensorType } from "../ir/graph.ts";
import type { HostContext, Pointer, Procedure } from "../ir/host.ts";
import { power } from "../base/power.ts";
import { sizeOf } from "../ir/shape.ts";
import { leavesRead } from "./field.ts";
import { interpolationWeights } from "./interpolant.ts";
import { type PackedState, type Packing, allocateState, packingOf } from "./packing.ts";
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
  /** Slopes of the step last run, the first at (t, y). */
  readonly stages: PackedState[];
  readonly leafBytes: readonly number[];
  /** The first stage (from 1) of the step last tried that had a value that is not finite, if any. */
  badStage: number | undefined;
  private readonly context: HostContext;
  private readonly packing: Packing;
  /** The present state, and that after the step last run. */
  private now: PackedState;
  private next: PackedState;
  private readonly stage: Procedure;
  private readonly terms: number;
  private readonly sum: Procedure;
  private readonly summed: readonly number[];
  private readonly norm: Procedure;
  /** The error estimate or a state inside a step, and the zeros that an error is added to. */
  private readonly spare: PackedState;
  private readonly origin: PackedState;
  /** t, and the norm. */
  private readonly scalars: Pointer;
  /** Weights of the stage, then those of the sum, in the dtype of each pack. */
  private readonly weightPlaces: readonly Pointer[];
  private readonly weightTypes: readonly TensorType[];
  /** Weights over h, one for each of the stages summed: of the solution, of its error, and of a state inside the step. */
  private readonly solution: readonly number[];
  private readonly estimate: readonly number[] | undefined;
  private readonly inside: number[];
  private readonly polynomials: Float64Array;
  private block!: Float64Array;
  private weights!: TypedArray[];

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
    this.packing = packingOf(state);
    const read = leavesRead(plan.field);
    const allocate = (): PackedState => allocateState(context, this.packing, read);
    this.now = allocate();
    this.next = allocate();
    this.stages = Array.from({ length: interpolant.stages }, allocate);
    this.spare = allocate();
    this.origin = allocate();
    this.terms = stageTerms(plan.solver);
    this.summed = summedStages(plan.solver);
    const { b, errorWeights } = tableau;
    this.solution = this.summed.map((j) => b[j] ?? 0);
    this.estimate = errorWeights && this.summed.map((j) => errorWeights[j] ?? 0);
    this.inside = this.summed.map(() => 0);
    this.polynomials = new Float64Array(interpolant.stages);
    this.scalars = context.allocate({ shape: [2], dtype: "float64" });
    this.weightTypes = this.packing.packs.map(({ dtype }) => ({
      shape: [this.terms + this.summed.length],
      dtype,
    }));
    this.weightPlaces = this.weightTypes.map((type) => context.allocate(type));
    this.stage = context.compile(stageGraph(plan), `${name}/stage`);
    this.stage.bindInput(0, this.scalars);
    this.sum = context.compile(sumGraph(plan), `${name}/sum`);
    this.weightPlaces.forEach((place, pack) => {
      const bytes = kernelBytes[this.weightTypes[pack]!.dtype];
      for (let j = 0; j < this.terms; j++)
        this.stage.bindInput(1 + pack * this.terms + j, place + bytes * j);
      for (let j = 0; j < this.summed.length; j++)
        this.sum.bindInput(this.sumInput(pack, j), place + bytes * (this.terms + j));
    });
    this.norm = context.compile(
      this.adaptive ? normGraph(plan) : finiteGraph(plan),
      `${name}/norm`,
    );
    this.norm.bindOutput(0, this.scalars + 8);
    this.refresh();
    for (let j = 0; j < this.stages.length; j++) this.bindStage(j, this.stages[j]!);
    if (interpolant.endStage) this.bindStage(tableau.stages, this.stages[0]!);
  }

  /** Present state, a pointer a leaf. */
  get y(): readonly Pointer[] {
    return this.now.leaves;
  }

  /** State after the step last run. */
  get y1(): readonly Pointer[] {
    return this.next.leaves;
  }

  /** Sets out from a copy of a state; parameters and extras stay bound until the next call. */
  begin(y: readonly Pointer[], parameters: readonly Pointer[]): void {
    this.refresh();
    this.copyLeaves(this.y, y);
    const count = this.plan.field.parameters.length;
    const afterStates = this.firstState + this.now.read.length * (1 + this.terms);
    this.stage.bindInputs(afterStates, parameters.slice(0, count));
    if (this.adaptive) this.norm.bindInputs(3 * this.packing.packs.length, parameters.slice(count));
  }

  /** Views of kernel memory do not survive its growth: called where memory may have grown. */
  refresh(): void {
    const { context, weightPlaces, weightTypes } = this;
    this.block = context.view("float64", this.scalars, 2) as Float64Array;
    this.weights = weightPlaces.map((place, pack) =>
      context.view(weightTypes[pack]!.dtype, place, sizeOf(weightTypes[pack]!.shape)),
    );
  }

  /**
   * Computes f(t, y) and a first step size, not signed (Hairer, Norsett and Wanner I, section II.4): two evaluations. The
   * size is NaN where f is not finite.
   */
  start(t: number, direction: number): number {
    this.evaluateSlope(t);
    const { now, stages, summed, terms, plan } = this;
    const { order } = plan.solver.tableau;
    const d0 = this.measure(now, now);
    const d1 = this.measure(stages[0]!, now);
    const h0 = d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : (0.01 * d0) / d1;
    // One Euler step of that size, to see how f changes; its slope in the place of a later stage.
    const later = summed[summed.length - 1]!;
    this.weigh(0, terms, direction * h0, [1]);
    this.bindStageInputs();
    this.bindTerm(0);
    this.evaluate(t + direction * h0, later);
    const change = summed.map((j) => (j === 0 ? -1 : j === later ? 1 : 0));
    this.sumUp(this.origin, 1, change, this.spare.packs);
    const d2 = this.measure(this.spare, now) / h0;
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
    const { terms, estimate } = this;
    const { a, c, stages } = this.plan.solver.tableau;
    this.bindStageInputs();
    if (this.needsSlope) this.bindTerm(0);
    const inner = this.needsSlope ? stages - 1 : stages;
    for (let i = this.needsSlope ? 1 : 0; i < inner; i++) {
      this.weigh(0, terms, h, a[i]!);
      this.evaluate(t + c[i]! * h, i);
      this.bindTerm(i);
    }
    this.sumUp(this.now, h, this.solution, this.next.packs);
    if (this.needsSlope) this.evaluateEnd(t + h, inner);
    let error: number;
    if (estimate === undefined) error = this.check();
    else {
      this.sumUp(this.origin, h, estimate, this.spare.packs);
      error = this.measure(this.spare, this.next);
    }
    if (!(error - error === 0)) this.noteBadStage();
    return error;
  }

  /** Takes y1 for y. */
  accept(): void {
    [this.now, this.next] = [this.next, this.now];
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
    const { polynomials, inside, summed, stages, packing, spare } = this;
    const { interpolant } = this.plan.solver;
    interpolationWeights(interpolant, theta, polynomials);
    for (let j = 0; j < summed.length; j++) inside[j] = polynomials[summed[j]!]!;
    if (interpolant.endStage) this.bindStage(stages.length - 1, stages[stages.length - 1]!);
    const direct = packing.packs.length === into.length;
    this.sumUp(this.now, h, inside, direct ? into : spare.packs);
    if (!direct) this.copyLeaves(into, spare.leaves);
    // Elsewhere the end's slope is not known, has weight 0, and must not be a number that is not finite.
    if (interpolant.endStage) this.bindStage(stages.length - 1, stages[0]!);
  }

  /** Stage i, at time t and y + the sum that the weights describe. */
  private evaluate(t: number, i: number): void {
    this.stage.bindOutputs(0, this.stages[i]!.leaves);
    this.fresh()[0] = t;
    this.stage.run();
  }

  /** f(t, .) where the stage's y is bound to now. */
  private evaluateAt(t: number, i: number): void {
    this.weigh(0, this.terms, 0, []);
    this.evaluate(t, i);
  }

  /** f(t, y1). */
  private evaluateEnd(t: number, i: number): void {
    this.stage.bindInputs(this.firstState, this.next.read);
    this.evaluateAt(t, i);
  }

  /** The norm of `error` over the tolerances at y and y1. */
  private measure(error: PackedState, y1: PackedState): number {
    const { norm, now } = this;
    const count = now.packs.length;
    norm.bindInputs(0, error.packs);
    norm.bindInputs(count, now.packs);
    norm.bindInputs(2 * count, y1.packs);
    norm.run();
    return this.fresh()[1]!;
  }

  /** 0 if y1 is finite. */
  private check(): number {
    this.norm.bindInputs(0, this.next.packs);
    this.norm.run();
    return this.fresh()[1]!;
  }

  /** A state plus `h` times the weighted stages. */
  private sumUp(
    { packs }: PackedState,
    h: number,
    weights: readonly number[],
    into: readonly Pointer[],
  ): void {
    const { sum, summed, terms } = this;
    this.weigh(terms, summed.length, h, weights);
    for (let pack = 0; pack < packs.length; pack++) {
      sum.bindInput(this.sumInput(pack, summed.length), packs[pack]!);
      sum.bindOutput(pack, into[pack]!);
    }
    sum.run();
  }

  /** Where a pack's inputs of the sum stand: its weights, its state, then the stages. */
  private sumInput(pack: number, index: number): number {
    return pack * (2 * this.summed.length + 1) + index;
  }

  /** Where the stage's state stands, after t and the weights. */
  private get firstState(): number {
    return 1 + this.terms * this.weightPlaces.length;
  }

  /** Sets `count` weights from place `first` on: h times the row, and 0 beyond its end. */
  private weigh(first: number, count: number, h: number, row: readonly number[]): void {
    if (this.weights[0]!.length === 0) this.refresh();
    for (const weights of this.weights)
      for (let j = 0; j < count; j++) weights[first + j] = j < row.length ? h * row[j]! : 0;
  }

  private copyLeaves(to: readonly Pointer[], from: readonly Pointer[]): void {
    for (let leaf = 0; leaf < to.length; leaf++)
      if (to[leaf] !== from[leaf]) this.context.copy(to[leaf]!, from[leaf]!, this.leafBytes[leaf]!);
  }

  /** The stage reads y; slopes not known yet have weight 0, and y stands in for them. */
  private bindStageInputs(): void {
    const { stage, terms, firstState, now } = this;
    for (let j = 0; j <= terms; j++) stage.bindInputs(firstState + j * now.read.length, now.read);
  }

  /** From here on stages read the slope of stage i. */
  private bindTerm(i: number): void {
    if (i >= this.terms) return;
    const { read } = this.stages[i]!;
    this.stage.bindInputs(this.firstState + (i + 1) * read.length, read);
  }

  /** The sum reads stage j there. */
  private bindStage(j: number, { packs }: PackedState): void {
    const { sum, summed } = this;
    const position = summed.indexOf(j);
    if (position === -1) return;
    packs.forEach((pointer, pack) =>
      sum.bindInput(this.sumInput(pack, summed.length + 1 + position), pointer),
    );
  }

  /** Finds the stage that is not finite, and clears it and later ones: their values must not meet a weight of 0. */
  private noteBadStage(): void {
    const { stages, context, leafBytes } = this;
    const { state } = this.plan.field;
    this.badStage = undefined;
    for (let i = 0; i < stages.length; i++) {
      const finite = stages[i]!.leaves.every((pointer, leaf) =>
        context
          .view(state[leaf]!.dtype, pointer, sizeOf(state[leaf]!.shape))
          .every((value) => Number.isFinite(value)),
      );
      if (!finite) this.badStage ??= i + 1;
      if (i > 0 && !finite)
        stages[i]!.leaves.forEach((pointer, leaf) => context.fill(pointer, leafBytes[leaf]!));
    }
  }

  private fresh(): Float64Array {
    if (this.block.length === 0) this.refresh();
    return this.block;
  }
}
