/** @file `judge`: metrics of maps over any number of pictures, which go through the network together. */
import { inline } from "../../autodiff/index.ts";
import { ArgumentError, ShapeError, complaint } from "../../base/errors.ts";
import { abortSignal, callback, count, listOf, oneOf } from "../../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../../base/options.ts";
import { jit } from "../../compile/jit.ts";
import { formatShape } from "../../ir/shape.ts";
import { Tensor } from "../../ir/tensor.ts";
import { breather } from "../../base/breather.ts";
import { ExplainError } from "../errors.ts";
import { type Network, type Pass, requireNetwork, tracePass } from "../network/pass.ts";
import { programsOf } from "../network/programs.ts";
import {
  type Metric,
  type MetricSettings,
  type Variants,
  metricOptions,
  metrics,
} from "./metrics.ts";
import { type Case, type Subject, caseOf } from "./subject.ts";

/** Every option of `judge`: type, default, check and help. */
export const judgeOptions = schema({
  metrics: optional(
    listOf(oneOf(Object.keys(metrics))),
    undefined,
    "Metrics by name; all unless given, without those that need a mask if a subject has none.",
  ),
  batchSize: optional(count, 16, "Number of pictures that go through the network at once."),
  ...metricOptions,
  signal: optional(abortSignal, undefined, "Ends the work with the signal's reason."),
  onProgress: optional(
    callback<(done: number, all: number) => void>(),
    undefined,
    "Called after each batch with the number of pictures shown, and of how many.",
  ),
});

/** Options of `judge`. */
export type JudgeOptions = OptionsOf<typeof judgeOptions.spec>;

/** What a metric says about some maps. */
export interface Verdict {
  /** Whether higher or lower values are better. */
  readonly better: Metric["better"];
  /** Mean over the subjects. */
  readonly mean: number;
  /** A value for each subject. */
  readonly values: readonly number[];
  /** For each subject the class's probability in every picture shown: the curves of deletion, insertion and ROAD. */
  readonly curves: readonly Float64Array[];
}

/**
 * How good maps are: `await judge(network, [{ image, map, classIndex, mask }], { metrics: ["deletion", "road"] })`. The altered
 * pictures of all subjects and metrics go through the network together, in batches of equal size. The same seed gives the same
 * numbers on every machine. Throws ArgumentError for wrong options, for subjects without a mask that a metric needs, and for
 * classes that the network does not have; ShapeError for pictures of different sizes; ExplainError if the network's output is
 * not finite.
 */
export async function judge(
  network: Network,
  subjects: readonly Subject[],
  options: JudgeOptions = {},
): Promise<Record<string, Verdict>> {
  const who = "judge";
  const settings = judgeOptions.read(who, options);
  requireNetwork(who, network);
  if (subjects.length === 0)
    throw new ArgumentError(complaint(`${who}: subjects`, "at least one", "none"));
  const cases = subjects.map((subject, index) => caseOf(`${who}: subject ${index}`, subject));
  requireFitting(who, settings, cases);
  const chosen = chooseMetrics(who, cases, settings.metrics);
  const original: Variants = { count: 1, write: () => undefined };
  const shows = cases.flatMap((subject) => [
    { subject, variants: original },
    ...chosen.map((metric) => ({ subject, variants: metric.variants(subject, settings) })),
  ]);
  const probabilities = await probabilitiesIn(shows, scorerOf(who, network), settings);
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

/** Throws unless all pictures have one size, and the settings suit it. */
function requireFitting(
  who: string,
  { steps, baseline }: MetricSettings,
  cases: readonly Case[],
): void {
  const shapes = cases.map(({ rows, columns, channels }) => formatShape([rows, columns, channels]));
  const odd = shapes.find((shape) => shape !== shapes[0]);
  if (odd !== undefined)
    throw new ShapeError(
      complaint(`${who}: subjects`, "pictures of one size", `${shapes[0]} and ${odd}`),
    );
  const { rows, columns, channels } = cases[0]!;
  const pixels = rows * columns;
  if (steps !== undefined && steps > pixels)
    throw new ArgumentError(
      complaint(`${who}: steps`, `at most ${pixels}, one for each pixel`, String(steps)),
    );
  if (baseline !== undefined && baseline.length !== channels)
    throw new ArgumentError(
      complaint(
        `${who}: baseline`,
        `a number for each of ${channels} channels`,
        String(baseline.length),
      ),
    );
}

function chooseMetrics(
  who: string,
  cases: readonly Case[],
  names: readonly string[] | undefined,
): Metric[] {
  const maskless = cases.findIndex(({ mask }) => mask === undefined);
  if (names === undefined)
    return Object.values(metrics).filter(({ needsMask }) => !needsMask || maskless < 0);
  return names.map((name) => {
    const metric = metrics[name]!;
    if (metric.needsMask && maskless >= 0)
      throw new ArgumentError(
        complaint(`${who}: ${name}`, "a mask for every subject", `none for subject ${maskless}`),
      );
    return metric;
  });
}

/** A subject and the variants of its picture that are shown to the network. */
interface Show {
  readonly subject: Case;
  readonly variants: Variants;
}

/** For each show the probability of the subject's class in each of its variants. */
async function probabilitiesIn(
  shows: readonly Show[],
  score: Scorer,
  {
    batchSize,
    signal,
    onProgress,
  }: Pick<ReturnType<typeof judgeOptions.read>, "batchSize" | "signal" | "onProgress">,
): Promise<Float64Array[]> {
  const results = shows.map(({ variants }) => new Float64Array(variants.count));
  const pictures = shows.flatMap(({ variants }, show) =>
    Array.from({ length: variants.count }, (_, variant) => ({ show, variant })),
  );
  const breath = breather();
  const size = Math.min(batchSize, pictures.length);
  for (let from = 0; from < pictures.length; from += size) {
    signal?.throwIfAborted();
    const batch = pictures.slice(from, from + size);
    const cases = batch.map(({ show }) => shows[show]!.subject);
    const values = score(cases, size, (index, pixels) => {
      const { show, variant } = batch[index]!;
      shows[show]!.variants.write(variant, pixels);
    });
    batch.forEach(({ show, variant }, index) => (results[show]![variant] = values[index]!));
    onProgress?.(from + batch.length, pictures.length);
    await breath();
  }
  return results;
}

/**
 * Shows pictures to a network: those of the cases, at most `size`, each changed by `alter`. Gives the probability of each
 * case's class, or the network's output if that is a single number.
 */
type Scorer = (
  cases: readonly Case[],
  size: number,
  alter: (index: number, pixels: Float32Array) => void,
) => Float64Array;

/** A scorer of cases of one size, all batches of which run one program. Throws errors naming `who`. */
function scorerOf(who: string, network: Network): Scorer {
  return (batch, size, alter) => {
    const { rows, columns, channels } = batch[0]!;
    const area = rows * columns * channels;
    const shape = [size, rows, columns, channels];
    const { pass, run } = programsOf(network).get(["judge", shape], () =>
      programOf(who, network, shape),
    );
    const beyond = batch.find(({ classIndex }) => classIndex >= pass.classCount);
    if (beyond !== undefined)
      throw new ArgumentError(
        complaint(
          `${who}: classIndex`,
          `one of ${pass.classCount} classes`,
          String(beyond.classIndex),
        ),
      );
    const pixels = new Float32Array(size * area);
    const classes = new Int32Array(size);
    for (let index = 0; index < size; index++) {
      // The last batch is filled up with its first picture.
      const one = batch[index] ?? batch[0]!;
      const its = pixels.subarray(index * area, (index + 1) * area);
      its.set(one.pixels);
      classes[index] = one.classIndex;
      if (index < batch.length) alter(index, its);
    }
    const values = run(
      new Tensor({ shape, dtype: "float32" }, pixels),
      new Tensor({ shape: [size, 1], dtype: "int32" }, classes),
    ).elements!;
    return Float64Array.from(batch, ({ classIndex }, index) => {
      const value = values[index]!;
      if (!Number.isFinite(value))
        throw new ExplainError(
          complaint(`${who}: network`, "finite outputs", `${value} for class ${classIndex}`),
        );
      return value;
    });
  };
}

/** The compiled forward pass up to the probability of each picture's class. */
function programOf(
  who: string,
  network: Network,
  shape: readonly number[],
): { readonly pass: Pass; readonly run: (images: Tensor, classes: Tensor) => Tensor } {
  const pass = tracePass(who, network, {
    shape,
    dtype: "float32",
    classesEach: 1,
    score: "probability",
    target: undefined,
    output: undefined,
  });
  const run = jit(
    (images: Tensor, classes: Tensor) =>
      inline(pass.graph, [images, classes, ...pass.captured])[0]!,
  );
  return { pass, run };
}
