/** @file A published file into a folder: as many tries as it takes, a check, and then in one instant. */
import { complaint } from "../../base/errors.ts";
import { type NodeModules, reasonOf } from "../../base/node/files.ts";
import { DownloadError } from "../errors.ts";
import { md5OfFile } from "./md5.ts";
import type { PublishedFile } from "./published.ts";
import { type OnBytes, transfer } from "./transfer.ts";

/** How a file is downloaded. */
export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: OnBytes | undefined;
  /** A file with more bytes is none of ours. */
  readonly most: number;
  /** Milliseconds without a byte after which a server is given up: 30,000 unless given. */
  readonly patience?: number;
  /** Milliseconds before another try, times the tries in a row that brought nothing. 500 unless given. */
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
