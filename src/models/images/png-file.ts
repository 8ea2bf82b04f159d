/**
 * @file The structure of PNG files (W3C, "Portable Network Graphics (PNG) Specification", third edition), read with distrust before
 * a decoder sees the file: chunks that lie within it, a header that makes sense, and compressed data that does not swell.
 */
import { Unzlib } from "fflate";
import { complaint } from "../../base/errors.ts";
import { concat } from "../../base/bytes.ts";
import { FormatError } from "../errors.ts";
import { mostPixels } from "./picture.ts";
import { type PngHeader, passes } from "./png-passes.ts";

/** What a pixel consists of, by the header's colour type. */
const colourTypes: ReadonlyMap<number, { channels: number; depths: readonly number[] }> = new Map([
  [0, { channels: 1, depths: [1, 2, 4, 8, 16] }], // grey
  [2, { channels: 3, depths: [8, 16] }], // red, green, blue
  [3, { channels: 1, depths: [1, 2, 4, 8] }], // index into the palette
  [4, { channels: 2, depths: [8, 16] }], // grey, alpha
  [6, { channels: 4, depths: [8, 16] }], // red, green, blue, alpha
]);

/** The header and the parts of a PNG file that its colours depend on. */
export interface PngFile extends PngHeader {
  /** Red, green and blue of each index, if pixels are indices. */
  readonly palette: Uint8Array | undefined;
  /** The bodies of the chunks with the compressed samples. */
  readonly data: readonly Uint8Array[];
  /** The file without what its colours do not depend on, which could hide as much compressed data again. */
  readonly essential: Uint8Array;
}

export const pngSignature: readonly number[] = [137, 80, 78, 71, 13, 10, 26, 10];

/** Most bytes of samples before they become a picture: 256 MiB. */
const mostBytes = 2 ** 28;
/** Bytes behind the last row that are forgiven: some encoders pad. */
const padding = 2 ** 16;
/** Compressed bytes given to the decompressor at a time, so that no step can swell to more than 1032 times as much. */
const stride = 2 ** 14;

interface Chunk {
  readonly type: string;
  /** The whole chunk: length, type, body, checksum. */
  readonly bytes: Uint8Array;
  readonly body: Uint8Array;
}

/** Reads the structure of a file that begins with the signature. Throws FormatError saying what is wrong and where. */
export function readPngFile(bytes: Uint8Array, name: string): PngFile {
  const chunks = readChunks(bytes, name);
  const header = readHeader(chunks[0], name);
  const isPalette = header.colourType === 3;
  const palette = chunks.find(({ type }) => type === "PLTE")?.body;
  if (isPalette && (palette === undefined || palette.length % 3 !== 0 || palette.length > 768))
    throw new FormatError(
      complaint(
        `${name}: PLTE`,
        "a palette of at most 256 colours",
        palette === undefined ? "none" : `${palette.length} bytes`,
      ),
    );
  const data = chunks.filter(({ type }) => type === "IDAT");
  checkData(
    data,
    passes(header).reduce((sum, { bytes }) => sum + bytes, 0),
    name,
  );
  return {
    ...header,
    palette: isPalette ? palette : undefined,
    data: data.map(({ body }) => body),
    essential: concat([bytes.subarray(0, 8), chunks[0]!.bytes, ...data.map((c) => c.bytes), end]),
  };
}

/** IEND: no body, its checksum. */
const end = Uint8Array.of(0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82);

function readChunks(bytes: Uint8Array, name: string): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const chunks: Chunk[] = [];
  let at = pngSignature.length;
  for (;;) {
    const length = at + 12 <= bytes.length ? view.getUint32(at) : Infinity;
    if (at + 12 + length > bytes.length)
      throw new FormatError(
        complaint(
          `${name}: byte ${at}`,
          "a chunk that ends within the file",
          "one that is cut off",
          "The file is truncated.",
        ),
      );
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === "IEND") return chunks;
    const whole = bytes.subarray(at, at + 12 + length);
    chunks.push({ type, bytes: whole, body: whole.subarray(8, 8 + length) });
    at += 12 + length;
  }
}

function readHeader(
  first: Chunk | undefined,
  name: string,
): PngHeader & { readonly colourType: number } {
  const fail = (expected: string, got: string): never => {
    throw new FormatError(complaint(`${name}: IHDR`, expected, got));
  };
  if (first?.type !== "IHDR" || first.body.length !== 13)
    return fail("a header of 13 bytes as the first chunk", first?.type ?? "no chunk");
  const view = new DataView(first.body.buffer, first.body.byteOffset, 13);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, colourType, compression, filter, interlace] = first.body.subarray(8) as unknown as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (width < 1 || height < 1 || width * height > mostPixels)
    fail(`1 to ${mostPixels} pixels`, `${width} x ${height}`);
  const colours = colourTypes.get(colourType);
  if (!colours?.depths.includes(depth))
    return fail("a colour type and a depth of the standard", `type ${colourType}, ${depth} bits`);
  if (compression !== 0 || filter !== 0 || interlace > 1)
    fail("compression 0, filter 0, interlace 0 or 1", `${compression}, ${filter} and ${interlace}`);
  return {
    width,
    height,
    depth,
    channels: colours.channels,
    colourType,
    interlaced: interlace === 1,
  };
}

/** Decompresses without keeping anything: throws FormatError unless what comes out is as much as the rows need. */
function checkData(chunks: readonly Chunk[], expected: number, name: string): void {
  const fail = (wanted: string, got: string, cause?: unknown): never => {
    throw new FormatError(complaint(`${name}: IDAT`, wanted, got), { cause });
  };
  if (expected > mostBytes) fail(`at most ${mostBytes} bytes of samples`, `${expected}`);
  let total = 0;
  const inflator = new Unzlib((part) => {
    total += part.length;
    if (total > expected + padding) fail(`${expected} bytes of samples`, "many more");
  });
  try {
    for (const { body } of chunks)
      for (let at = 0; at < body.length; at += stride)
        inflator.push(body.subarray(at, at + stride));
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    fail("compressed samples", "bytes that cannot be decompressed", cause);
  }
  if (total < expected) fail(`${expected} bytes of samples`, `${total}: the file is truncated`);
}
