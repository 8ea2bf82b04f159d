/**
 * @file Files wherever they are (bytes, Blobs, Node's files, URLs), read piece by piece: a file of half a gigabyte is never held
 * whole.
 */
import { describe, ArgumentError } from "../base/errors.ts";
import { kind } from "../base/kinds.ts";
import type { Kind } from "../base/options.ts";
import { FormatError, refuse } from "./errors.ts";
import { nearNames } from "../base/near-names.ts";
import { nodeModules, reasonOf } from "../base/node/files.ts";

/** A file, read where it is asked to be. */
export interface ByteSource {
  /** What messages call it. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** A copy of `length` bytes from `offset` on. Throws FormatError beyond the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Fills an array with the bytes from `offset` on. Throws FormatError beyond the end. */
  readInto(target: Uint8Array, offset: number): Promise<void>;
  /** Another file of the same folder or below, closed with this one at the latest. Throws FormatError for paths that leave it and for files that do not exist. */
  sibling(path: string): Promise<ByteSource>;
  close(): Promise<void>;
}

/** Throws FormatError unless the bytes are there. */
export function checkRange(
  { name, size }: { readonly name: string; readonly size: number },
  offset: number,
  length: number,
): void {
  if (
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= size
  )
    return;
  refuse(
    name,
    `bytes ${offset} to ${offset + length}`,
    `a file of ${size} bytes`,
    "The file is truncated or damaged.",
  );
}

/**
 * The parts of a path that stays in its folder. Throws FormatError naming `who` for absolute paths, those that go up, and those
 * with a scheme: a file must not say which others are read.
 */
export function partsBelow(who: string, path: unknown): string[] {
  const all = typeof path === "string" ? path.split(/[\\/]/) : [];
  const parts = all.filter((part) => part !== ".");
  const isBelow =
    parts.length > 0 && parts.every((part) => part !== "" && part !== ".." && !/[:\0]/.test(part));
  if (isBelow) return parts;
  refuse(who, "names of files in its own folder", describe(path), "Other files are not read.");
}

/** Bytes in memory as a source; without others beside it. */
export function bytesSource(bytes: Uint8Array, name = "bytes"): ByteSource {
  const source: ByteSource = {
    name,
    size: bytes.length,
    async read(offset, length) {
      checkRange(source, offset, length);
      return bytes.slice(offset, offset + length);
    },
    async readInto(target, offset) {
      checkRange(source, offset, target.length);
      target.set(bytes.subarray(offset, offset + target.length));
    },
    async sibling(path) {
      throw new FormatError(
        `${name}: it refers to ${JSON.stringify(path)}, and bytes have no folder. Give a path, a URL, or an array of Files instead.`,
      );
    },
    async close() {},
  };
  return source;
}

/** A blob as a source. `sibling` finds other files by path. */
export function blobSource(
  blob: Blob,
  name: string = blob instanceof File ? blob.name : "blob",
  sibling: ByteSource["sibling"] = async (path) => {
    throw new FormatError(
      `${name}: it refers to ${JSON.stringify(path)}, and a Blob has no folder. Give all files in an array, this one first.`,
    );
  },
): ByteSource {
  const source: ByteSource = {
    name,
    size: blob.size,
    async read(offset, length) {
      checkRange(source, offset, length);
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    },
    async readInto(target, offset) {
      target.set(await source.read(offset, target.length));
    },
    sibling,
    async close() {},
  };
  return source;
}

/** Files that belong together: the first as a source, the others its siblings by name. */
export function filesSource(files: readonly File[]): ByteSource {
  const open = (file: File): ByteSource =>
    blobSource(file, file.name, async (path) => {
      const wanted = partsBelow(file.name, path).at(-1)!;
      const found = files.find(({ name }) => name === wanted);
      if (found !== undefined) return open(found);
      const names = files.map(({ name }) => name);
      refuse(
        file.name,
        `${wanted} among the files`,
        `${names.length} others`,
        `Most like it: ${nearNames(wanted, names).join(", ")}.`,
      );
    });
  return open(files[0]!);
}

/**
 * The files at some paths beside a source, one after another. One is open at a time, and it stays open until another one is
 * needed, so that reading in order opens each once. `place` is what messages call them.
 */
export function joinedSource(
  place: string,
  source: ByteSource,
  paths: readonly string[],
): ByteSource {
  /** Where each file that was opened begins; how long it is, one learns by opening it. */
  const starts = [0];
  let open: { readonly index: number; readonly file: ByteSource } | undefined;

  async function fileOf(index: number): Promise<ByteSource> {
    if (open?.index === index) return open.file;
    await open?.file.close();
    open = undefined;
    const file = await source.sibling(paths[index]!);
    open = { index, file };
    starts[index + 1] = starts[index]! + file.size;
    return file;
  }

  /** The file that a byte is in. */
  async function indexOf(offset: number, end: number): Promise<number> {
    let index = starts.findLastIndex((start) => start <= offset);
    while (index < paths.length) {
      if (starts[index + 1] === undefined) await fileOf(index);
      if (offset < starts[index + 1]!) return index;
      index++;
    }
    refuse(
      place,
      `${end} bytes or more in ${paths.join(", ").slice(0, 200)}`,
      `${starts[paths.length]}`,
      "A file is truncated, or missing in the list.",
    );
  }

  const joined: ByteSource = {
    name: place,
    // Unknown until all files have been opened; reading beyond the end fails.
    size: Infinity,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      await joined.readInto(bytes, offset);
      return bytes;
    },
    async readInto(target, offset) {
      const end = offset + target.length;
      for (let done = 0; done < target.length;) {
        // One file after another: that is their order.
        // oxlint-disable-next-line no-await-in-loop
        const index = await indexOf(offset + done, end);
        // oxlint-disable-next-line no-await-in-loop
        const file = await fileOf(index);
        const from = offset + done - starts[index]!;
        const part = target.subarray(done, done + Math.min(target.length - done, file.size - from));
        // oxlint-disable-next-line no-await-in-loop
        await file.readInto(part, from);
        done += part.length;
      }
    },
    sibling: (path) => source.sibling(path),
    async close() {
      await open?.file.close();
      open = undefined;
    },
  };
  return joined;
}

/** A file as a source. Throws FormatError naming the path if it cannot be read. */
export async function fileSource(path: string): Promise<ByteSource> {
  const modules = nodeModules();
  if (modules === undefined)
    refuse(path, "Node, which has files", "another environment", "Give a URL, a File or bytes.");
  const { files, paths } = modules;
  const failed = (cause: unknown): FormatError =>
    new FormatError(`${path}: it cannot be read: ${reasonOf(cause)}.`, { cause });
  const reject = (cause: unknown): never => {
    throw failed(cause);
  };
  // Looked at before it is opened: a pipe would have to be waited for.
  const stat = await files.stat(path).catch(reject);
  if (!stat.isFile()) refuse(path, "a file", "a folder or device");
  const { size } = stat;
  const file = await files.open(path, "r").catch(reject);
  const siblings: ByteSource[] = [];
  const source: ByteSource = {
    name: path,
    size,
    async read(offset, length) {
      checkRange(source, offset, length);
      const bytes = new Uint8Array(length);
      await source.readInto(bytes, offset);
      return bytes;
    },
    async readInto(target, offset) {
      checkRange(source, offset, target.length);
      for (let done = 0; done < target.length;) {
        const { bytesRead } = await file
          .read(target, done, target.length - done, offset + done)
          .catch(reject);
        if (bytesRead === 0) throw failed("it became shorter while it was read");
        done += bytesRead;
      }
    },
    async sibling(other) {
      const folder = paths.dirname(path);
      const found = paths.join(folder, ...partsBelow(path, other));
      // The target of a symbolic link must lie in the folder as well.
      const [real, inside] = await Promise.all([
        files.realpath(found).catch((cause: unknown) => {
          throw new FormatError(
            `${path}: it refers to ${found}, which cannot be read: ${reasonOf(cause)}.`,
            { cause },
          );
        }),
        files.realpath(folder),
      ]);
      if (
        paths.relative(inside, real).startsWith("..") ||
        paths.isAbsolute(paths.relative(inside, real))
      )
        refuse(path, "files in its own folder", `a link to ${real}`, "Other files are not read.");
      const sibling = await fileSource(found);
      siblings.push(sibling);
      return sibling;
    },
    async close() {
      await Promise.all([file.close(), ...siblings.map((sibling) => sibling.close())]);
    },
  };
  return source;
}

/** What a failed `fetch` says of itself: Node's says "fetch failed", and keeps the reason beneath. */
export function fetchFailure(cause: unknown): string {
  const inner = cause instanceof Error ? cause.cause : undefined;
  return inner instanceof Error && inner.message !== ""
    ? inner.message
    : ((inner as { code?: string } | undefined)?.code ?? reasonOf(cause));
}

/**
 * What a URL leads to. It is kept as a Blob, which browsers need not hold in memory. Throws FormatError where it cannot be
 * fetched.
 */
export async function urlSource(url: URL, signal?: AbortSignal): Promise<ByteSource> {
  const name = url.href.slice(0, 200);
  if (url.protocol === "file:") return fileSource(pathOf(url));
  const blob = await fetched(name, url, signal);
  // Many tensors may lie in one other file, and are asked for one after another.
  let last: { readonly path: string; readonly source: Promise<ByteSource> } | undefined;
  return blobSource(blob, name, async (path) => {
    if (last?.path !== path) last = { path, source: urlSource(beside(name, url, path), signal) };
    return last.source;
  });
}

async function fetched(name: string, url: URL, signal: AbortSignal | undefined): Promise<Blob> {
  const failed = (reason: string, cause?: unknown): FormatError =>
    new FormatError(`${name}: it cannot be fetched: ${reason}.`, { cause });
  try {
    const response = await fetch(url, signal === undefined ? {} : { signal });
    if (response.ok) return await response.blob();
    await response.body?.cancel();
    throw failed(`${response.status} ${response.statusText}`.trim());
  } catch (cause) {
    signal?.throwIfAborted();
    throw cause instanceof FormatError ? cause : failed(fetchFailure(cause), cause);
  }
}

/** The path of a file's URL. */
function pathOf(url: URL): string {
  try {
    // Where there is no Node, opening the file says so.
    return nodeModules()?.urls.fileURLToPath(url) ?? url.href;
  } catch (cause) {
    throw new FormatError(`${url.href}: it cannot be read: ${reasonOf(cause)}.`, { cause });
  }
}

/** The URL of another file in the folder of a URL. */
function beside(name: string, url: URL, path: string): URL {
  const other = partsBelow(name, path).map(encodeURIComponent).join("/");
  if (URL.canParse(other, url)) return new URL(other, url);
  refuse(
    name,
    "a URL in a folder",
    `${url.protocol} with ${other}`,
    "Give all files in an array, this one first.",
  );
}

/**
 * Where a model comes from: a path (Node), a URL, a Blob or File, several Files that belong together (the first is read, and
 * finds the others by name), bytes, or a source that is open already.
 */
export type SourceLike =
  | string
  | URL
  | Blob
  | readonly File[]
  | Uint8Array
  | ArrayBuffer
  | ByteSource;

/** A `SourceLike`. */
export const sourceKind: Kind<SourceLike> = kind(
  "a path, a URL, a Blob, File or array of Files, or bytes",
  (given) =>
    (typeof given === "string" && given !== "") ||
    [ArrayBuffer, Uint8Array, Blob, URL].some((type) => given instanceof type) ||
    (Array.isArray(given) && given.length > 0 && given.every((item) => item instanceof File)) ||
    isSource(given),
);

function isSource(value: unknown): value is ByteSource {
  const { read, size } = (value ?? {}) as Partial<ByteSource>;
  return typeof read === "function" && typeof size === "number";
}

/** Opens a source. Throws FormatError naming what cannot be read, ArgumentError for anything that is not a source. */
export async function openSource(
  who: string,
  from: SourceLike,
  signal?: AbortSignal,
): Promise<ByteSource> {
  sourceKind.read(who, from, ArgumentError);
  if (from instanceof ArrayBuffer) return bytesSource(new Uint8Array(from));
  if (from instanceof Uint8Array) return bytesSource(from);
  if (from instanceof Blob) return blobSource(from);
  if (from instanceof URL) return urlSource(from, signal);
  if (typeof from === "string") {
    // "C:\..." is not a URL: schemes have at least two letters.
    const isUrl = /^[a-z][a-z\d+.-]+:/i.test(from) && URL.canParse(from);
    return isUrl ? urlSource(new URL(from), signal) : fileSource(from);
  }
  return isSource(from) ? from : filesSource(from);
}

/** The whole of a source that should be small, such as a description in JSON. FormatError where it is larger than `most` bytes. */
export async function readAll(source: ByteSource, most: number): Promise<Uint8Array> {
  if (source.size > most)
    refuse(source.name, `at most ${most} bytes`, `${source.size}`, "It is not what it seems.");
  return source.read(0, source.size);
}
