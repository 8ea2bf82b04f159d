/**
 * @file Walks over recorded steps from the last to the first, with the state at the start of each: read where it was kept,
 * computed again from the nearest kept one elsewhere, in levels. Level 0 lies between states of the trail, level 1 between
 * those of level 0, and so on; each has as many places as the trail.
 */
import type { HostContext, Pointer, Procedure } from "../../ir/host.ts";
import { bytesOf } from "../machine.ts";
import { type StepPlan, wholeStepGraph } from "../step-graphs.ts";
import { bindInputs, bindOutputs } from "./step-back.ts";
import { type Trail, allocateBytes } from "./trail.ts";

/** Called for each step with the state at its start, a pointer a leaf. */
export type Visit = (step: number, y: readonly Pointer[]) => void;

interface Level {
  readonly places: readonly Pointer[];
  /** For states that only lead on to kept ones, in turn. */
  readonly passing: readonly (readonly Pointer[])[];
}

export class Rewind {
  /** Evaluations of f that went into states computed again. */
  evaluations = 0;
  private readonly context: HostContext;
  private readonly plan: StepPlan;
  private readonly limit: number;
  private readonly bytes: readonly number[];
  private readonly levels: Level[] = [];
  private scalars: Pointer | undefined;
  private forward: Procedure | undefined;
  private parameters: readonly Pointer[] = [];

  /** `limit`: states a level. */
  constructor(context: HostContext, plan: StepPlan, limit: number) {
    this.context = context;
    this.plan = plan;
    this.limit = limit;
    this.bytes = plan.field.state.map(bytesOf);
  }

  /** Visits all steps of a trail, last to first. */
  run(trail: Trail, parameters: readonly Pointer[], visit: Visit): void {
    this.evaluations = 0;
    this.parameters = parameters;
    const { stride, count } = trail;
    for (let from = Math.floor((count - 1) / stride) * stride; from >= 0; from -= stride) {
      const y = this.bytes.map((_, leaf) => trail.state(from, leaf));
      this.part(trail, from, Math.min(count, from + stride), y, 0, visit);
    }
  }

  /** Visits steps [from, to), the state at `from` lying at `y`. */
  private part(
    trail: Trail,
    from: number,
    to: number,
    y: readonly Pointer[],
    depth: number,
    visit: Visit,
  ): void {
    const length = to - from;
    if (length === 1) return visit(from, y);
    const stride = Math.ceil(length / this.limit);
    const parts = Math.ceil(length / stride);
    const { places, passing } = this.level(depth);
    const kept = (index: number): Pointer[] =>
      places.map((place, leaf) => place + index * this.bytes[leaf]!);
    let previous = y;
    for (let step = 1; step <= (parts - 1) * stride; step++) {
      const target = step % stride === 0 ? kept(step / stride - 1) : passing[step % 2]!;
      this.advance(trail, from + step - 1, previous, target);
      previous = target;
    }
    for (let index = parts - 1; index >= 0; index--) {
      const start = from + index * stride;
      const state = index === 0 ? y : kept(index - 1);
      this.part(trail, start, Math.min(to, start + stride), state, depth + 1, visit);
    }
  }

  private advance(trail: Trail, step: number, y: readonly Pointer[], to: readonly Pointer[]): void {
    const { context, plan, parameters } = this;
    this.scalars ??= context.allocate({ shape: [2], dtype: "float64" });
    if (this.forward === undefined) {
      this.forward = context.compile(wholeStepGraph(plan, false), "discrete/forward");
      bindInputs(this.forward, 0, [this.scalars, this.scalars + 8]);
    }
    const block = context.view("float64", this.scalars, 2);
    block[0] = trail.t[step]!;
    block[1] = trail.h[step]!;
    bindInputs(this.forward, 2, y);
    bindInputs(this.forward, 2 + y.length, parameters);
    bindOutputs(this.forward, 0, to);
    this.forward.run();
    const { stages, firstSameAsLast } = plan.solver.tableau;
    this.evaluations += stages - (firstSameAsLast ? 1 : 0);
  }

  private level(depth: number): Level {
    const state = (): Pointer[] => this.plan.field.state.map((type) => this.context.allocate(type));
    return (this.levels[depth] ??= {
      places: this.bytes.map((size) => allocateBytes(this.context, size * (this.limit - 1))),
      passing: [state(), state()],
    });
  }
}
