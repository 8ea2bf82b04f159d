/**
 * @file PNG files <-> pictures. The structure (W3C, "Portable Network Graphics (PNG) Specification", third edition) is checked
 * before a decoder sees the file; colours are those of Pillow's `convert("RGB")`.
 */
/** The size of a picture and what its samples are. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits per sample. */
  readonly depth: number;
  readonly channels: number;
  readonly interlaced: boolean;
}

/** Some of the rows and columns of a picture. */
export interface Pass {
  readonly x: number;
  readonly y: number;
  readonly stepX: number;
  readonly stepY: number;
  readonly columns: number;
  readonly rows: number;
  /** Bytes of its rows when decompressed, each with its filter's byte. */
  readonly bytes: number;
}

/** Column and row of the first pixel, and the steps between pixels, of the passes of an interlaced file. */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** The passes that a file consists of, without empty ones. */
export function passes({ width, height, depth, channels, interlaced }: PngHeader): Pass[] {
  return (interlaced ? adam7 : ([[0, 0, 1, 1]] as const))
    .map(([x, y, stepX, stepY]) => {
      const columns = Math.ceil((width - x) / stepX);
      const rows = Math.ceil((height - y) / stepY);
      const bytes = rows * (1 + Math.ceil((columns * depth * channels) / 8));
      return { x, y, stepX, stepY, columns, rows, bytes };
    })
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
}

import { Unzlib, unzlibSync, zlibSync } from "fflate";
import { complaint } from "../../base/errors.ts";
import { concat } from "../../base/bytes.ts";
import { FormatError, refuse } from "../errors.ts";
import { mostPixels, type Picture, checkPicture } from "./picture.ts";
import { decode, encode } from "fast-png";

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
    refuse(
      `${name}: PLTE`,
      "a palette of at most 256 colours",
      palette === undefined ? "none" : `${palette.length} bytes`,
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
      refuse(
        `${name}: byte ${at}`,
        "a chunk that ends within the file",
        "one that is cut off",
        "The file is truncated.",
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
    refuse(`${name}: IHDR`, expected, got);
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

/** Decompresses without keeping anything: throws FormatError unless enough bytes come out for all rows. */
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

/**
 * Decodes a PNG file. As in Pillow alpha is dropped, not composited; samples of 16 bits lose their low byte, but in grey pictures
 * without alpha they are cut off at 255; an index beyond the palette is black. Throws FormatError naming the place in the file.
 */
export function decodePng(bytes: Uint8Array, name: string): Picture {
  const file = readPngFile(bytes, name);
  const { width, height, depth, interlaced } = file;
  let samples: ArrayLike<number>;
  try {
    if (interlaced && depth < 8) samples = joinPasses(file);
    else {
      const rows = decode(file.essential, { checkCrc: true }).data;
      samples = depth < 8 ? unpack(rows, file) : rows;
    }
  } catch (cause) {
    throw new FormatError(
      complaint(name, "a PNG that can be decoded", `"${(cause as Error).message}"`),
      { cause },
    );
  }
  const data = new Uint8Array(3 * width * height);
  paint(file, samples, data);
  return { width, height, data };
}

/** Samples of 1, 2 or 4 bits, the first in the highest bits of a byte; a row begins with a byte. */
function unpack(
  rows: ArrayLike<number>,
  { width, height, depth }: Pick<PngFile, "width" | "height" | "depth">,
): Uint8Array {
  const samples = new Uint8Array(width * height);
  const stride = Math.ceil((width * depth) / 8);
  const mask = 2 ** depth - 1;
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0; x < width; x++, to++) {
      const bit = x * depth;
      samples[to] = (rows[y * stride + (bit >> 3)]! >> (8 - depth - (bit & 7))) & mask;
    }
  return samples;
}

/** fast-png splits interlaced files at whole bytes only. Where samples are smaller than a byte, each pass is decoded as a separate file. */
function joinPasses(file: PngFile): Uint8Array {
  const { width, height, depth } = file;
  const samples = new Uint8Array(width * height);
  const raster = unzlibSync(concat(file.data));
  let at = 0;
  for (const { x, y, stepX, stepY, columns, rows, bytes } of passes(file)) {
    const png = greyPng(columns, rows, depth, raster.subarray(at, at + bytes));
    const part = unpack(decode(png).data, { width: columns, height: rows, depth });
    for (let row = 0, from = 0; row < rows; row++)
      for (let column = 0; column < columns; column++, from++)
        samples[(y + row * stepY) * width + x + column * stepX] = part[from]!;
    at += bytes;
  }
  return samples;
}

/** A file of grey samples in rows that have their filters' bytes, without checksums. */
function greyPng(width: number, height: number, depth: number, rows: Uint8Array): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = depth;
  const chunks = { IHDR: header, IDAT: zlibSync(rows, { level: 0 }), IEND: new Uint8Array(0) };
  return concat([
    Uint8Array.from(pngSignature),
    ...Object.entries(chunks).flatMap(([type, body]) => {
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, body.length);
      return [length, new TextEncoder().encode(type), body, new Uint8Array(4)];
    }),
  ]);
}

/** Writes the three samples of every pixel to `data`. */
function paint(file: PngFile, samples: ArrayLike<number>, data: Uint8Array): void {
  const { channels, palette } = file;
  const level = levels(file);
  for (let from = 0, to = 0; to < data.length; from += channels, to += 3) {
    if (palette !== undefined)
      for (let c = 0; c < 3; c++) data[to + c] = palette[3 * samples[from]! + c] ?? 0;
    else if (channels < 3) data.fill(level(samples[from]!), to, to + 3);
    else for (let c = 0; c < 3; c++) data[to + c] = level(samples[from + c]!);
  }
}

/** A sample of any depth -> one of 8 bits. */
function levels({ depth, channels }: PngFile): (sample: number) => number {
  if (depth === 8) return (sample) => sample;
  if (depth < 8) return (sample) => (sample * 255) / (2 ** depth - 1);
  return channels === 1 ? (sample) => Math.min(sample, 255) : (sample) => sample >> 8;
}

/** The picture as the bytes of a PNG file, the same for the same picture everywhere. */
export function encodePng(picture: Picture): Uint8Array {
  checkPicture("encodePng", picture);
  const { width, height, data } = picture;
  return encode({ width, height, data, channels: 3, depth: 8 });
}
