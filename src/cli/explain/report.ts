// What is said of explanations at the terminal.
import type { Explainer, Explanation, Verdict } from "../../explain/index.ts";
import type { NetworkInUse } from "./network.ts";
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
        `  ${className.padEnd(widest)}  ${percent(probability).padStart(6)}  (class ${classIndex})`,
    ),
    ...explanations.flatMap((one) => {
      const { title } = methods.find(({ method }) => method.name === one.method)!.method;
      const at = one.layer === undefined ? "" : ` at ${one.layer}`;
      return [`${title}${at}, ${one.score} of ${classLine(network, one)}`, ...warnings(one)];
    }),
  ];
}

function warnings({ allNonPositive, saturated }: Explanation): string[] {
  return [
    ...(allNonPositive
      ? ["  note: no value of the map is positive: nothing there speaks for the class"]
      : []),
    ...(saturated
      ? ["  note: the probability is so certain that its gradient has vanished: use --score logit"]
      : []),
  ];
}

/** A table of metrics, one row a map. */
export function verdictTable(
  rows: readonly {
    readonly map: Explanation;
    readonly verdicts: Readonly<Record<string, Verdict>>;
  }[],
): string[] {
  const [first] = rows;
  if (first === undefined) return [];
  const names = Object.keys(first.verdicts);
  const heads = names.map(
    (name) => `${name} ${first.verdicts[name]!.better === "higher" ? "↑" : "↓"}`,
  );
  const widest = Math.max(6, ...rows.map(({ map }) => map.method.length));
  return [
    `${"method".padEnd(widest)}  ${heads.join("  ")}`,
    ...rows.map(
      ({ map, verdicts }) =>
        `${map.method.padEnd(widest)}  ${names
          .map((name, i) => verdicts[name]!.mean.toFixed(3).padStart(heads[i]!.length))
          .join("  ")}`,
    ),
    "↑ more is better, ↓ less is better",
  ];
}
