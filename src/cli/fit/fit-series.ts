// A fit from series to files: what `adjoint fit` and `adjoint demo` share.
import { rm } from "node:fs/promises";
import { basename, extname } from "node:path";
import type { Context } from "../command.ts";
import type { Series } from "../csv/series.ts";
import { checkWritable, writeAtomic } from "../files.ts";
import { beside } from "../plot/save.ts";
import { startProgress } from "../progress.ts";
import { writeFigures } from "./figures.ts";
import { modelToJson } from "./model-file.ts";
import { type FitOptions, defineProblem } from "./problem.ts";
import { toModel } from "./result.ts";
import { train } from "./train.ts";

/** Where a fit goes and what surrounds it. */
export interface FitJob {
  readonly title: string;
  readonly series: Series;
  readonly options: FitOptions;
  /** The model's path. */
  readonly output: string;
  /** The figure's path; the others go beside it. */
  readonly plot?: string | undefined;
  /** How far the plotted forecast reaches; default: half of what it shows of the data. */
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

/** The name of a data file as a title. */
export function titleOf(path: string): string {
  return basename(path, extname(path));
}

/**
 * Fits, writes the model, then the pictures. SIGINT ends it after a last checkpoint.
 * Paths are tried before any work is done.
 */
export async function fitSeries(job: FitJob, context: Context): Promise<FitSummary> {
  const { series, options, output, plot } = job;
  const pictures = plot === undefined ? [] : [plot, beside(plot, "phase"), beside(plot, "loss")];
  const checkpoint = `${output}.checkpoint`;
  for (const path of [output, checkpoint, ...pictures]) await checkWritable(path);
  const problem = defineProblem(series, options);

  let interrupted = false;
  const stop = (): void => void (interrupted = true);
  process.once("SIGINT", stop);
  const began = performance.now();
  let from = 0;
  let progress: ReturnType<typeof startProgress> | undefined;
  const start = (): ReturnType<typeof startProgress> =>
    startProgress({ title: "fit", total: options.iterations, quiet: context.quiet, from });
  try {
    const trained = await train(problem, {
      onProgress: (standing) => (progress ??= start()).update(standing),
      onResume: (iteration) => {
        from = iteration;
        context.say(`continuing ${checkpoint} at iteration ${iteration}`);
      },
      interrupted: () => interrupted,
      checkpoint: { path: checkpoint, every: job.checkpointEvery, resume: job.resume },
    });
    progress?.stop();
    const seconds = (performance.now() - began) / 1000;
    const model = toModel(problem, trained);
    await writeAtomic(output, modelToJson(model));
    const written = [output];
    if (plot !== undefined) {
      const { course } = trained;
      const { title, horizon } = job;
      written.push(...(await writeFigures(plot, { title, model, problem, course, horizon })));
    }
    await rm(checkpoint, { force: true });
    const { iterations, ...record } = model.training;
    return { ...record, iterations: iterations - from, seconds, written };
  } finally {
    progress?.stop();
    process.removeListener("SIGINT", stop);
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
