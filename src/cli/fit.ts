/** @file A fit from a table to files: what `adjoint fit` and `adjoint demo` share, and the three figures of a fit. */
import { rm } from "node:fs/promises";
import { basename, extname } from "node:path";
import { ArgumentError } from "../base/errors.ts";
import { fitSpec } from "../series/options.ts";
import {
  CheckpointError,
  type ColumnOptions,
  type FitSeriesOptions,
  type FittedSeries,
  type Series,
  SeriesError,
  type Table,
  encodeSeriesModel,
  fitSeries,
  forecaster,
  planeField,
  readSeries,
} from "../series/index.ts";
import type { Context } from "./command.ts";
import { Interrupted, UsageError, WorkError, interruptible } from "./errors.ts";
import { checkWritable, writeAtomic } from "./files.ts";
import { lossCurve } from "./plot/loss.ts";
import { phasePortrait } from "./plot/phase.ts";
import { beside, savePicture } from "./plot/save.ts";
import { timeline } from "./plot/timeline.ts";
import { startProgress } from "./progress.ts";

/** Data, options and places of a fit. */
export interface FitJob {
  readonly title: string;
  readonly table: Table;
  readonly columns?: ColumnOptions;
  /** As `fitSeries` takes them. */
  readonly options: FitSeriesOptions;
  /** The model's path. */
  readonly output: string;
  /** The figure's path; the others go beside it. */
  readonly plot?: string | undefined;
  /** Length of the plotted forecast in units of time; default: half of the data that is shown. */
  readonly horizon?: number | undefined;
  readonly checkpointEvery: number;
  readonly resume: boolean;
}

/** What a fit did, for summaries. */
export interface FitSummary {
  readonly iterations: number;
  readonly seconds: number;
  /** The iteration whose weights were kept, and its losses. */
  readonly kept: number;
  readonly loss: number;
  readonly validation: number | null;
  readonly evaluations: number;
  readonly written: readonly string[];
}

/** Runs work on a table. Throws UsageError for options that do not fit the data, WorkError naming the source for data that cannot be used. */
async function onData<T>(source: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const message = (error as Error).message;
    if (error instanceof ArgumentError)
      throw new UsageError(message.replace(/^(?=(time|columns|scale)\b)/, "--"));
    if (error instanceof SeriesError)
      throw new WorkError(message.startsWith(source) ? message : `${source}: ${message}`);
    if (error instanceof CheckpointError) throw new WorkError(message.replace(/^\w+: /, ""));
    throw error;
  }
}

/**
 * Fits, writes the model, then the pictures. Ctrl-C ends it after a last checkpoint. Paths are tried before any work is done.
 */
export async function fitTable(job: FitJob, context: Context): Promise<FitSummary> {
  const { table, output, plot, title, horizon } = job;
  const { source } = table;
  const series = await onData(source, () => readSeries(table, job.columns));
  const pictures = plot === undefined ? [] : [plot, beside(plot, "phase"), beside(plot, "loss")];
  const path = `${output}.checkpoint`;
  for (const place of [output, path, ...pictures]) await checkWritable(place);

  const began = performance.now();
  let from = 0;
  let last = 0;
  let progress: ReturnType<typeof startProgress> | undefined;
  const total = job.options.iterations ?? fitSpec.iterations.fallback!;
  const start = (): ReturnType<typeof startProgress> =>
    startProgress({ title: "fit", total, quiet: context.quiet, from });
  try {
    const fitted = await interruptible("", (signal) =>
      onData(source, () =>
        fitSeries(series, {
          ...job.options,
          signal,
          checkpoint: { path, every: job.checkpointEvery, resume: job.resume },
          onProgress: (now) => {
            last = now.iteration;
            (progress ??= start()).update(now);
          },
          onResume: (iteration) => {
            from = iteration;
            context.say(`continuing ${path} at iteration ${iteration}`);
          },
        }),
      ),
    );
    progress?.stop();
    if (fitted.stopped === "aborted")
      throw new Interrupted(`interrupted at iteration ${last}; --resume continues from there`);
    const seconds = (performance.now() - began) / 1000;
    await writeAtomic(output, encodeSeriesModel(fitted.model));
    const written = [output];
    if (plot !== undefined)
      written.push(...(await writeFigures(plot, { title, series, fitted, horizon })));
    await rm(path, { force: true });
    const { iterations, ...record } = fitted.model.training;
    return { ...record, iterations: iterations - from, seconds, written };
  } finally {
    progress?.stop();
  }
}

/** The summary as lines for a person. */
export function summaryLines(summary: FitSummary): string[] {
  const { iterations, seconds, kept, loss, validation, evaluations, written } = summary;
  const rate = (iterations / Math.max(seconds, 1e-3)).toFixed(0);
  const held = validation === null ? "" : `, validation ${validation.toPrecision(3)}`;
  return [
    `${iterations} iterations in ${seconds.toFixed(1)} s (${rate} a second), ${evaluations} evaluations`,
    `kept iteration ${kept}: loss ${loss.toPrecision(3)}${held}`,
    `wrote ${written.join(", ")}`,
  ];
}

/** The name of a data file as a title. */
export function titleOf(path: string): string {
  return basename(path, extname(path));
}

/** What the figures show. */
interface FigureInput {
  readonly title: string;
  readonly series: Series;
  readonly fitted: FittedSeries;
  /** Length of the forecast in units of time; default: half of the data that is shown. */
  readonly horizon?: number | undefined;
}

/** Points of the curve. */
const points = 800;
/** Most rows shown: the last ones of longer series, whose cycles would otherwise merge into a solid block. */
const mostRows = 500;

/** The rows that are shown, and a note if these are not all. */
function lastRows(series: Series): { readonly series: Series; readonly note: string } {
  const rows = series.times.length;
  if (rows <= mostRows) return { series, note: "" };
  const from = rows - mostRows;
  const values = series.values.slice(from * series.names.length);
  return {
    series: { ...series, times: series.times.slice(from), values },
    note: `; last ${mostRows} of ${rows} rows`,
  };
}

function columnOf(series: Series, column: number): Float64Array {
  const width = series.names.length;
  return series.values.filter((_, i) => i % width === column);
}

/** Writes the figure of the fit to `path`, the phase portrait (of two dimensions and more) and the loss beside it; the paths written. */
async function writeFigures(path: string, input: FigureInput): Promise<string[]> {
  const { title, fitted } = input;
  const { model } = fitted;
  const { series, note } = lastRows(input.series);
  const { last, trainEnd } = model.span;
  const first = series.times[0]!;
  const horizon = input.horizon ?? (last - first) / 2;
  const compute = forecaster(model);
  const step = (last + horizon - first) / points;
  // The end of the training part is a point of the curve, so that fit and forecast meet there.
  const times = Array.from({ length: points + 1 }, (_, i) => first + i * step);
  if (trainEnd > first) times.push(trainEnd);
  const curve = compute.at(Float64Array.from(new Set(times)).sort());
  const { hidden, activation, hiddenStates } = model.architecture;
  const size = model.names.length + hiddenStates;
  const network = `neural ODE ${[size, ...hidden, size].join("-")}, ${activation}${note}`;

  const written = [path];
  await savePicture(
    path,
    timeline({ title, subtitle: network, observed: series, curve, trainEnd }),
  );
  if (size >= 2) {
    const file = beside(path, "phase");
    const fits = Math.max(
      0,
      curve.times.findLastIndex((t) => t <= trainEnd),
    );
    const along = (d: number): Float64Array =>
      d < model.names.length
        ? curve.values.filter((_, i) => i % model.names.length === d)
        : curve.states.filter((_, i) => i % size === d);
    const [x, y] = [along(0), along(1)];
    const others = size > 2 ? "; other dimensions at their mean" : "";
    await savePicture(
      file,
      phasePortrait({
        title: `${title}: phase portrait`,
        subtitle: `arrows: the learned vector field${others}`,
        xName: model.names[0]!,
        yName: model.names[1] ?? "hidden state",
        field: planeField(model, compute, curve),
        // A hidden state is nowhere observed.
        observed:
          model.names.length > 1
            ? { x: columnOf(series, 0), y: columnOf(series, 1) }
            : { x: [], y: [] },
        fit: { x: x.subarray(0, fits + 1), y: y.subarray(0, fits + 1) },
        forecast: { x: x.subarray(fits), y: y.subarray(fits) },
      }),
    );
    written.push(file);
  }
  const file = beside(path, "loss");
  await savePicture(
    file,
    lossCurve({
      title: `${title}: loss`,
      subtitle: "mean squared error of standardised values",
      training: fitted.training,
      validation: fitted.held,
      best: model.training.kept,
      stages: fitted.stages,
    }),
  );
  return [...written, file];
}
