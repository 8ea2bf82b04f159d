/** @file Object headers of HDF5 (specification, section IV.A): the messages that describe a group or dataset. */
import { type Cursor, type Hdf5File, nowhere } from "./file.ts";

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
const most = 100_000;

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
      if (messages.length >= most) block.fail(`at most ${most} messages`, "more");
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
