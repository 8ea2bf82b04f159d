/**
 * @file Explicit Runge-Kutta methods. One step from (t, y) of size h is, for a tableau (a, b, c) with embedded weights b^,
 *   k_i = f(t + c_i h, y + h sum_{j<i} a_ij k_j),   y1 = y + h sum_i b_i k_i,   e = h sum_i (b_i - b^_i) k_i.
 * `takeStep` is these formulas. Tensors carry them out when a gradient differentiates a step, three compiled programs when a solve takes it.
 */
import { type TypedArray, kernelBytes } from "../ir/dtype.ts";
import { type Graph, type TensorType, typeOf } from "../ir/graph.ts";
import type { HostContext, Pointer, Procedure } from "../ir/host.ts";
import { Layout } from "../ir/layout.ts";
import { sizeOf } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { inline } from "../autodiff/graph-derivatives.ts";
import { zeros } from "../ops/creation.ts";
import { add, cast, mul } from "../ops/elementwise.ts";
import { type Field, leavesRead } from "./field.ts";
import type { ErrorScale } from "./norm.ts";
import { type PackedState, type Packing, allocateState, packingOf } from "./packing.ts";
import {
  type Method,
  type StepEnd,
  StateStepper,
  type StepStart,
  firstStepSize,
  weightedSum,
} from "./stepper.ts";
import { type Interpolant, type Tableau, interpolationWeights } from "./tableau.ts";

/** Who carries out the formulas of a step. */
interface Arithmetic {
  /** k_i = f(t + node h, y + h sum_j row_j k_j). */
  stage(i: number, node: number, row: readonly number[]): void;
  /** y1 = y + h sum_j weights_j k_j. */
  solution(weights: readonly number[]): void;
  /** k_i = f(t + h, y1). */
  endSlope(i: number): void;
}

/** One step. `known`: how many of the first stages are there already. `endSlope`: whether f(t + h, y1) is wanted. */
function takeStep(
  { a, b, c, stages, firstSameAsLast }: Tableau,
  known: number,
  endSlope: boolean,
  on: Arithmetic,
): void {
  const inner = firstSameAsLast ? stages - 1 : stages;
  for (let i = known; i < inner; i++) on.stage(i, c[i]!, a[i]!);
  on.solution(b);
  if (endSlope) on.endSlope(inner);
}

/** An explicit Runge-Kutta method from its tableau and continuous extension. */
export function explicitRungeKutta(
  name: string,
  tableau: Tableau,
  interpolant: Interpolant,
): RungeKuttaMethod {
  const { order, embedded, firstSameAsLast, stages } = tableau;
  const needsEndSlope = firstSameAsLast || interpolant.coefficients.length > stages;
  return {
    name,
    tableau,
    order,
    // The estimate is of the lower order of the two solutions.
    errorOrder: embedded && Math.min(order, embedded.order) + 1,
    interpolant,
    step: (start, _, inside) => stepOfTensors(tableau, start, inside && needsEndSlope),
    stepper: (context, field, scale, stepper) =>
      new RungeKuttaStepper(context, tableau, interpolant, field, scale, stepper),
  };
}

/** A method that has a tableau. */
export interface RungeKuttaMethod extends Method {
  readonly tableau: Tableau;
}

/** The step as tensors. Coefficients are constants here, so that their zeros cost nothing when it is differentiated. */
function stepOfTensors(tableau: Tableau, start: StepStart, endSlope: boolean): StepEnd {
  const { f, t, h, y, sum } = start;
  const k: (readonly Tensor[])[] = [];
  let y1 = y;
  const at = (node: number): Tensor => (node === 0 ? t : add(t, node === 1 ? h : mul(h, node)));
  takeStep(tableau, 0, endSlope, {
    stage: (i, node, row) => k.push(f(at(node), i === 0 ? y : sum(row, k))),
    solution: (weights) => (y1 = sum(weights.slice(0, k.length), k)),
    endSlope: () => k.push(f(at(1), y1)),
  });
  return { y: y1, slopes: k };
}

type List = readonly TensorType[];
type StageLayout = Layout<{
  t: TensorType;
  weights: readonly List[];
  y: List;
  slopes: readonly List[];
  parameters: List;
}>;
type SumLayout = Layout<{ weights: readonly List[]; y: List; slopes: readonly List[] }>;

const repeated = <T>(item: T, times: number): T[] => Array.from({ length: times }, () => item);
const scalars = (packing: Packing, count: number): List[] =>
  packing.packs.map(({ dtype }) => repeated({ shape: [], dtype }, count));

/**
 * A stage: f(t, y + sum_j weights_j k_j) for the leaves that f reads. The weights contain h, and each pack has its own, in its
 * dtype. The sum is added to y at once, so that float32 rounds it once.
 */
function stageGraph(layout: StageLayout, field: Field): Graph {
  const { leaves } = packingOf(field.state);
  const read = leavesRead(field);
  const places = [...field.state.keys()].filter((leaf) => read[leaf]);
  return layout.graph(({ t, weights, y, slopes, parameters }) => {
    const inner = field.state.map(({ shape, dtype }, leaf) => {
      const place = places.indexOf(leaf);
      if (place === -1) return zeros(shape, { dtype });
      return weightedSum(
        y[place]!,
        weights[leaves[leaf]!.pack]!,
        slopes.map((stage) => stage[place]!),
      );
    });
    return inline(field.graph, [cast(t, field.time.dtype), ...inner, ...parameters]);
  });
}

/** y + sum_j weights_j k_j, pack by pack; the weights contain h. */
function sumGraph(layout: SumLayout): Graph {
  return layout.graph(({ weights, y, slopes }) =>
    y.map((leaf, pack) =>
      weightedSum(
        leaf,
        weights[pack]!,
        slopes.map((stage) => stage[pack]!),
      ),
    ),
  );
}

/**
 * The compiled step. States and slopes have fixed places that exchange roles: a step writes y1 beside y, and accepting it exchanges the
 * two (and the first and last slopes). A step is a few calls of three programs - a stage, a weighted sum, a norm - whose weights are
 * computed here in double precision.
 */
class RungeKuttaStepper extends StateStepper implements Arithmetic {
  readonly #field: Field;
  readonly #tableau: Tableau;
  readonly #interpolant: Interpolant;
  readonly #slopes: PackedState[];
  readonly #stage: Procedure;
  readonly #stageAt: StageLayout["start"];
  /** How many slopes a stage can read: a last stage at y1 itself needs no sum. */
  readonly #terms: number;
  readonly #sum: Procedure;
  readonly #sumAt: SumLayout["start"];
  /** Which slopes the solution, its error estimate or a state inside a step is a sum of; and the position of each slope among them. */
  readonly #summed: readonly number[];
  /** The zeros that an error is added to. */
  readonly #origin: PackedState;
  /** Weights for each of the slopes summed, without h. */
  readonly #solution: readonly number[];
  readonly #estimate: readonly number[] | undefined;
  readonly #inside: number[];
  readonly #polynomials: Float64Array;
  readonly #time: Pointer;
  /** Weights of the stage, then those of the sum, in the dtype of each pack. */
  readonly #weightPlaces: readonly Pointer[];
  readonly #weightTypes: readonly TensorType[];
  #timeView: Float64Array = new Float64Array(0);
  #weights: TypedArray[] = [];
  /** Whether the end slope of the step tried last has been computed for states inside it. */
  #hasEndSlope = false;

  constructor(
    context: HostContext,
    tableau: Tableau,
    interpolant: Interpolant,
    field: Field,
    scale: ErrorScale,
    name: string,
  ) {
    const { state, parameters } = field;
    const packing = packingOf(state);
    const read = leavesRead(field);
    const allocate = (): PackedState => allocateState(context, packing, read);
    super(context, field, scale, tableau.errorWeights !== undefined, name, allocate);
    const { b, stages, errorWeights, firstSameAsLast } = tableau;
    const { coefficients } = interpolant;
    this.#field = field;
    this.#tableau = tableau;
    this.#interpolant = interpolant;
    this.#slopes = coefficients.map(allocate);
    this.#origin = allocate();
    const terms = (this.#terms = stages - (firstSameAsLast ? 2 : 1));
    const isUsed = (factor: number | undefined): boolean => (factor ?? 0) !== 0;
    const summed = (this.#summed = [...coefficients.keys()].filter(
      (j) => isUsed(b[j]) || isUsed(errorWeights?.[j]) || coefficients[j]!.some(isUsed),
    ));
    this.#solution = summed.map((j) => b[j] ?? 0);
    this.#estimate = errorWeights && summed.map((j) => errorWeights[j] ?? 0);
    this.#inside = summed.map(() => 0);
    this.#polynomials = new Float64Array(coefficients.length);
    this.#time = context.allocate({ shape: [], dtype: "float64" });
    this.#weightTypes = packing.packs.map(({ dtype }) => ({
      shape: [terms + summed.length],
      dtype,
    }));
    this.#weightPlaces = this.#weightTypes.map((type) => context.allocate(type));
    const leaves = state.filter((_, leaf) => read[leaf]).map(typeOf);
    const stageLayout: StageLayout = new Layout({
      t: { shape: [], dtype: "float64" } as TensorType,
      weights: scalars(packing, terms),
      y: leaves,
      slopes: repeated(leaves, terms),
      parameters,
    });
    const sumLayout: SumLayout = new Layout({
      weights: scalars(packing, summed.length),
      y: packing.packs,
      slopes: repeated(packing.packs, summed.length),
    });
    this.#stageAt = stageLayout.start;
    this.#sumAt = sumLayout.start;
    this.#stage = context.compile(stageGraph(stageLayout, field), `${name}/stage`);
    this.#sum = context.compile(sumGraph(sumLayout), `${name}/sum`);
    this.#stage.bindInput(this.#stageAt.t, this.#time);
    this.#weightPlaces.forEach((place, pack) => {
      const bytes = kernelBytes[this.#weightTypes[pack]!.dtype];
      const places = Array.from({ length: terms + summed.length }, (_, j) => place + bytes * j);
      this.#stage.bindInputs(this.#stageAt.weights[pack]!, places.slice(0, terms));
      this.#sum.bindInputs(this.#sumAt.weights[pack]!, places.slice(terms));
    });
    this.#slopes.forEach((slope, j) => this.#bindSum(j, slope));
    // Until the end slope is known it has weight 0, and must be finite: the first one stands in for it.
    if (this.#endSlopeIsExtra) this.#bindSum(stages, this.#slopes[0]!);
  }

  /** Whether states inside a step take the slope at its end although the method does not compute it. */
  get #endSlopeIsExtra(): boolean {
    return this.#slopes.length > this.#tableau.stages;
  }

  protected override bindParameters(parameters: readonly Pointer[]): void {
    this.#refresh();
    this.#stage.bindInputs(this.#stageAt.parameters, parameters);
  }

  /** f(t, y) is the first stage, if the last stage of a step is the next one's first. */
  prepare(t: number): void {
    if (this.#tableau.firstSameAsLast) this.#firstSlope(t);
  }

  firstStep(t: number, direction: number): number {
    this.#firstSlope(t);
    const now = this.now;
    // The slope after an Euler step goes to the place of a later stage.
    const later = this.#summed[this.#summed.length - 1]!;
    const d0 = this.norm.measure(now, now, now);
    const d1 = this.norm.measure(this.#slopes[0]!, now, now);
    const size = firstStepSize(this.#tableau.order, d0, d1, (h) => {
      this.#weigh(0, this.#terms, direction * h, [1]);
      this.#bindStageInputs();
      this.#bindTerm(0);
      this.#evaluate(t + direction * h, later);
      const change = this.#summed.map((j) => (j === 0 ? -1 : j === later ? 1 : 0));
      this.#sumUp(this.#origin, 1, change, this.error.packs);
      return this.norm.measure(this.error, now, now);
    });
    if (!(size > 0)) this.#noteBadStage();
    return size;
  }

  step(t: number, h: number): number {
    const { firstSameAsLast } = this.#tableau;
    this.t = t;
    this.h = h;
    this.#hasEndSlope = firstSameAsLast;
    this.#bindStageInputs();
    if (firstSameAsLast) this.#bindTerm(0);
    takeStep(this.#tableau, firstSameAsLast ? 1 : 0, firstSameAsLast, this);
    const error = this.#errorOfStep();
    if (!(error - error === 0)) this.#noteBadStage();
    return error;
  }

  stage(i: number, node: number, row: readonly number[]): void {
    this.#weigh(0, this.#terms, this.h, row);
    this.#evaluate(this.t + node * this.h, i);
    this.#bindTerm(i);
  }

  solution(): void {
    this.#sumUp(this.now, this.h, this.#solution, this.end.packs);
  }

  endSlope(i: number): void {
    this.#stage.bindInputs(this.#stageAt.y, this.end.read);
    this.#evaluateAt(this.t + this.h, i);
  }

  override accept(): void {
    super.accept();
    if (!this.#tableau.firstSameAsLast) return;
    const slopes = this.#slopes;
    const last = this.#tableau.stages - 1;
    const carried = slopes[last]!;
    slopes[last] = slopes[0]!;
    slopes[0] = carried;
    this.#bindSum(0, carried);
    this.#bindSum(last, slopes[last]!);
  }

  interpolate(theta: number, into: readonly Pointer[]): void {
    this.#completeSlopes();
    const polynomials = this.#polynomials;
    const inside = this.#inside;
    const summed = this.#summed;
    const slopes = this.#slopes;
    const last = slopes.length - 1;
    interpolationWeights(this.#interpolant, theta, polynomials);
    for (let j = 0; j < summed.length; j++) inside[j] = polynomials[summed[j]!]!;
    if (this.#endSlopeIsExtra) this.#bindSum(last, slopes[last]!);
    const isPacked = this.#weightTypes.length === into.length;
    this.#sumUp(this.now, this.h, inside, isPacked ? into : this.error.packs);
    if (!isPacked) this.copyLeaves(into, this.error.leaves);
    if (this.#endSlopeIsExtra) this.#bindSum(last, slopes[0]!);
  }

  slopes(): readonly (readonly Pointer[])[] {
    this.#completeSlopes();
    return this.#slopes.map(({ leaves }) => leaves);
  }

  #completeSlopes(): void {
    if (this.#hasEndSlope || !this.#endSlopeIsExtra) return;
    this.#hasEndSlope = true;
    this.#bindStageInputs();
    this.endSlope(this.#tableau.stages);
  }

  #firstSlope(t: number): void {
    this.#bindStageInputs();
    this.#evaluateAt(t, 0);
  }

  #errorOfStep(): number {
    if (this.#estimate !== undefined)
      this.#sumUp(this.#origin, this.h, this.#estimate, this.error.packs);
    return this.measured();
  }

  /** Slope i is f(t, y + the sum that the weights describe). */
  #evaluate(t: number, i: number): void {
    this.#stage.bindOutputs(0, this.#slopes[i]!.leaves);
    if (this.#timeView.length === 0) this.#refresh();
    this.#timeView[0] = t;
    this.#stage.run();
    this.evaluations += 1;
  }

  /** f(t, .) of the y that the stage is bound to. */
  #evaluateAt(t: number, i: number): void {
    this.#weigh(0, this.#terms, 0, []);
    this.#evaluate(t, i);
  }

  /** A state plus `h` times the weighted slopes. */
  #sumUp(from: PackedState, h: number, weights: readonly number[], into: readonly Pointer[]): void {
    this.#weigh(this.#terms, weights.length, h, weights);
    this.#sum.bindInputs(this.#sumAt.y, from.packs);
    this.#sum.bindOutputs(0, into);
    this.#sum.run();
  }

  /** Sets `count` weights from place `first` on: h times the row, and 0 beyond its end. */
  #weigh(first: number, count: number, h: number, row: readonly number[]): void {
    if (this.#weights[0]!.length === 0) this.#refresh();
    for (const weights of this.#weights)
      for (let j = 0; j < count; j++) weights[first + j] = j < row.length ? h * row[j]! : 0;
  }

  /** The stage reads y; slopes not known yet have weight 0, and y stands in for them. */
  #bindStageInputs(): void {
    const { read } = this.now;
    this.#stage.bindInputs(this.#stageAt.y, read);
    for (let j = 0; j < this.#terms; j++) this.#stage.bindInputs(this.#stageAt.slopes[j]!, read);
  }

  /** From here on stages read slope i. */
  #bindTerm(i: number): void {
    if (i < this.#terms) this.#stage.bindInputs(this.#stageAt.slopes[i]!, this.#slopes[i]!.read);
  }

  /** The sum reads slope j there. */
  #bindSum(j: number, { packs }: PackedState): void {
    const position = this.#summed.indexOf(j);
    if (position !== -1) this.#sum.bindInputs(this.#sumAt.slopes[position]!, packs);
  }

  /** Finds the stage that is not finite, and clears it and later ones: their values must not meet a weight of 0. */
  #noteBadStage(): void {
    const { state } = this.#field;
    const isFinite = (pointer: Pointer, leaf: number): boolean =>
      this.context
        .view(state[leaf]!.dtype, pointer, sizeOf(state[leaf]!.shape))
        .every((value) => Number.isFinite(value));
    this.badStage = undefined;
    this.#slopes.forEach(({ leaves }, i) => {
      if (leaves.every(isFinite)) return;
      this.badStage ??= i + 1;
      if (i > 0)
        leaves.forEach((pointer, leaf) => this.context.fill(pointer, this.leafBytes[leaf]!));
    });
  }

  /** Views of kernel memory do not survive its growth. */
  #refresh(): void {
    this.#timeView = this.context.view("float64", this.#time, 1) as Float64Array;
    this.#weights = this.#weightPlaces.map((place, pack) => {
      const { dtype, shape } = this.#weightTypes[pack]!;
      return this.context.view(dtype, place, sizeOf(shape)) as TypedArray;
    });
  }
}
