/** @file TensorFlow.js' layers models: model.json with a topology (or null) and a manifest of weights in shards. */
import { describe } from "../../base/errors.ts";
import { sizeOf } from "../../ir/shape.ts";
import { type Kind, kindOf, readElements } from "../elements.ts";
import { refuse } from "../errors.ts";
import type { Format } from "../format.ts";
import { type JsonObject, arrayOf, objectOf, parseJson, shapeOf, textOf } from "../json.ts";
import { matchByName, type StoredArray, type Weights } from "../weights.ts";
import { type ByteSource, joinedSource, readAll } from "../source.ts";

/** Bytes of the largest model.json. */
const longestJson = 1 << 26;

/** Bytes that a description may claim before its shards are looked at. */
const plausible = 1 << 26;

/** TensorFlow.js' layers models. */
export const tfjs: Format = {
  name: "tfjs",
  description: "TensorFlow.js layers models: model.json with its shards, quantised too",
  extensions: [".json"],
  detect: (head) => /^\s*\{/.test(new TextDecoder().decode(head)),
  async read(source) {
    const root = objectOf(source.name, parseJson(source.name, await readAll(source, longestJson)));
    if (root["weightsManifest"] === undefined) return { topology: root, weights: undefined };
    if (root["format"] === "graph-model")
      refuse(
        source.name,
        "a layers model",
        "a graph model",
        "Convert the Keras file itself, or to ONNX.",
      );
    return {
      topology: root["modelTopology"] ?? undefined,
      weights: await readManifest(source, root["weightsManifest"]),
    };
  },
};

async function readManifest(source: ByteSource, manifest: unknown): Promise<Weights> {
  const arrays: StoredArray[] = [];
  let bytes = 0;
  for (const [index, item] of arrayOf(`${source.name}: weightsManifest`, manifest).entries()) {
    const place = `${source.name}: weightsManifest[${index}]`;
    const group = objectOf(place, item);
    const shards = joinedSource(
      place,
      source,
      arrayOf(`${place}: paths`, group["paths"]).map((path) => textOf(`${place}: paths`, path)),
    );
    let offset = 0;
    for (const entry of arrayOf(`${place}: weights`, group["weights"])) {
      const array = readEntry(place, objectOf(place, entry), shards, offset);
      arrays.push(array);
      offset += array.bytes;
    }
    // Check that the claimed bytes exist before allocating memory for them.
    if (offset > plausible) await shards.read(offset - 1, 1);
    bytes += offset;
  }
  return {
    name: source.name,
    bytes,
    arrays,
    match: (slots) => matchByName(source.name, slots, arrays),
  };
}

/** How weights were made smaller: value = stored * scale + min. */
interface Quantization {
  readonly kind: Kind;
  readonly scale: number;
  readonly min: number;
}

function readEntry(
  place: string,
  entry: JsonObject,
  shards: ByteSource,
  offset: number,
): StoredArray & { readonly bytes: number } {
  const name = textOf(`${place}: name`, entry["name"]);
  const who = `${place}: ${describe(name)}`;
  const shape = shapeOf(`${who}: shape`, entry["shape"]);
  const kind = kindOf(who, entry["dtype"]);
  const quantization = readQuantization(who, entry["quantization"]);
  const stored = quantization?.kind ?? kind;
  const bytes = sizeOf(shape) * stored.bytes;
  return {
    name,
    shape,
    bytes,
    async readInto(elements) {
      await readElements(shards, offset, stored, elements);
      if (quantization === undefined) return;
      const { scale, min } = quantization;
      if (scale === 1 && min === 0) return;
      for (let i = 0; i < elements.length; i++) elements[i] = elements[i]! * scale + min;
    },
  };
}

function readQuantization(who: string, value: unknown): Quantization | undefined {
  if (value === undefined || value === null) return undefined;
  const { dtype, scale = 1, min = 0 } = objectOf(`${who}: quantization`, value);
  if (dtype !== "uint8" && dtype !== "uint16" && dtype !== "float16")
    refuse(`${who}: quantization`, "uint8, uint16 or float16", describe(dtype));
  if (!Number.isFinite(scale) || !Number.isFinite(min))
    refuse(
      `${who}: quantization`,
      "numbers for scale and min",
      `${describe(scale)} and ${describe(min)}`,
    );
  return { kind: kindOf(who, dtype), scale: scale as number, min: min as number };
}
