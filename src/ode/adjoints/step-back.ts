/**
 * @file Steps run backward: holds the adjoint and the parameters' gradients, takes in outputs' cotangents, and pulls both
 * through one step at a time. Outputs inside a step pull on its stages: y + h sum_j b_j(theta) k_j is linear in them.
 */
import type { TensorType } from "../../ir/graph.ts";
import type { HostContext, Pointer, Procedure } from "../../ir/host.ts";
import { interpolationWeights } from "../interpolant.ts";
import { bytesOf } from "../machine.ts";
import type { StepPlan } from "../step-graphs.ts";
import { pullGraph, stepBackGraph } from "./discrete-graphs.ts";
import { addElements } from "./jump.ts";

/** Binds pointers to inputs one after another. */
export function bindInputs(procedure: Procedure, from: number, pointers: readonly Pointer[]): void {
  for (let index = 0; index < pointers.length; index++)
    procedure.bindInput(from + index, pointers[index]!);
}

/** Binds pointers to outputs one after another. */
export function bindOutputs(
  procedure: Procedure,
  from: number,
  pointers: readonly Pointer[],
): void {
  for (let index = 0; index < pointers.length; index++)
    procedure.bindOutput(from + index, pointers[index]!);
}

/** Two sets of places for values that each step makes anew from the last ones. */
class Alternating {
  now: Pointer[];
  next: Pointer[];
  private readonly context: HostContext;
  private readonly bytes: readonly number[];

  constructor(context: HostContext, types: readonly TensorType[]) {
    this.context = context;
    this.bytes = types.map(bytesOf);
    this.now = types.map((type) => context.allocate(type));
    this.next = types.map((type) => context.allocate(type));
  }

  clear(): void {
    this.now.forEach((pointer, index) => this.context.fill(pointer, this.bytes[index]!));
  }

  exchange(): void {
    const { now } = this;
    this.now = this.next;
    this.next = now;
  }

  copyTo(places: readonly Pointer[]): void {
    this.now.forEach((pointer, index) =>
      this.context.copy(places[index]!, pointer, this.bytes[index]!),
    );
  }
}

/** A backward pass over steps, from the last to the first. */
export class StepBack {
  /** Evaluations of f with their vector-Jacobian products. */
  evaluations = 0;
  steps = 0;
  private readonly context: HostContext;
  private readonly plan: StepPlan;
  private readonly wanted: readonly number[];
  private readonly scalars: Pointer;
  private readonly weights: Float64Array;
  private readonly adjoint: Alternating;
  private readonly gradients: Alternating;
  /** Cotangents of y and of every stage from the outputs inside the present step. */
  private readonly pulls: Alternating;
  private pulled = false;
  private parameters: readonly Pointer[] = [];
  private plain: Procedure | undefined;
  private inside: Procedure | undefined;
  private pullProcedure: Procedure | undefined;

  /** `wanted`: the parameters whose gradients are summed up. */
  constructor(context: HostContext, plan: StepPlan, wanted: readonly number[]) {
    const { state, parameters } = plan.field;
    const { stages } = plan.solver.interpolant;
    this.context = context;
    this.plan = plan;
    this.wanted = wanted;
    this.weights = new Float64Array(stages);
    this.scalars = context.allocate({ shape: [2 + stages], dtype: "float64" });
    this.adjoint = new Alternating(context, state);
    this.gradients = new Alternating(
      context,
      wanted.map((index) => parameters[index]!),
    );
    this.pulls = new Alternating(context, Array.from({ length: stages + 1 }, () => state).flat());
  }

  /** Starts at the end, with nothing but zeros. */
  begin(parameters: readonly Pointer[]): void {
    this.parameters = parameters;
    this.evaluations = this.steps = 0;
    this.pulled = false;
    this.adjoint.clear();
    this.gradients.clear();
  }

  /** Adds the cotangent of the state at the end of the step that is next to be walked back. */
  addCotangent(cotangent: readonly Pointer[]): void {
    const { state } = this.plan.field;
    for (let leaf = 0; leaf < state.length; leaf++) {
      const place = this.adjoint.now[leaf]!;
      addElements(this.context, state[leaf]!, place, place, cotangent[leaf]!);
    }
  }

  /** Adds the cotangent of the state at theta inside the step of size h that is next to be walked back. */
  addInside(cotangent: readonly Pointer[], theta: number, h: number): void {
    const { context, plan, pulls, scalars, weights } = this;
    const { interpolant } = plan.solver;
    if (!this.pulled) pulls.clear();
    this.pulled = true;
    let procedure = this.pullProcedure;
    if (procedure === undefined) {
      procedure = this.pullProcedure = context.compile(pullGraph(plan), "discrete/pull");
      for (let j = 0; j < interpolant.stages; j++) procedure.bindInput(j, scalars + 8 * (2 + j));
    }
    interpolationWeights(interpolant, theta, weights);
    const block = context.view("float64", scalars, 2 + weights.length);
    for (let j = 0; j < weights.length; j++) block[2 + j] = h * weights[j]!;
    bindInputs(procedure, interpolant.stages, cotangent);
    bindInputs(procedure, interpolant.stages + cotangent.length, pulls.now);
    bindOutputs(procedure, 0, pulls.next);
    procedure.run();
    pulls.exchange();
  }

  /** Walks back over the step of size h from (t, y), with the outputs added since the last one. */
  back(t: number, h: number, y: readonly Pointer[]): void {
    const { context, plan, adjoint, gradients, pulls, pulled, parameters } = this;
    const procedure = this.procedure(pulled);
    const block = context.view("float64", this.scalars, 2);
    block[0] = t;
    block[1] = h;
    let next = 2;
    for (const pointers of [y, parameters, adjoint.now, pulled ? pulls.now : [], gradients.now]) {
      bindInputs(procedure, next, pointers);
      next += pointers.length;
    }
    bindOutputs(procedure, 0, adjoint.next);
    bindOutputs(procedure, adjoint.next.length, gradients.next);
    procedure.run();
    adjoint.exchange();
    gradients.exchange();
    const { tableau, interpolant } = plan.solver;
    this.steps += 1;
    this.evaluations += pulled
      ? interpolant.stages
      : tableau.stages - (tableau.firstSameAsLast ? 1 : 0);
    this.pulled = false;
  }

  /** Copies out the adjoint, then the gradients. */
  copyTo(places: readonly Pointer[]): void {
    this.adjoint.copyTo(places);
    this.gradients.copyTo(places.slice(this.adjoint.now.length));
  }

  /** A step without outputs inside, or one with: each compiled when the first such step comes. */
  private procedure(withOutputs: boolean): Procedure {
    const known = withOutputs ? this.inside : this.plain;
    if (known !== undefined) return known;
    const made = this.context.compile(
      stepBackGraph(this.plan, this.wanted, withOutputs),
      withOutputs ? "discrete/step-with-outputs" : "discrete/step",
    );
    made.bindInput(0, this.scalars);
    made.bindInput(1, this.scalars + 8);
    if (withOutputs) this.inside = made;
    else this.plain = made;
    return made;
  }
}
