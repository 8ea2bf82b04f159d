/** @file One try to bring the rest of a file: from where a part of it ends. */
import { type NodeModules, reasonOf } from "../../base/node/files.ts";
import { fetchFailure } from "../sources/fetch-failure.ts";

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
  /** Failures of the disk are no reason to ask the server again. */
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
