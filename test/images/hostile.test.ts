// Bytes that are no pictures, or only seem to be: a FormatError that names the file, soon and without much memory.
import * as fc from "fast-check";
import { readFileSync } from "node:fs";
import { zlibSync } from "fflate";
import { describe, expect, test } from "vitest";
import { crc32 } from "../../src/base/crc32.ts";
import { FormatError, decodeImage } from "../../src/models/index.ts";

const golden = JSON.parse(
  readFileSync(new URL("../golden/images.json", import.meta.url), "utf8"),
) as Record<"pngs" | "jpegs", readonly { readonly name: string; readonly file: string }[]>;

const files = [...golden.pngs, ...golden.jpegs].map(({ name, file }) => ({
  name,
  bytes: new Uint8Array(Buffer.from(file, "base64")),
}));
const file = (name: string): Uint8Array => files.find((f) => f.name === name)!.bytes;

const latin = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** A PNG with the given header and compressed samples; checksums are not right, which is noticed last. */
function png(
  width: number,
  height: number,
  [depth, colourType, compression = 0, filter = 0, interlace = 0]: readonly number[],
  samples: Uint8Array,
  extra: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const chunk = (type: string, body: Uint8Array): number[] => {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, body.length);
    return [...length, ...latin(type), ...body, 0, 0, 0, 0];
  };
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set([depth!, colourType!, compression, filter, interlace], 8);
  const start = [137, 80, 78, 71, 13, 10, 26, 10, ...chunk("IHDR", header), ...extra];
  return Uint8Array.from([
    ...start,
    ...chunk("IDAT", zlibSync(samples)),
    ...chunk("IEND", latin("")),
  ]);
}

/** What went wrong, or undefined. Anything but a FormatError that names the file is a defect. */
function complaintOf(bytes: Uint8Array): string | undefined {
  try {
    const { width, height, data } = decodeImage(bytes, "photo");
    expect(data).toHaveLength(3 * width * height);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).toMatch(/^photo: /);
    return (error as Error).message;
  }
}

describe("bytes that are no picture", () => {
  test.each([
    ["nothing", latin(""), "got no bytes"],
    ["text", latin("hello"), "no known format"],
    ["GIF", latin("GIF89a\u0001\0"), "got GIF. Convert it to PNG or JPEG"],
    ["WebP", latin("RIFF\0\0\0\0WEBPVP8 "), "got WebP. Convert"],
    ["BMP", latin("BM\0\0\0\0"), "got BMP. Convert"],
    ["TIFF", latin("II*\0"), "got TIFF. Convert"],
    ["AVIF", latin("\0\0\0 ftypavif"), "got AVIF. Convert"],
    ["HEIC", latin("\0\0\0 ftypheic"), "got HEIC. Convert"],
    ["PNG's signature", latin("\u0089PNG\r\n\u001a\n"), "byte 8: expected a chunk"],
    ["JPEG's first marker", Uint8Array.of(255, 216, 255), "end of the file"],
    ["no header", png(1, 1, [8, 0], latin("")).filter((_, i) => i < 8 || i >= 33), "IHDR"],
    ["no width", png(0, 4, [8, 0], latin("")), "got 0 x 4"],
    ["more pixels than memory", png(2 ** 31, 2 ** 31, [8, 0], latin("")), "got 2147483648 x"],
    ["more bytes than memory", png(8192, 8192, [16, 6], latin("")), "bytes of samples"],
    ["odd depth", png(1, 1, [3, 0], latin("\0\0")), "type 0, 3 bits"],
    ["odd colour type", png(1, 1, [8, 5], latin("\0\0")), "type 5"],
    ["odd compression", png(1, 1, [8, 0, 1], latin("\0\0")), "got 1, 0 and 0"],
    ["indices without a palette", png(1, 1, [8, 3], latin("\0\0")), "PLTE: expected a palette"],
    ["too few samples", png(4, 4, [8, 0], latin("\0\u0001\u0002")), "the file is truncated"],
    ["a wrong checksum", png(1, 1, [8, 0], latin("\0\0")), "CRC mismatch"],
    ["an odd filter", png(1, 1, [1, 0, 0, 0, 1], latin("\u0007\0")), "Unsupported filter"],
    ["a JPEG without its end", file("4:4:4").subarray(0, -2), "end of the file"],
    [
      "a lossless JPEG",
      file("4:4:4").map((b, i, all) => (b === 0xc0 && all[i - 1] === 255 ? 0xc3 : b)),
      "a lossless one",
    ],
  ])("%s", (_, bytes, wanted) => {
    expect(complaintOf(bytes)).toContain(wanted);
  });
});

test("compressed data that swells is noticed before it fills memory", () => {
  const bomb = png(1, 1, [8, 0], new Uint8Array(2 ** 26));
  expect(bomb.length).toBeLessThan(300_000);
  const before = process.memoryUsage().rss;
  expect(complaintOf(bomb)).toContain("many more");
  expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 25);
});

test("compressed data in chunks that colours do not depend on is never touched", () => {
  const profile = zlibSync(new Uint8Array(2 ** 22));
  const head = new Uint8Array(8);
  new DataView(head.buffer).setUint32(0, profile.length + 3);
  head.set(latin("iCCP"), 4);
  const bytes = png(
    1,
    1,
    [8, 0],
    latin("\0\0"),
    Uint8Array.from([...head, 120, 0, 0, ...profile, 0, 0, 0, 0]),
  );
  expect(complaintOf(bytes)).toContain("CRC mismatch for chunk IHDR");
});

test("a JPEG that claims more pixels than its bytes can hold is not decoded", () => {
  const bytes = file("4:4:4").slice();
  const at = bytes.findIndex((b, i) => b === 0xff && bytes[i + 1] === 0xc0);
  bytes.set([0x1f, 0xff, 0x1f, 0xff], at + 5);
  expect(complaintOf(bytes)).toContain("data of 3145728 blocks");
});

test("truncated files", () => {
  for (const { bytes } of files)
    for (let length = 0; length < bytes.length; length += 1 + (bytes.length >> 5))
      expect(complaintOf(bytes.subarray(0, length))).toBeDefined();
});

test("files with bytes changed, put in or left out", () => {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    remove: fc.nat(6),
    insert: fc.uint8Array({ maxLength: 6 }),
  });
  fc.assert(
    fc.property(
      fc.constantFrom(...files),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      ({ bytes }, changes) => {
        const all = [...bytes];
        for (const { at, remove, insert } of changes)
          all.splice(Math.floor(at * all.length), remove, ...insert);
        complaintOf(Uint8Array.from(all));
      },
    ),
    { numRuns: Number(process.env["ADJOINT_TEST_FUZZ"] ?? 2000) },
  );
});

/** The file with the checksums that its chunks should have. */
function withChecksums(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 8; at + 12 <= bytes.length;) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length) break;
    view.setUint32(end, Number.parseInt(crc32(bytes.subarray(at + 4, end)), 16));
    at = end + 4;
  }
  return bytes;
}

test("files with bytes overwritten, under checksums that fit", () => {
  const change = fc.tuple(
    fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    fc.nat(255),
  );
  let decoded = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...files),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      ({ bytes }, changes) => {
        const copy = bytes.slice();
        for (const [at, byte] of changes) copy[Math.floor(at * copy.length)] = byte;
        if (complaintOf(copy[0] === 137 ? withChecksums(copy) : copy) === undefined) decoded++;
      },
    ),
    { numRuns: Number(process.env["ADJOINT_TEST_FUZZ"] ?? 2000) },
  );
  // Some changes are of samples alone: the pictures are wrong, but pictures. Most break the compressed data.
  expect(decoded).toBeGreaterThan(0);
});
