/** @file Looking at the adjoint method: its trajectory, and whether the dynamics can be run backward at all. */
import { ArgumentError, complaint } from "../base/errors.ts";
import { optional, schema } from "../base/options.ts";
import { allocate, isFloat } from "../ir/dtype.ts";
import { typeOf } from "../ir/graph.ts";
import { Tensor } from "../ir/tensor.ts";
import { currentTrace } from "../ir/trace.ts";
import { type Tree, flatten } from "../ir/tree.ts";
import { matchingLeaves } from "../autodiff/arguments.ts";
import { zeros } from "../ops/creation.ts";
import { add } from "../ops/elementwise.ts";
import { augmentedProblem, ownOptions } from "./adjoints/backsolve.ts";
import { gradientKind } from "./adjoints/index.ts";
import { augmentedState } from "./derivatives.ts";
import { type VectorField, callable, stateLeaves } from "./field.ts";
import type { CommonOptions } from "./options.ts";
import { type Start, rowsOf, runNow, stackRows, startOf, torchdiffeqSpec } from "./run.ts";
import { SolveError, type SolveStatus } from "./status.ts";
import { type TimeRow, type Times, checkOrder, timeRow, timeTensor } from "./times.ts";

const backsolveSchema = schema({
  ...torchdiffeqSpec,
  gradient: optional(gradientKind, "backsolve", torchdiffeqSpec.gradient.help),
});

/** The augmented adjoint along its way back. */
export interface AdjointTrajectory<Y extends Tree = Tree> {
  /** From the last output time to the first: float64 [n]. Output times appear twice, before and after the jump there. */
  readonly ts: Tensor;
  /** The state, leaves [n, ...leaf]. */
  readonly ys: Y;
  /** a(t) = dL/dz(t), leaves [n, ...leaf]. */
  readonly adjoint: Y;
  /** a_p(t), [n, ...parameter], one for each float tensor that f closes over, in order of first use. */
  readonly parameters: readonly Tensor[];
  /** a_t(t) = -a(t) . f(t, z(t)), float64 [n]: the derivative by the initial time, were the solve to start at t. */
  readonly time: Tensor;
}

/**
 * The trajectory [z(t), a(t), a_p(t), a_t(t)] of the augmented adjoint (Chen et al. 2018, appendix B) at every step of the
 * backward solve. `cotangents` are dL/dys of `odeint(f, y0, ts)`, a tree like y0 with leaves [ts.length, ...leaf].
 * Throws SolveError if a solve fails, and ArgumentError inside a trace or for wrong use.
 */
export function adjointTrajectory<Y extends Tree>(
  f: VectorField<Y>,
  y0: Y,
  ts: Times,
  cotangents: Y,
  options: CommonOptions<Y> = {},
): AdjointTrajectory<Y> {
  const who = "adjointTrajectory";
  const times = knownTimes(`${who}: ts`, ts);
  if (times.count < 2)
    throw new ArgumentError(complaint(`${who}: ts`, "at least 2 times", String(times.count)));
  const { leaves, def, problem, captured } = start(who, f, y0, options);
  const given = matchingLeaves(
    `${who}: cotangents`,
    cotangents,
    def,
    leaves.map(({ shape, dtype }) => ({ shape: [times.count, ...shape], dtype })),
  );
  const forward = runNow(problem, captured, leaves, times.tensor, "outputs");
  if (forward.failure !== undefined) throw new SolveError(who, forward.failure);

  const { field } = problem;
  const wanted = [...field.parameters.keys()].filter((index) =>
    isFloat(field.parameters[index]!.dtype),
  );
  const own = ownOptions(`${who}: gradient`, options.gradient ?? "backsolve");
  const augmented = augmentedProblem(problem, wanted, own);
  const layout = augmentedState(field, wanted);
  const row = (rows: readonly Tensor[], index: number): Tensor[] =>
    rows.map((leaf) => single(rowsOf(leaf, index, index + 1)));
  let adjoint = row(given, times.count - 1);
  let gradients: readonly Tensor[] = wanted.map((index) => {
    const { shape, dtype } = field.parameters[index]!;
    return zeros(shape, { dtype });
  });
  const found: { ts: number[]; states: (readonly Tensor[])[] } = { ts: [], states: [] };
  for (let index = times.count - 1; index > 0; index--) {
    const part = runNow(
      augmented,
      captured,
      layout.join({ z: row(forward.outputs, index), a: adjoint, gradients }),
      timeTensor([times.known[index]!, times.known[index - 1]!]),
      "steps",
    );
    if (part.failure !== undefined) throw new SolveError(who, part.failure);
    found.ts.push(...part.stepTimes);
    found.states.push(...part.stepStates);
    const end = layout.split(part.y);
    const jump = row(given, index - 1);
    adjoint = end.a.map((leaf, position) => (index > 1 ? add(leaf, jump[position]!) : leaf));
    gradients = end.gradients;
  }
  const stacked = layout.split(
    layout.types.map((type, leaf) =>
      stackRows(
        type,
        found.states.map((tensors) => tensors[leaf]!),
      ),
    ),
  );
  const call = callable(who, f);
  const slopes = found.ts.map((t, index) => {
    const { z, a } = layout.split(found.states[index]!);
    const time = new Tensor(field.time, allocate(field.time.dtype, 1).fill(t));
    return -along(a, flatten("f", call(time, def.rebuild(z))).leaves);
  });
  return {
    ts: timeTensor(found.ts),
    ys: def.rebuild(stacked.z) as Y,
    adjoint: def.rebuild(stacked.a) as Y,
    parameters: stacked.gradients,
    time: timeTensor(slopes),
  };
}

/** The sum of a . f over leaves. */
function along(a: readonly Tensor[], slope: readonly Tensor[]): number {
  let sum = 0;
  slope.forEach((leaf, position) =>
    leaf.elements!.forEach((value, i) => (sum += value * a[position]!.elements![i]!)),
  );
  return sum;
}

/** How far a solve and its reversal end from where they began. */
export interface Reconstruction<Y extends Tree = Tree> {
  /** Largest distance from y0 over the largest size of a state on the way: relative error of the state. */
  readonly error: number;
  /** The state reached by integrating back from y(t1). */
  readonly y0: Y;
  /** Status of both solves: "success", or that of the one that failed (`error` is then Infinity). */
  readonly status: SolveStatus;
}

/**
 * Integrates from t0 to t1 and back, and compares with y0. The adjoint method relies on this reversal within each interval
 * between outputs: an error far above the tolerances means that `gradient: "backsolve"` is not to be trusted there
 * (stiff, strongly damped or chaotic dynamics), while "direct" and "checkpoint" are. Throws ArgumentError for wrong use.
 */
export function reconstructionError<Y extends Tree>(
  f: VectorField<Y>,
  y0: Y,
  span: readonly [number, number],
  options: CommonOptions<Y> = {},
): Reconstruction<Y> {
  const who = "reconstructionError";
  const times = knownTimes(`${who}: span`, span);
  if (times.count !== 2)
    throw new ArgumentError(complaint(`${who}: span`, "[t0, t1]", `${times.count} times`));
  const { leaves, def, problem, captured } = start(who, f, y0, options);
  const [t0, t1] = times.known;
  const there = runNow(problem, captured, leaves, times.tensor, "steps");
  if (there.failure !== undefined) return { error: Infinity, y0, status: there.status };
  const back = runNow(problem, captured, there.y, timeTensor([t1!, t0!]), "outputs");
  if (back.failure !== undefined)
    return { error: Infinity, y0: def.rebuild(back.y) as Y, status: back.status };
  let size = 0;
  for (const state of there.stepStates)
    for (const leaf of state)
      for (const value of leaf.elements!) size = Math.max(size, Math.abs(value));
  let distance = 0;
  back.y.forEach((leaf, index) =>
    leaf.elements!.forEach(
      (value, i) => (distance = Math.max(distance, Math.abs(value - leaves[index]!.elements![i]!))),
    ),
  );
  return {
    error: size === 0 ? 0 : distance / size,
    y0: def.rebuild(back.y) as Y,
    status: "success",
  };
}

function start<Y extends Tree>(
  who: string,
  f: VectorField<Y>,
  y0: Y,
  options: CommonOptions<Y>,
): Start {
  const settings = backsolveSchema.read(who, options);
  return startOf(who, f, stateLeaves(who, y0), options, settings);
}

/** Times that are known, in order. Throws ArgumentError inside a trace. */
function knownTimes(who: string, given: unknown): TimeRow & { readonly known: Float64Array } {
  if (currentTrace() !== undefined)
    throw new ArgumentError(
      `${who}: expected to be called with values, got a trace (inside jit, grad or the like). Call it outside.`,
    );
  const times = timeRow(who, given);
  const known = times.known!;
  checkOrder(who, known);
  return { ...times, known };
}

/** The only row of a tensor, without the axis of rows. */
function single(tensor: Tensor): Tensor {
  return new Tensor({ ...typeOf(tensor), shape: tensor.shape.slice(1) }, tensor.elements!);
}
