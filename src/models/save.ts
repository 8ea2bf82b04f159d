/** @file Networks into files of any format that can be written. */
import { AdjointError, ArgumentError, complaint, describe } from "../base/errors.ts";
import { nodeModules, reasonOf, replaceFile } from "../base/node/files.ts";
import { Model } from "../nn/graph/model.ts";
import { Sequential } from "../nn/layers/sequential.ts";
import { concat } from "../base/bytes.ts";
import { FormatError, refuse } from "./errors.ts";
import type { Format, LoadedModel } from "./format.ts";
import { formats } from "./formats/index.ts";

type Writable = Format & Required<Pick<Format, "write">>;

/** The formats that can be written. */
const writable = formats.filter((format): format is Writable => format.write !== undefined);

/**
 * Writes a network to a file (Node), in the format of its extension. The file is replaced in one instant, when all is written.
 * Throws FormatError for extensions that belong to no format that can be written, for layers that the format cannot hold, and for
 * files that cannot be written.
 */
export async function saveModel(path: string, model: LoadedModel): Promise<void> {
  if (typeof path !== "string" || path === "")
    throw new ArgumentError(complaint("saveModel: path", "a path", describe(path)));
  const format = formatFor(path);
  const chunks = format.write(checked(model));
  const modules = nodeModules();
  if (modules === undefined)
    refuse(
      "saveModel",
      "Node, which has files",
      "another environment",
      "encodeModel gives the bytes.",
    );
  try {
    await replaceFile(modules, path, chunks);
  } catch (cause) {
    if (cause instanceof AdjointError) throw cause;
    throw new FormatError(
      `${path}: it cannot be written: ${reasonOf(cause)}. Is the folder there, writable and not full?`,
      { cause },
    );
  }
}

/** The bytes of a network as a file of a format by its name: `encodeModel(model, "safetensors")`. Throws as `saveModel` does. */
export function encodeModel(model: LoadedModel, format: string): Uint8Array {
  const found = writable.find(({ name }) => name === format);
  if (found === undefined)
    throw new ArgumentError(
      complaint(
        "encodeModel: format",
        `one of ${writable.map(({ name }) => name).join(", ")}`,
        describe(format),
      ),
    );
  return concat([...found.write(checked(model))]);
}

function formatFor(path: string): Writable {
  const found = writable.find(({ extensions }) =>
    extensions.some((extension) => path.toLowerCase().endsWith(extension)),
  );
  if (found !== undefined) return found;
  refuse(
    path,
    `a name that ends in ${writable.flatMap(({ extensions }) => extensions).join(", ")}`,
    "another",
    "The extension decides the format.",
  );
}

function checked(model: unknown): LoadedModel {
  if (!(model instanceof Model || model instanceof Sequential))
    throw new ArgumentError(
      complaint(
        "saveModel: model",
        "a network made by nn.model or nn.sequential",
        describe(model),
        "Wrap a single layer: nn.sequential([layer]).",
      ),
    );
  if (model.inputShape === undefined)
    throw new ArgumentError(
      complaint(
        "saveModel: model",
        "a network with parameters",
        "one whose input shape is unknown",
      ),
    );
  return model as LoadedModel;
}
