/**
 * @file Parameter randomisation: does a map change when what the network has learned is taken away? (Adebayo et al. 2018, "Sanity
 * checks for saliency maps", section 3.) A map that stays as it was shows the picture, not the network.
 */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { untraced } from "../../ir/trace.ts";
import { flatten } from "../../ir/tree.ts";
import { slotsOf } from "../../models/weights.ts";
import { random } from "../../ops/index.ts";
import { breather } from "../../optim/breather.ts";
import type { HeatMap } from "../figure/heat-map.ts";
import { type Network, requireNetwork } from "../network/pass.ts";
import { rankCorrelation, structuralSimilarity } from "./similarity.ts";

/** Options of `parameterRandomisation`. */
export interface RandomisationOptions {
  /**
   * "cascading" (unless given): layer after layer from the scores down to the picture, each on top of those before. "independent":
   * each layer alone, the others as learned. "together": all layers at once, the last step of "cascading" alone.
   */
  readonly mode?: "cascading" | "independent" | "together";
  /** Seeds the parameters drawn: 0 unless given. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  /** Told after each layer how many are done, and of how many. */
  readonly onProgress?: (done: number, all: number) => void;
}

/** How alike the maps of the trained and of a randomised network are: means over the pictures. */
export interface RandomisationStep {
  /** The layer randomised last; "all" of them together. */
  readonly layer: string;
  /** Spearman's rank correlation of the maps: 1 for equal ones, about 0 for unrelated ones. */
  readonly rank: number;
  /** The same of the maps' magnitudes. */
  readonly rankOfMagnitudes: number;
  /** Structural similarity of the maps, scaled to 0 to 1. */
  readonly structure: number;
}

/**
 * `await parameterRandomisation(network, (network) => gradCam.batch(network, images, { classIndex }))`: a step for each layer with
 * parameters. `explain` gives the maps of any pictures by the network it is handed; fix the class, since a randomised network
 * prefers others. Parameters are drawn from the normal distribution of their mean and standard deviation (their magnitudes, where
 * none was negative), so that activations keep their size. Throws ArgumentError for wrong options.
 */
export async function parameterRandomisation(
  network: Network,
  explain: (network: Network) => readonly HeatMap[],
  options: RandomisationOptions = {},
): Promise<RandomisationStep[]> {
  const who = "parameterRandomisation";
  checkOptions(who, options, ["mode", "seed", "signal", "onProgress"]);
  requireNetwork(who, network);
  const { mode = "cascading", seed = 0, signal, onProgress } = options;
  if (mode !== "cascading" && mode !== "independent" && mode !== "together")
    throw new ArgumentError(
      complaint(`${who}: mode`, '"cascading", "independent" or "together"', describe(mode)),
    );
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

/** Normal numbers of a tensor's mean and standard deviation. */
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
