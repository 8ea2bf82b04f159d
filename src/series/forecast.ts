/** @file Curves of a fitted model: solved from its nodes to any times, forward and backward, in the data's units. */
import { ArgumentError, complaint } from "../base/errors.ts";
import { solve } from "../ode/index.ts";
import { tensor } from "../ops/index.ts";
import type { SeriesModel } from "./model.ts";
import { columnOf, decode, decodeSlope, encode } from "./scaling.ts";
import { type Dynamics, dynamicsFrom } from "./shooting.ts";

/** Values and states of a model at times. Rows that could not be reached are NaN. */
export interface Trajectory {
  readonly times: Float64Array;
  /** [times, columns], in the data's units. */
  readonly values: Float64Array;
  /** [times, columns + hidden dimensions], standardised. */
  readonly states: Float64Array;
  /** The first time that could not be reached, and why; absent if all were. */
  readonly failure?: { readonly time: number; readonly status: string };
}

/** A model whose weights are loaded. */
export interface Forecaster {
  readonly at: (times: Float64Array) => Trajectory;
  /** dz/dtau at standardised states [rows, states]. */
  readonly slopes: (states: Float32Array) => Float32Array;
}

/**
 * The values of a fitted model at `times` (in the data's units, increasing): each is solved from the last node before it, times
 * before the first node backward from there. `failure` names the first time that could not be reached, and the rows from there on
 * are NaN. Throws ArgumentError for times that are not finite numbers in increasing order.
 */
export function forecast(model: SeriesModel, times: ArrayLike<number>): Trajectory {
  const list = Float64Array.from(times);
  const wrong = list.findIndex((t, i) => !Number.isFinite(t) || (i > 0 && t <= list[i - 1]!));
  if (wrong >= 0)
    throw new ArgumentError(
      complaint("forecast: times", "finite times that increase", `${list[wrong]} at ${wrong}`),
    );
  return forecaster(model).at(list);
}

/** The forecaster of a model, whose weights it loads once for several forecasts and for the vector field itself. */
export function forecaster(model: SeriesModel): Forecaster {
  const dynamics = dynamicsFrom(model.names.length, model.architecture, model.weights);
  const states = model.names.length + model.architecture.hiddenStates;
  return {
    at: (times) => trajectory(model, dynamics, times),
    slopes: (z) => {
      const rows = z.length / states;
      const t = tensor(0);
      return dynamics.forward(t, tensor(z, { shape: [rows, states] })).data() as Float32Array;
    },
  };
}

/** `times` increase. Each is solved from the last node before it; times before the first node from there, backward. */
function trajectory(model: SeriesModel, dynamics: Dynamics, times: Float64Array): Trajectory {
  const { scaling, nodeTimes, nodeStates, names } = model;
  const width = names.length;
  const size = width + model.architecture.hiddenStates;
  const states = new Float64Array(times.length * size).fill(Number.NaN);
  const toTau = (t: number): number => (t - scaling.origin) / scaling.unit;
  const rowsOf = nodeTimes.map((): number[] => []);
  const before: number[] = [];
  times.forEach((time, row) => {
    const node = nodeTimes.findLastIndex((t) => t <= time);
    (node < 0 ? before : rowsOf[node]!).push(row);
  });

  let failure: Trajectory["failure"];
  const run = (node: number, rows: readonly number[]): void => {
    if (rows.length === 0) return;
    const start = nodeStates.slice(node * size, (node + 1) * size);
    const t0 = toTau(nodeTimes[node]!);
    const ts = rows.map((row) => toTau(times[row]!));
    // The time of the node itself needs no solve.
    const own = ts[0] === t0 ? 1 : 0;
    if (own === 1) states.set(start, rows[0]! * size);
    const rest = ts.slice(own);
    if (rest.length === 0) return;
    const s = solve(dynamics, tensor(start), { t0, t1: rest.at(-1)!, saveAt: { ts: rest } });
    const ys = s.ys.data();
    const reached = s.status === "success" ? rest.length : s.ys.shape[0]!;
    for (let i = 0; i < reached; i++) {
      const row = rows[own + i]!;
      states.set(Float64Array.from(ys.subarray(i * size, (i + 1) * size)), row * size);
    }
    if (s.status !== "success") failure = { time: times[rows[own + reached]!]!, status: s.status };
  };
  run(0, before.toReversed());
  rowsOf.forEach((rows, node) => run(node, rows));

  const columns = scaling.columns.map((column, c) => decode(columnOf(states, size, c), column));
  const values = Float64Array.from(
    { length: times.length * width },
    (_, i) => columns[i % width]![Math.floor(i / width)]!,
  );
  return { times, values, states, ...(failure ? { failure } : {}) };
}

/**
 * A function from points of the plane of the state's first two dimensions to the velocities there, both in the data's units;
 * the other dimensions are held at their mean along a trajectory.
 */
export function planeField(
  model: SeriesModel,
  { slopes }: Forecaster,
  along: Trajectory,
): (at: { readonly x: ArrayLike<number>; readonly y: ArrayLike<number> }) => {
  x: Float64Array;
  y: Float64Array;
} {
  const { scaling, names } = model;
  const size = names.length + model.architecture.hiddenStates;
  const mean = Array.from({ length: size }, (_, d) => {
    const seen = along.states.filter((v, i) => i % size === d && Number.isFinite(v));
    return seen.reduce((sum, v) => sum + v / seen.length, 0);
  });
  const column = (d: number): (typeof scaling.columns)[number] =>
    scaling.columns[d] ?? { kind: "linear", mean: 0, deviation: 1 };
  return ({ x, y }) => {
    const z = new Float32Array(x.length * size);
    const [first, second] = [encode(x, column(0)), encode(y, column(1))];
    for (let i = 0; i < x.length; i++) {
      z.set(mean, i * size);
      z[i * size] = first[i]!;
      z[i * size + 1] = second[i]!;
    }
    const dz = slopes(z);
    const velocity = (d: number): Float64Array =>
      decodeSlope(columnOf(z, size, d), columnOf(dz, size, d), column(d), scaling.unit);
    return { x: velocity(0), y: velocity(1) };
  };
}
