/** @file The loss over the iterations on a logarithmic axis: training, validation, and the iteration that was kept. */
import { type Markish, dot, line, ruleX, text } from "@observablehq/plot";
import type { LossPoint } from "../../series/index.ts";
import { axes, extent, ink, palette, size } from "./axes.ts";
import { type Key, draw } from "./figure.ts";

/** What the figure shows. */
export interface LossCurve {
  readonly title: string;
  readonly subtitle?: string;
  readonly training: readonly LossPoint[];
  readonly validation?: readonly LossPoint[];
  /** The iteration whose weights were kept. */
  readonly best?: number | undefined;
  /** Iterations at which the task changed (windows grew): the loss may jump there. */
  readonly stages?: readonly number[];
}

/** Powers of ten, with 2 and 5 between them when there are few. */
function logTicks(low: number, high: number): number[] {
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const steps = to - from <= 2 ? [1, 2, 5] : [1];
  const every = Math.ceil((to - from) / 8);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
    .filter((power) => (power - from) % every === 0)
    .flatMap((power) => steps.map((s) => Number(`${s}e${power}`)))
    .filter((t) => t >= low && t <= high);
}

/** The geometric mean over a stretch around each point, not across a change of task: what the eye should follow. */
function smooth(curve: readonly LossPoint[], stages: readonly number[]): LossPoint[] {
  const reach = Math.floor(curve.length / 120);
  const stageOf = (p: LossPoint): number => stages.findLastIndex((s) => s < p.iteration);
  const sums = [0];
  for (const { loss } of curve) sums.push(sums.at(-1)! + Math.log(loss));
  const owners = curve.map(stageOf);
  return curve.map(({ iteration }, i) => {
    // As far as the stage goes, and equally far on both sides, so that nothing is shifted.
    let r = 0;
    const same = (k: number): boolean => owners[k] === owners[i];
    while (r < reach && same(i - r - 1) && same(i + r + 1)) r++;
    return { iteration, loss: Math.exp((sums[i + r + 1]! - sums[i - r]!) / (2 * r + 1)) };
  });
}

/** Draws the figure as SVG text. */
export function lossCurve(input: LossCurve): string {
  const usable = (curve: readonly LossPoint[] | undefined): LossPoint[] =>
    (curve ?? []).filter((p) => Number.isFinite(p.loss) && p.loss > 0);
  const [training, validation] = [usable(input.training), usable(input.validation)];
  const stages = (input.stages ?? []).filter((s) => s > 0);
  const all = [...training, ...validation];
  const [smallest, largest] = extent(all.map((p) => p.loss));
  const domain: [number, number] = [smallest / 1.4 || 1e-3, largest * 1.4];
  const last = Math.max(1, ...all.map((p) => p.iteration));
  const kept = validation.find((p) => p.iteration === input.best);

  const keys: Key[] = [{ label: "training", colour: palette[0]!, sign: "line" }];
  const noisy = training.length > 60;
  const style = { x: "iteration", y: "loss", clip: true } as const;
  const marks: Markish[] = [
    ruleX(stages, { stroke: ink.field, strokeDasharray: "2 3" }),
    line(training, {
      ...style,
      stroke: palette[0]!,
      strokeWidth: noisy ? 1 : 2,
      strokeOpacity: noisy ? 0.35 : 1,
    }),
  ];
  if (noisy) {
    marks.push(line(smooth(training, stages), { ...style, stroke: palette[0]!, strokeWidth: 2 }));
  }
  if (validation.length > 0) {
    keys.push({ label: "validation", colour: palette[1]!, sign: "line" });
    marks.push(line(validation, { ...style, stroke: palette[1]!, strokeWidth: 2 }));
  }
  if (kept) {
    keys.push({ label: `kept: iteration ${kept.iteration}`, colour: palette[1]!, sign: "ring" });
    marks.push(
      dot([kept], {
        ...style,
        clip: false,
        r: 5,
        fill: ink.paper,
        stroke: palette[1]!,
        strokeWidth: 2.4,
      }),
    );
  }
  if (stages.length > 0) {
    marks.push(
      text([{ x: stages[0], label: "longer windows" }], {
        x: "x",
        y: domain[1],
        text: "label",
        textAnchor: "start",
        dx: 5,
        dy: 10,
        fill: ink.quiet,
        fontSize: size.font - 1,
        stroke: ink.paper,
        strokeWidth: 4,
      }),
    );
  }
  const ticks = logTicks(...domain);
  const marginLeft = 68;
  return draw({
    title: input.title,
    ...(input.subtitle === undefined ? {} : { subtitle: input.subtitle }),
    keys,
    panels: [
      {
        height: 360,
        marginLeft,
        marginRight: 20,
        marginTop: 12,
        marginBottom: 46,
        x: { domain: [0, last] },
        y: { type: "log", domain },
        marks: [...axes(marginLeft, { label: "iteration" }, { label: "loss", ticks }), ...marks],
      },
    ],
  });
}
