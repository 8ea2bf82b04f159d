/** @file PNG files -> pictures, with the colours of Pillow's `convert("RGB")`. */
import { decode } from "fast-png";
import { unzlibSync, zlibSync } from "fflate";
import { complaint } from "../../base/errors.ts";
import { FormatError } from "../errors.ts";
import type { Picture } from "./picture.ts";
import { concat } from "../../base/bytes.ts";
import { type PngFile, pngSignature, readPngFile } from "./png-file.ts";
import { passes } from "./png-passes.ts";

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

/** fast-png takes passes apart by whole bytes only. With less than a byte a sample each pass is decoded as a file of its own. */
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
