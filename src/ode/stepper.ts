/**
 * @file What advances a solve. A `Method` is what `method` names: its step, written once with tensors, which every gradient mode
 * differentiates. A `Stepper` is that step compiled, with its state in kernel memory; the loop, trails and backward solves see
 * nothing else. Steppers follow from methods (graph-stepper.ts); a method may bring a faster one of its own (runge-kutta.ts).
 */
import { type Graph, type TensorType, typeOf } from "../ir/graph.ts";
import type { HostContext, Pointer } from "../ir/host.ts";
import { Layout } from "../ir/layout.ts";
import type { Tensor } from "../ir/tensor.ts";
import { inline } from "../autodiff/graph-derivatives.ts";
import { power } from "../base/power.ts";
import { add, cast, mul } from "../ops/elementwise.ts";
import type { Field } from "./field.ts";
import { ErrorNorm, type ErrorScale } from "./norm.ts";
import { type PackedState, sizeInBytes } from "./packing.ts";
import type { Interpolant } from "./tableau.ts";

/** dy/dt at (t, y), leaf by leaf; t is a float64 scalar. Each call counts as one evaluation of f. */
export type Slope = (t: Tensor, y: readonly Tensor[]) => readonly Tensor[];

/** What a step sets out from, as tensors. */
export interface StepStart {
  readonly f: Slope;
  /** Start and signed size of the step: float64 scalars. */
  readonly t: Tensor;
  readonly h: Tensor;
  /** The leaves of y, and whatever the method carries from step to step. */
  readonly y: readonly Tensor[];
  readonly carried: readonly Tensor[];
  /** y + h sum_j weights_j slopes_j, leaf by leaf. */
  sum(weights: readonly number[], slopes: readonly (readonly Tensor[])[]): Tensor[];
}

/** What a step ends in, as tensors. */
export interface StepEnd {
  readonly y: readonly Tensor[];
  readonly carried?: readonly Tensor[];
  /** Estimate of the error of y, leaf by leaf; left out by methods of fixed steps. */
  readonly error?: readonly Tensor[] | undefined;
  /** The slopes of the interpolant, each leaf by leaf. Read only if `inside` asked for them. */
  readonly slopes?: readonly (readonly Tensor[])[];
}

/** A way to advance a solve. */
export interface Method {
  readonly name: string;
  /** Order of the solution. */
  readonly order: number;
  /** q if the method estimates its error as O(h^q), and so can choose its steps; undefined for fixed steps. */
  readonly errorOrder: number | undefined;
  readonly interpolant: Interpolant;
  /** Writes one step. `inside`: outputs lie inside the step, so that the slopes of the interpolant are wanted too. */
  step(start: StepStart, field: Field, inside: boolean): StepEnd;
  /** What the method carries from step to step beside y, as it is at the first step; left out if that is nothing. */
  begin?(f: Slope, t: Tensor, y: readonly Tensor[], field: Field): readonly Tensor[];
  /** Throws ArgumentError naming `who` if the method cannot solve this field. */
  check?(who: string, field: Field, paths: readonly string[]): void;
  /** A stepper of its own; without one the step's graph is compiled as it is. `name` appears in the names of kernels. */
  stepper?(context: HostContext, field: Field, scale: ErrorScale, name: string): Stepper;
}

/** A compiled step. It allocates nothing while it runs. */
export interface Stepper {
  /** Where the next step sets out: the leaves of y, then what the method carries from step to step. Trails keep copies of it. */
  readonly state: readonly Pointer[];
  /** The same at the end of the step tried last. */
  readonly next: readonly Pointer[];
  /** Evaluations of f so far. Whoever counts them may set it. */
  evaluations: number;
  /** The first stage (from 1) of the step tried last that had a value that is not finite, if the method can tell. */
  readonly badStage: number | undefined;
  /** Sets out from a copy of y; parameters and extras stay bound until the next call. */
  begin(y: readonly Pointer[], parameters: readonly Pointer[], extras: readonly Pointer[]): void;
  /** Computes what the first step from (t, y) needs. */
  prepare(t: number): void;
  /** As `prepare`, and returns the size of the first step: not signed, NaN or 0 if f is not finite. Adaptive methods only. */
  firstStep(t: number, direction: number): number;
  /** One step from (t, y). Returns the scaled error (0 if there is no estimate), NaN if anything is not finite. */
  step(t: number, h: number): number;
  /** The state at t + theta h of the step tried last, written to `into` leaf by leaf. */
  interpolate(theta: number, into: readonly Pointer[]): void;
  /** The slopes of the interpolant in the step tried last, each leaf by leaf. */
  slopes(): readonly (readonly Pointer[])[];
  /** Takes `next` for `state`. */
  accept(): void;
}

/** Whether a method estimates its error, and so can choose its steps. */
export function isAdaptive(method: Method): boolean {
  return method.errorOrder !== undefined;
}

/**
 * y + h sum_j weights_j k_j for one tensor of a state: the sum behind stages, solutions, error estimates and interpolants. Weights of 0
 * are left out. Without `h` the weights contain it already.
 */
export function weightedSum(
  y: Tensor,
  weights: readonly (number | Tensor)[],
  k: readonly Tensor[],
  h?: Tensor,
): Tensor {
  let total: Tensor | undefined;
  weights.forEach((weight, j) => {
    if (weight === 0) return;
    const term = weight === 1 ? k[j]! : mul(k[j]!, weight);
    total = total === undefined ? term : add(total, term);
  });
  if (total === undefined) return y;
  return add(y, h === undefined ? total : mul(cast(h, y.dtype), total));
}

const time: TensorType = { shape: [], dtype: "float64" };

type List = readonly TensorType[];

/**
 * A step of a method on a field, or its beginning, as a graph. A beginning writes what the first step carries: it has no y among its
 * outputs, nothing carried among its inputs, and does not read h.
 */
export interface StepGraph {
  readonly graph: Graph;
  readonly inputs: Layout<{
    t: TensorType;
    h: TensorType;
    y: List;
    carried: List;
    parameters: List;
  }>;
  readonly outputs: Layout<{ y: List; carried: List; error: List; slopes: readonly List[] }>;
  /** Evaluations of f in it. */
  readonly evaluations: number;
}

function written(
  field: Field,
  carried: List,
  write: (start: StepStart) => readonly Tensor[],
): Omit<StepGraph, "outputs"> {
  const { state, parameters } = field;
  const inputs = new Layout({ t: time, h: time, y: state, carried, parameters });
  let evaluations = 0;
  const graph = inputs.graph(({ parameters: values, ...start }) => {
    const f: Slope = (t, y) => {
      evaluations += 1;
      return inline(field.graph, [cast(t, field.time.dtype), ...y, ...values]);
    };
    const sum: StepStart["sum"] = (weights, slopes) =>
      start.y.map((leaf, index) =>
        weightedSum(
          leaf,
          weights,
          slopes.map((slope) => slope[index]!),
          start.h,
        ),
      );
    return write({ ...start, f, sum });
  });
  return { graph, inputs, evaluations };
}

/** The graph of what a method carries at the first step; undefined if that is nothing. */
export function beginGraph(method: Method, field: Field): StepGraph | undefined {
  if (method.begin === undefined) return undefined;
  const begin = written(field, [], ({ f, t, y }) => method.begin!(f, t, y, field));
  const carried = begin.graph.outputs.map(typeOf);
  const outputs: StepGraph["outputs"] = new Layout({ y: [], carried, error: [], slopes: [] });
  return { ...begin, outputs };
}

/** Types of what a method carries from step to step beside y. */
export function carriedTypes(method: Method, field: Field): List {
  return beginGraph(method, field)?.outputs.types ?? [];
}

/** The graph of one step. `inside`: with the slopes of the interpolant; `withError`: with the error estimate. */
export function stepGraph(
  method: Method,
  field: Field,
  inside: boolean,
  withError = false,
): StepGraph {
  const { state } = field;
  const carried = carriedTypes(method, field);
  const step = written(field, carried, (start) => {
    const end = method.step(start, field, inside);
    const error = withError ? (end.error ?? []) : [];
    const slopes = inside ? (end.slopes ?? []) : [];
    return [...end.y, ...(end.carried ?? []), ...error, ...slopes.flat()];
  });
  const slopes = inside ? method.interpolant.coefficients.map(() => state) : [];
  const error = withError ? state : [];
  return { ...step, outputs: new Layout({ y: state, carried, error, slopes }) };
}

/**
 * The size of a first step, not signed (Hairer, Norsett and Wanner I, section II.4), for an estimate O(h^order): `d0` and `d1` are the
 * scaled norms of y and of f(t, y); `change` gives that of f(t + h, y + h f(t, y)) - f(t, y) for a step of size h. NaN or 0 if f is
 * not finite.
 */
export function firstStepSize(
  order: number,
  d0: number,
  d1: number,
  change: (size: number) => number,
): number {
  const h0 = d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : (0.01 * d0) / d1;
  const d2 = change(h0) / h0;
  const largest = Math.max(d1, d2);
  const h1 = largest <= 1e-15 ? Math.max(1e-6, 1e-3 * h0) : 1 / power(100 * largest, 1 / order);
  return Math.min(100 * h0, h1);
}

/**
 * What compiled steps share: the states at both ends of a step, which exchange places when it is accepted, and the measure of its
 * error.
 */
export abstract class StateStepper implements Stepper {
  evaluations = 0;
  badStage: number | undefined;
  protected now: PackedState;
  protected end: PackedState;
  /** The error estimate of a step; once it is measured the place is free for other states. */
  protected readonly error: PackedState;
  protected readonly norm: ErrorNorm;
  protected readonly isAdaptive: boolean;
  /** Start and size of the step tried last. */
  protected t = 0;
  protected h = 0;
  protected readonly context: HostContext;
  protected readonly leafBytes: readonly number[];

  /** `allocate` makes room for a state. */
  constructor(
    context: HostContext,
    { state }: Field,
    scale: ErrorScale,
    isAdaptive: boolean,
    name: string,
    allocate: () => PackedState,
  ) {
    this.context = context;
    this.leafBytes = state.map(sizeInBytes);
    this.now = allocate();
    this.end = allocate();
    this.error = allocate();
    this.isAdaptive = isAdaptive;
    this.norm = new ErrorNorm(context, state, scale, isAdaptive, name);
  }

  get state(): readonly Pointer[] {
    return this.now.all;
  }

  get next(): readonly Pointer[] {
    return this.end.all;
  }

  begin(y: readonly Pointer[], parameters: readonly Pointer[], extras: readonly Pointer[]): void {
    this.copyLeaves(this.now.leaves, y);
    this.bindParameters(parameters);
    if (this.isAdaptive) this.norm.begin(extras);
  }

  accept(): void {
    [this.now, this.end] = [this.end, this.now];
  }

  /** The scaled error of the step tried last; without an estimate 0 if its end is finite. */
  protected measured(): number {
    return this.isAdaptive
      ? this.norm.measure(this.error, this.now, this.end)
      : this.norm.check(this.end);
  }

  protected copyLeaves(to: readonly Pointer[], from: readonly Pointer[]): void {
    for (let leaf = 0; leaf < this.leafBytes.length; leaf++)
      if (to[leaf] !== from[leaf]) this.context.copy(to[leaf]!, from[leaf]!, this.leafBytes[leaf]!);
  }

  protected abstract bindParameters(parameters: readonly Pointer[]): void;
  abstract prepare(t: number): void;
  abstract firstStep(t: number, direction: number): number;
  abstract step(t: number, h: number): number;
  abstract interpolate(theta: number, into: readonly Pointer[]): void;
  abstract slopes(): readonly (readonly Pointer[])[];
}
