/** @file What is printed about explanations. */
import { type Explainer, type Explanation, metrics } from "../../explain/index.ts";
import type { NetworkInUse } from "../model/network.ts";
import type { Explained } from "./explain-image.ts";
import { classLine, percent } from "./words.ts";

/** The predictions, and for each explanation what has to be known to trust it. */
export function report(
  { path, explanations, predictions }: Explained,
  network: NetworkInUse,
  methods: readonly Explainer[],
): string[] {
  const widest = Math.max(0, ...predictions.map(({ className }) => className.length));
  return [
    `${path}: what ${network.title} sees`,
    ...predictions.map(
      ({ classIndex, className, probability }) =>
        `  ${className.padEnd(widest)}  ${percent(probability).padStart(6)}${network.classNames === undefined ? "" : `  (class ${classIndex})`}`,
    ),
    ...explanations.flatMap((one) => {
      const { title } = methods.find(({ method }) => method.name === one.method)!.method;
      const at = one.layer === undefined ? "" : ` at ${one.layer}`;
      const notes = notesOf(one).map((note) => `  note: ${note}`);
      return [`${title}${at}, ${one.score} of ${classLine(network, one)}`, ...notes];
    }),
  ];
}

/** What keeps a map from being read as it looks. */
export function notesOf({ allNonPositive, saturated }: Explanation): string[] {
  return [
    ...(allNonPositive
      ? ["no value of the map is positive: nothing there speaks for the class"]
      : []),
    ...(saturated
      ? ["the probability is so certain that its gradient has vanished: use --score logit"]
      : []),
  ];
}

/** What metrics say of one map, or of several by their means. */
export interface Judged {
  readonly what: string;
  /** By the name of the metric. */
  readonly means: Readonly<Record<string, number>>;
}

/** The means over images that were judged alike, map by map. */
export function overImages(images: readonly (readonly Judged[])[]): Judged[] {
  return (images[0] ?? []).map(({ what, means }, map) => {
    const meanOf = (name: string): number =>
      images.reduce((sum, judged) => sum + judged[map]!.means[name]!, 0) / images.length;
    const names = Object.keys(means);
    return { what, means: Object.fromEntries(names.map((name) => [name, meanOf(name)])) };
  });
}

/** A table of metrics, one row per map. */
export function judgedTable(rows: readonly Judged[]): string[] {
  const [first] = rows;
  if (first === undefined) return [];
  const names = Object.keys(first.means);
  const heads = names.map((name) => `${name} ${metrics[name]?.better === "higher" ? "↑" : "↓"}`);
  const widest = Math.max(6, ...rows.map(({ what }) => what.length));
  return [
    `${"method".padEnd(widest)}  ${heads.join("  ")}`,
    ...rows.map(
      ({ what, means }) =>
        `${what.padEnd(widest)}  ${names
          .map((name, i) => means[name]!.toFixed(3).padStart(heads[i]!.length))
          .join("  ")}`,
    ),
    "↑ more is better, ↓ less is better",
  ];
}
