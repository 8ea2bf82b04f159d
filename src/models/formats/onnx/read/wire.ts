/**
 * @file The fields of protocol buffer messages. The varints are read by pbf, which trusts what it reads: lengths are checked
 * here, and nothing is allocated for what a file merely claims to hold.
 */
import { PbfReader } from "pbf";
import { FormatError } from "../../../errors.ts";

/** What a field's value is on the wire. */
export const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** A field of a message. */
export interface Field {
  readonly number: number;
  /** The value of a varint; 0 for others. */
  readonly int: number;
  /** The value of a field that is no varint: a view of the message. */
  readonly bytes: Uint8Array;
}

/** Where the value of a field lies, counted from where its tag begins. */
export interface FieldHead {
  readonly number: number;
  readonly wire: number;
  readonly int: number;
  /** Bytes of the tag and the length. */
  readonly head: number;
  /** Bytes of the value; of a varint 0, since `head` holds it. */
  readonly length: number;
}

/** Bytes that the tag and the length of a field take at most. */
export const longestHead = 20;

const none = new Uint8Array(0);

/**
 * Reads the tag of a field and the length of its value, of which `room` bytes are left in the message. FormatError naming `who`
 * and the place where the field is none, or claims to be longer than what is left.
 */
export function readHead(who: string, bytes: Uint8Array, at: number, room: number): FieldHead {
  const reader = new PbfReader(bytes.subarray(0, Math.min(bytes.length, longestHead, room)));
  const broken = (what: string): FormatError =>
    new FormatError(
      `${who}: at byte ${at}: expected a field of a protocol buffer, got ${what}. The file is truncated, damaged, or no ONNX model.`,
    );
  const varint = (): number => {
    let value: number;
    try {
      value = reader.readVarint(true);
    } catch {
      throw broken("a number without end");
    }
    if (reader.pos > reader.length) throw broken("the end of the message within a number");
    return value;
  };
  const tag = varint();
  const [number, kind] = [Math.floor(tag / 8), tag & 7];
  if (!(number >= 1 && number < 2 ** 29)) throw broken(`field number ${number}`);
  let [int, length] = [0, 0];
  if (kind === wire.varint) int = varint();
  else if (kind === wire.bytes) length = varint();
  else if (kind === wire.fixed32) length = 4;
  else if (kind === wire.fixed64) length = 8;
  else throw broken(`wire type ${kind}`);
  const head = reader.pos;
  if (!(length >= 0 && head + length <= room))
    throw broken(`a field of ${length} bytes where ${room - head} are left`);
  return { number, wire: kind, int, head, length };
}

/** The fields of a message one by one. FormatError naming `who` where it is none. */
export function* fieldsOf(who: string, message: Uint8Array): Generator<Field> {
  for (let at = 0; at < message.length;) {
    const rest = message.subarray(at);
    const { number, int, head, length } = readHead(who, rest, at, rest.length);
    yield { number, int, bytes: length === 0 ? none : rest.subarray(head, head + length) };
    at += head + length;
  }
}

/** The integers of a repeated field, packed or not. */
export function intsOf(who: string, { int, bytes }: Field): number[] {
  if (bytes.length === 0) return [int];
  const reader = new PbfReader(bytes);
  const ints: number[] = [];
  try {
    while (reader.pos < bytes.length) ints.push(reader.readVarint(true));
  } catch {
    reader.pos = Infinity;
  }
  if (reader.pos !== bytes.length)
    throw new FormatError(`${who}: expected packed integers, got one without end.`);
  return ints;
}

const decoder = new TextDecoder();

/** The text of a field. */
export function textOf({ bytes }: Field): string {
  return decoder.decode(bytes);
}
