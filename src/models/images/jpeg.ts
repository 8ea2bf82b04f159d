/**
 * @file JPEG files -> pictures. The structure (ITU-T T.81, annex B) is checked before a decoder sees the file; colours are
 * converted as libjpeg does it.
 */
import jpeg from "jpeg-js";
import { complaint } from "../../base/errors.ts";
import { FormatError, refuse } from "../errors.ts";
import { mostPixels, type Picture } from "./picture.ts";

/** What a decoder has to know of a JPEG file. */
export interface JpegFile {
  readonly width: number;
  readonly height: number;
  readonly components: readonly JpegComponent[];
  /** Whether three components are luminance and colour differences rather than red, green and blue. */
  readonly isYcc: boolean;
  /** Where Adobe's marker says what the components are, if it does. */
  readonly adobeAt: number | undefined;
}

/** One of the planes that a picture consists of. */
interface JpegComponent {
  readonly id: number;
  /** Samples of this plane on one pixel of the coarsest, across and down. */
  readonly across: number;
  readonly down: number;
}

/** Most scans of a progressive file: encoders make about ten, and each one is a pass over the whole picture. */
const mostScans = 100;

/** Kinds of frames that are not decoded, by marker. */
const otherFrames: ReadonlyMap<number, string> = new Map([
  [0xc3, "a lossless"],
  ...[0xc5, 0xc6, 0xc7].map((marker) => [marker, "a hierarchical"] as const),
  ...[0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf].map((m) => [m, "an arithmetically coded"] as const),
]);

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly components: readonly JpegComponent[];
}

interface Segment {
  readonly marker: number;
  /** Where the segment begins in the file. */
  readonly at: number;
  readonly body: Uint8Array;
  /** Bytes of entropy-coded data behind it. */
  readonly coded: number;
}

type Fail = (expected: string, got: string, hint?: string) => never;

/** Reads the structure of a file that begins with the marker SOI. Throws FormatError saying what is wrong and where. */
export function readJpegFile(bytes: Uint8Array, name: string): JpegFile {
  let frame: Frame | undefined;
  let scans = 0;
  let coded = 0;
  let isJfif = false;
  let adobeAt: number | undefined;
  for (const segment of segments(bytes, name)) {
    const { marker, at, body } = segment;
    const fail = failAt(name, at);
    coded += segment.coded;
    if (marker === 0xe0) isJfif ||= startsWith(body, "JFIF\0");
    else if (marker === 0xee && startsWith(body, "Adobe") && body.length >= 12) adobeAt = at + 4;
    else if (marker === 0xc0 || marker === 0xc1 || marker === 0xc2) {
      if (frame !== undefined) fail("one frame", "a second");
      frame = readFrame(body, fail);
    } else if (otherFrames.has(marker))
      fail(
        "a baseline or progressive JPEG",
        `${otherFrames.get(marker)} one`,
        "Save it as baseline JPEG.",
      );
    else if (marker === 0xda) {
      checkScan(body, frame, fail);
      if (++scans > mostScans) fail(`at most ${mostScans} scans`, "more");
    }
  }
  if (frame === undefined || scans === 0) refuse(name, "a picture in the file", "none");
  if (8 * coded < blocks(frame))
    refuse(name, `data of ${blocks(frame)} blocks`, `${coded} bytes`, "It is truncated.");
  const transform = adobeAt === undefined ? undefined : bytes[adobeAt + 11];
  return { ...frame, adobeAt, isYcc: isYcc(frame.components, isJfif, transform) };
}

const failAt =
  (name: string, at: number): Fail =>
  (expected, got, hint) => {
    refuse(`${name}: byte ${at}`, expected, got, hint);
  };

const startsWith = (body: Uint8Array, text: string): boolean =>
  [...text].every((letter, i) => body[i] === letter.charCodeAt(0));

/** The segments up to the marker EOI. */
function* segments(bytes: Uint8Array, name: string): Generator<Segment> {
  for (let at = 2; ;) {
    const fail = failAt(name, at);
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    const marker = bytes[at + 1];
    if (marker === undefined) return fail("a segment", "the end of the file", "It is truncated.");
    if (bytes[at] !== 0xff) return fail("a marker", `the byte ${bytes[at]}`);
    if (marker === 0xd9) return;
    if (isRestart(marker)) {
      at += 2;
      continue;
    }
    const length = bytes[at + 2]! * 256 + bytes[at + 3]!;
    const end = at + 2 + length;
    if (!(end <= bytes.length)) return fail("a segment", "the end of the file", "It is truncated.");
    if (length < 2) return fail("a segment of 2 bytes or more", `${length}`);
    const next = marker === 0xda ? endOfScan(bytes, end) : end;
    yield { marker, at, body: bytes.subarray(at + 4, end), coded: next - end };
    at = next;
  }
}

const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7;

function readFrame(body: Uint8Array, fail: Fail): Frame {
  if (body.length < 6 || body.length !== 6 + 3 * body[5]!)
    return fail("a frame with its components", `${body.length} bytes`);
  const [precision, height, width, count] = [
    body[0]!,
    body[1]! * 256 + body[2]!,
    body[3]! * 256 + body[4]!,
    body[5]!,
  ];
  if (precision !== 8) fail("8 bits a sample", `${precision}`, "Save it as baseline JPEG.");
  if (width < 1 || height < 1 || width * height > mostPixels)
    fail(`1 to ${mostPixels} pixels`, `${width} x ${height}`);
  if (![1, 3, 4].includes(count)) fail("1, 3 or 4 components", `${count}`);
  const components: JpegComponent[] = [];
  for (let c = 0; c < count; c++) {
    const [id, sampling] = [body[6 + 3 * c]!, body[7 + 3 * c]!];
    const [across, down] = [sampling >> 4, sampling & 15];
    if (across < 1 || across > 4 || down < 1 || down > 4)
      fail("sampling factors of 1 to 4", `${across} and ${down}`);
    components.push({ id, across, down });
  }
  return { width, height, components };
}

function checkScan(body: Uint8Array, frame: Frame | undefined, fail: Fail): void {
  if (frame === undefined) return fail("a frame before the first scan", "none");
  const count = body[0] ?? 0;
  if (count < 1 || count > 4 || body.length !== 4 + 2 * count)
    return fail("a scan of 1 to 4 components", `${count} in ${body.length} bytes`);
  for (let c = 0; c < count; c++)
    if (!frame.components.some(({ id }) => id === body[1 + 2 * c]))
      fail("a component of the frame", `${body[1 + 2 * c]}`);
  const [first, last] = [body[1 + 2 * count]!, body[2 + 2 * count]!];
  if (first > last || last > 63) fail("coefficients among 0 to 63", `${first} to ${last}`);
}

/** Blocks of 8 x 8 samples of all components. Each takes a bit at least, which tells a file that claims more than it holds. */
function blocks({ width, height, components }: Frame): number {
  const across = Math.max(...components.map((c) => c.across));
  const down = Math.max(...components.map((c) => c.down));
  const count = (size: number, share: number): number => Math.ceil(Math.ceil(size * share) / 8);
  return components.reduce(
    (sum, c) => sum + count(width, c.across / across) * count(height, c.down / down),
    0,
  );
}

/** Where entropy-coded data ends: at a marker other than a restart. */
function endOfScan(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (next !== undefined && next !== 0 && next !== 0xff && !isRestart(next)) return at;
  }
  return bytes.length;
}

/** Which colours three components are, by the rules of libjpeg (jdapimin.c: default_decompress_parms). */
function isYcc(
  components: readonly JpegComponent[],
  isJfif: boolean,
  transform: number | undefined,
): boolean {
  if (isJfif) return true;
  if (transform !== undefined) return transform !== 0;
  return String.fromCharCode(...components.map(({ id }) => id)) !== "RGB";
}

/** What one plane was stored with: every `across`th sample of every `down`th row. */
export interface Subsampling {
  readonly across: number;
  readonly down: number;
}

/** Converts interleaved Y, Cb and Cr in place. Subsampled planes have their samples repeated. */
export function toRgb(
  data: Uint8Array,
  width: number,
  height: number,
  differences: readonly [Subsampling, Subsampling],
): void {
  for (const [index, { across, down }] of differences.entries())
    if (across <= 2 && down <= 2) interpolate(data, 1 + index, width, height, across, down);
  for (let at = 0; at < data.length; at += 3) {
    const y = data[at]!;
    const cb = data[at + 1]! - 128;
    const cr = data[at + 2]! - 128;
    data[at] = clip(y + ((fixed(1.402) * cr + half) >> 16));
    data[at + 1] = clip(y + ((-fixed(0.34414) * cb - fixed(0.71414) * cr + half) >> 16));
    data[at + 2] = clip(y + ((fixed(1.772) * cb + half) >> 16));
  }
}

const half = 2 ** 15;
const fixed = (factor: number): number => Math.floor(factor * 2 ** 16 + 0.5);
const clip = (level: number): number => (level < 0 ? 0 : level > 255 ? 255 : level);

/** Puts values between a plane's samples, which lie at every `across`th pixel of every `down`th row. */
function interpolate(
  data: Uint8Array,
  plane: number,
  width: number,
  height: number,
  across: number,
  down: number,
): void {
  const columns = Math.ceil(width / across);
  const rows = Math.ceil(height / down);
  // libjpeg leaves planes of one or two columns as they are.
  if ((across === 1 && down === 1) || (across === 2 && columns <= 2)) return;
  const samples = new Uint8Array(columns * rows);
  for (let row = 0, to = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, to++)
      samples[to] = data[3 * (row * down * width + column * across) + plane]!;
  const line = new Int32Array(columns);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / down);
    // The other row, above or below, that weighs a quarter; beyond the edge it is the row itself.
    const other = Math.min(Math.max(row + (y % 2 === 0 ? -1 : 1), 0), rows - 1);
    for (let column = 0; column < columns; column++) {
      const near = samples[row * columns + column]!;
      line[column] = down === 1 ? near : 3 * near + samples[other * columns + column]!;
    }
    for (let x = 0; x < width; x++)
      data[3 * (y * width + x) + plane] =
        across === 1 ? (line[x]! + 1 + (y % 2)) >> 2 : between(line, x, down);
  }
}

/** The value at column x of twice as many as the line has; its values are four times the samples if rows were interpolated. */
function between(line: Int32Array, x: number, down: number): number {
  const column = x >> 1;
  const other = line[column + (x % 2 === 0 ? -1 : 1)] ?? line[column]!;
  const sum = 3 * line[column]! + other;
  return down === 1 ? (sum + 1 + (x % 2)) >> 2 : (sum + 8 - (x % 2)) >> 4;
}

/**
 * Decodes a baseline or progressive JPEG file of grey, colour or CMYK samples. An orientation in its EXIF data is ignored, as Pillow
 * and Keras do. The standard leaves rounding open: samples differ from Pillow's by a level here and there.
 * Throws FormatError naming the place in the file.
 */
export function decodeJpeg(bytes: Uint8Array, name: string): Picture {
  const { components, isYcc, adobeAt } = readJpegFile(bytes, name);
  const isColour = components.length === 3;
  let source = bytes;
  if (isColour && adobeAt !== undefined) {
    // jpeg-js converts colours whenever it sees this marker; here that is done below.
    source = bytes.slice();
    source[adobeAt] = 0;
  }
  try {
    const { width, height, data } = jpeg.decode(source, {
      useTArray: true,
      formatAsRGBA: false,
      ...(isColour ? { colorTransform: false } : {}),
      maxMemoryUsageInMB: 1024,
    });
    if (isColour && isYcc) {
      const [luminance, ...differences] = components;
      const [blue, red] = differences.map(({ across, down }) => ({
        across: luminance!.across / across,
        down: luminance!.down / down,
      }));
      toRgb(data, width, height, [blue!, red!]);
    }
    return { width, height, data };
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new FormatError(
      complaint(
        name,
        "a JPEG that can be decoded",
        `"${reason}"`,
        reason.includes("maxMemoryUsage") ? "Make the picture smaller." : "Is it damaged?",
      ),
      { cause },
    );
  }
}
