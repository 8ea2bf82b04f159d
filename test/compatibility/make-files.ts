/**
 * @file Makes the files of this folder with a version of Adjoint that is installed in a folder:
 * `npx tsx test/compatibility/make-files.ts FOLDER`, where FOLDER holds that version's package.json and dist. What later
 * versions must read is made once, by the version whose files they are, and not made again.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { zipSync } from "fflate";
import type * as models from "../../src/models/index.ts";
import type * as shapes from "../../src/shapes/index.ts";
import {
  bitsOf,
  expectedOf,
  fitArguments,
  here,
  kerasBytes,
  kerasFiles,
  resumeArguments,
  series,
} from "./files.ts";
import { type Library, metadata, networks, trainers, tree } from "./recipes.ts";

const version = resolve(process.argv[2] ?? ".");
const within = createRequire(join(version, "package.json"));
const entrance = (name: string): Promise<unknown> =>
  import(pathToFileURL(within.resolve(name)).href);

const library = {
  core: await entrance("adjoint"),
  ode: await entrance("adjoint/ode"),
  nn: await entrance("adjoint/nn"),
  optim: await entrance("adjoint/optim"),
} as Library;
const { encodeModel, exportOnnx, loadModel } = (await entrance("adjoint/models")) as typeof models;
// The version whose files these are has it in `adjoint/explain`.
const { trainedShapesNetwork } = (await entrance("adjoint/shapes").catch(() =>
  entrance("adjoint/explain"),
)) as typeof shapes;
const { encodeCheckpoint } = library.optim;

/** Steps made before a checkpoint is written, and after it. */
const [before, after] = [3, 2];
const expected: Record<string, unknown> = {};
const checkpoints: Record<string, Uint8Array> = {
  tree: encodeCheckpoint(tree(library), metadata),
};
for (const [name, { make, batch }] of Object.entries(trainers(library))) {
  const trainer = make();
  for (let step = 0; step < before; step++) trainer.step(batch(step));
  checkpoints[name] = encodeCheckpoint(trainer.state, { step: trainer.steps });
  const losses = Array.from({ length: after }, (_, index) => trainer.step(batch(before + index)));
  expected[name] = {
    losses: bitsOf(Float64Array.from(losses)),
    ...expectedOf(library, trainer.model),
  };
}

const files: Record<string, Uint8Array> = {};
for (const [name, network] of Object.entries(networks(library))) {
  files[`${name}.safetensors`] = encodeModel(network, "safetensors");
  const found = await loadModel(files[`${name}.safetensors`]!);
  expected[`${name}.safetensors`] = expectedOf(library, found, found);
  if (name !== "graph") continue;
  files[`${name}.onnx`] = Buffer.concat([...exportOnnx(network as never)]);
  const read = await loadModel(files[`${name}.onnx`]!);
  expected[`${name}.onnx`] = expectedOf(library, read, read);
}
for (const name of kerasFiles) {
  const network = await loadModel(kerasBytes(name));
  expected[`keras ${name}`] = expectedOf(library, network, network);
}
for (const name of ["cnn", "odenet"] as const) {
  const network = await trainedShapesNetwork(name);
  expected[`shapes ${name}`] = expectedOf(library, network, network);
}

// A fit as the command line makes it, and the checkpoint that one which was stopped has left.
const program = join(version, "dist/cli/main.js");
const folder = mkdtempSync(join(tmpdir(), "adjoint-compatibility-"));
writeFileSync(join(folder, "series.csv"), series());
const run = (args: readonly string[]): string => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`adjoint ${args.join(" ")}: ${stderr}`);
  return stdout;
};
run([...fitArguments, "-o", "model.json"]);
writeFileSync(join(folder, "forecast.csv"), run(["predict", "model.json", "--points", "9"]));
run([...resumeArguments, "-o", "resumed.json"]);
await new Promise((done) => {
  const child = spawn(process.execPath, [program, ...resumeArguments, "-o", "stopped.json"], {
    cwd: folder,
  });
  let printed = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
    if (/fit 800\/2000/.test(printed)) child.kill("SIGKILL");
  });
  child.on("close", done);
});
for (const name of [
  "series.csv",
  "model.json",
  "forecast.csv",
  "resumed.json",
  "stopped.json.checkpoint",
])
  files[`series/${name}`] = readFileSync(join(folder, name));
rmSync(folder, { recursive: true });

const entries = { ...files };
for (const [name, bytes] of Object.entries(checkpoints)) entries[`${name}.checkpoint`] = bytes;
writeFileSync(join(here, "files.zip"), zipSync(entries, { level: 9, mtime: "2000-01-01" }));
writeFileSync(join(here, "expected.json"), `${JSON.stringify(expected, undefined, 1)}\n`);
console.log(
  `${Object.keys(entries).length} files, ${readFileSync(join(here, "files.zip")).length} bytes`,
);
