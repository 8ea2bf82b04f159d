/** @file The header of a safetensors file, read with distrust: every number in it is checked against the file. */
import type { DType } from "../ir/dtype.ts";
import { complaint, describe } from "../base/errors.ts";
import { headerLength, longestHeader, requireFilled } from "../base/safetensors.ts";
import type { Shape } from "../ir/shape.ts";
import { CheckpointError } from "./checkpoint-error.ts";

/** A tensor as the header announces it; the bytes count from the end of the header. */
export interface HeaderEntry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

/** A header whose entries fill the rest of the file without gap or overlap. */
export interface Header {
  readonly entries: readonly HeaderEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Where the elements start. */
  readonly start: number;
}

const dtypesInFiles: Readonly<Record<string, readonly [DType, bytes: number]>> = {
  F32: ["float32", 4],
  F64: ["float64", 8],
  I32: ["int32", 4],
  BOOL: ["bool", 1],
};

/** Throws CheckpointError, whose message begins with `who`, unless the header and the file fit each other. */
export function decodeHeader(bytes: Uint8Array, who: string): Header {
  if (bytes.length < 8)
    throw new CheckpointError(
      complaint(
        who,
        "at least 8 bytes",
        `${bytes.length}`,
        "The file is truncated or no checkpoint.",
      ),
    );
  const length = headerLength(bytes);
  if (length > longestHeader || length > bytes.length - 8)
    throw new CheckpointError(
      complaint(
        who,
        `a header within the file's ${bytes.length} bytes`,
        `one of ${length}`,
        "The file is truncated or no checkpoint.",
      ),
    );
  const start = 8 + length;
  const { __metadata__: notes = {}, ...tensors } = readRecord(
    who,
    parse(who, bytes.subarray(8, start)),
    "a JSON object in the header",
  );
  const metadata = readRecord(who, notes, "an object of strings as __metadata__");
  for (const note of Object.values(metadata))
    if (typeof note !== "string")
      throw new CheckpointError(
        complaint(who, "an object of strings as __metadata__", `${describe(note)} in it`),
      );
  const entries = Object.entries(tensors).map(([name, entry]) =>
    readEntry(`${who}: tensor ${describe(name)}`, name, entry),
  );
  requireFilled(who, entries, start, bytes.length, CheckpointError);
  return { entries, metadata: metadata as Readonly<Record<string, string>>, start };
}

function parse(who: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CheckpointError(
      complaint(who, "a header in JSON", "something else", "The file is damaged or no checkpoint."),
      { cause },
    );
  }
}

function readRecord(who: string, value: unknown, expected: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new CheckpointError(complaint(who, expected, describe(value)));
  return value as Record<string, unknown>;
}

const isSize = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

function readEntry(who: string, name: string, value: unknown): HeaderEntry {
  const {
    dtype,
    shape,
    data_offsets: offsets,
  } = readRecord(who, value, "an object with dtype, shape and data_offsets");
  const known =
    typeof dtype === "string" && Object.hasOwn(dtypesInFiles, dtype)
      ? dtypesInFiles[dtype]
      : undefined;
  if (known === undefined)
    throw new CheckpointError(
      complaint(
        `${who}: dtype`,
        `one of ${Object.keys(dtypesInFiles).join(", ")}`,
        describe(dtype),
      ),
    );
  if (!Array.isArray(shape) || !shape.every(isSize))
    throw new CheckpointError(complaint(`${who}: shape`, "an array of sizes", describe(shape)));
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize))
    throw new CheckpointError(
      complaint(`${who}: data_offsets`, "two positions", describe(offsets)),
    );
  const [begin, end] = offsets as [number, number];
  const size = shape.reduce((product: number, extent: number) => product * extent, known[1]);
  if (end - begin !== size)
    throw new CheckpointError(
      complaint(
        `${who}: data_offsets`,
        `${size} bytes for ${String(dtype)} [${shape.join(", ")}]`,
        `${end - begin}`,
      ),
    );
  return { name, dtype: known[0], shape, begin, end };
}
