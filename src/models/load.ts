/** @file Networks from files of any format. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { kind } from "../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../base/options.ts";
import { Module } from "../nn/module.ts";
import { refuse } from "./errors.ts";
import { type Format, type LoadedModel, type Parts, type ReadOptions, readSpec } from "./format.ts";
import { formats } from "./formats/index.ts";
import { readTopology } from "./keras/topology.ts";
import { type ByteSource, type SourceLike, openSource, sourceKind } from "./source.ts";
import { fillParameters, takeParameters } from "./weights.ts";

const spec = schema({
  ...readSpec,
  weights: optional(
    sourceKind,
    undefined,
    "Another file for the parameters, of any format that can hold them alone.",
  ),
  topology: optional(
    kind<LoadedModel | object>(
      "a network, or Keras' description of one as an object",
      (given) => typeof given === "object" && given !== null,
    ),
    undefined,
    "The layers for a file of weights alone: a network of the same structure, or Keras' description of one (JSON, parsed).",
  ),
});

/** Options of `loadModel`. */
export type LoadOptions = OptionsOf<typeof spec.spec>;

/** Bytes that formats are told from one another by. */
const headLength = 1024;

/**
 * The network in a file: Keras' .h5, .keras and JSON, TensorFlow.js' model.json with its shards, .onnx, .safetensors. The format
 * is recognised by the content. `supportedFormats()` says what is read, and which layers. Nothing in a file is executed.
 * `await loadModel("model.h5")`, `await loadModel("weights.h5", { topology: vgg19() })`, `await loadModel([...input.files])`.
 * Throws FormatError naming the file and the place in it if anything in it is not valid, the signal's reason when it
 * aborts.
 */
export async function loadModel(from: SourceLike, options: LoadOptions = {}): Promise<LoadedModel> {
  const { signal, topology, weights } = spec.read("loadModel", options);
  signal?.throwIfAborted();
  return withSource(from, signal, async (source) => {
    const contents = await readContents(source, options);
    if (!("weights" in contents)) {
      if (topology instanceof Module && weights === undefined)
        return takeParameters(source.name, topology as LoadedModel, contents);
      for (const [name, given] of Object.entries({ topology, weights }))
        if (given !== undefined)
          throw new ArgumentError(
            complaint(
              `loadModel: ${name}`,
              "none for a file that holds a whole network",
              describe(given),
            ),
          );
      return contents;
    }
    if (weights === undefined) return assemble(source.name, contents, options);
    return withSource(weights, signal, async (other) => {
      const parts = await readContents(other, options);
      if (!("weights" in parts) || parts.weights === undefined)
        refuse(`${other.name}: weights`, "a file of parameters", "one without any alone");
      return assemble(
        source.name,
        { topology: contents.topology, weights: parts.weights },
        options,
      );
    });
  });
}

async function withSource<T>(
  from: SourceLike,
  signal: AbortSignal | undefined,
  use: (source: ByteSource) => Promise<T>,
): Promise<T> {
  const source = await openSource("loadModel", from, signal);
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

/** What a file holds, by the format that its content shows. */
async function readContents(
  source: ByteSource,
  options: ReadOptions,
): Promise<LoadedModel | Parts> {
  const head = await source.read(0, Math.min(headLength, source.size));
  const format: Format | undefined = formats.find((one) => one.detect(head, source.name));
  if (format === undefined)
    refuse(
      source.name,
      `a file of one of the formats ${formats.map(({ name }) => name).join(", ")}`,
      source.size === 0 ? "an empty file" : "something else",
    );
  return format.read(source, options);
}

/** The network of a topology and weights. */
async function assemble(name: string, parts: Parts, options: LoadOptions): Promise<LoadedModel> {
  const { weights } = parts;
  const given = options.topology;
  if (given === undefined && parts.topology === undefined)
    refuse(
      name,
      "a network with its layers",
      "parameters alone",
      "Say which layers they are for: loadModel(file, { topology }), a network or Keras' JSON; on the command line a network by name, with this file for --weights.",
    );
  const model =
    given instanceof Module
      ? (given as LoadedModel)
      : readTopology(name, given ?? parts.topology, options);
  if (weights === undefined)
    refuse(
      name,
      "a network with its parameters",
      "layers alone",
      "Say where its parameters are: loadModel(file, { weights }).",
    );
  return fillParameters(model, weights, options);
}
