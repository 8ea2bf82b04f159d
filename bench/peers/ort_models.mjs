// Peer of workload H: forward times of ONNX files in onnxruntime, native or WebAssembly.
// usage: node ort_models.mjs NODE_MODULES onnxruntime-node|onnxruntime-web THREADS FOLDER
// NODE_MODULES is a folder where the package was installed, FOLDER one with <name>.onnx files (made by `npm run bench -- H
// --packages ...`), each of one picture [1, 3, H, W]. Prints a JSON line a file: the time of session.run with inputs and
// outputs of JavaScript, as a user calls it.

import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, engine, threads, folder] = process.argv.slice(2);
if (folder === undefined)
  throw new Error("usage: node ort_models.mjs NODE_MODULES PACKAGE THREADS FOLDER");
const from = createRequire(join(resolve(modules), "any.js"));
const ort = await import(pathToFileURL(from.resolve(engine)).href).then((m) => m.default ?? m);
const { version } = JSON.parse(readFileSync(join(modules, engine, "package.json"), "utf8"));
const web = engine === "onnxruntime-web";
if (web) {
  ort.env.wasm.numThreads = Number(threads);
  ort.env.logLevel = "error";
}
const options = web
  ? { executionProviders: ["wasm"], graphOptimizationLevel: "all" }
  : {
      intraOpNumThreads: Number(threads),
      interOpNumThreads: 1,
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
    };

/** The picture of h-models.ts, channels first. */
function picture(size) {
  const plane = size * size;
  const result = new Float32Array(3 * plane);
  for (let i = 0; i < 3 * plane; i++)
    result[(i % 3) * plane + Math.floor(i / 3)] = Math.imul(i, 2654435761) / 2 ** 31;
  return result;
}

for (const file of readdirSync(folder)
  .filter((name) => name.endsWith(".onnx"))
  .sort()) {
  const name = file.slice(0, -".onnx".length);
  const line = { engine: `${engine}-${version}`, threads: Number(threads), workload: `H.${name}` };
  try {
    const [, size] = /@(\d+)$/.exec(name);
    line.workload = `H.${name.replace(/@\d+$/, "")}`;
    const session = await ort.InferenceSession.create(readFileSync(join(folder, file)), options);
    const [input] = session.inputNames;
    const [output] = session.outputNames;
    const elements = picture(Number(size));
    const run = async () => {
      const feeds = { [input]: new ort.Tensor("float32", elements, [1, 3, +size, +size]) };
      return (await session.run(feeds))[output].data;
    };
    const probe = (await run())[0];
    for (let i = 0; i < 2; i++) await run();
    const times = [];
    const end = performance.now() + 4000;
    while (times.length < 100 && (times.length < 3 || performance.now() < end)) {
      const before = performance.now();
      await run();
      times.push(performance.now() - before);
    }
    await session.release();
    times.sort((a, b) => a - b);
    const at = (tenths) => times[Math.floor((times.length * tenths) / 10)];
    const figures = { median_ms: times[times.length >> 1], p10_ms: at(1), p90_ms: at(9) };
    console.log(JSON.stringify({ ...line, ...figures, n: times.length, probe }));
  } catch (error) {
    console.log(JSON.stringify({ ...line, error: String(error?.message ?? error).slice(0, 200) }));
  }
}
process.exit(0);
