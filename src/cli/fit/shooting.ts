// The loss of multiple shooting: how far windows miss their observations, and how far neighbours miss each other.
import { type Tensor, iota, tensor } from "../../index.ts";
import { type StatsReport, solve } from "../../ode/index.ts";
import type { Shooting } from "./network.ts";
import type { Windows } from "./windows.ts";

/** Windows of one iteration, `n` of them, as tensors. */
export interface Batch {
  /** [n] int32: which windows, and which follow them (themselves where none does). */
  readonly index: Tensor;
  readonly next: Tensor;
  /** [n, 1]: 1 where a window has a successor. */
  readonly joined: Tensor;
  /** [n, states]: guessed starts of the windows and of their successors. */
  readonly anchors: Tensor;
  readonly nextAnchors: Tensor;
  /** [length + 1, n, columns]. */
  readonly targets: Tensor;
  readonly seen: Tensor;
  /** [length + 1, n] and [length, n]: see `Windows`. */
  readonly slopes: Tensor;
  readonly bubbles: Tensor;
  readonly [name: string]: Tensor;
}

/** Most windows solved in one iteration; a longer series takes another stretch of them each time. */
export const mostWindows = 128;

/** The windows first, first + 1, ... around the end, as a batch. */
export function toBatch(windows: Windows, anchors: Float32Array, first: number): Batch {
  const { count, length, width } = windows;
  const n = Math.min(count, mostWindows);
  const states = anchors.length / count;
  const index = Int32Array.from({ length: n }, (_, i) => (first + i) % count);
  const next = index.map((k) => Math.min(k + 1, count - 1));
  const rows = (data: Float32Array, size: number, of: Int32Array): Float32Array => {
    const picked = new Float32Array(n * size);
    of.forEach((k, i) => picked.set(data.subarray(k * size, (k + 1) * size), i * size));
    return picked;
  };
  // Time comes first, as in a solution.
  const timeFirst = (data: Float32Array, points: number, size: number): Tensor => {
    const made = new Float32Array(n * points * size);
    index.forEach((k, i) => {
      for (let j = 0; j < points; j++) {
        const from = (k * points + j) * size;
        made.set(data.subarray(from, from + size), (j * n + i) * size);
      }
    });
    return tensor(made, { shape: size === 1 ? [points, n] : [points, n, size] });
  };
  const observed = (data: Float32Array): Tensor =>
    timeFirst(data, length + 1, width).reshape([length + 1, n, width]);
  return {
    index: tensor(index, { dtype: "int32" }),
    next: tensor(next, { dtype: "int32" }),
    joined: tensor(
      Float32Array.from(index, (k) => (k + 1 < count ? 1 : 0)),
      { shape: [n, 1] },
    ),
    anchors: tensor(rows(anchors, states, index), { shape: [n, states] }),
    nextAnchors: tensor(rows(anchors, states, next), { shape: [n, states] }),
    targets: observed(windows.targets),
    seen: observed(windows.seen),
    slopes: timeFirst(windows.slopes, length + 1, 1),
    bubbles: timeFirst(windows.bubbles, length, 1),
  };
}

/**
 * dtau/ds of every window, [n, 1]: smooth hats 1 - d²(3 - 2d) carry the slopes at the observations, bubbles 30u²(1-u)² the
 * rest of each interval. Both have continuous derivatives: kinks would cost an adaptive solver a rejected step each.
 */
function speed(s: Tensor, batch: Batch, length: number): Tensor {
  const distance = s
    .sub(iota([length + 1], 0, { dtype: "float32" }))
    .abs()
    .minimum(1);
  const hats = distance.square().mul(distance.mul(2).sub(3)).add(1);
  const u = s.sub(iota([length], 0, { dtype: "float32" }));
  const bubbles = u.mul(u.neg().add(1)).relu().square().mul(30);
  return hats.matmul(batch.slopes).add(bubbles.matmul(batch.bubbles)).expandDims(1);
}

/** What the loss needs besides model and batch. */
export interface ShootingOptions {
  readonly length: number;
  readonly regular: boolean;
  readonly onStats: (stats: StatsReport) => void;
}

/** Mean squared error of standardised values, plus the mean squared jump between windows. */
export function shootingLoss(model: Shooting, batch: Batch, options: ShootingOptions): Tensor {
  const { length, regular, onStats } = options;
  const { dynamics, shifts } = model;
  const starts = batch.anchors.add(shifts.take(batch.index));
  const ts = Array.from({ length: length + 1 }, (_, j) => j);
  const field = regular
    ? dynamics
    : (s: Tensor, z: Tensor): Tensor => dynamics.forward(s, z).mul(speed(s, batch, length));
  const { ys } = solve(field, starts, {
    t0: 0,
    t1: length,
    saveAt: { ts },
    // Finer steps change the fit less than another seed does, and cost twice the time.
    rtol: 1e-3,
    atol: 1e-4,
    maxSteps: 5000,
    onStats,
  });
  const width = batch.targets.shape[2]!;
  const [points, n, states] = ys.shape as [number, number, number];
  const columns = ys.slice([0, 0, 0], [points, n, width]);
  const misfit = columns.sub(batch.targets).square().mul(batch.seen).sum().div(batch.seen.sum());
  if (shifts.shape[0] === 1) return misfit;
  const ends = ys.slice([points - 1, 0, 0], [points, n, states]).reshape([n, states]);
  const jumps = ends.sub(batch.nextAnchors.add(shifts.take(batch.next))).mul(batch.joined);
  const jump = jumps.square().sum().div(batch.joined.sum().maximum(1).mul(states));
  return misfit.add(jump);
}
