/** @file Decompression of deflated bytes (RFC 1950, 1951) whose length is known: what swells is noticed on the way. */
import { Inflate, Unzlib } from "fflate";
import { complaint } from "../base/errors.ts";
import { FormatError } from "./errors.ts";

/** Bytes fed at a time. Each may become a thousand. */
const stride = 1 << 14;

/** The bytes, of which there must be `length`. Throws FormatError naming `who` for others, and for damaged ones. */
export function inflate(
  who: string,
  bytes: Uint8Array,
  length: number,
  wrapping: "zlib" | "none",
): Uint8Array {
  const all = new Uint8Array(length);
  let done = 0;
  const take = (part: Uint8Array): void => {
    if (done + part.length > length)
      throw new FormatError(
        complaint(who, `${length} bytes when decompressed`, "more", "The file is damaged."),
      );
    all.set(part, done);
    done += part.length;
  };
  const inflator = wrapping === "zlib" ? new Unzlib(take) : new Inflate(take);
  try {
    for (let at = 0; at < bytes.length; at += stride)
      inflator.push(bytes.subarray(at, at + stride), at + stride >= bytes.length);
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError(
      complaint(
        who,
        "compressed bytes",
        "some that cannot be decompressed",
        "The file is damaged.",
      ),
      { cause },
    );
  }
  if (done < length)
    throw new FormatError(
      complaint(who, `${length} bytes when decompressed`, `${done}`, "The file is truncated."),
    );
  return all;
}
