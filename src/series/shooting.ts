/** @file The network of a fit, a vector field on standardised states, and its loss: how far windows miss observations and neighbours. */
import { Module, type Dense, type Sequential, dense, sequential } from "../nn/index.ts";
import type { Tensor } from "../ir/tensor.ts";
import { type StatsReport, solve } from "../ode/index.ts";
import { iota, tensor } from "../ops/index.ts";
import { type Architecture, type Weight, weightShapes } from "./model.ts";
import type { Windows } from "./windows.ts";

/** dz/dtau = net(z), standardised: autonomous, because a forecast leaves the times of the training. */
export class Dynamics extends Module {
  readonly net: Sequential;

  constructor(width: number, architecture: Architecture, seed: number) {
    super();
    const { hidden, activation, hiddenStates } = architecture;
    const size = width + hiddenStates;
    this.net = sequential(
      [...hidden.map((units) => dense({ units, activation })), dense({ units: size })],
      { inputShape: [size], seed },
    );
  }

  /** z [..., states] -> dz/dtau, of the same shape. */
  forward(_t: Tensor, z: Tensor): Tensor {
    return this.net.forward(z);
  }
}

/** The vector field, and for each window the difference between its start and the guess: [windows, states]. */
export class Shooting extends Module {
  readonly dynamics: Dynamics;
  readonly shifts: Tensor;

  constructor(dynamics: Dynamics, shifts: Tensor) {
    super();
    this.dynamics = dynamics;
    this.shifts = shifts;
  }
}

/** The parameters of a vector field as they are written to files. */
export function weightsOf(dynamics: Dynamics): Weight[] {
  return dynamics.namedParameters().map(([name, parameter]) => ({
    name,
    shape: [...parameter.shape],
    data: Float32Array.from(parameter.data() as Float32Array),
  }));
}

/** A vector field with the parameters of a file. */
export function dynamicsFrom(
  width: number,
  architecture: Architecture,
  weights: readonly Weight[],
): Dynamics {
  const shapes = weightShapes(width, architecture);
  const dynamics = new Dynamics(width, architecture, 0);
  dynamics.net.layers.forEach((layer, i) => {
    const linear = layer as Dense;
    linear.kernel = tensor(weights[2 * i]!.data, { shape: shapes[2 * i]! });
    linear.bias = tensor(weights[2 * i + 1]!.data, { shape: shapes[2 * i + 1]! });
  });
  return dynamics;
}

/** The `n` windows of one iteration as tensors. */
export interface WindowBatch {
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

/** Most windows solved in one iteration; longer series take another stretch of windows each time. */
export const mostWindows = 128;

/** The windows first, first + 1, ... as a batch, from the beginning again after the last. */
export function toBatch(windows: Windows, anchors: Float32Array, first: number): WindowBatch {
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
 * rest of each interval. Both have continuous derivatives: each kink would cost an adaptive solver a rejected step.
 */
function speed(s: Tensor, batch: WindowBatch, length: number): Tensor {
  const distance = s
    .sub(iota([length + 1], 0, { dtype: "float32" }))
    .abs()
    .minimum(1);
  const hats = distance.square().mul(distance.mul(2).sub(3)).add(1);
  const u = s.sub(iota([length], 0, { dtype: "float32" }));
  const bubbles = u.mul(u.neg().add(1)).relu().square().mul(30);
  return hats.matmul(batch.slopes).add(bubbles.matmul(batch.bubbles)).expandDims(1);
}

/** The windows' length and regularity, and a listener for the statistics of solves. */
export interface ShootingOptions {
  readonly length: number;
  readonly regular: boolean;
  readonly onStats: (stats: StatsReport) => void;
}

/** Mean squared error of standardised values, plus the mean squared jump between windows. */
export function shootingLoss(
  model: Shooting,
  batch: WindowBatch,
  options: ShootingOptions,
): Tensor {
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
    // Finer steps change the fit less than another seed does, and take twice the time.
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
