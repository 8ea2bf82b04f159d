// Writes models-tfjs.json: what TensorFlow.js makes of published layers models.
// Run where @tensorflow/tfjs is installed: node make-tfjs.mjs DATA
// Inputs are drawn from a hash that the test computes too (make-layers.py: drawn).
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";

const data = process.argv[2];

function drawn(shape, seed, scale, shift) {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return Float32Array.from({ length: size }, (_, i) => {
    let h = (i + Math.imul(seed, 0x9e3779b1)) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
    return ((h >>> 8) / 2 ** 23 - 1) * scale + shift;
  });
}

/** A model.json and its shards, read by Node. */
function fromFolder(folder) {
  return {
    async load() {
      const { modelTopology, weightsManifest } = JSON.parse(readFileSync(join(folder, "model.json"), "utf8"));
      const shards = weightsManifest.flatMap(({ paths }) => paths.map((path) => readFileSync(join(folder, path))));
      const bytes = Buffer.concat(shards);
      return {
        modelTopology,
        weightSpecs: weightsManifest.flatMap(({ weights }) => weights),
        weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
      };
    },
  };
}

const golden = {};
for (const name of ["tiny-vgg", "mnist-tfjs"]) {
  const model = await tf.loadLayersModel(fromFolder(join(data, name)));
  const shape = [3, ...model.inputs[0].shape.slice(1)];
  const input = { shape, seed: 11, scale: 0.5, shift: 0.5 };
  const output = model.predict(tf.tensor(drawn(shape, 11, 0.5, 0.5), shape));
  golden[`${name}/model.json`] = { input, output: [...(await output.data())].map((v) => Number(v.toPrecision(8))) };
}
writeFileSync(new URL("models-tfjs.json", import.meta.url), `${JSON.stringify(golden, null, 1)}\n`);
