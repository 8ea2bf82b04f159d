/** @file Pictures from files in any place, decoded by what their first bytes say they are. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { refuse } from "../errors.ts";
import { decodeJpeg } from "./jpeg.ts";
import type { Picture } from "./picture.ts";
import { pngSignature, decodePng } from "./png.ts";
import { type SourceLike, openSource, readAll } from "../source.ts";

/** A format of pictures: how its files begin, and its decoder if it has one. */
interface PictureFormat {
  readonly name: string;
  /** The bytes at `offset` (default 0). */
  readonly magic: readonly number[];
  readonly offset?: number;
  readonly decode?: (bytes: Uint8Array, name: string) => Picture;
}

const text = (letters: string): number[] => [...letters].map((letter) => letter.charCodeAt(0));

const formats: readonly PictureFormat[] = [
  { name: "PNG", magic: pngSignature, decode: decodePng },
  { name: "JPEG", magic: [0xff, 0xd8, 0xff], decode: decodeJpeg },
  { name: "GIF", magic: text("GIF8") },
  { name: "WebP", magic: text("WEBP"), offset: 8 },
  { name: "BMP", magic: text("BM") },
  { name: "TIFF", magic: [0x49, 0x49, 0x2a, 0] },
  { name: "TIFF", magic: [0x4d, 0x4d, 0, 0x2a] },
  { name: "AVIF", magic: text("ftypavif"), offset: 4 },
  { name: "HEIC", magic: text("ftyp"), offset: 4 },
  { name: "JPEG 2000", magic: [0, 0, 0, 12, 0x6a, 0x50] },
  { name: "ICO", magic: [0, 0, 1, 0] },
];

/**
 * The picture in the bytes of a PNG or JPEG file, in the colours of Pillow's `convert("RGB")`: grey is repeated, a palette looked up,
 * alpha dropped. An orientation in EXIF data is ignored, as Pillow and Keras ignore it. `name` is what errors call the bytes.
 * Throws FormatError for other formats (which it names where it knows them), for damaged or truncated files, and for pictures of more
 * than 2^26 pixels, before memory is taken for them.
 */
export function decodeImage(bytes: Uint8Array, name = "decodeImage"): Picture {
  if (!(bytes instanceof Uint8Array))
    throw new ArgumentError(complaint(name, "bytes in a Uint8Array", describe(bytes)));
  const format = formats.find(({ magic, offset = 0 }) =>
    magic.every((byte, i) => bytes[offset + i] === byte),
  );
  if (format?.decode !== undefined) return format.decode(bytes, name);
  refuse(
    name,
    "a PNG or JPEG picture",
    format?.name ?? (bytes.length === 0 ? "no bytes" : "bytes of no known format of pictures"),
    format && "Convert it to PNG or JPEG.",
  );
}

/** Largest file read: 256 MiB. No PNG or JPEG of a picture that is decoded is larger. */
const mostBytes = 2 ** 28;

/**
 * Reads and decodes a picture: a path (Node), a URL, a Blob or File, or bytes. What is decoded how is said at `decodeImage`; the same
 * bytes give the same picture in Node and in every browser. Throws FormatError naming the file for what cannot be read or decoded.
 */
export async function loadImage(from: SourceLike, signal?: AbortSignal): Promise<Picture> {
  const source = await openSource("loadImage", from, signal);
  try {
    return decodeImage(await readAll(source, mostBytes), source.name);
  } finally {
    await source.close();
  }
}
