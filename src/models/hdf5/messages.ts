/**
 * @file What HDF5's object headers say (specification, section IV.A): messages, element types, extents, attributes, and links to
 * other objects.
 */
import { Cursor, type Hdf5File, nowhere } from "./file.ts";
import { describe } from "../../base/errors.ts";
import { type Kind, type KindName, kinds } from "../elements.ts";

/** Kinds of messages that say something to us. */
export const kindsOfMessage = {
  dataspace: 0x1,
  linkInfo: 0x2,
  datatype: 0x3,
  link: 0x6,
  layout: 0x8,
  filters: 0xb,
  attribute: 0xc,
  continuation: 0x10,
  symbolTable: 0x11,
  attributeInfo: 0x15,
} as const;

/** One message. */
export interface Message {
  readonly kind: number;
  readonly body: Cursor;
}

/** More than any object has. */
const mostMessages = 100_000;

/** All messages of the object at an address. */
export async function readMessages(
  file: Hdf5File,
  place: string,
  address: number,
): Promise<Message[]> {
  if (address === nowhere) file.fail(place, "an address of an object", "none");
  const head = await file.at(place, address, Math.min(16, file.source.size - file.base - address));
  const isNew = head.bytes[0] === 0x4f; // O of OHDR
  const messages: Message[] = [];
  const blocks: { readonly address: number; readonly length: number; readonly first: boolean }[] =
    [];
  let flags = 0;
  if (isNew) {
    head.letters("OHDR");
    const version = head.uint(1);
    if (version !== 2) head.fail("an object header of version 2", String(version));
    flags = head.uint(1);
    let prefix = 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0);
    const width = 1 << (flags & 3);
    const size = (await file.at(place, address + prefix, width)).uint(width);
    prefix += width;
    blocks.push({ address: address + prefix, length: size, first: true });
  } else {
    const version = head.uint(1);
    if (version !== 1) head.fail("an object header of version 1 or 2", String(version));
    blocks.push({ address: address + 16, length: head.skip(7).uint32(), first: true });
  }
  const seen = new Set<number>();
  for (const { address: at, length, first } of blocks) {
    if (seen.has(at)) file.fail(place, "blocks of messages that differ", "one twice");
    seen.add(at);
    // oxlint-disable-next-line no-await-in-loop
    let block = await file.at(place, at, length);
    // Continuations of new headers have letters before, and a check behind.
    if (isNew && !first) block = block.letters("OCHK").part(block.left - 4);
    const smallest = isNew ? 4 + (flags & 4 ? 2 : 0) : 8;
    while (block.left >= smallest) {
      const kind = block.uint(isNew ? 1 : 2);
      const size = block.uint(2);
      const shared = block.uint(1) & 2;
      block.skip(isNew ? (flags & 4 ? 2 : 0) : 3);
      const body = block.part(size);
      if (messages.length >= mostMessages) block.fail(`at most ${mostMessages} messages`, "more");
      if (kind === kindsOfMessage.continuation) {
        const address = body.address();
        blocks.push({ address, length: body.length(), first: false });
      } else if (shared && isUsed(kind))
        block.fail(
          "descriptions in place",
          "one that several objects share",
          "Write the file anew.",
        );
      else messages.push({ kind, body });
    }
  }
  return messages;
}

function isUsed(kind: number): boolean {
  return (Object.values(kindsOfMessage) as number[]).includes(kind);
}

/**
 * Throws FormatError where links or attributes are kept in a fractal heap, which only the newest kind of files has. `orderBytes` is
 * how long a number of their order is.
 */
export function requireCompact(info: Cursor, what: string, orderBytes: number): void {
  info.position = 0;
  const flags = info.skip(1).uint(1);
  if (flags & 1) info.skip(orderBytes);
  if (info.address() !== nowhere)
    info.fail(
      `${what} in headers or symbol tables`,
      "a fractal heap",
      'Write the file with libver="earliest".',
    );
}

/** What elements are. */
export type ElementType =
  | { readonly is: "number"; readonly kind: Kind; readonly little: boolean; readonly bytes: number }
  | { readonly is: "text"; readonly bytes: number }
  /** Texts of any length, kept elsewhere in the file. */
  | { readonly is: "longText"; readonly bytes: number };

/** Reads a type. FormatError for those that no weights and names have. */
export function readType(body: Cursor): ElementType {
  const first = body.uint(1);
  const family = first & 15;
  const bits = body.uint(1);
  body.skip(2);
  const bytes = body.uint32();
  if (family === 0 || family === 1) {
    const name = `${family === 1 ? "float" : bits & 8 ? "int" : "uint"}${8 * bytes}`;
    const kind = Object.hasOwn(kinds, name) ? kinds[name as KindName] : undefined;
    if (kind === undefined) return body.fail("numbers of 8 to 64 bits", name, "");
    if (family === 1) requireStandard(body, bytes);
    return { is: "number", kind, little: (bits & 1) === 0, bytes };
  }
  // Enumerations (booleans, say) are integers with names.
  if (family === 8) return readType(body);
  if (family === 3) return { is: "text", bytes };
  if (family === 9 && (bits & 15) === 1) return { is: "longText", bytes };
  return body.fail("numbers or texts", `elements of class ${family}`, "");
}

/** [exponent location, exponent size, mantissa size] of IEEE 754's formats, by bytes. */
const formats: Readonly<Record<number, string>> = { 2: "10,5,10", 4: "23,8,23", 8: "52,11,52" };

/** Throws FormatError for floats of another format, such as bfloat16. */
function requireStandard(body: Cursor, bytes: number): void {
  body.skip(4);
  const [location, size, , mantissa] = [body.uint(1), body.uint(1), body.uint(1), body.uint(1)];
  const format = [location, size, mantissa].join(",");
  if (format !== formats[bytes])
    body.fail("floats of IEEE 754", `${bytes} bytes with ${describe(format)}`, "");
}

/** More elements than any tensor has. */
const mostElements = 2 ** 40;

/** Reads extents; [] for one element, undefined for none. */
export function readExtents(body: Cursor): readonly number[] | undefined {
  const version = body.uint(1);
  const rank = body.uint(1);
  body.skip(1);
  if (version !== 1 && version !== 2) body.fail("extents of version 1 or 2", String(version));
  if (rank > 32) body.fail("at most 32 axes", String(rank));
  const isNull = version === 2 ? body.uint(1) === 2 : body.skip(5) === undefined;
  if (isNull) return undefined;
  const shape = Array.from({ length: rank }, () => body.length());
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (!(size <= mostElements))
    body.fail(`at most ${mostElements} elements`, `[${shape.join(", ")}]`);
  return shape;
}

/** Texts of all attributes together: more than any description takes. */
const longest = 1 << 28;

/** The texts of an attribute, if it has this name. Throws FormatError if it has this name but is not text. */
export async function readAttribute(
  file: Hdf5File,
  place: string,
  message: Cursor,
  wanted: string,
): Promise<readonly string[] | undefined> {
  const body = new Cursor(file, place, message.bytes);
  const version = body.uint(1);
  if (version < 1 || version > 3) body.fail("an attribute of version 1 to 3", String(version));
  const flags = body.uint(1);
  const [nameLength, typeLength, extentsLength] = [body.uint(2), body.uint(2), body.uint(2)];
  if (version === 3) body.skip(1);
  const padded = (length: number): Cursor => {
    const part = body.part(length);
    if (version === 1) body.skip(Math.min(body.left, -length & 7));
    return part;
  };
  const name = text(padded(nameLength).bytes);
  if (name !== wanted) return undefined;
  if (version > 1 && flags & 3)
    body.fail("a type in place", "a shared one", "Write the file anew.");
  const type = readType(padded(typeLength));
  const extents = readExtents(padded(extentsLength));
  if (extents === undefined) return [];
  const count = extents.reduce((product, extent) => product * extent, 1);
  // An empty list has no texts to tell their type from.
  if (count === 0) return [];
  if (type.is === "number") body.fail("texts", "numbers", "");
  if (count * type.bytes > body.left)
    body.fail(`${count} texts of ${type.bytes} bytes`, `${body.left} bytes`);
  const texts: string[] = [];
  let total = 0;
  for (let index = 0; index < count; index++) {
    const bytes =
      type.is === "text"
        ? body.take(type.bytes)
        : // One after another: they are in the same heap, mostly.
          // oxlint-disable-next-line no-await-in-loop
          await fromHeap(file, place, body.part(type.bytes));
    total += bytes.length;
    if (total > longest) body.fail(`at most ${longest} bytes of text`, "more");
    texts.push(text(bytes));
  }
  return texts;
}

/** A text in the global heap that a reference leads to (section III.E). */
async function fromHeap(file: Hdf5File, place: string, reference: Cursor): Promise<Uint8Array> {
  const length = reference.uint32();
  const address = reference.address();
  const wanted = reference.uint32();
  if (length === 0 || address === nowhere || address === 0) return new Uint8Array(0);
  const head = (await file.at(place, address, 8 + file.lengthSize)).letters("GCOL");
  const size = head.skip(4).length();
  const heap = (await file.at(place, address, size)).skip(8 + file.lengthSize);
  while (heap.left >= 8 + file.lengthSize) {
    const index = heap.uint(2);
    const bytes = heap.skip(6).length();
    if (index === 0) break;
    const start = heap.position;
    const object = heap.take(bytes);
    if (index === wanted)
      return length <= bytes
        ? object.subarray(0, length)
        : heap.fail(`a text of ${length} bytes`, `one of ${bytes}`);
    heap.align(start);
  }
  return heap.fail(`object ${wanted} in a heap`, "none");
}

/** Bytes as a text, without what fills it up. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** More than any group has. */
const mostLinks = 1_000_000;

/** Addresses by name. */
export async function readLinks(
  file: Hdf5File,
  place: string,
  messages: readonly Message[],
): Promise<ReadonlyMap<string, number>> {
  const links = new Map<string, number>();
  for (const { kind, body } of messages) {
    body.position = 0;
    if (kind === kindsOfMessage.symbolTable) {
      const [tree, heap] = [body.address(), body.address()];
      // oxlint-disable-next-line no-await-in-loop
      await readSymbolTable(file, place, tree, heap, links);
    } else if (kind === kindsOfMessage.link) readLink(body, links);
    else if (kind === kindsOfMessage.linkInfo) requireCompact(body, "links", 8);
  }
  return links;
}

function readLink(body: Cursor, links: Map<string, number>): void {
  const flags = body.skip(1).uint(1);
  const type = flags & 8 ? body.uint(1) : 0;
  if (flags & 4) body.skip(8);
  if (flags & 16) body.skip(1);
  const name = new TextDecoder().decode(body.take(body.uint(1 << (flags & 3))));
  // Soft links, and those into other files, are not followed.
  if (type === 0) links.set(name, body.address());
}

async function readSymbolTable(
  file: Hdf5File,
  place: string,
  tree: number,
  heapAddress: number,
  links: Map<string, number>,
): Promise<void> {
  const head = (
    await file.at(place, heapAddress, 8 + 2 * file.lengthSize + file.offsetSize)
  ).letters("HEAP");
  const size = head.skip(4).length();
  head.length();
  const names = await file.at(place, head.address(), size);
  const nameAt = (offset: number): string => {
    const end = names.bytes.indexOf(0, offset);
    if (offset >= names.bytes.length || end < 0)
      file.fail(place, `names within ${names.bytes.length} bytes`, `one at ${offset}`);
    return new TextDecoder().decode(names.bytes.subarray(offset, end));
  };
  for await (const { child } of leavesOf(file, place, tree, 0)) {
    const node = (await file.at(place, child, 8)).letters("SNOD");
    const count = node.skip(2).uint(2);
    const entry = 2 * file.offsetSize + 24;
    const entries = (await file.at(place, child, 8 + count * entry)).skip(8);
    for (let index = 0; index < count; index++) {
      const name = nameAt(entries.address());
      const address = entries.address();
      // A cache type of 2 is a soft link, which is not followed.
      if (entries.uint32() !== 2) links.set(name, address);
      entries.skip(20);
      if (links.size > mostLinks) file.fail(place, `at most ${mostLinks} links`, "more");
    }
  }
}

/** A leaf of a tree: what its key says, and where it leads. */
export interface TreeLeaf {
  readonly key: Cursor;
  readonly child: number;
}

/**
 * The leaves of a B-tree of version 1 (section III.A.1) in order. `keyLength` is in bytes; by default a key has the width of a length. No node is
 * visited twice.
 */
export async function* leavesOf(
  file: Hdf5File,
  place: string,
  root: number,
  type: 0 | 1,
  keyLength: number = file.lengthSize,
): AsyncGenerator<TreeLeaf> {
  const pending = [root];
  const seen = new Set<number>();
  const prefix = 8 + 2 * file.offsetSize;
  while (pending.length > 0) {
    const address = pending.pop()!;
    if (seen.has(address)) file.fail(place, "a tree", "a node that is in it twice");
    seen.add(address);
    // oxlint-disable-next-line no-await-in-loop
    const head = (await file.at(place, address, prefix)).letters("TREE");
    const [found, level, count] = [head.uint(1), head.uint(1), head.uint(2)];
    if (found !== type) head.fail(`a tree of type ${type}`, String(found));
    // oxlint-disable-next-line no-await-in-loop
    const body = (
      await file.at(place, address, prefix + count * (keyLength + file.offsetSize))
    ).skip(prefix);
    const children: TreeLeaf[] = [];
    for (let index = 0; index < count; index++)
      children.push({ key: body.part(keyLength), child: body.address() });
    if (level === 0) yield* children;
    else pending.push(...children.map(({ child }) => child).reverse());
  }
}
