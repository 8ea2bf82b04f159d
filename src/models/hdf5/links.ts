/** @file What a group of HDF5 leads to: symbol tables (specification, sections III.A.1, B, C, D), and links in its header. */
import { type Cursor, type Hdf5File } from "./file.ts";
import { type Message, kindsOfMessage, requireCompact } from "./messages.ts";

/** More than any group has. */
const most = 1_000_000;

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
      if (links.size > most) file.fail(place, `at most ${most} links`, "more");
    }
  }
}

/** A leaf of a tree: what its key says, and where it leads. */
export interface TreeLeaf {
  readonly key: Cursor;
  readonly child: number;
}

/**
 * The leaves of a B-tree of version 1 (section III.A.1) in order; keys take as much as a length unless given. No node is
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
