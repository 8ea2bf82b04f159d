/**
 * @file Parameter randomisation: does a map change when the network loses what it has learned? (Adebayo et al. 2018, "Sanity checks
 * for saliency maps", section 3.) A map that stays the same shows the picture, not the network.
 */
import { abortSignal, callback, oneOf, whole } from "../../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../../base/options.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { untraced } from "../../ir/trace.ts";
import { flatten } from "../../ir/tree.ts";
import { slotsOf } from "../../models/weights.ts";
import { random } from "../../ops/index.ts";
import { breather } from "../../base/breather.ts";
import type { HeatMap } from "../figure/heat-map.ts";
import { type Network, requireNetwork } from "../network/pass.ts";
import { extremes } from "./metrics.ts";

/** Every option of `parameterRandomisation`: type, default, check and help. */
export const randomisationOptions = schema({
  mode: optional(
    oneOf(["cascading", "independent", "together"]),
    "cascading",
    "Which parameters are random: layer after layer from the scores down to the picture, each layer alone, or all layers at once.",
  ),
  seed: optional(whole(0), 0, "What the random parameters follow from."),
  signal: optional(abortSignal, undefined, "Ends the work with the signal's reason."),
  onProgress: optional(
    callback<(done: number, all: number) => void>(),
    undefined,
    "Called after each layer with the number of layers done, and of how many.",
  ),
});

/** Options of `parameterRandomisation`. */
export type RandomisationOptions = OptionsOf<typeof randomisationOptions.spec>;

/** How similar the maps of the trained and of a randomised network are: means over the pictures. */
export interface RandomisationStep {
  /** The layer randomised last, or "all". */
  readonly layer: string;
  /** Spearman's rank correlation of the maps: 1 for equal maps, about 0 for unrelated ones. */
  readonly rank: number;
  /** The rank correlation of the maps' magnitudes. */
  readonly rankOfMagnitudes: number;
  /** Structural similarity of the maps, each scaled to 0 to 1. */
  readonly structure: number;
}

/**
 * `await parameterRandomisation(network, (network) => gradCam.batch(network, images, { classIndex }))`: one step for each layer
 * that has parameters. `explain` gives the maps of any pictures by the network that it is passed; it should fix the class,
 * because a randomised network prefers other classes. Parameters are drawn from the normal distribution with their mean and
 * standard deviation (magnitudes of it, if none of them was negative), so that activations keep their size. Throws
 * ArgumentError for wrong options.
 */
export async function parameterRandomisation(
  network: Network,
  explain: (network: Network) => readonly HeatMap[],
  options: RandomisationOptions = {},
): Promise<RandomisationStep[]> {
  const who = "parameterRandomisation";
  const { mode, seed, signal, onProgress } = randomisationOptions.read(who, options);
  requireNetwork(who, network);
  const { leaves, def } = flatten(who, network);
  const layers = new Map<string, number[]>();
  for (const [index, { layers: path }] of slotsOf(network).entries()) {
    const name = path.join("/");
    layers.set(name, [...(layers.get(name) ?? []), index]);
  }
  const key = random.key(seed);
  const original = explain(network);
  const breath = breather();
  const steps: RandomisationStep[] = [];
  let current = leaves;
  const stages: readonly (readonly [layer: string, indices: readonly number[]])[] =
    mode === "together" ? [["all", [...layers.values()].flat()]] : [...layers].toReversed();
  for (const [layer, indices] of stages) {
    signal?.throwIfAborted();
    const next = [...(mode === "cascading" ? current : leaves)];
    for (const index of indices)
      next[index] = untraced(() => redrawn(leaves[index]!, random.foldIn(key, index)));
    current = next;
    const maps = explain(def.rebuild(next) as Network);
    steps.push({ layer, ...similarity(original, maps) });
    onProgress?.(steps.length, stages.length);
    await breath();
  }
  return steps;
}

/** Normal numbers with a tensor's mean and standard deviation. */
function redrawn(parameter: Tensor, key: Tensor): Tensor {
  const { shape, dtype } = parameter;
  const mean = parameter.mean();
  const std = parameter.sub(mean).square().mean().sqrt();
  const drawn = random.normal(key, shape, { dtype, mean, std });
  return parameter.min().item() >= 0 ? drawn.abs() : drawn;
}

function similarity(
  original: readonly HeatMap[],
  maps: readonly HeatMap[],
): Omit<RandomisationStep, "layer"> {
  const mean = (of: (a: HeatMap, b: HeatMap) => number): number =>
    original.reduce((sum, map, index) => sum + of(map, maps[index]!), 0) / original.length;
  const magnitudes = ({ values }: HeatMap): Float64Array => Float64Array.from(values, Math.abs);
  return {
    rank: mean((a, b) => rankCorrelation(a.values, b.values)),
    rankOfMagnitudes: mean((a, b) => rankCorrelation(magnitudes(a), magnitudes(b))),
    structure: mean((a, b) =>
      structuralSimilarity(a.values, b.values, a.shape as readonly [number, number]),
    ),
  };
}

/** Ranks from 0; equal values share the mean of their ranks. */
function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort(
    (a, b) => values[a]! - values[b]!,
  );
  const found = new Float64Array(values.length);
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let i = from; i < to; i++) found[order[i]!] = (from + to - 1) / 2;
    from = to;
  }
  return found;
}

/** Spearman's rank correlation, -1 to 1: Pearson's of the ranks. 0 if one of the maps is flat. */
export function rankCorrelation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [x, y] = [ranks(a), ranks(b)];
  const mean = (x.length - 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [x[i]! - mean, y[i]! - mean];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xx === 0 || yy === 0 ? 0 : xy / Math.sqrt(xx * yy);
}

/** Rows and columns of the window, and constants for values from 0 to 1. */
const usualWindow = 7;
const [c1, c2] = [0.01 * 0.01, 0.03 * 0.03];

/**
 * Structural similarity of two maps of one shape, each scaled to 0 to 1 (Wang et al. 2004, eq. 13): the mean over all windows of
 * 7 x 7 values, or of the largest odd size that fits. 1 for equal maps.
 */
export function structuralSimilarity(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  [rows, columns]: readonly [number, number],
): number {
  const [x, y] = [scaled(a), scaled(b)];
  const least = Math.min(rows, columns, usualWindow);
  const window = least % 2 === 0 ? least - 1 : least;
  let sum = 0;
  for (let top = 0; top + window <= rows; top++)
    for (let left = 0; left + window <= columns; left++) {
      let [sx, sy, sxx, syy, sxy] = [0, 0, 0, 0, 0];
      for (let i = top; i < top + window; i++)
        for (let at = i * columns + left; at < i * columns + left + window; at++) {
          const [u, v] = [x[at]!, y[at]!];
          sx += u;
          sy += v;
          sxx += u * u;
          syy += v * v;
          sxy += u * v;
        }
      const n = window * window;
      const [mx, my] = [sx / n, sy / n];
      const [vx, vy, cov] = [sxx / n - mx * mx, syy / n - my * my, sxy / n - mx * my];
      sum += ((2 * mx * my + c1) * (2 * cov + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2));
    }
  return sum / ((rows - window + 1) * (columns - window + 1));
}

function scaled(values: ArrayLike<number>): Float64Array {
  const [least, most] = extremes(values);
  const scale = most > least ? 1 / (most - least) : 0;
  return Float64Array.from(values, (value) => (value - least) * scale);
}
