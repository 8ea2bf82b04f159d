/**
 * @file The compiled step with its state in kernel memory. State and slope have two places each; a step writes from one to
 * the other, and accepting it exchanges them: no copy, no allocation. Everything here is called once or a few times a step.
 */
import type { TensorType } from "../ir/graph.ts";
import type { HostContext, Pointer, Procedure } from "../ir/host.ts";
import { kernelBytes } from "../ir/dtype.ts";
import { sizeOf } from "../ir/shape.ts";
import { interpolationWeights } from "./interpolant.ts";
import { isAdaptive } from "./solver.ts";
import {
  type StepPlan,
  interpolationGraph,
  keptStages,
  slopeGraph,
  startGraph,
  stepGraph,
} from "./step-graphs.ts";

/** Places in the block of float64 scalars. */
const scalar = { t: 0, h: 1, direction: 2, first: 3, error: 4, weights: 5 } as const;

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
  /** Present state, a pointer a leaf. */
  readonly y: Pointer[];
  /** State after the step last run. */
  readonly y1: Pointer[];
  /** f(t, y), and f at the end of the step (first same as last only). */
  readonly slope: Pointer[];
  readonly slope1: Pointer[];
  readonly leafBytes: readonly number[];
  private readonly context: HostContext;
  private readonly places: readonly (readonly [Pointer, Pointer])[];
  private readonly slopePlaces: readonly (readonly [Pointer, Pointer])[];
  /** Kept stages after one another, each a pointer a leaf. */
  private readonly kept: readonly Pointer[];
  private readonly endSlope: readonly Pointer[];
  private readonly scalars: Pointer;
  private readonly weights: Float64Array;
  private readonly stepProcedure: Procedure;
  private readonly keepsStages: boolean;
  private readonly carried: boolean;
  private startProcedure: Procedure | undefined;
  private slopeProcedure: Procedure | undefined;
  private interpolation: Procedure | undefined;
  private parameters: readonly Pointer[] = [];
  private block: Float64Array;

  /** `keepStages`: whether states inside a step will be asked for. `name` appears in the names of kernels. */
  constructor(context: HostContext, plan: StepPlan, keepStages: boolean, name: string) {
    const { state } = plan.field;
    const { tableau, interpolant } = plan.solver;
    this.context = context;
    this.plan = plan;
    this.adaptive = isAdaptive(plan.solver);
    this.carried = tableau.firstSameAsLast;
    this.keepsStages = keepStages;
    this.evaluationsPerStep = tableau.stages - (this.carried ? 1 : 0);
    this.leafBytes = state.map(bytesOf);
    this.scalars = context.allocate({
      shape: [scalar.weights + interpolant.stages],
      dtype: "float64",
    });
    this.weights = new Float64Array(interpolant.stages);
    this.block = this.viewScalars();
    this.places = state.map((type) => [context.allocate(type), context.allocate(type)] as const);
    this.slopePlaces = state.map(
      (type) => [context.allocate(type), context.allocate(type)] as const,
    );
    this.y = this.places.map(([place]) => place);
    this.y1 = this.places.map(([, place]) => place);
    this.slope = this.slopePlaces.map(([place]) => place);
    this.slope1 = this.slopePlaces.map(([, place]) => place);
    this.kept = keepStages
      ? Array.from({ length: keptStages(plan.solver) }, () =>
          state.map((type) => context.allocate(type)),
        ).flat()
      : [];
    this.endSlope =
      keepStages && interpolant.endStage ? state.map((type) => context.allocate(type)) : [];
    this.stepProcedure = context.compile(stepGraph(plan, keepStages), `${name}/step`);
    this.stepProcedure.bindInput(0, this.at(scalar.t));
    this.stepProcedure.bindInput(1, this.at(scalar.h));
    const leaves = state.length;
    const errorOutput = leaves * (this.carried ? 2 : 1);
    this.stepProcedure.bindOutput(errorOutput, this.at(scalar.error));
    this.kept.forEach((pointer, index) =>
      this.stepProcedure.bindOutput(errorOutput + 1 + index, pointer),
    );
  }

  /** Leaves of the state. */
  get leaves(): number {
    return this.leafBytes.length;
  }

  /** Sets out from a state, which is read where it lies; parameters and extras stay bound until the next call. */
  begin(y: readonly Pointer[], parameters: readonly Pointer[]): void {
    this.refresh();
    this.parameters = parameters;
    const leaves = y.length;
    for (let leaf = 0; leaf < leaves; leaf++) {
      const [first, second] = this.places[leaf]!;
      this.y[leaf] = y[leaf]!;
      this.y1[leaf] = y[leaf] === first ? second : first;
      this.stepProcedure.bindInput(2 + leaf, this.y[leaf]!);
      this.stepProcedure.bindOutput(leaf, this.y1[leaf]!);
      if (this.carried) {
        this.stepProcedure.bindInput(2 + leaves + leaf, this.slope[leaf]!);
        this.stepProcedure.bindOutput(leaves + leaf, this.slope1[leaf]!);
      }
    }
    const before = 2 + leaves * (this.carried ? 2 : 1);
    for (let index = 0; index < parameters.length; index++)
      this.stepProcedure.bindInput(before + index, parameters[index]!);
  }

  /** Where the parameters lie that f reads. */
  get boundParameters(): readonly Pointer[] {
    return this.parameters.slice(0, this.plan.field.parameters.length);
  }

  /** Views of kernel memory do not survive its growth: called where memory may have grown. */
  refresh(): void {
    this.block = this.viewScalars();
  }

  /** Computes f(t, y) and a first step size. Two evaluations. */
  start(t: number, direction: number): number {
    let procedure = this.startProcedure;
    if (procedure === undefined) {
      procedure = this.startProcedure = this.context.compile(startGraph(this.plan), "ode/start");
      procedure.bindInput(0, this.at(scalar.t));
      procedure.bindInput(1, this.at(scalar.direction));
      procedure.bindOutput(this.leaves, this.at(scalar.first));
      this.refresh();
    }
    for (let leaf = 0; leaf < this.leaves; leaf++) {
      procedure.bindInput(2 + leaf, this.y[leaf]!);
      procedure.bindOutput(leaf, this.slope[leaf]!);
    }
    for (let index = 0; index < this.parameters.length; index++)
      procedure.bindInput(2 + this.leaves + index, this.parameters[index]!);
    this.block[scalar.t] = t;
    this.block[scalar.direction] = direction;
    procedure.run();
    return this.fresh()[scalar.first]!;
  }

  /** Whether a step must be given f(t, y). */
  get needsSlope(): boolean {
    return this.carried;
  }

  /** Computes f(t, y) into `slope`, one evaluation. */
  evaluateSlope(t: number): void {
    this.evaluate(t, this.y, this.slope);
  }

  private evaluate(t: number, y: readonly Pointer[], into: readonly Pointer[]): void {
    let procedure = this.slopeProcedure;
    if (procedure === undefined) {
      procedure = this.slopeProcedure = this.context.compile(slopeGraph(this.plan), "ode/slope");
      procedure.bindInput(0, this.at(scalar.t));
      this.refresh();
    }
    for (let leaf = 0; leaf < this.leaves; leaf++) {
      procedure.bindInput(1 + leaf, y[leaf]!);
      procedure.bindOutput(leaf, into[leaf]!);
    }
    const count = this.plan.field.parameters.length;
    for (let index = 0; index < count; index++)
      procedure.bindInput(1 + this.leaves + index, this.parameters[index]!);
    this.fresh()[scalar.t] = t;
    procedure.run();
  }

  /** One step from (t, y) to y1. Returns the scaled error (0 where there is no estimate), NaN if anything is not finite. */
  step(t: number, h: number): number {
    const block = this.block.length === 0 ? this.fresh() : this.block;
    block[scalar.t] = t;
    block[scalar.h] = h;
    this.stepProcedure.run();
    return (this.block.length === 0 ? this.fresh() : this.block)[scalar.error]!;
  }

  /** Takes y1 for y. */
  accept(): void {
    const { y, y1, slope, slope1, stepProcedure, places } = this;
    const leaves = y.length;
    for (let leaf = 0; leaf < leaves; leaf++) {
      const place = places[leaf]!;
      const now = y1[leaf]!;
      const next = now === place[0] ? place[1] : place[0];
      y[leaf] = now;
      y1[leaf] = next;
      stepProcedure.bindInput(2 + leaf, now);
      stepProcedure.bindOutput(leaf, next);
      if (this.carried) {
        const carried = slope1[leaf]!;
        slope1[leaf] = slope[leaf]!;
        slope[leaf] = carried;
        stepProcedure.bindInput(2 + leaves + leaf, carried);
        stepProcedure.bindOutput(leaves + leaf, slope1[leaf]!);
      }
    }
  }

  /** Whether `prepareInterpolation` evaluates f. */
  get interpolationNeedsSlope(): boolean {
    return this.plan.solver.interpolant.endStage;
  }

  /** Once a step, before states inside it are asked for and before it is accepted. `t1` is the step's end. */
  prepareInterpolation(t1: number): void {
    if (this.interpolationNeedsSlope) this.evaluate(t1, this.y1, this.endSlope);
    let procedure = this.interpolation;
    const { stages } = this.plan.solver.interpolant;
    const { leaves } = this;
    if (procedure === undefined) {
      if (!this.keepsStages) throw new Error("this step keeps no stages");
      procedure = this.interpolation = this.context.compile(
        interpolationGraph(this.plan),
        "ode/interpolate",
      );
      for (let j = 0; j < stages; j++) procedure.bindInput(j, this.at(scalar.weights + j));
      this.refresh();
    }
    for (let leaf = 0; leaf < leaves; leaf++) {
      procedure.bindInput(stages + leaf, this.y[leaf]!);
      for (let j = 0; j < stages; j++)
        procedure.bindInput(stages + leaves * (j + 1) + leaf, this.stage(j, leaf));
    }
  }

  /** Where stage j of the interpolant lies, counted from 0. */
  stage(j: number, leaf: number): Pointer {
    const { stages } = this.plan.solver.tableau;
    if (this.carried) {
      if (j === 0) return this.slope[leaf]!;
      if (j === stages - 1) return this.slope1[leaf]!;
      return this.kept[(j - 1) * this.leaves + leaf]!;
    }
    return j === stages ? this.endSlope[leaf]! : this.kept[j * this.leaves + leaf]!;
  }

  /** The state at t + theta h, written to `into`. */
  interpolate(theta: number, h: number, into: readonly Pointer[]): void {
    const { weights } = this;
    const procedure = this.interpolation!;
    interpolationWeights(this.plan.solver.interpolant, theta, weights);
    const block = this.fresh();
    for (let j = 0; j < weights.length; j++) block[scalar.weights + j] = h * weights[j]!;
    for (let leaf = 0; leaf < into.length; leaf++) procedure.bindOutput(leaf, into[leaf]!);
    procedure.run();
  }

  private at(index: number): Pointer {
    return this.scalars + 8 * index;
  }

  private fresh(): Float64Array {
    if (this.block.length === 0) this.refresh();
    return this.block;
  }

  private viewScalars(): Float64Array {
    return this.context.view(
      "float64",
      this.scalars,
      scalar.weights + this.weights.length,
    ) as Float64Array;
  }
}
