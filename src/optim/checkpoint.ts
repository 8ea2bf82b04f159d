/**
 * @file Trees of tensors and notes about them as bytes, and back. The layout is that of safetensors: 8 bytes with the header's
 * length, a JSON header, little-endian elements. Nothing in a file is executed, and nothing is believed before it is checked.
 */
import { crc32 } from "../base/crc32.ts";
import { type DType, allocate } from "../ir/dtype.ts";
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { formatShape, sameShape } from "../ir/shape.ts";
import { Tensor, concreteElements } from "../ir/tensor.ts";
import { flatten } from "../ir/tree.ts";
import { decodeHeader } from "./checkpoint-header.ts";
import { CheckpointError } from "./checkpoint-error.ts";
import { pathName } from "./parameters.ts";

/** Values that JSON can hold. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** What a checkpoint holds. */
export interface Checkpoint {
  /** By path in the tree. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** What was noted along with them. */
  readonly metadata: Json;
}

/** The names that safetensors gives the dtypes. */
export const fileDTypes: Readonly<Record<DType, string>> = {
  float32: "F32",
  float64: "F64",
  int32: "I32",
  bool: "BOOL",
};

/** A check over the whole file stands in the header, and counts as these digits while it is computed. */
const noCheck = "00000000";

/**
 * A tree of tensors and metadata as bytes in the safetensors format, with a check over all of them.
 * Throws ArgumentError for leaves that are no tensors, paths that are not unique, and metadata that JSON cannot hold.
 */
export function encodeCheckpoint(tree: unknown, metadata: Json = null): Uint8Array {
  const who = "encodeCheckpoint";
  const { leaves, def } = flatten(who, tree);
  const entries = leaves.map((leaf, index) => ({
    name: pathName(def.paths[index]!),
    leaf,
    elements: concreteElements(leaf, who),
  }));
  // Wide elements first: then every tensor starts at a multiple of its element size.
  entries.sort((a, b) => b.elements.BYTES_PER_ELEMENT - a.elements.BYTES_PER_ELEMENT);
  const header = new Map<string, unknown>([
    ["__metadata__", { format: "adjoint", crc32: noCheck, metadata: jsonText(who, metadata) }],
  ]);
  let end = 0;
  for (const { name, leaf, elements } of entries) {
    if (header.has(name))
      throw new ArgumentError(
        complaint(who, "a path of its own for every tensor", `two at ${name}`),
      );
    header.set(name, {
      dtype: fileDTypes[leaf.dtype],
      shape: leaf.shape,
      data_offsets: [end, (end += elements.byteLength)],
    });
  }
  let text = JSON.stringify(Object.fromEntries(header));
  const checkAt = text.indexOf(noCheck, text.indexOf('"crc32":'));
  const encoder = new TextEncoder();
  text += " ".repeat(-encoder.encode(text).length & 7);
  const headerBytes = encoder.encode(text);
  const start = 8 + headerBytes.length;
  const bytes = new Uint8Array(start + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes.length), true);
  bytes.set(headerBytes, 8);
  let offset = start;
  for (const { elements } of entries) {
    bytes.set(new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength), offset);
    offset += elements.byteLength;
  }
  // The metadata come first in the header, in ASCII so far: characters are bytes.
  bytes.set(encoder.encode(crc32(bytes)), 8 + checkAt);
  return bytes;
}

/**
 * The tensors and metadata in bytes that `encodeCheckpoint` made, or in any safetensors file of float32, float64, int32 and
 * bool tensors. Throws CheckpointError, whose message begins with `who`, for bytes that are anything else.
 */
export function decodeCheckpoint(bytes: Uint8Array, who = "decodeCheckpoint"): Checkpoint {
  if (!(bytes instanceof Uint8Array))
    throw new ArgumentError(complaint(who, "bytes in a Uint8Array", describe(bytes)));
  const { entries, metadata, start } = decodeHeader(bytes, who);
  const { crc32: check, metadata: text } = metadata;
  if (check === undefined && metadata["format"] === "adjoint")
    throw new CheckpointError(
      complaint(who, "a check in the header", "none", "The file is damaged."),
    );
  if (check !== undefined) {
    const stored = /^[0-9a-f]{8}$/.test(check) ? findCheck(bytes, start, check) : -1;
    if (stored < 0)
      throw new CheckpointError(
        complaint(who, "a check of 8 hexadecimal digits in the header", describe(check)),
      );
    const zeros = new TextEncoder().encode(noCheck);
    const actual = crc32(
      bytes.subarray(stored + 8),
      crc32(zeros, crc32(bytes.subarray(0, stored))),
    );
    if (actual !== check)
      throw new CheckpointError(
        complaint(
          who,
          `bytes whose check is ${check}`,
          actual,
          "The file is damaged: use another one.",
        ),
      );
  }
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    const elements = allocate(
      dtype,
      shape.reduce((size, extent) => size * extent, 1),
    );
    new Uint8Array(elements.buffer).set(bytes.subarray(start + begin, start + end));
    if (dtype === "bool" && elements.some((element) => element > 1))
      throw new CheckpointError(
        complaint(`${who}: tensor ${JSON.stringify(name)}`, "bytes 0 and 1 for bool", "others"),
      );
    tensors.set(name, new Tensor({ shape, dtype }, elements));
  }
  let value: Json = null;
  if (metadata["format"] === "adjoint" && text !== undefined) {
    try {
      value = JSON.parse(text) as Json;
    } catch {
      throw new CheckpointError(complaint(who, "metadata in JSON", describe(text)));
    }
  } else if (metadata["format"] !== "adjoint") value = metadata;
  return { tensors, metadata: value };
}

/**
 * A tree of the structure of `like`, with the tensors of a checkpoint. Throws CheckpointError naming what is missing, what is
 * left over, and what has another shape or dtype.
 */
export function fillTree<T>(who: string, like: T, tensors: ReadonlyMap<string, Tensor>): T {
  const { leaves, def } = flatten(who, like);
  const names = def.paths.map(pathName);
  const missing = names.filter((name) => !tensors.has(name));
  const expected = new Set(names);
  const extra = [...tensors.keys()].filter((name) => !expected.has(name));
  if (missing.length > 0 || extra.length > 0)
    throw new CheckpointError(
      complaint(
        who,
        "a checkpoint of the same structure",
        `one ${listed("without", missing)}${missing.length > 0 && extra.length > 0 ? " and " : ""}${listed("with", extra)}`,
      ),
    );
  return def.rebuild(
    leaves.map((leaf, index) => {
      const found = tensors.get(names[index]!)!;
      if (found.dtype !== leaf.dtype || !sameShape(found.shape, leaf.shape))
        throw new CheckpointError(
          complaint(
            `${who}: tensor ${JSON.stringify(names[index])}`,
            `${leaf.dtype} ${formatShape(leaf.shape)}`,
            `${found.dtype} ${formatShape(found.shape)}`,
          ),
        );
      return found;
    }),
  ) as T;
}

function listed(preposition: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  return `${preposition} ${names.slice(0, 3).join(", ")}${names.length > 3 ? ` and ${names.length - 3} more` : ""}`;
}

function jsonText(who: string, metadata: Json): string {
  try {
    const text = JSON.stringify(metadata) as string | undefined;
    if (text !== undefined) return text;
  } catch (cause) {
    throw new ArgumentError(complaint(who, "metadata that JSON can hold", "some that it cannot"), {
      cause,
    });
  }
  throw new ArgumentError(complaint(who, "metadata that JSON can hold", describe(metadata)));
}

/** Where the check stands: after its name, which nowhere else in the header is followed by a string. */
function findCheck(bytes: Uint8Array, start: number, check: string): number {
  const text = new TextDecoder("latin1").decode(bytes.subarray(8, start));
  const label = '"crc32":"';
  const at = text.indexOf(label + check + '"');
  return at < 0 ? -1 : 8 + at + label.length;
}
