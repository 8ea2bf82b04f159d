/**
 * @file Published files: where they are, and how they come into a folder: as many attempts as it takes, a check, and then in one
 * instant.
 */
/** A file that can be downloaded: its name in the cache, its address, and its checksum, where one was published. */
export interface PublishedFile {
  /** What it is called there, and in the cache. */
  readonly name: string;
  readonly url: string;
  /** Its MD5 as published, in hexadecimal; undefined where none was. */
  readonly md5?: string;
}

/** Where Keras' authors keep their files. */
const storage = "https://storage.googleapis.com";

/** A file of theirs. `ADJOINT_MIRROR` names another place with the same paths. */
export function kerasFile(path: string, md5?: string): PublishedFile {
  const mirror = (globalThis as { process?: Partial<NodeJS.Process> }).process?.env?.[
    "ADJOINT_MIRROR"
  ];
  return {
    name: path.slice(path.lastIndexOf("/") + 1),
    url: `${(mirror || storage).replace(/\/+$/, "")}/${path}`,
    ...(md5 !== undefined && { md5 }),
  };
}

/** Weights in the folder of Keras' applications. */
export function kerasWeights(path: string, md5?: string): PublishedFile {
  return kerasFile(`tensorflow/keras-applications/${path}`, md5);
}

import { type NodeModules, reasonOf } from "../../base/node/files.ts";
import { fetchFailure } from "../source.ts";
import { complaint } from "../../base/errors.ts";
import { DownloadError } from "../errors.ts";

/** The hexadecimal MD5 of a file, read a megabyte at a time. */
export async function md5OfFile(
  { files, hashes }: NodeModules,
  path: string,
  signal?: AbortSignal,
): Promise<string> {
  const hash = hashes.createHash("md5");
  const file = await files.open(path, "r");
  try {
    const buffer = new Uint8Array(1 << 20);
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/** Called with the bytes that are there, and how many there will be; undefined where the server does not say. */
export type OnBytes = (done: number, total: number | undefined) => void;

/** What one try needs to know. */
export interface Transfer {
  readonly url: string;
  /** The file that bytes are added to. */
  readonly part: string;
  /** How many of its bytes are right: 0 to begin anew. */
  readonly have: number;
  /** No file has more bytes. */
  readonly most: number;
  /** Milliseconds without a byte after which a server is given up. */
  readonly patience: number;
  readonly signal: AbortSignal | undefined;
  readonly onBytes: OnBytes | undefined;
}

/** How a try ended: with the whole file, or for a reason; `again` where another try may do better, `anew` if from the beginning. */
export type Ending =
  | { readonly status: "done" }
  | { readonly status: "again" | "anew" | "failed"; readonly reason: string };

/** Never throws but for the signal's reason, and where the file cannot be written. */
export async function transfer({ files }: NodeModules, job: Transfer): Promise<Ending> {
  const { url, part, have, most, patience, signal, onBytes } = job;
  const stalled = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => stalled.abort(), patience);
  };
  let done = have;
  let answered = false;
  let file: Awaited<ReturnType<typeof files.open>> | undefined;
  /** The server is not asked again when the disk fails. */
  const onDisk = async <T>(work: Promise<T>): Promise<T> =>
    work.catch((cause: unknown) => {
      throw new DiskError(reasonOf(cause), { cause });
    });
  try {
    wait();
    const response = await fetch(url, {
      // Compressed bytes could not be counted.
      headers: { "accept-encoding": "identity", ...(have > 0 && { range: `bytes=${have}-` }) },
      signal: signal === undefined ? stalled.signal : AbortSignal.any([signal, stalled.signal]),
    });
    const answer = read(response, have);
    if ("status" in answer) {
      await response.body?.cancel();
      return answer;
    }
    const { start, total } = answer;
    if (total !== undefined && total > most) {
      await response.body?.cancel();
      return {
        status: "failed",
        reason: `it has ${total} bytes, more than the ${most} expected at most`,
      };
    }
    done = start;
    answered = true;
    file = await onDisk(files.open(part, start > 0 ? "r+" : "w"));
    onBytes?.(done, total);
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      wait();
      if (done + chunk.length > (total ?? most))
        return { status: "anew", reason: `more than ${total ?? most} bytes came` };
      for (let at = 0; at < chunk.length;) {
        const { bytesWritten } = await onDisk(file.write(chunk, at, chunk.length - at, done + at));
        at += bytesWritten;
      }
      done += chunk.length;
      onBytes?.(done, total);
    }
    if (total !== undefined && done < total)
      return { status: "again", reason: `the connection ended after ${done} of ${total} bytes` };
    await onDisk(file.sync());
    return { status: "done" };
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof DiskError) throw cause.cause;
    const reason = stalled.signal.aborted
      ? `nothing came for ${patience / 1000} s`
      : fetchFailure(cause);
    return { status: answered ? "again" : "failed", reason };
  } finally {
    clearTimeout(timer);
    await file?.close();
  }
}

class DiskError extends Error {}

/** Where the server's bytes begin and how many there are in all, or why there are none. */
function read(
  { status, statusText, headers }: Response,
  have: number,
): { readonly start: number; readonly total: number | undefined } | Ending {
  const lengthText = headers.get("content-length");
  const length = lengthText !== null && /^\d+$/.test(lengthText) ? Number(lengthText) : undefined;
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/.exec(headers.get("content-range") ?? "");
  if (status === 206) {
    if (range?.[1] === undefined || Number(range[1]) !== have)
      return { status: "anew", reason: "another part came than was asked for" };
    return { start: have, total: Number(range[2]) };
  }
  if (status === 200) return { start: 0, total: length };
  // Nothing is left to ask for.
  if (status === 416 && have > 0)
    return Number(range?.[2]) === have
      ? { status: "done" }
      : { status: "anew", reason: "the server's file is a shorter one" };
  const reason = `the server answers ${`${status} ${statusText}`.trim()}`;
  return { status: status === 429 || status >= 500 ? "again" : "failed", reason };
}

/** How a file is downloaded. */
export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: OnBytes | undefined;
  /** A larger file is not the one that was published. */
  readonly most: number;
  /** Milliseconds without a byte after which a server is given up; default 30,000. */
  readonly patience?: number;
  /** Milliseconds before another try, times the attempts in a row that brought nothing; default 500. */
  readonly pause?: number;
}

/** Tries in all, and tries in a row that bring nothing: enough for networks that fail now and then, no endless loop with others. */
const tries = 50;
const idleTries = 3;
let calls = 0;

/**
 * Downloads a file to a path. What has come is kept beside it (`.part`) until it is whole and has the right MD5: a later call goes on
 * from there. A file without a published MD5 is always brought from its beginning, so that no two versions of it can be mixed.
 * Throws DownloadError, or the signal's reason.
 */
export async function download(
  modules: NodeModules,
  published: PublishedFile,
  path: string,
  options: DownloadOptions,
): Promise<void> {
  const { files, paths } = modules;
  const { url, md5 } = published;
  const { signal, most, patience = 30_000, pause = 500 } = options;
  // One that is never resumed belongs to this call alone.
  const part = md5 === undefined ? `${path}.${process.pid}-${calls++}.part` : `${path}.part`;
  const failed = (reason: string, cause?: unknown): DownloadError =>
    new DownloadError(
      `${url}: it cannot be downloaded: ${reason}. To do it by hand, put ${published.name} (${md5 === undefined ? "no MD5 is published" : `MD5 ${md5}`}) into ${paths.dirname(path)}, or give its path.`,
      { cause },
    );
  try {
    await files.mkdir(paths.dirname(path), { recursive: true });
    let have = md5 === undefined ? 0 : await sizeOf(modules, part);
    let restarts = 0;
    let idle = 0;
    for (let attempt = 1; ; attempt++) {
      if (have > most) have = 0;
      const ending = await transfer(modules, {
        url,
        part,
        have,
        most,
        patience,
        signal,
        onBytes: options.onBytes,
      });
      if (ending.status === "done") {
        const found = md5 === undefined ? undefined : await md5OfFile(modules, part, signal);
        if (found === md5) break;
        await files.rm(part, { force: true });
        // What was there before may have been of another version, or damaged.
        if (have === 0 || restarts++ > 0)
          throw failed(
            `its MD5 is ${found} instead of ${md5}: it is another file, or was changed on the way`,
          );
        have = 0;
        continue;
      }
      const now = ending.status === "anew" || md5 === undefined ? 0 : await sizeOf(modules, part);
      idle = now > have ? 0 : idle + 1;
      if (
        ending.status === "failed" ||
        attempt === tries ||
        idle === idleTries ||
        (ending.status === "anew" && restarts++ > 0)
      )
        throw failed(ending.reason);
      await paused(pause * (idle + 1), signal);
      have = now;
    }
    await files.rename(part, path);
  } catch (cause) {
    if (md5 === undefined) await files.rm(part, { force: true }).catch(() => undefined);
    signal?.throwIfAborted();
    // Another process was faster.
    if ((cause as { code?: string }).code === "ENOENT" && (await sizeOf(modules, path)) > 0) return;
    throw cause instanceof DownloadError ? cause : failed(reasonOf(cause), cause);
  }
}

async function sizeOf({ files }: NodeModules, path: string): Promise<number> {
  const found = await files.stat(path).catch(() => undefined);
  return found?.isFile() === true ? found.size : 0;
}

function paused(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted === true) stop();
  });
}

/** Throws DownloadError unless a file that lies where a download would has the published MD5. What was right once is not read again. */
export async function checkFile(
  modules: NodeModules,
  published: PublishedFile,
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  const { md5 } = published;
  if (md5 === undefined) return;
  const { files } = modules;
  const { size, mtimeMs } = await files.stat(path);
  const record = `${path}.checked`;
  const now = `${md5} ${size} ${mtimeMs}`;
  if ((await files.readFile(record, "utf8").catch(() => "")) === now) return;
  const found = await md5OfFile(modules, path, signal);
  if (found !== md5)
    throw new DownloadError(
      complaint(
        path,
        `the file with MD5 ${md5}`,
        `one with ${found}`,
        "It is damaged or another one. Delete it, and it is downloaded anew.",
      ),
    );
  // Only time is lost where the folder cannot be written.
  await files.writeFile(record, now).catch(() => undefined);
}
