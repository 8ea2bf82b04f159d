/** @file What users have written with earlier versions loads to the same bits, continues to the same bits and is written to the same bytes. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { afterAll, describe, expect, test } from "vitest";
import * as core from "../../src/index.ts";
import { encodeModel, loadModel } from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import * as ode from "../../src/ode/index.ts";
import * as optim from "../../src/optim/index.ts";
import { trainedShapesNetwork } from "../../src/shapes/index.ts";
import { folder, run } from "../cli/run-cli.ts";
import {
  type Expected,
  bitsOf,
  expectedOf,
  fitArguments,
  here,
  kerasBytes,
  kerasFiles,
  resumeArguments,
  series,
} from "./files.ts";
import { metadata, networks, trainers, tree } from "./recipes.ts";

const library = { core, nn, ode, optim };
const files = unzipSync(readFileSync(join(here, "files.zip")));
const expected = JSON.parse(readFileSync(join(here, "expected.json"), "utf8")) as Readonly<
  Record<string, Expected & { readonly losses: string }>
>;
const temporary = folder();
afterAll(temporary.remove);

test("nothing that is expected lacks a file", () => {
  const recorded = Object.keys(expected).filter((name) => !/^(shapes|keras) /.test(name));
  const named = Object.keys(files)
    .filter((name) => name !== "tree.checkpoint" && !name.startsWith("series/"))
    .map((name) => name.replace(/\.checkpoint$/, ""));
  expect(named.toSorted()).toEqual(recorded.toSorted());
  expect(Object.keys(trainers(library)).every((name) => `${name}.checkpoint` in files)).toBe(true);
  expect(Object.keys(networks(library)).every((name) => `${name}.safetensors` in files)).toBe(true);
});

describe("checkpoints", () => {
  test("of any tree: dtypes, special values, names and metadata", async () => {
    const path = temporary.at("tree.checkpoint");
    writeFileSync(path, files["tree.checkpoint"]!);
    const found = await optim.loadCheckpoint(path, tree(library));
    expect(found.metadata).toEqual(metadata);
    const bits = (of: unknown): string[] =>
      core.treeLeaves("tree", of).map((leaf) => bitsOf(leaf.data()));
    expect(bits(found.tree)).toEqual(bits(tree(library)));
    expect(optim.encodeCheckpoint(found.tree, metadata)).toEqual(files["tree.checkpoint"]);
  });

  for (const [name, { make, batch }] of Object.entries(trainers(library)))
    test(`of a trainer: ${name}`, async () => {
      const path = temporary.at(`${name}.checkpoint`);
      const bytes = files[`${name}.checkpoint`]!;
      writeFileSync(path, bytes);
      const trainer = make();
      await optim.loadCheckpoint(path, trainer);
      expect(optim.encodeCheckpoint(trainer.state, { step: trainer.steps })).toEqual(bytes);
      const losses = Float64Array.from([0, 1], () => trainer.step(batch(trainer.steps)));
      expect(bitsOf(losses)).toBe(expected[name]!.losses);
      expect(expectedOf(library, trainer.model).parameters).toEqual(expected[name]!.parameters);
    });
});

describe("networks", () => {
  test.each(Object.keys(files).filter((name) => /\.(safetensors|onnx)$/.test(name)))(
    "%s",
    async (name) => {
      const network = await loadModel(files[name]!);
      expect(expectedOf(library, network, network)).toEqual(expected[name]);
      if (name.endsWith(".safetensors"))
        expect(encodeModel(network, "safetensors")).toEqual(files[name]);
    },
  );

  test.each(Object.entries(networks(library)))(
    "%s, made anew, is written to the same bytes",
    (name, network) => {
      expect(encodeModel(network, "safetensors")).toEqual(files[`${name}.safetensors`]);
    },
  );

  test.each(kerasFiles)("of Keras: %s", async (name) => {
    const network = await loadModel(kerasBytes(name));
    expect(expectedOf(library, network, network)).toEqual(expected[`keras ${name}`]);
  });

  test.each(["cnn", "odenet"] as const)("that come with the package: %s", async (name) => {
    const network = await trainedShapesNetwork(name);
    expect(expectedOf(library, network, network)).toEqual(expected[`shapes ${name}`]);
  });
});

describe("fits of the command line", () => {
  const kept = (name: string): string => Buffer.from(files[`series/${name}`]!).toString();
  const made = (name: string): string => readFileSync(temporary.at(name), "utf8");
  const adjoint = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(args, temporary.path);
    expect(code, stderr).toBe(0);
    return stdout;
  };
  writeFileSync(temporary.at("series.csv"), series());

  test("are the same models of the same data", async () => {
    expect(series()).toBe(kept("series.csv"));
    await adjoint(...fitArguments, "-o", "again.json");
    expect(made("again.json")).toBe(kept("model.json"));
  });

  test("forecast the same numbers", async () => {
    writeFileSync(temporary.at("model.json"), kept("model.json"));
    expect(await adjoint("predict", "model.json", "--points", "9")).toBe(kept("forecast.csv"));
  });

  test("that were stopped continue to the same model", async () => {
    writeFileSync(
      temporary.at("stopped.json.checkpoint"),
      files["series/stopped.json.checkpoint"]!,
    );
    const printed = await adjoint(...resumeArguments, "-o", "stopped.json", "--resume");
    expect(printed).toMatch(/continuing stopped\.json\.checkpoint at iteration \d00/);
    expect(made("stopped.json")).toBe(kept("resumed.json"));
  });
});
