// The three pictures of a fit.
import type { Series } from "../csv/series.ts";
import { lossCurve } from "../plot/loss.ts";
import { phasePortrait } from "../plot/phase.ts";
import { beside, savePicture } from "../plot/save.ts";
import { timeline } from "../plot/timeline.ts";
import type { Course } from "./course.ts";
import type { Model } from "./model-file.ts";
import type { Problem } from "./problem.ts";
import { forecaster, planeField } from "./trajectory.ts";

/** What the pictures are drawn from. */
export interface FigureInput {
  readonly title: string;
  readonly model: Model;
  readonly problem: Problem;
  readonly course: Course;
  /** How far the forecast reaches, in units of time; default: half of what is shown of the data. */
  readonly horizon?: number | undefined;
}

/** Points of the curve. */
const points = 800;
/** Most rows shown: of a longer series the last ones, or cycles would merge into a solid block. */
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

/**
 * Writes the fit to `path`, the phase portrait and the loss curve beside it.
 * @returns the paths written; no phase portrait for a state of one dimension
 */
export async function writeFigures(path: string, input: FigureInput): Promise<string[]> {
  const { title, model, problem, course } = input;
  const { series, note } = lastRows(problem.series);
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
      training: course.training,
      validation: course.held,
      best: course.kept?.iteration,
      stages: problem.stages.slice(0, course.stage + 1).map((stage) => stage.from),
    }),
  );
  return [...written, file];
}
