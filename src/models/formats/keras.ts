/** @file Keras 3's .keras files: a zip archive of config.json, metadata.json and model.weights.h5. */
import { complaint } from "../../base/errors.ts";
import { FormatError } from "../errors.ts";
import type { Format } from "../format.ts";
import { openHdf5 } from "../hdf5/superblock.ts";
import { type JsonObject, objectOf, parseJson } from "../json.ts";
import { storeWeights } from "../keras/store-weights.ts";
import type { ByteSource } from "../sources/byte-source.ts";
import { type Zip, readZip } from "../zip.ts";

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
      throw new FormatError(
        complaint(
          source.name,
          "model.weights.h5 in the archive",
          zip.names.slice(0, 5).join(", ") || "nothing",
        ),
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
    throw new FormatError(
      complaint(
        source.name,
        `a .keras file, which has ${name}`,
        zip.names.slice(0, 5).join(", ") || "an empty archive",
      ),
    );
  return objectOf(who, parseJson(who, await file.read(0, file.size)));
}
