// What is fitted: the series split into training part and held-out tail, scaled, with the options of the fit.
import { createHash } from "node:crypto";
import type { Series } from "../csv/series.ts";
import { WorkError } from "../errors.ts";
import type { Architecture } from "./model-file.ts";
import { type ScaleKind, type Scaled, type Scaling, learnScaling, scale } from "./scaling.ts";
import { type Stage, planStages } from "./stages.ts";

/** Options of a fit; all of them decide its result. */
export interface FitOptions {
  readonly architecture: Architecture;
  readonly iterations: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  /** Share of the rows held out at the end. */
  readonly heldOut: number;
  /** Iterations of the last stage without a better score before the fit ends. */
  readonly patience: number;
  /** Most intervals in a window. */
  readonly longestWindow: number;
  readonly scale: ScaleKind;
  readonly seed: number;
}

/** A fit before it begins. */
export interface Problem {
  readonly series: Series;
  readonly options: FitOptions;
  readonly scaling: Scaling;
  readonly train: Scaled;
  /** The held-out rows; none if nothing is held out. */
  readonly held: Scaled;
  readonly stages: readonly Stage[];
  /** Equal for equal series and options. */
  readonly fingerprint: string;
}

/** Fewest rows to train on. */
export const leastRows = 4;

/** No solver crosses a gap of so many typical intervals with anything but a guess. */
const widestGap = 1e4;

function checkGaps({ times, timeName }: Series, unit: number): void {
  times.forEach((time, i) => {
    const gap = i === 0 ? 0 : (time - times[i - 1]!) / unit;
    if (gap <= widestGap) return;
    throw new WorkError(
      `from ${timeName} = ${times[i - 1]} to ${time} is ${gap.toPrecision(2)} times the typical interval, ` +
        `${unit.toPrecision(3)}; fit the parts before and after the gap on their own`,
    );
  });
}

/**
 * Splits and scales.
 * @throws UsageError where logarithms are asked of values that have none
 * @throws WorkError for a gap between times that is out of all proportion
 */
export function defineProblem(series: Series, options: FitOptions): Problem {
  const rows = series.times.length;
  const wanted = options.heldOut === 0 ? 0 : Math.max(1, Math.round(options.heldOut * rows));
  const trained = Math.max(Math.min(rows, leastRows), rows - wanted);
  const scaling = learnScaling(series, trained, options.scale);
  checkGaps(series, scaling.unit);
  const hash = createHash("sha256");
  hash.update(JSON.stringify([options, series.timeName, series.names]));
  hash.update(JSON.stringify([[...series.times], [...series.values]]));
  return {
    series,
    options,
    scaling,
    train: scale(series, scaling, 0, trained),
    held: scale(series, scaling, trained, rows),
    stages: planStages(trained - 1, options.iterations, options.longestWindow),
    fingerprint: hash.digest("hex"),
  };
}
