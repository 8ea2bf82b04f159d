/** @file The networks of `shapes` as they were trained: their weights come with the package. */
import type * as nn from "../../nn/index.ts";
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { loadModel } from "../../models/index.ts";
import { shapesCnn, shapesOdeNet } from "./networks.ts";

const networks: Readonly<Record<"cnn" | "odenet", Entry>> = {
  cnn: { make: shapesCnn, file: "shapes-cnn.safetensors" },
  odenet: { make: shapesOdeNet, file: "shapes-odenet.safetensors" },
};

interface Entry {
  readonly make: () => nn.Sequential;
  /** In the package's folder `assets`. */
  readonly file: string;
}

/**
 * `await trainedShapesNetwork("cnn")`, or "odenet": the network of `shapesCnn()` or `shapesOdeNet()` with weights that
 * `npm run train:shapes` made. They are read from the package's folder `assets`, beside its code; a bundled program needs them
 * there, or gives their URLs to `loadModel` itself. Throws ArgumentError for other names, FormatError if the file is not there.
 */
export async function trainedShapesNetwork(name: "cnn" | "odenet"): Promise<nn.Sequential> {
  if (!Object.hasOwn(networks, name))
    throw new ArgumentError(
      complaint("trainedShapesNetwork", Object.keys(networks).join(" or "), describe(name)),
    );
  const { make, file } = networks[name];
  const url = new URL(`../../../assets/${file}`, import.meta.url);
  return (await loadModel(url, { topology: make() })) as nn.Sequential;
}
