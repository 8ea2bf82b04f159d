/** @file Explains images one after another: a bad one is reported at the end and does not stop the others. */
import { type Explainer, judge, parameterRandomisation } from "../../explain/index.ts";
import { startCounter } from "../progress.ts";
import type { Context } from "../command.ts";
import { Interrupted, UsageError, WorkError, oneLine, interruptible } from "../errors.ts";
import type { NetworkInUse } from "../model/network.ts";
import { type Asked, chooseClasses, chooseMethods } from "./asked.ts";
import { type Explained, explainImage, optionsFor, writeExplained } from "./explain-image.ts";
import type { Images, Places } from "./places.ts";
import { type Judged, judgedTable, notesOf, overImages, report } from "./report.ts";
import { className } from "./words.ts";

/** Tells of single steps, if asked to. */
export type Log = (line: string) => void;

/** What is left to say of an image once its files are written. */
interface Done {
  readonly lines: readonly string[];
  readonly notes: readonly string[];
  readonly judged: readonly Judged[];
  /** Paths of the files. */
  readonly written: readonly string[];
}

/**
 * Explains every image and writes what is wanted of it.
 * Throws WorkError at the end, naming the images that could not be explained; at once where it is the only one, and for what is wrong
 * with network or options; Interrupted after Ctrl-C
 */
export async function explainAll(
  { paths, areMany }: Images,
  places: readonly Places[],
  network: NetworkInUse,
  asked: Asked,
  context: Context,
  log: Log,
): Promise<void> {
  const methods = chooseMethods(asked.methods);
  const classes = chooseClasses(asked.classes, network);
  const failures: string[] = [];
  const done: Done[] = [];
  await interruptible("stopped; files that were written are whole", async (signal) => {
    const quiet = context.quiet || !areMany;
    const bar = startCounter({ title: "explain", total: paths.length, quiet });
    try {
      for (const [index, path] of paths.entries()) {
        try {
          done.push(await one(path, places[index]!, network, methods, classes, asked, signal, log));
          bar.update(index + 1, path);
        } catch (error) {
          if (!areMany || !isOfOneImage(error, done.length > 0)) throw error;
          const line = oneLine(error);
          failures.push(line.includes(path) ? line : `${path}: ${line}`);
          bar.update(index + 1, `${path}: failed`);
        }
      }
    } finally {
      bar.stop();
    }
  });
  const tell = (lines: readonly string[]): void => lines.forEach(context.say);
  if (areMany) {
    context.say(`explained ${done.length} of ${paths.length} images`);
    tell(done.flatMap(({ notes }) => notes));
    tell(judgedTable(overImages(done.map(({ judged }) => judged))));
  } else
    for (const { lines, judged, written } of done)
      tell([...lines, ...judgedTable(judged), ...written.map((file) => `wrote ${file}`)]);
  if (failures.length > 0)
    throw new WorkError(
      `${failures.length} of ${paths.length} images could not be explained: ${failures.join("; ")}`,
    );
}

/** What is wrong with network, layer or options shows at the first image that can be read, and would at all others. */
function isOfOneImage(error: unknown, hasWorked: boolean): boolean {
  if (error instanceof Interrupted || error instanceof UsageError) return false;
  return hasWorked || error instanceof WorkError || (error as Error).name === "FormatError";
}

async function one(
  path: string,
  places: Places,
  network: NetworkInUse,
  methods: readonly Explainer[],
  classes: readonly number[],
  asked: Asked,
  signal: AbortSignal,
  log: Log,
): Promise<Done> {
  const began = performance.now();
  const explained = await explainImage(path, network, methods, classes, asked, signal);
  const { explanations } = explained;
  for (const { method, layer, shape } of explanations)
    log(`${path}: ${method}${layer === undefined ? "" : ` at ${layer}`}, ${shape.join(" x ")}`);
  log(`${path}: explained in ${Math.round(performance.now() - began)} ms`);
  const judged = asked.judge ? await judgeMaps(explained, network, methods, asked, signal) : [];
  const written = await writeExplained(explained, network, methods, places, asked);
  return {
    lines: report(explained, network, methods),
    notes: explanations.flatMap((map) =>
      notesOf(map).map((note) => `${path}: ${map.method}: ${note}`),
    ),
    judged,
    written,
  };
}

/**
 * What metrics that need no truth say of the maps, and how alike they are to those of the network with random parameters (rank
 * correlation): a map that stays as it was shows the picture, not the network.
 */
async function judgeMaps(
  { explanations, picture }: Explained,
  network: NetworkInUse,
  methods: readonly Explainer[],
  asked: Asked,
  signal: AbortSignal,
): Promise<Judged[]> {
  const { seed, classes } = asked;
  const image = network.prepare(picture);
  const rows: Judged[] = [];
  for (const map of explanations) {
    const { method, classIndex = 0 } = map;
    const verdicts = await judge(network.model, [{ image, map, classIndex }], { seed, signal });
    const means = Object.entries(verdicts).map(([name, { mean }]) => [name, mean] as const);
    const explainer = methods.find((one) => one.method.name === method)!;
    const options = { ...optionsFor(explainer, asked), classIndex, signal };
    const [forgotten] = await parameterRandomisation(
      network.model,
      (other) => [explainer(other, image, options)],
      { mode: "together", seed, signal },
    );
    const what = classes.length > 1 ? `${method}, ${className(network, classIndex)}` : method;
    rows.push({ what, means: { ...Object.fromEntries(means), randomised: forgotten!.rank } });
  }
  return rows;
}
