/** @file `judge`: metrics of maps over any number of pictures. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { likelyName } from "../../base/near-names.ts";
import { checkOptions } from "../../base/options.ts";
import { type Network, requireNetwork } from "../network/pass.ts";
import { breather } from "../../optim/breather.ts";
import type { Metric, MetricSettings, Variants } from "./metric.ts";
import { type Case, type Subject, caseOf } from "./subject.ts";
import { type Scorer, scorerOf } from "./scorer.ts";
import { metrics as registry } from "./registry.ts";
import { defaults, settingsOf } from "./settings.ts";

/** Options of `judge`. */
export interface JudgeOptions extends Partial<MetricSettings> {
  /** Names of the metrics: all that need no mask unless given, and those that do where every subject has one. */
  readonly metrics?: readonly string[];
  /** Pictures shown to the network at a time: 16 unless given. */
  readonly batchSize?: number;
  /** Ends the work with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Told after each batch how many pictures were shown, and of how many. */
  readonly onProgress?: (done: number, all: number) => void;
}

/** What a metric says of some maps. */
export interface Verdict {
  /** Whether more or less is better. */
  readonly better: Metric["better"];
  /** Mean over the subjects. */
  readonly mean: number;
  /** One a subject. */
  readonly values: readonly number[];
  /** For each subject the class' probability in every picture shown: the curves of deletion, insertion and ROAD. */
  readonly curves: readonly Float64Array[];
}

/**
 * How good maps are: `await judge(network, [{ image, map, classIndex, mask }], { metrics: ["deletion", "road"] })`. Pictures of all
 * subjects and metrics go through the network together, in batches of equal size. The same seed gives the same numbers on every
 * machine. Throws ArgumentError for unknown metrics, settings that make no sense, subjects without a mask where one is needed, and
 * classes that the network does not have, ShapeError for pictures of different sizes, ExplainError where the network's output is not
 * finite.
 */
export async function judge(
  network: Network,
  subjects: readonly Subject[],
  options: JudgeOptions = {},
): Promise<Record<string, Verdict>> {
  const who = "judge";
  checkOptions(who, options, [
    "metrics",
    "batchSize",
    "signal",
    "onProgress",
    ...Object.keys(defaults),
  ]);
  requireNetwork(who, network);
  const { batchSize = 16, signal, onProgress } = options;
  if (!Number.isSafeInteger(batchSize) || batchSize < 1)
    throw new ArgumentError(
      complaint(`${who}: batchSize`, "an integer of at least 1", describe(batchSize)),
    );
  if (subjects.length === 0)
    throw new ArgumentError(complaint(`${who}: subjects`, "at least one", "none"));
  const cases = subjects.map((subject, index) => caseOf(`${who}: subject ${index}`, subject));
  const settings = settingsOf(who, options, cases[0]!);
  const chosen = chooseMetrics(who, cases, options.metrics);
  const original: Variants = { count: 1, write: () => undefined };
  const jobs = cases.flatMap((subject) => [
    { subject, variants: original },
    ...chosen.map((metric) => ({ subject, variants: metric.variants(subject, settings) })),
  ]);
  const probabilities = await show(scorerOf(who, network, cases), jobs, {
    batchSize,
    signal,
    onProgress,
  });
  const of = (index: number, metric: number): Float64Array =>
    probabilities[index * (chosen.length + 1) + metric]!;
  return Object.fromEntries(
    chosen.map((metric, number) => {
      const curves = cases.map((_, index) => of(index, number + 1));
      const values = cases.map((subject, index) =>
        metric.value(subject, curves[index]!, of(index, 0)[0]!, settings),
      );
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return [metric.name, { better: metric.better, mean, values, curves }];
    }),
  );
}

function chooseMetrics(
  who: string,
  cases: readonly Case[],
  names: readonly string[] | undefined,
): Metric[] {
  const maskless = cases.findIndex(({ mask }) => mask === undefined);
  if (names === undefined)
    return Object.values(registry).filter(({ needsMask }) => !needsMask || maskless < 0);
  return names.map((name) => {
    const metric = Object.hasOwn(registry, name) ? registry[name] : undefined;
    if (metric === undefined) {
      const likely = likelyName(name, Object.keys(registry));
      throw new ArgumentError(
        complaint(
          `${who}: metrics`,
          Object.keys(registry).join(", "),
          describe(name),
          likely && `Did you mean ${likely}?`,
        ),
      );
    }
    if (metric.needsMask && maskless >= 0)
      throw new ArgumentError(
        complaint(`${who}: ${name}`, "a mask for every subject", `none for subject ${maskless}`),
      );
    return metric;
  });
}

interface Job {
  readonly subject: Case;
  readonly variants: Variants;
}

/** For each job the probability of the subject's class in each of its variants. */
async function show(
  score: Scorer,
  jobs: readonly Job[],
  {
    batchSize,
    signal,
    onProgress,
  }: {
    readonly batchSize: number;
    readonly signal: AbortSignal | undefined;
    readonly onProgress: JudgeOptions["onProgress"];
  },
): Promise<Float64Array[]> {
  const results = jobs.map(({ variants }) => new Float64Array(variants.count));
  const pictures = jobs.flatMap(({ variants }, job) =>
    Array.from({ length: variants.count }, (_, variant) => ({ job, variant })),
  );
  const breath = breather();
  const size = Math.min(batchSize, pictures.length);
  for (let from = 0; from < pictures.length; from += size) {
    signal?.throwIfAborted();
    const batch = pictures.slice(from, from + size);
    const cases = batch.map(({ job }) => jobs[job]!.subject);
    const values = score(cases, size, (index, pixels) => {
      const { job, variant } = batch[index]!;
      jobs[job]!.variants.write(variant, pixels);
    });
    batch.forEach(({ job, variant }, index) => (results[job]![variant] = values[index]!));
    onProgress?.(from + batch.length, pictures.length);
    await breath();
  }
  return results;
}
