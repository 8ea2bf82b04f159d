/** @file Files in and out: reading up to a limit, and writing that leaves either the old file or the whole new one. */
import { createReadStream } from "node:fs";
import { open, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { WorkError, reason } from "./errors.ts";

/** Largest text file read, in bytes. A cap keeps a wrong path (a disk image, a device) from filling memory. */
export const textCap: number = 256 * 2 ** 20;

/**
 * Reads a UTF-8 text file (a pipe will do), without its byte order mark.
 * Throws WorkError for files that cannot be read, are larger than `cap` bytes, or are not text.
 */
export async function readText(path: string, cap: number = textCap): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of createReadStream(path)) {
      size += (chunk as Buffer).length;
      if (size > cap) break;
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    throw new WorkError(`cannot read ${path}: ${reason(error)}`);
  }
  if (size > cap) {
    const mebibytes = (cap / 2 ** 20).toFixed(cap < 2 ** 20 ? 3 : 0);
    throw new WorkError(`${path}: larger than ${mebibytes} MiB, the most that is read`);
  }
  const bytes = Buffer.concat(chunks);
  try {
    if (bytes.includes(0)) throw new TypeError("NUL byte");
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new WorkError(`${path}: not UTF-8 text; save it as UTF-8`);
  }
}

/** A pipe, a terminal or a device: written in place, for there is no file to replace. */
async function isStream(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

/**
 * Fails now if `path` could not be written later, before hours of work are spent.
 * Tries it for real, with a short-lived file beside it: permission bits do not tell the whole truth.
 * Throws WorkError saying why.
 */
export async function checkWritable(path: string): Promise<void> {
  if (await isStream(path)) return;
  const probe = `${path}.${process.pid}.probe`;
  try {
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (found?.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
    if (found) await (await open(path, "r+")).close();
    await (await open(probe, "wx")).close();
    await rm(probe);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const why = missing ? `the folder ${dirname(path)} does not exist` : reason(error);
    throw new WorkError(`cannot write ${path}: ${why}`);
  }
}

/**
 * Writes a file so that a reader, or a crash at any moment, finds the old one or the whole new one:
 * a temporary file in the same folder, synced, then renamed over it.
 * Throws WorkError saying why it could not.
 */
export async function writeAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === "string" ? data : Buffer.from(data);
  try {
    if (await isStream(path)) {
      const file = await open(path, "w");
      await file.writeFile(bytes).finally(() => file.close());
    } else await writeFileAtomic(path, bytes);
  } catch (error) {
    throw new WorkError(`cannot write ${path}: ${reason(error)}`);
  }
}
