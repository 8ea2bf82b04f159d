/**
 * @file Steps run backward: holds the adjoint and the parameters' gradients, takes in outputs' cotangents, and pulls both
 * through one step at a time. Outputs inside a step pull on its slopes: y + h sum_j b_j(theta) k_j is linear in them.
 */
import { type Graph, type TensorType, typeOf } from "../../ir/graph.ts";
import type { HostContext, Pointer, Procedure } from "../../ir/host.ts";
import { Layout } from "../../ir/layout.ts";
import { sizeOf } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { vjpGraph } from "../../autodiff/graph-derivatives.ts";
import { add, cast, mul } from "../../ops/elementwise.ts";
import { orZeros } from "../derivatives.ts";
import type { Field } from "../field.ts";
import { sizeInBytes } from "../packing.ts";
import { type Method, type StepGraph, beginGraph, carriedTypes, stepGraph } from "../stepper.ts";
import { interpolationWeights } from "../tableau.ts";

type List = readonly TensorType[];
type Pulls = { readonly y: List; readonly slopes: readonly List[] };

const scalar: TensorType = { shape: [], dtype: "float64" };

/** into = a + b, element by element, each sum rounded once. `into` may be `a`. Too small a program to compile one for. */
export function addElements(
  context: HostContext,
  type: TensorType,
  into: Pointer,
  a: Pointer,
  b: Pointer,
): void {
  const size = sizeOf(type.shape);
  const [sum, x, y] = [into, a, b].map((pointer) => context.view(type.dtype, pointer, size)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let index = 0; index < size; index++) sum[index] = x[index]! + y[index]!;
}

const sumOf = (total: Tensor | undefined, part: Tensor | undefined): Tensor | undefined =>
  total === undefined || part === undefined ? (total ?? part) : add(total, part);

/** What one step backward takes beside t, h and the step's start. */
type BackLayout = Layout<{
  t: TensorType;
  h: TensorType;
  y: List;
  carried: List;
  parameters: List;
  /** Cotangents of the state at the step's end. */
  adjoint: List;
  /** Cotangents of y and of each slope from outputs inside the step. */
  pulls: List;
  /** Gradients of the wanted parameters so far. */
  gradients: List;
}>;

/**
 * A step (or the beginning of all) backward: the cotangents of the state at its start, and the gradients with its part added. What a
 * beginning carries depends on a y that goes on besides, so its own cotangent is added.
 */
function stepBackGraph(layout: BackLayout, step: StepGraph, wanted: readonly number[]): Graph {
  const types = layout.split(layout.types);
  const leaves = types.y.length;
  const isInside = types.pulls.length > 0;
  const isBegin = step.outputs.start.carried === 0;
  const pulled = new Layout({
    y: isInside ? types.y : [],
    slopes: types.pulls.slice(isInside ? leaves : 0),
  });
  const wrt = step.inputs.join({
    t: false,
    h: false,
    y: types.y.map(() => true),
    carried: types.carried.map(() => true),
    parameters: types.parameters.map((_, index) => wanted.includes(index)),
  });
  return layout.graph((given) => {
    const pulls = pulled.split(given.pulls);
    const cotangents = [...given.adjoint.slice(isBegin ? leaves : 0), ...pulls.slopes];
    const start = step.inputs.join(given);
    const found = step.inputs.split(vjpGraph(step.graph, start, wrt).pullback(cotangents));
    const besides = isBegin ? given.adjoint : pulls.y;
    const y = found.y.map((leaf, index) => sumOf(leaf, besides[index]));
    return [
      ...orZeros([...y, ...found.carried], types.adjoint),
      ...wanted.map((index, i) => sumOf(given.gradients[i], found.parameters[index])!),
    ];
  });
}

/** Adds what an output inside a step pulls on y and on each slope to the pulls so far. */
function pullGraph(
  layout: Layout<{ weights: List; cotangent: List; y: List; slopes: readonly List[] }>,
  isUsed: readonly boolean[],
): Graph {
  return layout.graph(({ weights, cotangent, y, slopes }) => [
    ...y.map((sum, leaf) => add(sum, cotangent[leaf]!)),
    ...slopes.flatMap((slope, j) =>
      slope.map((sum, leaf) => {
        const by = cotangent[leaf]!;
        return isUsed[j] ? add(sum, mul(by, cast(weights[j]!, by.dtype))) : sum;
      }),
    ),
  ]);
}

/** Two sets of places for values that each step makes anew from the last ones. */
class Alternating {
  now: Pointer[];
  next: Pointer[];
  readonly #context: HostContext;
  readonly #bytes: readonly number[];

  constructor(context: HostContext, types: List) {
    this.#context = context;
    this.#bytes = types.map(sizeInBytes);
    this.now = types.map((type) => context.allocate(type));
    this.next = types.map((type) => context.allocate(type));
  }

  clear(): void {
    this.now.forEach((pointer, index) => this.#context.fill(pointer, this.#bytes[index]!));
  }

  exchange(): void {
    const { now } = this;
    this.now = this.next;
    this.next = now;
  }

  /** Copies the first values out, as many as there are places. */
  copyTo(places: readonly Pointer[]): void {
    places.forEach((place, index) =>
      this.#context.copy(place, this.now[index]!, this.#bytes[index]!),
    );
  }
}

interface CompiledBack {
  readonly layout: BackLayout;
  readonly procedure: Procedure;
  readonly evaluations: number;
}

/** A backward pass over steps, from the last to the first. */
export class StepBack {
  /** Evaluations of f with their vector-Jacobian products. */
  evaluations = 0;
  steps = 0;
  readonly #context: HostContext;
  readonly #method: Method;
  readonly #field: Field;
  readonly #wanted: readonly number[];
  readonly #scalars: Pointer;
  readonly #weights: Float64Array;
  readonly #adjoint: Alternating;
  readonly #gradients: Alternating;
  readonly #pullTypes: Layout<Pulls>;
  /** Cotangents of y and of every slope from the outputs inside the present step. */
  readonly #pulls: Alternating;
  #isPulled = false;
  #parameters: readonly Pointer[] = [];
  #plain: CompiledBack | undefined;
  #inside: CompiledBack | undefined;
  #begin: CompiledBack | undefined;
  #pull: ((weights: Float64Array, h: number, cotangent: readonly Pointer[]) => void) | undefined;

  /** `wanted`: the parameters whose gradients are summed up. */
  constructor(context: HostContext, method: Method, field: Field, wanted: readonly number[]) {
    const { state, parameters } = field;
    const { coefficients } = method.interpolant;
    this.#context = context;
    this.#method = method;
    this.#field = field;
    this.#wanted = wanted;
    this.#weights = new Float64Array(coefficients.length);
    this.#scalars = context.allocate({ shape: [2 + coefficients.length], dtype: "float64" });
    this.#adjoint = new Alternating(context, [...state, ...carriedTypes(method, field)]);
    this.#gradients = new Alternating(
      context,
      wanted.map((index) => parameters[index]!),
    );
    this.#pullTypes = new Layout({ y: state, slopes: coefficients.map(() => state) });
    this.#pulls = new Alternating(context, this.#pullTypes.types);
  }

  /** Starts at the end, with nothing but zeros. */
  begin(parameters: readonly Pointer[]): void {
    this.#parameters = parameters;
    this.evaluations = this.steps = 0;
    this.#isPulled = false;
    this.#adjoint.clear();
    this.#gradients.clear();
  }

  /** Adds the cotangent of y at the end of the step that is next to be walked back. */
  addCotangent(cotangent: readonly Pointer[]): void {
    const { state } = this.#field;
    for (let leaf = 0; leaf < state.length; leaf++) {
      const place = this.#adjoint.now[leaf]!;
      addElements(this.#context, state[leaf]!, place, place, cotangent[leaf]!);
    }
  }

  /** Adds the cotangent of y at theta inside the step of size h that is next to be walked back. */
  addInside(cotangent: readonly Pointer[], theta: number, h: number): void {
    if (!this.#isPulled) this.#pulls.clear();
    this.#isPulled = true;
    interpolationWeights(this.#method.interpolant, theta, this.#weights);
    (this.#pull ??= this.#compilePull())(this.#weights, h, cotangent);
  }

  /** Walks back over the step of size h from (t, state), with the outputs added since the last one. */
  back(t: number, h: number, state: readonly Pointer[]): void {
    const step = this.#isPulled
      ? (this.#inside ??= this.#compile(
          stepGraph(this.#method, this.#field, true),
          "step-with-outputs",
        ))
      : (this.#plain ??= this.#compile(stepGraph(this.#method, this.#field, false), "step"));
    if (this.#isPulled) step.procedure.bindInputs(step.layout.start.pulls, this.#pulls.now);
    this.#run(step, t, h, state);
    this.steps += 1;
    this.#isPulled = false;
  }

  /** Ends at (t0, y0): what the method carries there depends on y0 and the parameters. */
  finish(t0: number, y0: readonly Pointer[]): void {
    if (this.#method.begin === undefined) return;
    this.#begin ??= this.#compile(beginGraph(this.#method, this.#field)!, "begin");
    this.#run(this.#begin, t0, 0, y0);
  }

  #run(
    { layout, procedure, evaluations }: CompiledBack,
    t: number,
    h: number,
    y: readonly Pointer[],
  ): void {
    const adjoint = this.#adjoint;
    const gradients = this.#gradients;
    const { start } = layout;
    const block = this.#context.view("float64", this.#scalars, 2);
    block[0] = t;
    block[1] = h;
    procedure.bindInputs(start.y, y);
    procedure.bindInputs(start.parameters, this.#parameters);
    procedure.bindInputs(start.adjoint, adjoint.now);
    procedure.bindInputs(start.gradients, gradients.now);
    procedure.bindOutputs(0, adjoint.next);
    procedure.bindOutputs(adjoint.next.length, gradients.next);
    procedure.run();
    adjoint.exchange();
    gradients.exchange();
    this.evaluations += evaluations;
  }

  /** Copies out the adjoint of y, and the gradients. */
  copyTo(adjoint: readonly Pointer[], gradients: readonly Pointer[]): void {
    this.#adjoint.copyTo(adjoint);
    this.#gradients.copyTo(gradients);
  }

  #compile(step: StepGraph, name: string): CompiledBack {
    const { y, carried, parameters } = step.inputs.split(step.inputs.types);
    const isInside = step.outputs.split(step.outputs.types).slopes.length > 0;
    const layout: BackLayout = new Layout({
      t: scalar,
      h: scalar,
      y,
      carried,
      parameters,
      adjoint: [...this.#field.state, ...carriedTypes(this.#method, this.#field)].map(typeOf),
      pulls: isInside ? this.#pullTypes.types : [],
      gradients: this.#wanted.map((index) => parameters[index]!),
    });
    const procedure = this.#context.compile(
      stepBackGraph(layout, step, this.#wanted),
      `discrete/${name}`,
    );
    procedure.bindInput(layout.start.t, this.#scalars);
    procedure.bindInput(layout.start.h, this.#scalars + 8);
    return { layout, procedure, evaluations: step.evaluations };
  }

  #compilePull(): (weights: Float64Array, h: number, cotangent: readonly Pointer[]) => void {
    const { y, slopes } = this.#pullTypes.split(this.#pullTypes.types);
    const layout = new Layout({ weights: slopes.map(() => scalar), cotangent: y, y, slopes });
    const isUsed = this.#method.interpolant.coefficients.map((row) =>
      row.some((factor) => factor !== 0),
    );
    const procedure = this.#context.compile(pullGraph(layout, isUsed), "discrete/pull");
    const places = slopes.map((_, j) => this.#scalars + 8 * (2 + j));
    procedure.bindInputs(layout.start.weights, places);
    return (weights, h, cotangent) => {
      const block = this.#context.view("float64", this.#scalars, 2 + weights.length);
      for (let j = 0; j < weights.length; j++) block[2 + j] = h * weights[j]!;
      procedure.bindInputs(layout.start.cotangent, cotangent);
      procedure.bindInputs(layout.start.y, this.#pulls.now);
      procedure.bindOutputs(0, this.#pulls.next);
      procedure.run();
      this.#pulls.exchange();
    };
  }
}
