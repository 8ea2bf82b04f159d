// Peer of workload H: forward times of Keras topologies in TensorFlow.js, WebAssembly backend.
// usage: node tfjs_models.mjs NODE_MODULES THREADS FOLDER
// NODE_MODULES is a folder where @tensorflow/tfjs and @tensorflow/tfjs-backend-wasm were installed, FOLDER one with
// <name>@<size>.safetensors files that hold their topology (made by `npm run bench -- H --packages ...`). Prints a JSON line a
// file: the time of model.predict and of reading its result.

import { closeSync, openSync, readSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [modules, threads, folder] = process.argv.slice(2);
if (folder === undefined)
  throw new Error("usage: node tfjs_models.mjs NODE_MODULES THREADS FOLDER");
const require = createRequire(join(resolve(modules), "any.js"));
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");
wasm.setWasmPaths(join(resolve(modules), "@tensorflow/tfjs-backend-wasm/dist/"));
wasm.setThreadsCount(Number(threads));
await tf.setBackend("wasm");
await tf.ready();

/** Keras' normalisation by given statistics, which TensorFlow.js does not have. */
class Normalization extends tf.layers.Layer {
  static className = "Normalization";
  build(shape) {
    const channels = [shape.at(-1)];
    const zeros = tf.initializers.zeros();
    const ones = tf.initializers.ones();
    this.mean = this.addWeight("mean", channels, "float32", zeros, undefined, false);
    this.variance = this.addWeight("variance", channels, "float32", ones, undefined, false);
    this.built = true;
  }
  call(inputs) {
    const x = Array.isArray(inputs) ? inputs[0] : inputs;
    return tf.tidy(() => x.sub(this.mean.read()).div(this.variance.read().sqrt()));
  }
}
tf.serialization.registerClass(Normalization);

/** Keras' mean of images that keeps its axes, which TensorFlow.js does not have. */
class KeptMean extends tf.layers.Layer {
  static className = "KeptMean";
  computeOutputShape([batch, , , channels]) {
    return [batch, 1, 1, channels];
  }
  call(inputs) {
    const x = Array.isArray(inputs) ? inputs[0] : inputs;
    return tf.tidy(() => x.mean([1, 2], true));
  }
}
tf.serialization.registerClass(KeptMean);

/** Names of Keras 2, which TensorFlow.js reads. */
function older(key, value) {
  if (key === "config" && value?.batch_shape !== undefined)
    return { ...value, batch_input_shape: value.batch_shape };
  if (key === "activation" && value === "silu") return "swish";
  if (value?.class_name === "GlobalAveragePooling2D" && value.config.keepdims)
    return { ...value, class_name: "KeptMean", config: { name: value.config.name } };
  return value;
}

/** The model of a file, with its weights. */
async function load(path) {
  const file = openSync(path, "r");
  const read = (offset, length) => {
    const bytes = new Uint8Array(length);
    let at = 0;
    while (at < length) at += readSync(file, bytes, at, length - at, offset + at);
    return bytes;
  };
  const headerBytes = Number(new DataView(read(0, 8).buffer).getBigUint64(0, true));
  const { __metadata__, ...tensors } = JSON.parse(new TextDecoder().decode(read(8, headerBytes)));
  const topology = JSON.parse(__metadata__.topology, older);
  const model = await tf.models.modelFromJSON(topology);
  const names = Object.keys(tensors);
  for (const layer of model.layers) {
    const own = names.filter((name) => name.startsWith(`${layer.name}.`));
    if (own.length !== layer.weights.length) {
      // A counter of what statistics were taken from has no use here.
      if (own.length < layer.weights.length) throw new Error(`${layer.name}: ${own}`);
      own.length = layer.weights.length;
    }
    const values = own.map((name) => {
      const [start, end] = tensors[name].data_offsets;
      const bytes = read(8 + headerBytes + start, end - start);
      return tf.tensor(new Float32Array(bytes.buffer), tensors[name].shape);
    });
    layer.setWeights(values);
    values.forEach((value) => value.dispose());
  }
  closeSync(file);
  return model;
}

const files = readdirSync(folder).filter((name) => name.endsWith(".safetensors"));
for (const file of files.sort()) {
  const [, name, size] = /^(.+)@(\d+)\.safetensors$/.exec(file);
  const line = {
    engine: `tfjs-${tf.version.tfjs}-wasm`,
    threads: Number(threads),
    workload: `H.${name}`,
  };
  try {
    const model = await load(join(folder, file));
    const elements = Float32Array.from(
      { length: size * size * 3 },
      (_, i) => Math.imul(i, 2654435761) / 2 ** 31,
    );
    const run = () =>
      tf.tidy(() => model.predict(tf.tensor(elements, [1, +size, +size, 3])).dataSync());
    const probe = run()[0];
    for (let i = 0; i < 2; i++) run();
    const times = [];
    const end = performance.now() + 4000;
    while (times.length < 100 && (times.length < 3 || performance.now() < end)) {
      const before = performance.now();
      run();
      times.push(performance.now() - before);
    }
    model.dispose();
    times.sort((a, b) => a - b);
    const at = (tenths) => times[Math.floor((times.length * tenths) / 10)];
    const figures = { median_ms: times[times.length >> 1], p10_ms: at(1), p90_ms: at(9) };
    console.log(JSON.stringify({ ...line, ...figures, n: times.length, probe }));
  } catch (error) {
    console.log(JSON.stringify({ ...line, error: String(error?.message ?? error).slice(0, 200) }));
  }
}
process.exit(0);
