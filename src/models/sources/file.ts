/** @file Files of Node as sources. */
import { complaint } from "../../base/errors.ts";
import { nodeModules, reasonOf } from "../../base/node/files.ts";
import { FormatError } from "../errors.ts";
import { type ByteSource, checkRange, partsBelow } from "./byte-source.ts";

/** A file as a source. Throws FormatError naming the path if it cannot be read. */
export async function fileSource(path: string): Promise<ByteSource> {
  const modules = nodeModules();
  if (modules === undefined)
    throw new FormatError(
      complaint(
        path,
        "Node, which has files",
        "another environment",
        "Give a URL, a File or bytes.",
      ),
    );
  const { files, paths } = modules;
  const failed = (cause: unknown): FormatError =>
    new FormatError(`${path}: it cannot be read: ${reasonOf(cause)}.`, { cause });
  const reject = (cause: unknown): never => {
    throw failed(cause);
  };
  // Looked at before it is opened: a pipe would have to be waited for.
  const stat = await files.stat(path).catch(reject);
  if (!stat.isFile()) throw new FormatError(complaint(path, "a file", "a folder or device"));
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
      // What a symbolic link leads to must lie there as well.
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
        throw new FormatError(
          complaint(
            path,
            "files in its own folder",
            `a link to ${real}`,
            "Other files are not read.",
          ),
        );
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
