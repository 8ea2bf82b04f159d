/** @file What a file format is. A format is one file (or folder) in formats/ and one line in formats/index.ts. */
import { type OptionsOf, optional } from "../base/options.ts";
import { abortSignal, callback, uncheckedShape } from "../nn/kinds.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { Model } from "../nn/graph/model.ts";
import type { Sequential } from "../nn/layers/sequential.ts";
import type { ByteSource } from "./source.ts";
import type { Weights } from "./weights.ts";

/** A network from a file: layers of `nn` with names, images channels last. Typed as from one tensor to one, as it nearly always is. */
export type LoadedModel = Model<Tensor, Tensor> | Sequential;

/** The options that every format is told. */
export const readSpec = {
  inputShape: optional(
    uncheckedShape,
    undefined,
    "Shape of one sample, without the batch, for networks that leave it open.",
  ),
  signal: optional(abortSignal, undefined, "Aborts reading."),
  onProgress: optional(
    callback<(done: number, total: number) => void>(),
    undefined,
    "Called with the bytes of parameters read so far, and in all.",
  ),
};

/** What every format is told. */
export type ReadOptions = OptionsOf<typeof readSpec>;

/** What a file holds that need not hold a whole network. */
export interface Parts {
  /** The layers as Keras describes them in JSON; undefined in files of weights alone. */
  readonly topology: unknown;
  /** Undefined in files of a topology alone. */
  readonly weights: Weights | undefined;
}

/** A file format. */
export interface Format {
  readonly name: string;
  /** For lists of formats: what is read, and from where such files come. */
  readonly description: string;
  /** With the dot: names that such files have, for saving and for lists. Reading depends on the content alone. */
  readonly extensions: readonly string[];
  /** Whether a file that begins with these bytes (a kilobyte, or all of a shorter file) is one of this format. */
  detect(head: Uint8Array, name: string): boolean;
  /**
   * The network, or the parts of one that `loadModel` puts together with those it is given. FormatError for anything that is not
   * as the format has it: the name of the file, the place, what was expected, what came.
   */
  read(source: ByteSource, options: ReadOptions): Promise<LoadedModel | Parts>;
  /** The file for a network, in pieces. Undefined for formats that are only read. FormatError for layers that it cannot hold. */
  write?(model: LoadedModel): Iterable<Uint8Array>;
}
