/** @file The messages of ONNX files but for the model itself: nodes, attributes, tensors, and what is declared of values. */
import { complaint } from "../../../../base/errors.ts";
import { FormatError } from "../../../errors.ts";
import { fields } from "../schema.ts";
import { type Field, fieldsOf, intsOf, textOf } from "./wire.ts";

/** A part of the file, not read yet. */
export interface Range {
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
  raw?: Uint8Array | Range;
  /** Elements under another field, as the bytes of floats and doubles, or as integers. */
  floats?: readonly Uint8Array[];
  doubles?: readonly Uint8Array[];
  ints?: readonly number[];
  /** Where the elements are in another file. */
  external?: Readonly<Record<string, string>>;
}

/** An attribute of a node: whichever of its values are there. */
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
    throw new FormatError(complaint(who, `at most ${mostEntries} entries in a list`, "more"));
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
    throw new FormatError(complaint(who, "floats of 4 bytes", `${bytes.length} bytes`));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

/** A tensor from its fields; that of the raw data may stand for a part of the file. */
export function readTensor(
  who: string,
  given: Iterable<Field | (Omit<Field, "bytes"> & { readonly range: Range })>,
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
      // Not by `push(...)`: a call takes only so many arguments.
      ints = ints.length === 0 ? intsOf(who, field) : appended(ints, intsOf(who, field));
    else if (field.number === tensor.segment)
      throw new FormatError(complaint(who, "a tensor in one piece", "a segment of one"));
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
