/** @file A server on loopback that gives files as badly as it is told to. */
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** How one request is answered. */
export interface Answer {
  /** 200, or 206 where a range is asked for, unless given. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the file is this time. */
  readonly bytes?: Uint8Array;
  /** The connection is cut after so many bytes of the answer. */
  readonly cut?: number;
  /** Nothing more comes after so many bytes of the answer, and the connection stays. */
  readonly stall?: number;
  /** Whether a range that is asked for is not noticed. */
  readonly ignoresRange?: boolean;
  /** Whether the length is not said. */
  readonly isChunked?: boolean;
  /** What is said of the length instead. */
  readonly length?: number;
}

/** A running server. */
export interface FileServer {
  readonly origin: string;
  /** Every request: its path, and the range it asks for. */
  readonly requests: { readonly path: string; readonly range: string | undefined }[];
  close(): Promise<void>;
}

/**
 * Serves `bytes` on every path; `answers` say how the first requests are answered, the last of them all others. `received` says how
 * much of the file the client has: a connection is not cut before it has what was sent, or it might lose that.
 */
export async function serve(
  bytes: Uint8Array | ((path: string) => Uint8Array | undefined),
  answers: readonly Answer[] = [{}],
  received: () => number = () => Infinity,
): Promise<FileServer> {
  const requests: FileServer["requests"] = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)]!;
    const path = request.url ?? "";
    requests.push({ path, range: request.headers.range });
    const file = answer.bytes ?? (typeof bytes === "function" ? bytes(path) : bytes);
    if (file === undefined) response.writeHead(404).end();
    else send(request, response, file, answer, received);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  file: Uint8Array,
  answer: Answer,
  received: () => number,
): void {
  const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
  const start = asked === undefined || answer.ignoresRange === true ? undefined : Number(asked);
  const isBeyond = start !== undefined && start >= file.length;
  const body = isBeyond ? new Uint8Array(0) : file.subarray(start ?? 0);
  const range = isBeyond
    ? `bytes */${file.length}`
    : `bytes ${start}-${file.length - 1}/${file.length}`;
  const status = answer.status ?? (isBeyond ? 416 : start === undefined ? 200 : 206);
  response.writeHead(status, {
    ...(start !== undefined && { "content-range": range }),
    ...(answer.isChunked !== true && { "content-length": answer.length ?? body.length }),
    ...answer.headers,
  });
  response.flushHeaders();
  const most = Math.min(answer.cut ?? Infinity, answer.stall ?? Infinity);
  if (most === Infinity) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, most), () => {
    if (answer.cut === undefined) return;
    const sent = (start ?? 0) + Math.min(answer.cut, body.length);
    const deadline = Date.now() + 1000;
    const timer = setInterval(() => {
      if (received() < sent && Date.now() < deadline) return;
      clearInterval(timer);
      response.destroy();
    }, 1);
  });
}
