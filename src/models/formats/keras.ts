/**
 * @file Keras' files: HDF5 (whole models, weights alone, and the .weights.h5 of Keras 3), and .keras, a zip archive of
 * config.json, metadata.json and model.weights.h5.
 */
import type { Format } from "../format.ts";
import { signature } from "../hdf5/file.ts";
import { openHdf5 } from "../hdf5/object.ts";
import { objectOf, parseJson, type JsonObject } from "../json.ts";
import { layerWeights, storeWeights } from "../keras/weights.ts";
import { refuse } from "../errors.ts";
import type { ByteSource } from "../source.ts";
import { type Zip, readZip } from "../zip.ts";

/** Keras' HDF5 files. */
export const hdf5: Format = {
  name: "hdf5",
  description: "Keras' HDF5 files: whole models, and weights alone",
  extensions: [".h5", ".hdf5"],
  detect: (head) =>
    [0, 512].some((at) => signature.every((byte, index) => head[at + index] === byte)),
  async read(source) {
    const root = await openHdf5(source);
    const config = (await root.texts("model_config"))?.[0];
    const version = (await root.texts("keras_version"))?.[0];
    const topology =
      config === undefined
        ? undefined
        : {
            keras_version: version,
            ...objectOf(
              `${source.name}: model_config`,
              parseJson(`${source.name}: model_config`, config),
            ),
          };
    const inside = await root.find("model_weights");
    const weights =
      (await layerWeights(source, inside ?? root)) ?? (await storeWeights(source, root));
    return { topology, weights };
  },
};

/** Bytes of the largest config.json, and of the largest weights. */
const longestJson = 1 << 26;
const largestWeights = 2 ** 36;

/** Keras 3's own format. */
export const keras: Format = {
  name: "keras",
  description: "Keras 3's .keras files",
  extensions: [".keras"],
  detect: (head) => head[0] === 0x50 && head[1] === 0x4b && head[2]! < 8 && head[3]! < 8,
  async read(source) {
    const zip = await readZip(source);
    const config = await readJson(source, zip, "config.json");
    const { keras_version: version } = await readJson(source, zip, "metadata.json");
    const weights = await zip.open("model.weights.h5", largestWeights);
    if (weights === undefined)
      refuse(
        source.name,
        "model.weights.h5 in the archive",
        zip.names.slice(0, 5).join(", ") || "nothing",
      );
    return {
      topology: { keras_version: version, ...config },
      weights: await storeWeights(weights, await openHdf5(weights)),
    };
  },
};

async function readJson(source: ByteSource, zip: Zip, name: string): Promise<JsonObject> {
  const who = `${source.name}: ${name}`;
  const file = await zip.open(name, longestJson);
  if (file === undefined)
    refuse(
      source.name,
      `a .keras file, which has ${name}`,
      zip.names.slice(0, 5).join(", ") || "an empty archive",
    );
  return objectOf(who, parseJson(who, await file.read(0, file.size)));
}
