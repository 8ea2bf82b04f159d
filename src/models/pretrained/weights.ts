/** @file The option of networks by name that says where weights come from. */
import { ArgumentError, complaint } from "../../base/errors.ts";
import { abortSignal, callback } from "../../base/kinds.ts";
import { type OptionsOf, optional } from "../../base/options.ts";
import type { LoadedModel } from "../format.ts";
import { loadModel } from "../load.ts";
import { type SourceLike, sourceKind } from "../source.ts";
import { cachedFile } from "./cache.ts";
import type { PublishedFile } from "./download.ts";

/** How far the work on weights is. */
export interface WeightsProgress {
  readonly stage: "download" | "read";
  /** Name of the file. */
  readonly file: string;
  /** Bytes. */
  readonly done: number;
  /** Bytes; undefined where a server does not say. */
  readonly total: number | undefined;
}

/** Options that say where weights come from. */
export const weightsSpec = {
  weights: optional(
    sourceKind,
    undefined,
    "imagenet: the weights that Keras publishes, downloaded once into cacheFolder(). Or a file with weights for this network, of any format: a path (./imagenet if that is its name), a URL, a Blob or File, or bytes.",
  ),
  signal: optional(abortSignal, undefined, "Aborts downloading and reading."),
  onProgress: optional(
    callback<(progress: WeightsProgress) => void>(),
    undefined,
    "Called with how far downloading and reading are.",
  ),
};

/** Options of networks by name that get their weights from a file. */
export type WeightsOptions = OptionsOf<typeof weightsSpec> & {
  readonly weights: "imagenet" | SourceLike;
};

/** The network with weights from a file. */
export async function withWeights<M extends LoadedModel>(
  who: string,
  model: M,
  published: PublishedFile | undefined,
  { weights, signal, onProgress }: WeightsOptions,
): Promise<M> {
  signal?.throwIfAborted();
  const parameters = model.parameterCount;
  let from: SourceLike = weights;
  let file = typeof weights === "string" ? weights : "weights";
  if (weights === "imagenet") {
    if (published === undefined)
      throw new ArgumentError(
        complaint(
          `${who}: weights`,
          "a file",
          '"imagenet"',
          "Nobody has published weights in Keras' form: give the path of a model, such as its ONNX file.",
        ),
      );
    file = published.name;
    from = await cachedFile(published, {
      signal,
      // Keras' files hold little but float32 numbers.
      most: 8 * parameters + 2 ** 22,
      onBytes: (done, total) => onProgress?.({ stage: "download", file, done, total }),
    });
  }
  return (await loadModel(from, {
    topology: model,
    signal,
    onProgress: (done, total) => onProgress?.({ stage: "read", file, done, total }),
  })) as M;
}
