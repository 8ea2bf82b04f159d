/**
 * @file Steppers of methods that are only written as tensors: the whole step is one compiled program. Nothing is fused by hand, so a
 * method that wants to be faster brings a stepper of its own (runge-kutta.ts).
 */
import type { HostContext, Pointer, Procedure } from "../ir/host.ts";
import { Layout } from "../ir/layout.ts";
import { inline } from "../autodiff/graph-derivatives.ts";
import { add, cast, sub } from "../ops/elementwise.ts";
import type { Field } from "./field.ts";
import type { ErrorScale } from "./norm.ts";
import { type PackedState, allocateState, packingOf } from "./packing.ts";
import {
  type Method,
  type StepGraph,
  StateStepper,
  type Stepper,
  beginGraph,
  carriedTypes,
  firstStepSize,
  isAdaptive,
  stepGraph,
  weightedSum,
} from "./stepper.ts";
import { interpolationWeights } from "./tableau.ts";

/** The stepper of a method on a field: the method's own, or its step compiled as it is. */
export function stepperOf(
  method: Method,
  context: HostContext,
  field: Field,
  scale: ErrorScale,
  name: string,
): Stepper {
  return (
    method.stepper?.(context, field, scale, name) ??
    new GraphStepper(context, method, field, scale, name)
  );
}

/** A compiled graph with its layout. */
interface Compiled {
  readonly written: StepGraph;
  readonly procedure: Procedure;
}

class GraphStepper extends StateStepper {
  readonly #allocate: () => PackedState;
  readonly #method: Method;
  readonly #field: Field;
  readonly #name: string;
  readonly #plain: Compiled;
  readonly #begin: Compiled | undefined;
  /** t and h of a step; then the weights of a state inside it. */
  readonly #scalars: Pointer;
  readonly #weights: Float64Array;
  #view: Float64Array = new Float64Array(0);
  #probe: ((t: number, h: number) => void) | undefined;
  #parameters: readonly Pointer[] = [];
  /** What states inside a step take; made when the first one is asked for. */
  #inside: { step: Compiled; slopes: Pointer[][]; end: PackedState } | undefined;
  #between: { sum: Procedure; start: { y: number; slopes: readonly number[] } } | undefined;
  #hasSlopes = false;

  constructor(context: HostContext, method: Method, field: Field, scale: ErrorScale, name: string) {
    const packing = packingOf(field.state);
    const read = field.state.map(() => true);
    const carries = carriedTypes(method, field);
    const allocate = (): PackedState => allocateState(context, packing, read, carries);
    super(context, field, scale, isAdaptive(method), name, allocate);
    this.#allocate = allocate;
    const count = method.interpolant.coefficients.length;
    this.#method = method;
    this.#field = field;
    this.#name = name;
    this.#scalars = context.allocate({ shape: [2 + count], dtype: "float64" });
    this.#weights = new Float64Array(count);
    this.#plain = this.#compile(stepGraph(method, field, false, this.isAdaptive), "step");
    const begin = beginGraph(method, field);
    this.#begin = begin && this.#compile(begin, "begin");
  }

  protected override bindParameters(parameters: readonly Pointer[]): void {
    this.#parameters = parameters;
    for (const compiled of [this.#plain, this.#begin, this.#inside?.step])
      if (compiled !== undefined) this.#bindTo(compiled);
  }

  prepare(t: number): void {
    if (this.#begin === undefined) return;
    this.t = t;
    this.h = 0;
    this.#run(this.#begin, [], this.now.carried);
  }

  firstStep(t: number, direction: number): number {
    this.prepare(t);
    const probe = (this.#probe ??= this.#makeProbe());
    const now = this.now;
    const d0 = this.norm.measure(now, now, now);
    probe(t, 0);
    const d1 = this.norm.measure(this.end, now, now);
    return firstStepSize(this.#method.order, d0, d1, (size) => {
      probe(t, direction * size);
      return this.norm.measure(this.error, now, now);
    });
  }

  step(t: number, h: number): number {
    this.t = t;
    this.h = h;
    this.#hasSlopes = false;
    const { outputs } = this.#plain.written;
    if (this.isAdaptive) this.#plain.procedure.bindOutputs(outputs.start.error, this.error.leaves);
    this.#run(this.#plain, this.end.leaves, this.end.carried);
    return this.measured();
  }

  interpolate(theta: number, into: readonly Pointer[]): void {
    const slopes = this.slopes();
    const { sum, start } = this.#sumOfSlopes();
    const weights = this.#weights;
    interpolationWeights(this.#method.interpolant, theta, weights);
    const view = this.#fresh();
    for (let j = 0; j < weights.length; j++) view[2 + j] = this.h * weights[j]!;
    sum.bindInputs(start.y, this.now.leaves);
    slopes.forEach((slope, j) => sum.bindInputs(start.slopes[j]!, slope));
    sum.bindOutputs(0, into);
    sum.run();
  }

  slopes(): readonly (readonly Pointer[])[] {
    const inside = (this.#inside ??= this.#makeInside());
    if (!this.#hasSlopes) {
      this.#hasSlopes = true;
      const { start } = inside.step.written.outputs;
      inside.slopes.forEach((slope, j) =>
        inside.step.procedure.bindOutputs(start.slopes[j]!, slope),
      );
      this.#run(inside.step, inside.end.leaves, inside.end.carried);
    }
    return inside.slopes;
  }

  #run(compiled: Compiled, y: readonly Pointer[], carried: readonly Pointer[]): void {
    const { procedure, written } = compiled;
    const { inputs, outputs, evaluations } = written;
    this.#setTimes(this.t, this.h);
    procedure.bindInputs(inputs.start.y, this.now.leaves);
    if (compiled !== this.#begin) procedure.bindInputs(inputs.start.carried, this.now.carried);
    procedure.bindOutputs(outputs.start.y, y);
    procedure.bindOutputs(outputs.start.carried, carried);
    procedure.run();
    this.evaluations += evaluations;
  }

  #setTimes(t: number, h: number): void {
    const view = this.#fresh();
    view[0] = t;
    view[1] = h;
  }

  /** Views of kernel memory do not survive its growth. */
  #fresh(): Float64Array {
    if (this.#view.length === 0)
      this.#view = this.context.view(
        "float64",
        this.#scalars,
        2 + this.#weights.length,
      ) as Float64Array;
    return this.#view;
  }

  #makeInside(): { step: Compiled; slopes: Pointer[][]; end: PackedState } {
    const { state } = this.#field;
    const written = stepGraph(this.#method, this.#field, true);
    const step = this.#compile(written, "step-with-slopes");
    const slopes = this.#method.interpolant.coefficients.map(() =>
      state.map((type) => this.context.allocate(type)),
    );
    this.#bindTo(step);
    return { step, slopes, end: this.#allocate() };
  }

  /** y + sum_j weights_j k_j, the weights float64. */
  #sumOfSlopes(): { sum: Procedure; start: { y: number; slopes: readonly number[] } } {
    if (this.#between !== undefined) return this.#between;
    const { state } = this.#field;
    const { coefficients } = this.#method.interpolant;
    const layout = new Layout({
      weights: coefficients.map(() => ({ shape: [], dtype: "float64" }) as const),
      y: state,
      slopes: coefficients.map(() => state),
    });
    const graph = layout.graph(({ weights, y, slopes }) =>
      y.map((leaf, index) =>
        weightedSum(
          leaf,
          weights.map((weight) => cast(weight, leaf.dtype)),
          slopes.map((slope) => slope[index]!),
        ),
      ),
    );
    const sum = this.context.compile(graph, `${this.#name}/inside`);
    sum.bindInputs(
      layout.start.weights,
      coefficients.map((_, j) => this.#scalars + 8 * (2 + j)),
    );
    return (this.#between = { sum, start: layout.start });
  }

  /** Writes f(t, y) to `next` and f(t + h, y + h f(t, y)) - f(t, y) to `error`. */
  #makeProbe(): (t: number, h: number) => void {
    const { state, parameters, graph: f, time } = this.#field;
    const scalar = { shape: [], dtype: "float64" } as const;
    const layout = new Layout({ t: scalar, h: scalar, y: state, parameters });
    const graph = layout.graph(({ t, h, y, parameters: given }) => {
      const first = inline(f, [cast(t, time.dtype), ...y, ...given]);
      const euler = y.map((leaf, index) => weightedSum(leaf, [1], [first[index]!], h));
      const later = inline(f, [cast(add(t, h), time.dtype), ...euler, ...given]);
      return [...first, ...later.map((slope, index) => sub(slope, first[index]!))];
    });
    const procedure = this.context.compile(graph, `${this.#name}/first-step`);
    return (t, h) => {
      this.#setTimes(t, h);
      procedure.bindInputs(layout.start.t, [this.#scalars, this.#scalars + 8]);
      procedure.bindInputs(layout.start.y, this.now.leaves);
      procedure.bindInputs(layout.start.parameters, this.#parameters);
      procedure.bindOutputs(0, [...this.end.leaves, ...this.error.leaves]);
      procedure.run();
      this.evaluations += 1;
    };
  }

  #compile(written: StepGraph, name: string): Compiled {
    const procedure = this.context.compile(written.graph, `${this.#name}/${name}`);
    const { t, h } = written.inputs.start;
    procedure.bindInput(t, this.#scalars);
    procedure.bindInput(h, this.#scalars + 8);
    return { written, procedure };
  }

  #bindTo({ written, procedure }: Compiled): void {
    procedure.bindInputs(written.inputs.start.parameters, this.#parameters);
  }
}
