/**
 * @file ONNX files as protocol buffers: fields, messages, and the file itself. Lengths are checked before pbf sees them, nothing
 * is allocated for what a file merely claims to hold, and large tensors stay where they are.
 */
import { PbfReader } from "pbf";
import { FormatError, refuse } from "../../../errors.ts";
import { fields } from "../schema.ts";
import type { ByteSource } from "../../../source.ts";

/** What a field's value is on the wire. */
export const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** A field of a message. */
export interface Field {
  readonly number: number;
  /** The value of a varint; 0 for others. */
  readonly int: number;
  /** The value of any field but a varint: a view of the message. */
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
 * and the place if the field is not valid, or claims to be longer than the rest of the message.
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

/** The fields of a message one by one. Throws FormatError naming `who` if it is not a valid message. */
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

/** A part of the file, not read yet. */
export interface FileRange {
  readonly offset: number;
  readonly length: number;
}

/** A tensor of the file. */
export interface TensorProto {
  readonly name: string;
  readonly dims: readonly number[];
  /** Number of the element type. */
  readonly type: number;
  /** Elements as bytes, little endian: here, or in the file. */
  raw?: Uint8Array | FileRange;
  /** Elements under another field, as the bytes of floats and doubles, or as integers. */
  floats?: readonly Uint8Array[];
  doubles?: readonly Uint8Array[];
  ints?: readonly number[];
  /** Where the elements are in another file. */
  external?: Readonly<Record<string, string>>;
}

/** An attribute of a node; only the values that the file gives are set. */
export interface AttributeProto {
  readonly name: string;
  readonly type: number;
  float?: number;
  int?: number;
  text?: string;
  tensor?: TensorProto;
  hasGraph?: boolean;
  readonly floats: number[];
  readonly ints: number[];
}

/** A node of the graph. */
export interface NodeProto {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name: string;
  readonly operator: string;
  readonly domain: string;
  readonly attributes: ReadonlyMap<string, AttributeProto>;
}

/** What is declared of a value; undefined extents are open. */
export interface ValueProto {
  readonly name: string;
  readonly type: number | undefined;
  readonly dims: readonly (number | undefined)[] | undefined;
  /** The names of extents that are open. */
  readonly parameters: readonly string[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Lists in nodes are short; one that is not is there to fill memory. */
const mostEntries = 10_000;

function add<T>(who: string, list: T[], item: T): void {
  if (list.push(item) > mostEntries)
    refuse(who, `at most ${mostEntries} entries in a list`, "more");
}

export function readNode(who: string, bytes: Uint8Array): NodeProto {
  const [inputs, outputs]: [string[], string[]] = [[], []];
  const attributes = new Map<string, AttributeProto>();
  let [name, operator, domain] = ["", "", ""];
  for (const field of fieldsOf(who, bytes)) {
    const { node } = fields;
    if (field.number === node.input) add(who, inputs, textOf(field));
    else if (field.number === node.output) add(who, outputs, textOf(field));
    else if (field.number === node.name) name = textOf(field);
    else if (field.number === node.opType) operator = textOf(field);
    else if (field.number === node.domain) domain = textOf(field);
    else if (field.number === node.attribute) {
      const attribute = readAttribute(`${who}: attribute`, field.bytes);
      attributes.set(attribute.name, attribute);
    }
  }
  return { inputs, outputs, name, operator, domain, attributes };
}

function readAttribute(who: string, bytes: Uint8Array): AttributeProto {
  const found: Writable<AttributeProto> = { name: "", type: 0, floats: [], ints: [] };
  for (const field of fieldsOf(who, bytes)) {
    const { attribute } = fields;
    if (field.number === attribute.name) found.name = textOf(field);
    else if (field.number === attribute.type) found.type = field.int;
    else if (field.number === attribute.i) found.int = field.int;
    else if (field.number === attribute.s) found.text = textOf(field);
    else if (field.number === attribute.t)
      found.tensor = readTensor(`${who} ${JSON.stringify(found.name)}`, fieldsOf(who, field.bytes));
    else if (field.number === attribute.g) found.hasGraph = true;
    else if (field.number === attribute.f) found.float = floats(who, field)[0]!;
    else if (field.number === attribute.floats) found.floats.push(...floats(who, field));
    else if (field.number === attribute.ints)
      for (const int of intsOf(who, field)) add(who, found.ints, int);
  }
  return found;
}

/** The floats of a field, packed or not. */
function floats(who: string, { bytes }: Field): number[] {
  if (bytes.length % 4 !== 0 || bytes.length === 0 || bytes.length > 4 * mostEntries)
    refuse(who, "floats of 4 bytes", `${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

/** A tensor from its fields; that of the raw data may stand for a part of the file. */
export function readTensor(
  who: string,
  given: Iterable<Field | (Omit<Field, "bytes"> & { readonly range: FileRange })>,
): TensorProto {
  const { tensor } = fields;
  const dims: number[] = [];
  let ints: number[] = [];
  const [floats, doubles]: [Uint8Array[], Uint8Array[]] = [[], []];
  const found: Writable<TensorProto> = { name: "", dims, type: 0 };
  let isExternal = false;
  const external: Record<string, string> = {};
  for (const field of given) {
    if ("range" in field) found.raw = field.range;
    else if (field.number === tensor.dims)
      for (const extent of intsOf(who, field)) add(who, dims, extent);
    else if (field.number === tensor.dataType) found.type = field.int;
    else if (field.number === tensor.name) found.name = textOf(field);
    else if (field.number === tensor.rawData) found.raw = field.bytes;
    else if (field.number === tensor.floatData) floats.push(field.bytes);
    else if (field.number === tensor.doubleData) doubles.push(field.bytes);
    else if (
      field.number === tensor.int32Data ||
      field.number === tensor.int64Data ||
      field.number === tensor.uint64Data
    )
      // Not by `push(...)`: the number of arguments of a call is limited.
      ints = ints.length === 0 ? intsOf(who, field) : appended(ints, intsOf(who, field));
    else if (field.number === tensor.segment)
      refuse(who, "a tensor in one piece", "a segment of one");
    else if (field.number === tensor.dataLocation) isExternal = field.int === 1;
    else if (field.number === tensor.externalData) {
      const [key, value] = readEntry(who, field.bytes);
      if (key !== "__proto__") external[key] = value;
    }
  }
  if (floats.length > 0) found.floats = floats;
  if (doubles.length > 0) found.doubles = doubles;
  if (ints.length > 0) found.ints = ints;
  if (isExternal) found.external = external;
  return found;
}

function appended(list: number[], more: readonly number[]): number[] {
  for (const item of more) list.push(item);
  return list;
}

function readEntry(who: string, bytes: Uint8Array): [key: string, value: string] {
  let [key, value] = ["", ""];
  for (const field of fieldsOf(who, bytes)) {
    if (field.number === fields.entry.key) key = textOf(field);
    else if (field.number === fields.entry.value) value = textOf(field);
  }
  return [key, value];
}

/** An operator set and its version. */
export function readOperatorSet(who: string, bytes: Uint8Array): [domain: string, version: number] {
  let [domain, version] = ["", 0];
  for (const field of fieldsOf(who, bytes)) {
    if (field.number === fields.operatorSet.domain) domain = textOf(field);
    else if (field.number === fields.operatorSet.version) version = field.int;
  }
  return [domain, version];
}

export function readValue(who: string, bytes: Uint8Array): ValueProto {
  const found: Writable<ValueProto> = {
    name: "",
    type: undefined,
    dims: undefined,
    parameters: [],
  };
  for (const field of fieldsOf(who, bytes)) {
    if (field.number === fields.valueInfo.name) found.name = textOf(field);
    else if (field.number === fields.valueInfo.type)
      for (const kind of fieldsOf(who, field.bytes))
        if (kind.number === fields.type.tensor) readTensorType(who, kind.bytes, found);
  }
  return found;
}

function readTensorType(who: string, bytes: Uint8Array, found: Writable<ValueProto>): void {
  for (const field of fieldsOf(who, bytes)) {
    if (field.number === fields.tensorType.elementType) found.type = field.int;
    else if (field.number === fields.tensorType.shape) {
      const dims: (number | undefined)[] = [];
      const parameters: string[] = [];
      for (const { bytes: dimension } of fieldsOf(who, field.bytes)) {
        let extent: number | undefined;
        for (const part of fieldsOf(who, dimension))
          if (part.number === fields.dimension.value) extent = part.int;
          else if (part.number === fields.dimension.parameter) parameters.push(textOf(part));
        add(who, dims, extent);
      }
      found.dims = dims;
      found.parameters = parameters;
    }
  }
}

/** What is used of a model's file. */
export interface OnnxFile {
  readonly opsets: ReadonlyMap<string, number>;
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly ValueProto[];
  readonly outputs: readonly ValueProto[];
  readonly values: readonly ValueProto[];
}

/** Tensors below this length are read at once. */
const small = 1 << 16;
/** So many nodes, tensors or values at most: no classifier comes near, and each takes far more memory than bytes. */
const mostParts = 50_000;

/** A field of the file. */
interface Piece extends FieldHead {
  /** Where the value begins. */
  readonly offset: number;
}

/** Reads small parts of a source through a window. */
class ReadWindow {
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (length > small) return this.#source.read(offset, length);
    if (offset < this.#start || offset + length > this.#start + this.#bytes.length) {
      const most = Math.max(0, this.#source.size - offset);
      this.#bytes = await this.#source.read(offset, Math.max(length, Math.min(small, most)));
      this.#start = offset;
    }
    return this.#bytes.subarray(offset - this.#start, offset - this.#start + length);
  }

  /** The fields of a message in the file, one by one. */
  async *fields(who: string, start: number, end: number): AsyncGenerator<Piece> {
    for (let at = start; at < end;) {
      const bytes = await this.read(at, Math.min(longestHead, end - at));
      const head = readHead(who, bytes, at, end - at);
      yield { ...head, offset: at + head.head };
      at += head.head + head.length;
    }
  }
}

/** Reads the file. Throws FormatError naming the file and the place if it is damaged or not an ONNX model. */
export async function readFile(source: ByteSource): Promise<OnnxFile> {
  const who = source.name;
  const window = new ReadWindow(source);
  const opsets = new Map<string, number>();
  let graph: Omit<OnnxFile, "opsets"> | undefined;
  for await (const piece of window.fields(who, 0, source.size)) {
    const { number, offset, length } = piece;
    if (number === fields.model.graph) graph = await readGraph(who, window, offset, length);
    else if (number === fields.model.opsetImport) {
      const [domain, version] = readOperatorSet(
        `${who}: opset_import`,
        (await window.read(offset, length)).slice(),
      );
      opsets.set(domain === "ai.onnx" ? "" : domain, version);
    }
  }
  if (graph === undefined) refuse(who, "an ONNX model with a graph", "one without");
  return { opsets, ...graph };
}

async function readGraph(
  who: string,
  window: ReadWindow,
  start: number,
  size: number,
): Promise<Omit<OnnxFile, "opsets">> {
  const [nodes, initializers]: [NodeProto[], TensorProto[]] = [[], []];
  const [inputs, outputs, values]: [ValueProto[], ValueProto[], ValueProto[]] = [[], [], []];
  let name = "";
  let parts = 0;
  for await (const { number, offset, length } of window.fields(who, start, start + size)) {
    const { graph } = fields;
    const bytes = async (): Promise<Uint8Array> => (await window.read(offset, length)).slice();
    if (++parts > mostParts) refuse(who, `a graph of at most ${mostParts} parts`, "more");
    if (number === graph.name)
      name = textOf({ number, int: 0, bytes: (await bytes()).subarray(0, 100) });
    else if (number === graph.node)
      nodes.push(readNode(`${who}: node ${nodes.length}`, await bytes()));
    else if (number === graph.initializer) {
      const place = `${who}: initializer ${initializers.length}`;
      initializers.push(
        length <= small
          ? readTensor(place, fieldsOf(place, await bytes()))
          : await readLargeTensor(place, window, offset, length),
      );
    } else if (number === graph.input) inputs.push(readValue(`${who}: input`, await bytes()));
    else if (number === graph.output) outputs.push(readValue(`${who}: output`, await bytes()));
    else if (number === graph.valueInfo)
      values.push(readValue(`${who}: value_info`, await bytes()));
    else if (number === graph.sparseInitializer) refuse(who, "dense initializers", "a sparse one");
  }
  return { name, nodes, initializers, inputs, outputs, values };
}

/** A tensor whose raw data stays where it is. */
async function readLargeTensor(
  who: string,
  window: ReadWindow,
  start: number,
  size: number,
): Promise<TensorProto> {
  const parts: Parameters<typeof readTensor>[1] extends Iterable<infer T> ? T[] : never = [];
  for await (const { number, int, offset, length } of window.fields(who, start, start + size)) {
    if (number === fields.tensor.rawData) parts.push({ number, int, range: { offset, length } });
    else if (parts.length > 4 * small)
      refuse(who, "packed elements", "each in a field of its own", "Write it as raw_data.");
    else parts.push({ number, int, bytes: (await window.read(offset, length)).slice() });
  }
  return readTensor(who, parts);
}
