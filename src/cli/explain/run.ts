// Explains images one after another: a bad one is reported at the end and does not stop the rest.
import { type Explainer, judge } from "../../explain/index.ts";
import { startCounter } from "../counter.ts";
import type { Context } from "../command.ts";
import { Interrupted, WorkError, oneLine } from "../errors.ts";
import type { NetworkInUse } from "./network.ts";
import { type Asked, chooseClasses, chooseMethods } from "./asked.ts";
import { type Explained, explainImage, writeExplained } from "./explain-image.ts";
import type { Images } from "./images.ts";
import type { Places } from "./places.ts";
import { report, verdictTable } from "./report.ts";

/** Tells of single steps, if asked to. */
export type Log = (line: string) => void;

/**
 * Explains every image and writes what is wanted of it.
 * @throws WorkError at the end, naming the images that could not be explained; at once where it is the only one
 */
export async function explainAll(
  images: Images,
  places: readonly Places[],
  network: NetworkInUse,
  asked: Asked,
  context: Context,
  log: Log,
): Promise<void> {
  const methods = chooseMethods(asked.methods);
  const classes = chooseClasses(asked.classes, network);
  const { paths, areMany } = images;
  const bar = startCounter({
    title: "explain",
    total: paths.length,
    quiet: context.quiet || !areMany,
  });
  const failures: string[] = [];
  for (const [index, path] of paths.entries()) {
    try {
      const lines = await one(path, places[index]!, network, methods, classes, asked, log);
      if (areMany) bar.update(index + 1, path);
      else for (const line of lines) context.say(line);
    } catch (error) {
      if (!areMany || error instanceof Interrupted) throw error;
      failures.push(oneLine(error));
      bar.update(index + 1, `${path}: failed`);
    }
  }
  bar.stop();
  const done = paths.length - failures.length;
  if (areMany) context.say(`explained ${done} of ${paths.length} images`);
  if (failures.length > 0)
    throw new WorkError(
      `${failures.length} of ${paths.length} images could not be explained: ${failures.join("; ")}`,
    );
}

async function one(
  path: string,
  places: Places,
  network: NetworkInUse,
  methods: readonly Explainer[],
  classes: readonly number[],
  asked: Asked,
  log: Log,
): Promise<string[]> {
  const began = performance.now();
  const explained = await explainImage(path, network, methods, classes, asked);
  for (const { method, layer, shape } of explained.explanations)
    log(`${path}: ${method}${layer === undefined ? "" : ` at ${layer}`}, ${shape.join(" x ")}`);
  log(`${path}: explained in ${Math.round(performance.now() - began)} ms`);
  const verdicts = asked.judge ? await judged(explained, network, asked) : [];
  const written = await writeExplained(explained, network, methods, places, asked);
  return [
    ...report(explained, network, methods),
    ...verdicts,
    ...written.map((file) => `wrote ${file}`),
  ];
}

/** What metrics that need no truth say of the maps. */
async function judged(
  { explanations, picture }: Explained,
  network: NetworkInUse,
  { seed }: Asked,
): Promise<string[]> {
  const image = network.prepare(picture);
  const rows = [];
  for (const map of explanations) {
    if (map.classIndex === undefined) continue;
    const subject = { image, map, classIndex: map.classIndex };
    rows.push({ map, verdicts: await judge(network.model, [subject], { seed }) });
  }
  return verdictTable(rows);
}
