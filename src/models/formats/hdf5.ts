/** @file Keras' HDF5 files: whole models (.h5, .hdf5), weights alone, and the weights that Keras 3 saves (.weights.h5). */
import type { Format } from "../format.ts";
import { signature } from "../hdf5/file.ts";
import { openHdf5 } from "../hdf5/superblock.ts";
import { objectOf, parseJson } from "../json.ts";
import { layerWeights } from "../keras/layer-weights.ts";
import { storeWeights } from "../keras/store-weights.ts";

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
