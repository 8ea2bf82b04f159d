/**
 * @file Schedules a loop nest for 128-bit SIMD: the axis that lanes run along, the order of the loops, how deep each
 * instruction belongs, where each reduction is accumulated, and which strided loads are gathered first.
 */
import { kernelBytes } from "../../../ir/dtype.ts";
import type { Instruction, LoopNest, Reduction, Store } from "../../../ir/kernel.ts";
import type { Value } from "../../../ir/graph.ts";
import { mapViews, workOf, lanesOfFolds, operandsOf } from "./nests.ts";

/**
 * Where a reduction lives while it grows. `register`: the reduced loops are the innermost ones, from loop `from` on.
 * `output`: in the output itself, lanes side by side. `lanes`: a vector for each output in scratch memory, summed up at the end.
 */
export type Accumulation =
  | { readonly kind: "register"; readonly from: number }
  | { readonly kind: "output" }
  | { readonly kind: "lanes" };

export interface ScheduledReduction extends Reduction {
  readonly accumulation: Accumulation;
}

/** A nest with loops in the order they will run, outermost first. */
export interface Schedule {
  readonly extents: readonly number[];
  /** Which loop the lanes run along; -1 in a nest without loops. */
  readonly vector: number;
  readonly lanes: 2 | 4;
  readonly body: readonly Instruction[];
  /** How many loops enclose each instruction. */
  readonly depth: readonly number[];
  readonly stores: readonly Store[];
  readonly reductions: readonly ScheduledReduction[];
}

/** Nests whose data stay in the first-level cache may walk memory in any order. */
const cacheBytes = 48 * 1024;

/** Best after `mergeAxes`. */
export function schedule(nest: LoopNest): Schedule {
  const lanes = usesDoubles(nest) ? 2 : 4;
  const order = loopOrder(nest, lanes);
  const position = (axis: number): number => order.axes.indexOf(axis);
  const nested = reorder(nest, order.axes);
  const depth: number[] = [];
  for (const instruction of nested.body) depth.push(depthOf(instruction, depth));
  const reductions = nested.reductions.map((reduction) => ({
    ...reduction,
    accumulation: accumulationOf(reduction.axes, order.axes.length, position(order.vector)),
  }));
  return {
    extents: nested.extents,
    vector: order.vector < 0 ? -1 : position(order.vector),
    lanes,
    body: nested.body,
    depth,
    stores: nested.stores,
    reductions,
  };
}

function usesDoubles(nest: LoopNest): boolean {
  return nest.body.some((instruction) => instruction.dtype === "float64");
}

function reorder(nest: LoopNest, order: readonly number[]): LoopNest {
  return mapViews(
    nest,
    order.map((axis) => nest.extents[axis]!),
    (view) => ({ ...view, strides: order.map((axis) => view.strides[axis]!) }),
    (axes) => axes.map((axis) => order.indexOf(axis)).sort((a, b) => a - b),
  );
}

/** Rough cost of an instruction for one vector: what lanes along an axis are worth depends on how it is loaded. */
function cost(instruction: Instruction, axis: number, lanes: number): number {
  if (instruction.kind === "load")
    return Math.abs(instruction.view.strides[axis]!) > 1 || instruction.view.strides[axis] === -1
      ? lanes * 1.2
      : 1;
  if (instruction.kind === "literal") return 0;
  return workOf(instruction);
}

function loopOrder(nest: LoopNest, lanes: number): { axes: number[]; vector: number } {
  const all = nest.extents.map((_, axis) => axis);
  if (all.length === 0) return { axes: [], vector: -1 };
  const { along, never } = lanesOfFolds(nest) ?? { along: undefined, never: new Set(all) };
  let vector = -1;
  let least = Infinity;
  for (const axis of along === undefined ? all : [along]) {
    if (never.has(axis)) continue;
    const extent = nest.extents[axis]!;
    const vectors = Math.ceil(extent / lanes) / Math.max(extent, 1);
    let total = 0;
    for (const instruction of nest.body) total += cost(instruction, axis, lanes);
    for (const { view } of nest.stores) total += view.strides[axis] === 1 ? 1 : lanes * 1.5;
    for (const { view, axes } of nest.reductions)
      total += axes.includes(axis) || view.strides[axis] === 1 ? 1 : 1.5;
    // Equal costs go to the later axis, which usually is the nearer one in memory.
    if (total * vectors <= least) [least, vector] = [total * vectors, axis];
  }
  const others = all.filter((axis) => axis !== vector);
  const inside = vector < 0 ? all : [...others, vector];
  const last = others.at(-1);
  if (vector < 0) return { axes: all, vector };
  if (along !== undefined || last === undefined || footprint(nest) > cacheBytes)
    return { axes: inside, vector };
  const outside = [...others.slice(0, -1), vector, last];
  return { axes: inMemory(nest, outside) < inMemory(nest, inside) ? outside : inside, vector };
}

function footprint(nest: LoopNest): number {
  const elements = nest.extents.reduce((product, extent) => product * extent, 1);
  return elements * Math.max(...nest.body.map((instruction) => kernelBytes[instruction.dtype]));
}

/** How many reductions a loop order cannot keep in registers. */
function inMemory(nest: LoopNest, order: readonly number[]): number {
  return nest.reductions.filter(
    ({ axes }) =>
      accumulationOf(
        axes.map((axis) => order.indexOf(axis)),
        order.length,
        -1,
      ).kind !== "register",
  ).length;
}

function accumulationOf(reduced: readonly number[], loops: number, vector: number): Accumulation {
  const from = Math.min(...reduced);
  if (loops - from === reduced.length) return { kind: "register", from };
  return { kind: reduced.includes(vector) ? "lanes" : "output" };
}

function depthOf(instruction: Instruction, depth: readonly number[]): number {
  if (instruction.kind === "load" || instruction.kind === "index")
    return instruction.view.strides.findLastIndex((stride) => stride !== 0) + 1;
  return Math.max(0, ...operandsOf(instruction).map((operand) => depth[operand]!));
}

// What is decided about a schedule before it is emitted: what stays on the stack, how many vectors go together, and
// where partial results lie.

/** Which instructions give different results in different lanes. */
export function variesOf({ body, vector }: Schedule): boolean[] {
  const varies: boolean[] = [];
  for (const instruction of body)
    varies.push(
      instruction.kind === "load" || instruction.kind === "index"
        ? vector >= 0 && instruction.view.strides[vector] !== 0
        : operandsOf(instruction).some((operand) => varies[operand]),
    );
  return varies;
}

/**
 * Which instructions have one use, as often and as deep inside the loops as they are made: half of the moves between
 * stack and locals go with them. With `varies`, results that differ from vector to vector are made more often than others.
 */
export function inlinedOf(
  { extents, body, depth, stores, reductions }: Schedule,
  varies: readonly boolean[] | undefined,
): boolean[] {
  const uses = body.map(() => 0);
  const inlined = body.map(() => false);
  const use = (index: number, at: number, varied: boolean): void => {
    uses[index]! += 1;
    inlined[index] =
      uses[index] === 1 &&
      depth[index] === at &&
      (varies === undefined || varies[index] === varied);
  };
  body.forEach((instruction, index) => {
    for (const operand of operandsOf(instruction))
      use(operand, depth[index]!, varies?.[index] === true);
  });
  for (const { instruction } of [...stores, ...reductions]) use(instruction, extents.length, true);
  return inlined;
}

/**
 * How many vectors go through the loops together. Around short bodies this hides the latency of their results; around inner
 * loops it shares what does not depend on the lanes, above all partial vectors in memory.
 */
export function copiesOf({ extents, vector, lanes, body, depth, reductions }: Schedule): number {
  if (vector < 0) return 1;
  const vectors = Math.floor(extents[vector]! / lanes);
  if (vector !== extents.length - 1)
    return vectors >= 4 && reductions.some(({ accumulation }) => accumulation.kind === "lanes")
      ? 2
      : 1;
  // A sum's chains must not depend on what else is computed.
  if (reductions.some(({ invariant }) => invariant !== undefined)) return vectors >= 16 ? 4 : 1;
  const work = body.reduce(
    (sum, instruction, index) =>
      depth[index] === extents.length ? sum + workOf(instruction) : sum,
    0,
  );
  const copies = work <= 10 ? 4 : work <= 40 ? 2 : 1;
  return vectors >= 4 * copies ? copies : 1;
}

export function outputsOf(schedule: Schedule, reduction: ScheduledReduction): number {
  return schedule.extents.reduce(
    (product, extent, axis) => (reduction.axes.includes(axis) ? product : product * extent),
    1,
  );
}

/** Scratch memory that partial vectors of a schedule's reductions take. */
export function partialBytes(schedule: Schedule): number {
  return schedule.reductions.reduce(
    (sum, reduction) =>
      reduction.accumulation.kind === "lanes" ? sum + 16 * outputsOf(schedule, reduction) : sum,
    0,
  );
}

/** Bytes between partial vectors: one for each index of the axes that stay. */
export function partialStrides(schedule: Schedule, reduction: ScheduledReduction): number[] {
  const strides = new Array<number>(schedule.extents.length).fill(0);
  let stride = 16;
  for (let axis = schedule.extents.length - 1; axis >= 0; axis--) {
    if (reduction.axes.includes(axis)) continue;
    strides[axis] = stride;
    stride *= schedule.extents[axis]!;
  }
  return strides;
}

// Strided loads that an outer loop repeats (a column of a weight matrix, for every sample) are gathered once, before the
// nest, into scratch memory: the loop then reads whole vectors.

/** Repetitions from which a load is worth gathering. */
const worthwhile = 4;

export interface Gathered {
  /** Copies to run first. */
  readonly copies: readonly LoopNest[];
  /** Where the copies go: bytes from the start of the scratch region. */
  readonly places: ReadonlyMap<Value, number>;
  readonly bytes: number;
  /** The schedule with the loads replaced. */
  readonly schedule: Schedule;
}

export function gatherStrided(schedule: Schedule): Gathered {
  const copies: LoopNest[] = [];
  const places = new Map<Value, number>();
  let bytes = 0;
  const body = schedule.body.map((instruction): Instruction => {
    if (instruction.kind !== "load" || !repeatsStrided(schedule, instruction.view.strides))
      return instruction;
    const { dtype, view } = instruction;
    const kept = schedule.extents.flatMap((_, loop) => (view.strides[loop] === 0 ? [] : [loop]));
    // The vector axis is innermost, and so contiguous.
    const extents = kept.map((loop) => schedule.extents[loop]!);
    const value: Value = { id: -1, shape: extents, dtype, node: null };
    const strides = new Array<number>(schedule.extents.length).fill(0);
    let stride = 1;
    for (const loop of [...kept].reverse()) {
      strides[loop] = stride;
      stride *= schedule.extents[loop]!;
    }
    places.set(value, bytes);
    bytes += Math.ceil((stride * kernelBytes[dtype]) / 64) * 64;
    const along = (list: readonly number[]): number[] => kept.map((loop) => list[loop]!);
    copies.push({
      extents,
      body: [{ ...instruction, view: { ...view, strides: along(view.strides) } }],
      stores: [{ instruction: 0, value, view: { offset: 0, strides: along(strides) } }],
      reductions: [],
    });
    return { kind: "load", value, view: { offset: 0, strides }, dtype };
  });
  return { copies, places, bytes, schedule: { ...schedule, body } };
}

function repeatsStrided({ extents, vector }: Schedule, strides: readonly number[]): boolean {
  if (vector < 0 || vector !== extents.length - 1) return false;
  if (strides[vector] === 0 || strides[vector] === 1) return false;
  let repetitions = 1;
  for (let loop = 0; loop < vector; loop++) if (strides[loop] === 0) repetitions *= extents[loop]!;
  return repetitions >= worthwhile;
}
