/** @file Trees of tensors and notes about them as bytes of the safetensors format, and back. */
import { concat } from "../base/bytes.ts";
import { crc32 } from "../base/crc32.ts";
import { type DType, allocate } from "../ir/dtype.ts";
import { AdjointError, ArgumentError, complaint, describe } from "../base/errors.ts";
import {
  type ArrayToStore,
  type Reading,
  type StoredType,
  checkOfHead,
  headerEnd,
  readHeader,
  requireCheck,
  writeSafetensors,
} from "../base/safetensors.ts";
import { formatShape, sameShape, sizeOf } from "../ir/shape.ts";
import { Tensor, concreteElements } from "../ir/tensor.ts";
import { flatten } from "../ir/tree.ts";
import { pathName } from "./trainer.ts";

/** A checkpoint that cannot be read, written, or used for what it was loaded for. */
export class CheckpointError extends AdjointError {
  override readonly name: string = "CheckpointError";
}

/** Values that JSON can hold. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** The contents of a checkpoint. */
export interface Checkpoint {
  /** By path in the tree. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** As they were given to `encodeCheckpoint`. */
  readonly metadata: Json;
}

/** The names that safetensors gives the dtypes. */
const fileDTypes = {
  float32: "F32",
  float64: "F64",
  int32: "I32",
  bool: "BOOL",
} as const satisfies Readonly<Record<DType, StoredType>>;

type FileType = (typeof fileDTypes)[DType];

const dtypesInFiles = Object.fromEntries(
  Object.entries(fileDTypes).map(([dtype, name]) => [name, dtype]),
) as Readonly<Record<FileType, DType>>;

/**
 * A tree of tensors and metadata as bytes in the safetensors format, with a check over all of them.
 * Throws ArgumentError for leaves that are not tensors, paths that are not unique, and metadata that JSON cannot hold.
 */
export function encodeCheckpoint(tree: unknown, metadata: Json = null): Uint8Array {
  const who = "encodeCheckpoint";
  const { leaves, def } = flatten(who, tree);
  const names = new Set(["__metadata__"]);
  const arrays = leaves.map((leaf, index): ArrayToStore => {
    const name = pathName(def.paths[index]!);
    if (names.has(name))
      throw new ArgumentError(complaint(who, "another path for every tensor", `two at ${name}`));
    names.add(name);
    const { buffer, byteOffset, byteLength } = concreteElements(leaf, who);
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    return { name, dtype: fileDTypes[leaf.dtype], shape: leaf.shape, bytes };
  });
  const text = jsonText(who, metadata);
  return concat([
    ...writeSafetensors((check) => ({ format: "adjoint", ...check, metadata: text }), arrays),
  ]);
}

/**
 * The tensors and metadata in bytes that `encodeCheckpoint` made, or in any safetensors file of float32, float64, int32 and
 * bool tensors. Throws CheckpointError, whose message begins with `who`, for bytes that are anything else.
 */
export function decodeCheckpoint(bytes: Uint8Array, who = "decodeCheckpoint"): Checkpoint {
  if (!(bytes instanceof Uint8Array))
    throw new ArgumentError(complaint(who, "bytes in a Uint8Array", describe(bytes)));
  const reading: Reading<FileType> = {
    who,
    Fails: CheckpointError,
    noun: "checkpoint",
    dtypes: Object.values(fileDTypes),
  };
  const start = headerEnd(reading, bytes, bytes.length);
  const head = bytes.subarray(0, start);
  const { entries, metadata } = readHeader(reading, head, bytes.length);
  const { crc32: check, metadata: text } = metadata;
  if (check === undefined && metadata["format"] === "adjoint")
    throw new CheckpointError(
      complaint(who, "a check in the header", "none", "The file is damaged."),
    );
  if (check !== undefined) {
    const actual = crc32(bytes.subarray(start), checkOfHead(reading, head, check));
    requireCheck(reading, check, actual);
  }
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype: stored, shape, begin, end } of entries) {
    const dtype = dtypesInFiles[stored];
    const elements = allocate(dtype, sizeOf(shape));
    new Uint8Array(elements.buffer).set(bytes.subarray(begin, end));
    if (dtype === "bool" && elements.some((element) => element > 1))
      throw new CheckpointError(
        complaint(`${who}: tensor ${describe(name)}`, "bytes 0 and 1 for bool", "others"),
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
