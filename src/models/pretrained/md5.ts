/** @file The MD5 of files: what their publishers state. It finds damage, not forgery. */
import type { NodeModules } from "../../base/node/files.ts";

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
