/** @file Looking at the adjoint method: its trajectory, and whether the dynamics can be run backward at all. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { typeOf } from "../ir/graph.ts";
import { Tensor } from "../ir/tensor.ts";
import { currentTrace } from "../ir/trace.ts";
import { type Tree, flatten } from "../ir/tree.ts";
import { matchingLeaves } from "../autodiff/arguments.ts";
import { isFloat } from "../ir/dtype.ts";
import { zeros } from "../ops/creation.ts";
import { add } from "../ops/elementwise.ts";
import { augmentedProblem } from "./adjoints/backsolve.ts";
import { rowsOf, runEagerly, stackRows } from "./eager.ts";
import type { VectorField } from "./field.ts";
import { type CommonOptions, type GradientOption, checkNames, commonNames } from "./options.ts";
import type { Defaults } from "./define-problem.ts";
import { problemFrom } from "./problem-from.ts";
import { SolveError } from "./status.ts";
import { type Times, checkOrder, timeRow, timeTensor } from "./times.ts";

const defaults: Defaults = { method: "dopri5", controller: "i", rtol: 1e-7, atol: 1e-9 };

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
 * Throws SolveError where a solve fails; ArgumentError inside a trace, and for wrong use.
 */
export function adjointTrajectory<Y extends Tree>(
  f: VectorField<Y>,
  y0: Y,
  ts: Times,
  cotangents: Y,
  options: CommonOptions<Y> = {},
): AdjointTrajectory<Y> {
  const who = "adjointTrajectory";
  outsideTraces(who);
  checkNames(who, options, commonNames);
  const times = timeRow(`${who}: ts`, ts);
  if (times.count < 2)
    throw new ArgumentError(complaint(`${who}: ts`, "at least 2 times", String(times.count)));
  checkOrder(`${who}: ts`, times.known!);
  const { leaves, def, bound } = problemFrom(
    who,
    f,
    y0,
    options,
    defaults,
    options.gradient ?? "backsolve",
  );
  const given = matchingLeaves(
    `${who}: cotangents`,
    cotangents,
    def,
    leaves.map(({ shape, dtype }) => ({ shape: [times.count, ...shape], dtype })),
  );
  const forward = runEagerly(bound, leaves, times.tensor, "outputs");
  if (forward.failure !== undefined) throw new SolveError(who, forward.failure);

  const { field } = bound.problem.plan;
  const count = leaves.length;
  const wanted = [...field.parameters.keys()].filter((index) =>
    isFloat(field.parameters[index]!.dtype),
  );
  const problem = augmentedProblem(bound.problem, wanted, backsolveOptions(options.gradient));
  const state = problem.plan.field.state;
  const row = (rows: readonly Tensor[], index: number): Tensor[] =>
    rows.map((leaf) => single(rowsOf(leaf, index, index + 1)));
  let moving: Tensor[] = [
    ...row(given, times.count - 1),
    ...wanted.map((index) =>
      zeros(field.parameters[index]!.shape, { dtype: field.parameters[index]!.dtype }),
    ),
  ];
  const found: { ts: number[]; states: (readonly Tensor[])[] } = { ts: [], states: [] };
  for (let index = times.count - 1; index > 0; index--) {
    const interval = timeTensor([times.known![index]!, times.known![index - 1]!]);
    const part = runEagerly(
      { problem, captured: bound.captured },
      [...row(forward.outputs, index), ...moving],
      interval,
      "steps",
    );
    if (part.failure !== undefined) throw new SolveError(who, part.failure);
    found.ts.push(...part.stepTimes);
    found.states.push(...part.stepStates);
    moving = part.y
      .slice(count)
      .map((leaf, position) =>
        position < count && index > 1 ? add(leaf, row(given, index - 1)[position]!) : leaf,
      );
  }
  const stacked = state.map((type, leaf) =>
    stackRows(
      type,
      found.states.map((tensors) => tensors[leaf]!),
    ),
  );
  const slopes = callField(f, def.rebuild.bind(def), found, count, field.time.dtype);
  return {
    ts: timeTensor(found.ts),
    ys: def.rebuild(stacked.slice(0, count)) as Y,
    adjoint: def.rebuild(stacked.slice(count, 2 * count)) as Y,
    parameters: stacked.slice(2 * count),
    time: timeTensor(slopes),
  };
}

/** -a . f at every state found. */
function callField(
  f: unknown,
  rebuild: (leaves: readonly Tensor[]) => unknown,
  found: { ts: number[]; states: (readonly Tensor[])[] },
  count: number,
  dtype: "float32" | "float64" | string,
): number[] {
  const call =
    typeof f === "function"
      ? (f as (t: Tensor, y: unknown) => unknown)
      : (t: Tensor, y: unknown) => (f as { forward(t: Tensor, y: unknown): unknown }).forward(t, y);
  return found.ts.map((t, index) => {
    const state = found.states[index]!;
    const time = new Tensor(
      { shape: [], dtype: dtype as "float64" },
      dtype === "float32" ? Float32Array.of(t) : Float64Array.of(t),
    );
    const slope = flatten("f", call(time, rebuild(state.slice(0, count)))).leaves;
    let sum = 0;
    slope.forEach((leaf, position) =>
      leaf.elements!.forEach((value, i) => (sum -= value * state[count + position]!.elements![i]!)),
    );
    return sum;
  });
}

/** How far a solve and its reversal end from where they began. */
export interface Reconstruction<Y extends Tree = Tree> {
  /** Largest distance from y0 over the largest size of a state on the way: relative error of the state. */
  readonly error: number;
  /** The state reached by integrating back from y(t1). */
  readonly y0: Y;
  /** Status of both solves: "success", or that of the one that failed (`error` is then Infinity). */
  readonly status: string;
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
  outsideTraces(who);
  checkNames(who, options, commonNames);
  const times = timeRow(`${who}: span`, span);
  if (times.count !== 2)
    throw new ArgumentError(complaint(`${who}: span`, "[t0, t1]", `${times.count} times`));
  checkOrder(`${who}: span`, times.known!);
  const { leaves, def, bound } = problemFrom(
    who,
    f,
    y0,
    options,
    defaults,
    options.gradient ?? "backsolve",
  );
  const there = runEagerly(bound, leaves, times.tensor, "steps");
  if (there.failure !== undefined) return { error: Infinity, y0, status: there.status };
  const back = runEagerly(
    bound,
    there.y,
    timeTensor([times.known![1]!, times.known![0]!]),
    "outputs",
  );
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

function outsideTraces(who: string): void {
  if (currentTrace() !== undefined)
    throw new ArgumentError(
      `${who}: expected to be called with values, got a trace (inside jit, grad or the like). Call it outside.`,
    );
}

function backsolveOptions(gradient: GradientOption = "backsolve"): object {
  const { kind, ...options } = typeof gradient === "string" ? { kind: gradient } : gradient;
  if (kind !== "backsolve")
    throw new ArgumentError(
      complaint(
        "adjointTrajectory: gradient",
        '"backsolve" or { kind: "backsolve", ... }',
        describe(kind),
      ),
    );
  return options;
}

/** The only row of a tensor, without the axis of rows. */
function single(tensor: Tensor): Tensor {
  return new Tensor({ ...typeOf(tensor), shape: tensor.shape.slice(1) }, tensor.elements!);
}
