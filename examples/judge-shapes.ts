/**
 * @file Every method judged where the truth is known: pointing game, deletion, insertion and time on pictures of `shapes` that no
 * network was trained on, and whether maps change when the network forgets what it has learned. `npm run judge:shapes` prints the
 * tables of docs/judging-maps.md.
 */
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { random } from "adjoint";
import {
  type Explainer,
  type HeatMap,
  type Network,
  judge,
  methods,
  parameterRandomisation,
} from "adjoint/explain";
import { shapes, trainedShapesNetwork } from "adjoint/shapes";

const options = {
  network: { type: "string", default: "cnn" },
  images: { type: "string", default: "50" },
  "randomisation-images": { type: "string", default: "10" },
  methods: { type: "string" },
  quiet: { type: "boolean", default: false },
} as const;

/** A row of the first table. Shares are from 0 to 1, milliseconds those of the fastest picture. */
export interface Row {
  readonly method: string;
  readonly pointing: number;
  readonly exact: number;
  readonly deletion: number;
  readonly insertion: number;
  readonly milliseconds: number | undefined;
}

/** A row of the second table: rank correlation with the trained network's maps after some layers were randomised. */
export interface Likeness {
  readonly method: string;
  /** The scores' layer alone. */
  readonly top: number;
  /** The upper half of the layers. */
  readonly half: number;
  readonly all: number;
  /** Structural similarity after all of them. */
  readonly structure: number;
}

/** Judges as the arguments say. */
export async function main(
  args: readonly string[],
): Promise<{ rows: Row[]; likenesses: Likeness[] }> {
  const { values } = parseArgs({ args: [...args], options });
  const { network: name, quiet } = values;
  if (name !== "cnn" && name !== "odenet") throw new Error(`--network: cnn or odenet, not ${name}`);
  const chosen = values.methods?.split(",") ?? Object.keys(methods);
  const all = methods as Readonly<Record<string, Explainer>>;
  const unknown = chosen.find((method) => all[method] === undefined);
  if (unknown !== undefined) throw new Error(`--methods: no method ${unknown}`);
  const say = (text: string): void => {
    if (!quiet) console.log(text);
  };
  const network = await trainedShapesNetwork(name);
  const count = Number(values.images);
  const { x, y, mask } = shapes({ seed: 2, count });
  const classIndex = [...y.data()];
  const pictures = classIndex.map((label, i) => ({
    image: x.at(i),
    mask: mask.at(i),
    classIndex: label,
  }));
  const rowOf = async (
    method: string,
    maps: readonly HeatMap[],
    milliseconds: number | undefined,
  ): Promise<Row> => {
    const subjects = pictures.map((picture, i) => ({ ...picture, map: maps[i]! }));
    const metrics = ["pointingGame", "deletion", "insertion"];
    // The blur hides a shape: its deviation is a quarter of the smallest one's width.
    const found = await judge(network, subjects, { metrics, steps: 16, batchSize: 34, blur: 8 });
    const exact = await judge(network, subjects, { metrics: ["pointingGame"], tolerance: 0 });
    const mean = (metric: string): number => found[metric]!.mean;
    const row = {
      method,
      pointing: mean("pointingGame"),
      exact: exact["pointingGame"]!.mean,
      deletion: mean("deletion"),
      insertion: mean("insertion"),
      milliseconds,
    };
    say(lineOf(row));
    return row;
  };

  say(`${name}, ${count} pictures\n${header}`);
  const rows: Row[] = [];
  for (const method of chosen) {
    const explain = (i: number): HeatMap =>
      all[method]!(network, x.at(i), { classIndex: classIndex[i]! });
    let milliseconds = Infinity;
    const maps = classIndex.map((_, i) => {
      const began = performance.now();
      const map = explain(i);
      milliseconds = Math.min(milliseconds, performance.now() - began);
      return map;
    });
    rows.push(await rowOf(all[method]!.method.title, maps, milliseconds));
  }
  for (const [method, map] of Object.entries(baselines))
    rows.push(
      await rowOf(
        method,
        classIndex.map((_, i) => map(i)),
        undefined,
      ),
    );

  const few = Math.min(count, Number(values["randomisation-images"]));
  const images = x.slice([0], [few]);
  say(`\n${few} pictures, layers randomised from the scores down\n${likenessHeader}`);
  const likenesses: Likeness[] = [];
  for (const method of chosen) {
    const { title } = all[method]!.method;
    const explain = (other: Network): HeatMap[] =>
      all[method]!.batch(other, images, { classIndex: classIndex.slice(0, few), relu: false });
    const steps = await parameterRandomisation(network, explain);
    const likeness: Likeness = {
      method: title,
      top: steps[0]!.rank,
      half: steps[Math.ceil(steps.length / 2) - 1]!.rank,
      all: steps.at(-1)!.rank,
      structure: steps.at(-1)!.structure,
    };
    likenesses.push(likeness);
    const { method: name, ...numbers } = likeness;
    say(`| ${[name, ...Object.values(numbers).map((value) => value.toFixed(2))].join(" | ")} |`);
  }
  return { rows, likenesses };
}

/** Maps that know nothing of the network. */
const baselines: Record<string, (index: number) => HeatMap> = {
  random: (index) => ({
    values: random.uniform(random.key(index), [64 * 64]).data(),
    shape: [64, 64],
  }),
  centre: () => ({
    values: Array.from({ length: 64 * 64 }, (_, at) => {
      const [row, column] = [Math.floor(at / 64) - 31.5, (at % 64) - 31.5];
      return -(row * row + column * column);
    }),
    shape: [64, 64],
  }),
};

const columns: readonly [name: string, text: (row: Row) => string][] = [
  ["method", (row) => row.method],
  ["pointing game", (row) => percent(row.pointing)],
  ["without tolerance", (row) => percent(row.exact)],
  ["deletion", (row) => row.deletion.toFixed(3)],
  ["insertion", (row) => row.insertion.toFixed(3)],
  ["ms", (row) => row.milliseconds?.toFixed(1) ?? "-"],
];
const header = [
  `| ${columns.map(([name]) => name).join(" | ")} |`,
  `|${" --- |".repeat(columns.length)}`,
].join("\n");
const likenessHeader = [
  "| method | scores | upper half | all | structure, all |",
  `|${" --- |".repeat(5)}`,
].join("\n");
const lineOf = (row: Row): string => `| ${columns.map(([, text]) => text(row)).join(" | ")} |`;
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  await main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
