/** @file `adjoint models`: networks by name, files in the cache, formats, layers and operators. */
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  architectures,
  cacheFolder,
  cachePathOf,
  preprocessModes,
  supportedFormats,
} from "../../models/index.ts";
import { WorkError, reason } from "../errors.ts";
import { sizeText } from "../progress.ts";

/** A network by name. */
interface NamedNetwork {
  readonly name: string;
  readonly inputSize: number;
  readonly parameters: number;
  readonly preprocess: string;
  /** The file of its published weights. */
  readonly weights: string | undefined;
  readonly md5: string | undefined;
  readonly paper: string;
}

/** A file in the cache. */
interface CachedFile {
  readonly name: string;
  readonly bytes: number;
}

/** Everything that is listed. */
export interface Listing extends ReturnType<typeof supportedFormats> {
  readonly networks: readonly NamedNetwork[];
  readonly cache: { readonly folder: string; readonly files: readonly CachedFile[] };
  readonly preprocessing: readonly string[];
}

/** Looks everything up. */
export async function listing(): Promise<Listing> {
  const networks = architectures.map((entry) => {
    const published = entry.published?.({});
    return {
      name: entry.name,
      inputSize: entry.inputSize,
      parameters: entry.outline().parameterCount,
      preprocess: entry.preprocess,
      weights: published?.name,
      md5: published?.md5,
      paper: entry.paper,
    };
  });
  const folder = dirname(cachePathOf({ name: "file", url: "" }));
  const cache = { folder: cacheFolder(), files: await filesIn(folder) };
  return { networks, cache, preprocessing: preprocessModes, ...supportedFormats() };
}

async function filesIn(folder: string): Promise<CachedFile[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new WorkError(`cannot read ${folder}: ${reason(error)}`);
  });
  const files = names
    .filter((name) => !name.endsWith(".checked"))
    .sort()
    .map(async (name) => ({ name, bytes: (await stat(join(folder, name))).size }));
  return Promise.all(files);
}

/** The lists as lines of text. */
export function lines({
  networks,
  cache,
  formats,
  layers,
  activations,
  operators,
  preprocessing,
}: Listing): string[] {
  const cached = new Set(cache.files.map(({ name }) => name));
  const table = networks.map((network) => [
    network.name,
    `${network.inputSize} x ${network.inputSize}`,
    network.parameters.toLocaleString("en-US"),
    network.preprocess,
    network.weights === undefined
      ? "from a file"
      : cached.has(network.weights)
        ? "cached"
        : `about ${sizeText(4 * network.parameters)} to download`,
  ]);
  const files = cache.files.map(({ name, bytes }) => [
    name,
    sizeText(bytes),
    name.endsWith(".part") ? "half a download" : "",
  ]);
  return [
    "Networks by name:",
    ...aligned([["", "input", "parameters", "preprocess", "weights"], ...table], [1, 2]),
    "",
    `Cache: ${cache.folder}`,
    ...(files.length === 0 ? ["  empty"] : aligned(files, [1])),
    "",
    "Preprocessing:",
    ...wrapped(preprocessing),
    "",
    "File formats:",
    ...aligned(
      formats.map(({ name, extensions, isWritten, description }) => [
        name,
        extensions.join(" "),
        isWritten ? "read, written" : "read",
        description,
      ]),
      [],
    ),
    "",
    "Layers of Keras and TensorFlow.js:",
    ...wrapped(layers),
    "",
    "Activations:",
    ...wrapped(activations),
    "",
    "ONNX operators:",
    ...wrapped(
      operators.map(({ name, note }) => (note === undefined ? name : `${name} (${note})`)),
    ),
  ];
}

/** Rows in columns as wide as they need; those of some columns to the right. */
function aligned(rows: readonly (readonly string[])[], right: readonly number[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    `  ${row
      .map((cell, column) =>
        right.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join("  ")}`.trimEnd(),
  );
}

/** Words with commas, in lines of at most 100 characters. */
function wrapped(words: readonly string[]): string[] {
  const found: string[] = [];
  let line = " ";
  for (const [index, word] of words.entries()) {
    const text = index === words.length - 1 ? word : `${word},`;
    if (line.length + 1 + text.length > 100 && line !== " ") {
      found.push(line);
      line = " ";
    }
    line += ` ${text}`;
  }
  return line === " " ? found : [...found, line];
}
