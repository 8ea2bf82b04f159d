/**
 * @file Damaged files of every format: each loads, or is refused by a FormatError; none hangs, crashes, or takes memory that its
 * size does not explain. ADJOINT_TEST_FUZZ sets the number of cases, 20,000 for a long run.
 */
import { describe, expect, test } from "vitest";
import { FormatError, type LoadedModel, loadModel } from "../../../src/models/index.ts";
import { corpus } from "./corpus.ts";
import { type Victim, victims } from "./files.ts";
import { mutate } from "./mutate.ts";

const cases = Number(process.env["ADJOINT_TEST_FUZZ"] ?? 300);
/** Milliseconds that no file may take, on a busy machine. */
const longest = 5000;

function load(
  { files, topology, weights }: Victim,
  damaged: number,
  bytes: Uint8Array,
): Promise<LoadedModel> {
  const options = {
    ...(topology !== undefined && { topology }),
    ...(weights !== undefined && { weights }),
  };
  if (files.length === 1) return loadModel(bytes, options);
  return loadModel(
    files.map(
      (file, index) => new File([(index === damaged ? bytes : file.bytes) as BlobPart], file.name),
    ),
    options,
  );
}

function elements(model: LoadedModel): unknown[] {
  return model.namedParameters().map(([name, { shape, elements }]) => [name, shape, elements]);
}

const whole = new Map<string, unknown[]>();

/** What is wrong with how damaged files are taken; undefined where nothing is. */
async function harm(victim: Victim, seed: number): Promise<string | undefined> {
  const damaged = seed % victim.files.length;
  const { name, bytes: sound } = victim.files[damaged]!;
  const bytes = mutate(sound, seed, name.endsWith(".json"));
  const start = performance.now();
  let model: LoadedModel | undefined;
  try {
    model = await load(victim, damaged, bytes);
  } catch (error) {
    if (!(error instanceof FormatError)) return `threw ${String(error)}\n${(error as Error).stack}`;
    const { cause } = error;
    if (cause instanceof TypeError && !/data was not valid|Invalid/.test(cause.message))
      return `a TypeError inside: ${cause.stack}`;
  }
  const time = performance.now() - start;
  if (time > longest) return `took ${Math.round(time)} ms`;
  if (model === undefined) return undefined;
  for (const parameter of model.parameters())
    if (parameter.elements!.length !== parameter.size) return "left a parameter without elements";
  if (victim.isChecked === true) {
    try {
      expect(elements(model)).toEqual(whole.get(victim.name));
    } catch {
      return "loaded something else, although the format has checks";
    }
  }
  return undefined;
}

describe("damaged files", () => {
  test("what is not damaged loads", async () => {
    for (const victim of victims)
      whole.set(victim.name, elements(await load(victim, 0, victim.files[0]!.bytes)));
  });

  test.each(corpus)("%s, seed %i, which did harm once", async (name, seed) => {
    const victim = victims.find((one) => one.name === name);
    if (victim !== undefined) expect(await harm(victim, seed)).toBeUndefined();
  });

  test(`${cases} more are taken as they should`, { timeout: 3_600_000 }, async () => {
    const harms: string[] = [];
    for (let index = 0; index < cases; index++) {
      const victim = victims[index % victims.length]!;
      const seed = 1 + Math.floor(index / victims.length);
      const found = await harm(victim, seed);
      if (found !== undefined) harms.push(`["${victim.name}", ${seed}]: ${found}`);
    }
    expect(harms).toEqual([]);
    // What a process holds at its largest, with the compiler and all files.
    expect(process.resourceUsage().maxRSS).toBeLessThan(1.5e6);
  });
});
