/** @file The metrics that there are. */
import { averageDrop, averageIncrease } from "./confidence.ts";
import { deletion } from "./deletion.ts";
import { insertion } from "./insertion.ts";
import type { Metric } from "./metric.ts";
import { pointingGame } from "./pointing-game.ts";
import { road } from "./road.ts";

/** Every metric by name. */
export const metrics: Readonly<Record<string, Metric>> = Object.fromEntries(
  [pointingGame, deletion, insertion, road, averageDrop, averageIncrease].map((metric) => [
    metric.name,
    metric,
  ]),
);
