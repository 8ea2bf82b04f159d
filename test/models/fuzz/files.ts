/** @file Files to damage, of every format: some that others published, some that Keras or Adjoint wrote. */
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync, inflateSync } from "node:zlib";
import { unzipSync } from "fflate";
import { encodeModel } from "../../../src/models/index.ts";
import * as nn from "../../../src/nn/index.ts";
import { testData } from "../../support/test-data.ts";

/** A file, or several that belong together; which one is damaged goes by the seed. */
export interface Victim {
  readonly name: string;
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** Whether the format checks its bytes: what loads is then what was saved. */
  readonly isChecked?: boolean;
  /** The layers, for files of weights alone. */
  readonly topology?: object;
  /** The weights, for files of layers alone. */
  readonly weights?: Uint8Array;
}

function kerasFile(name: string): Uint8Array {
  const url = new URL(`../../golden/keras/${name}.gz`, import.meta.url);
  return new Uint8Array(gunzipSync(readFileSync(url)));
}

function one(name: string, bytes: Uint8Array, more: Partial<Victim> = {}): Victim {
  return { name, files: [{ name, bytes }], ...more };
}

function published(...parts: readonly string[]): Victim[] {
  const path = testData("models", ...parts);
  return existsSync(path) ? [one(parts.join("/"), new Uint8Array(readFileSync(path)))] : [];
}

function small(): nn.Sequential {
  return nn.sequential([
    nn.conv2d({ filters: 3, kernelSize: 3, inputShape: [8, 8, 2], activation: "relu" }),
    nn.batchNorm(),
    nn.flatten(),
    nn.dense({ units: 4 }),
  ]);
}

const chain = JSON.parse(new TextDecoder().decode(kerasFile("chain.json"))) as object;

const branches = unzipSync(kerasFile("branches.keras"))["config.json"]!;

function tfjs(): Victim[] {
  const folder = testData("models", "tiny-vgg");
  if (!existsSync(folder)) return [];
  const read = (name: string): Victim["files"][number] => ({
    name,
    bytes: new Uint8Array(readFileSync(`${folder}/${name}`)),
  });
  return [{ name: "tiny-vgg", files: [read("model.json"), read("group1-shard1of1.bin")] }];
}

function golden(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../golden/${name}.json`, import.meta.url), "utf8"));
}

/** Networks as PyTorch writes them, and small graphs with the operators that read the most from constants. */
function onnx(): Victim[] {
  const { networks } = golden("onnx-torch") as { networks: { name: string; model: string }[] };
  const { cases } = golden("onnx-operators") as { cases: { name: string; model: string }[] };
  const wanted =
    /^(Conv-17 groups|ConvTranspose-17|Resize-19|Slice-13|Pad-18|Split-13|Gather|channel shuffle|a shape|constants folded|ranges)/;
  return [
    ...networks.map(({ name, model }) =>
      one(`${name}.onnx`, new Uint8Array(inflateSync(Buffer.from(model, "base64")))),
    ),
    ...cases
      .filter(({ name }) => wanted.test(name))
      .map(({ name, model }) => one(`${name}.onnx`, new Uint8Array(Buffer.from(model, "base64")))),
  ];
}

/** All of them. */
export const victims: readonly Victim[] = [
  one("branches.keras", kerasFile("branches.keras"), { isChecked: true }),
  one("twins.keras", kerasFile("twins.keras"), { isChecked: true }),
  one("branches.h5", kerasFile("branches.h5")),
  one("chain.h5", kerasFile("chain.h5")),
  one("chunked.h5", kerasFile("chunked.h5"), { topology: chain }),
  one("small.safetensors", encodeModel(small(), "safetensors"), { isChecked: true }),
  one("branches.weights.h5", kerasFile("branches.weights.h5"), {
    topology: JSON.parse(new TextDecoder().decode(branches)) as object,
  }),
  one("branches.json", branches, { weights: kerasFile("branches.weights.h5") }),
  ...tfjs(),
  ...published("cifar10-resnet8", "model.h5"),
  ...published("fer-mini-xception", "model.hdf5"),
  ...published("mnist-onnx", "model.onnx"),
  ...onnx(),
];
