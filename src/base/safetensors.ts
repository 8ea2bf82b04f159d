/**
 * @file The container that checkpoints and networks are kept in: safetensors (https://github.com/huggingface/safetensors, "Format").
 * 8 bytes with the header's length, a header in JSON, little-endian elements. Our own files have a check over all bytes in the
 * header's metadata. Readers believe nothing before it is checked, and never execute anything.
 */
import { crc32 } from "./crc32.ts";
import { complaint, describe } from "./errors.ts";
import { type JsonObject, JsonPlace, parseJson } from "./json.ts";
import type { Failure } from "./options.ts";

/** Bytes per element of the types that the format knows. */
const widths = {
  F16: 2,
  BF16: 2,
  F32: 4,
  F64: 8,
  I8: 1,
  U8: 1,
  I16: 2,
  U16: 2,
  I32: 4,
  U32: 4,
  I64: 8,
  U64: 8,
  BOOL: 1,
} as const;

/** The format's name of a type of elements. */
export type StoredType = keyof typeof widths;

/** An array in a file. */
export interface StoredEntry<Type extends StoredType = StoredType> {
  readonly name: string;
  readonly dtype: Type;
  readonly shape: readonly number[];
  /** Its first byte and the one behind its last, counted from the beginning of the file. */
  readonly begin: number;
  readonly end: number;
}

/** A header whose arrays fill the rest of the file without gaps or overlaps. */
export interface Header<Type extends StoredType = StoredType> {
  readonly entries: readonly StoredEntry<Type>[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** What is read, and how failures are reported. */
export interface Reading<Type extends StoredType = StoredType> {
  /** How messages begin: the name of the file, as a rule. */
  readonly who: string;
  readonly Fails: Failure;
  /** What the file should be, as messages say it: "checkpoint". */
  readonly noun: string;
  /** The element types that are accepted. */
  readonly dtypes: readonly Type[];
}

/** Bytes of the longest header: the format's own limit. */
const longestHeader = 100_000_000;

/** While the check is computed these digits stand in its place. */
const noCheck = "00000000";
const label = '"crc32":"';

function claimedLength(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
}

/** Whether a file that begins with these bytes is likely to be a safetensors file. */
export function isSafetensors(head: Uint8Array): boolean {
  return head.length > 8 && claimedLength(head) <= longestHeader && head[8] === 0x7b;
}

/** Where the header ends in a file of `size` bytes that begins with `first`. Throws unless that is within the file. */
export function headerEnd({ who, Fails, noun }: Reading, first: Uint8Array, size: number): number {
  const hint = `The file is truncated or not a ${noun}.`;
  if (first.length < 8) throw new Fails(complaint(who, "at least 8 bytes", `${size}`, hint));
  const length = claimedLength(first);
  if (length > longestHeader || length > size - 8)
    throw new Fails(
      complaint(who, `a header within the file's ${size} bytes`, `one of ${length}`, hint),
    );
  return 8 + length;
}

/** The header of a file of `size` bytes. `head` holds everything up to the end of the header. Throws unless both agree. */
export function readHeader<Type extends StoredType>(
  reading: Reading<Type>,
  head: Uint8Array,
  size: number,
): Header<Type> {
  const { who, Fails } = reading;
  const fields = parseJson(`${who}: header`, head.subarray(8), Fails).object();
  const { __metadata__: notes = {}, ...tensors } = fields;
  const entries = Object.entries(tensors).map(([name, value]) =>
    readEntry(reading, name, value, head.length),
  );
  requireFilled(reading, entries, head.length, size);
  return { entries, metadata: readMetadata(reading, notes) };
}

function readMetadata({ who, Fails }: Reading, notes: unknown): Header["metadata"] {
  const place = new JsonPlace(notes, `${who}: __metadata__`, Fails);
  const metadata: JsonObject = place.object();
  for (const note of Object.values(metadata))
    if (typeof note !== "string") place.refuse("an object of strings", `${describe(note)} in it`);
  return metadata as Header["metadata"];
}

function readEntry<Type extends StoredType>(
  { who, Fails, dtypes }: Reading<Type>,
  name: string,
  value: unknown,
  start: number,
): StoredEntry<Type> {
  const place = new JsonPlace(value, `${who}: tensor ${describe(name)}`, Fails);
  const dtype = place.at("dtype").value as Type;
  if (!dtypes.includes(dtype)) place.at("dtype").refuse(`one of ${dtypes.join(", ")}`);
  const shape = place.at("shape").shape();
  const offsets = place.at("data_offsets");
  const [begin, end] = offsets.list(2, 2).map((offset) => offset.value as number) as [
    number,
    number,
  ];
  const bytes = shape.reduce<number>((size, extent) => size * extent, widths[dtype]);
  if (!Number.isSafeInteger(begin) || begin < 0 || end - begin !== bytes)
    offsets.refuse(`${bytes} bytes for ${dtype} [${shape.join(", ")}]`);
  return { name, dtype, shape, begin: start + begin, end: start + end };
}

/** Throws unless the arrays fill a file of `size` bytes from `start`, the end of the header, on. */
function requireFilled(
  { who, Fails }: Reading,
  entries: readonly StoredEntry[],
  start: number,
  size: number,
): void {
  let end = start;
  for (const entry of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== end)
      throw new Fails(
        complaint(
          `${who}: tensor ${describe(entry.name)}`,
          `data from byte ${end - start} on`,
          `from ${entry.begin - start}`,
          "The header is damaged.",
        ),
      );
    end = entry.end;
  }
  if (end !== size)
    throw new Fails(
      complaint(
        who,
        `${end} bytes (as the header says)`,
        `${size}`,
        end > size ? "The file is truncated." : "Something was appended to the file.",
      ),
    );
}

/**
 * The check of a file up to the end of its header, to be continued with `crc32` over the bytes behind it and compared by
 * `requireCheck`. Throws where `stored` is not a check that stands in the header.
 */
export function checkOfHead(
  { who, Fails }: Reading,
  head: Uint8Array,
  stored: string | undefined,
): string {
  // Nowhere else in a header is this name followed by a text.
  const at = /^[0-9a-f]{8}$/.test(stored ?? "")
    ? new TextDecoder("latin1").decode(head).indexOf(`${label}${stored}"`)
    : -1;
  if (at < 0)
    throw new Fails(
      complaint(who, "a check of 8 hexadecimal digits in the header", describe(stored)),
    );
  const open = head.slice();
  open.set(new TextEncoder().encode(noCheck), at + label.length);
  return crc32(open);
}

/** Throws unless the bytes are those that were written. */
export function requireCheck(
  { who, Fails }: Reading,
  stored: string | undefined,
  actual: string,
): void {
  if (stored === actual) return;
  throw new Fails(
    complaint(who, `bytes whose check is ${stored}`, actual, "The file is damaged: use another."),
  );
}

/** An array to be written. */
export interface ArrayToStore {
  readonly name: string;
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/**
 * A file with a check in its metadata, in pieces: the header, then one array after another. Names must be distinct. Wide elements
 * come first, so that every array begins at a multiple of its element size. `notes` says what the metadata are, given the
 * entry of the check.
 */
export function* writeSafetensors(
  notes: (check: { readonly crc32: string }) => Readonly<Record<string, string>>,
  arrays: readonly ArrayToStore[],
): Generator<Uint8Array, void> {
  const sorted = arrays.toSorted((a, b) => widths[b.dtype] - widths[a.dtype]);
  const fields = new Map<string, unknown>([["__metadata__", notes({ crc32: noCheck })]]);
  let end = 0;
  for (const { name, dtype, shape, bytes } of sorted)
    fields.set(name, { dtype, shape, data_offsets: [end, (end += bytes.length)] });
  const encoder = new TextEncoder();
  let text = JSON.stringify(Object.fromEntries(fields));
  // Only ASCII stands before the check, so its character is its byte.
  const checkAt = 8 + text.indexOf(label + noCheck) + label.length;
  text += " ".repeat(-encoder.encode(text).length & 7);
  const json = encoder.encode(text);
  const head = new Uint8Array(8 + json.length);
  new DataView(head.buffer).setBigUint64(0, BigInt(json.length), true);
  head.set(json, 8);
  const check = sorted.reduce((before, { bytes }) => crc32(bytes, before), crc32(head));
  head.set(encoder.encode(check), checkAt);
  yield head;
  for (const { bytes } of sorted) yield bytes;
}
