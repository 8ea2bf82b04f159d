/** @file Files made to do harm: archives that swell, structures that lead back to themselves, sizes that cannot be. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { FormatError, loadModel } from "../../src/models/index.ts";

function kerasFile(name: string): Uint8Array {
  const url = new URL(`../golden/keras/${name}.gz`, import.meta.url);
  return new Uint8Array(gunzipSync(readFileSync(url)));
}

const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** Where some bytes are in a file, for the `number`-th time. */
function find(bytes: Uint8Array, wanted: string, number = 0): number {
  let at = -1;
  for (let times = 0; times <= number; times++)
    at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(
      wanted,
      at + 1,
      "latin1",
    );
  expect(at).toBeGreaterThan(0);
  return at;
}

async function refused(bytes: Uint8Array, message: RegExp): Promise<void> {
  const before = process.memoryUsage().arrayBuffers;
  const error: unknown = await loadModel(bytes).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(FormatError);
  expect((error as Error).message).toMatch(message);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1.5e8);
}

describe("archives", () => {
  test("that swell", async () => {
    const bomb = new Uint8Array(7e7);
    await refused(
      zipSync(
        { "config.json": text({}), "metadata.json": text({}), "model.weights.h5": bomb },
        { level: 9 },
      ),
      /model\.weights\.h5: expected at most 100 times the \d+ bytes that are stored, got 70000000 bytes/,
    );
    await refused(
      zipSync({ "config.json": bomb }),
      /config\.json: expected at most 67108864 bytes/,
    );
  });

  test("whose files are larger than they say", async () => {
    const zip = zipSync({
      "config.json": text({ class_name: "Sequential", padding: "x".repeat(5000) }),
    });
    // The size in the directory's entry, before the name.
    new DataView(zip.buffer).setUint32(find(zip, "PK\u0001\u0002") + 24, 10, true);
    await refused(zip, /config\.json: expected 10 bytes when decompressed, got more/);
  });

  test("whose bytes were changed", async () => {
    const zip = zipSync({ "config.json": text({ class_name: "Sequential" }) }, { level: 0 });
    zip[find(zip, "Sequential")]! ^= 1;
    await refused(zip, /config\.json: expected bytes whose check is/);
  });

  test("of something else", async () => {
    await refused(
      zipSync({ "word/document.xml": text("") }),
      /expected a \.keras file, which has config\.json, got word\/document\.xml/,
    );
    await refused(zipSync({}), /.+/);
  });
});

describe("HDF5", () => {
  test("trees that lead back to themselves", async () => {
    const file = kerasFile("chain.h5");
    const data = new DataView(file.buffer);
    // The second symbol table becomes a node above itself: level 1, one child, its own address.
    const at = find(file, "TREE", 1);
    data.setUint8(at + 5, 1);
    data.setUint16(at + 6, 1, true);
    data.setBigUint64(at + 24 + 8, BigInt(at), true);
    await refused(file, /expected a tree, got a node that is in it twice/);
  });

  test("extents that no file could fill", async () => {
    const file = kerasFile("chain.h5");
    const data = new DataView(file.buffer);
    // The extents of an array of 3 are the number 3, after the rank of 1: made 2^39.
    for (let at = 0; at + 16 < file.length; at += 8)
      if (file[at] === 1 && file[at + 1] === 1 && data.getBigUint64(at + 8, true) === 3n)
        data.setBigUint64(at + 8, 2n ** 39n, true);
    await refused(file, /expected \d{12} texts of 16 bytes, got 48 bytes/);
  });

  test("a file cut anywhere", async () => {
    const file = kerasFile("chain.h5");
    for (let length = 8; length < file.length; length += 997)
      await refused(file.slice(0, length), /truncated/);
  });
});

describe("safetensors", () => {
  const header = (entries: object, data = 0): Uint8Array => {
    const json = text(entries);
    const bytes = new Uint8Array(8 + json.length + data);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
    bytes.set(json, 8);
    return bytes;
  };

  test.each([
    [
      "a header longer than the file",
      new Uint8Array([255, 255, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d]),
      /expected a header within the file's 10 bytes, got one of 65535/,
    ],
    [
      "sizes that overflow",
      header({ a: { dtype: "F32", shape: [2 ** 31, 2 ** 31], data_offsets: [0, 4] } }, 4),
      /tensor "a": shape: expected a shape/,
    ],
    [
      "data beyond the end",
      header({ a: { dtype: "F32", shape: [4], data_offsets: [0, 16] } }, 4),
      /expected \d+ bytes \(as the header says\)/,
    ],
    [
      "data that overlap",
      header(
        {
          a: { dtype: "F32", shape: [1], data_offsets: [0, 4] },
          b: { dtype: "F32", shape: [1], data_offsets: [0, 4] },
        },
        4,
      ),
      /expected data from byte 4 on, got from 0/,
    ],
    [
      "unknown types",
      header({ a: { dtype: "F8", shape: [1], data_offsets: [0, 1] } }, 1),
      /dtype: expected one of F16, .*, got "F8"/,
    ],
    [
      "a topology without a check",
      header({ __metadata__: { topology: "{}" } }),
      /expected a check of 8 hexadecimal digits/,
    ],
  ])("%s", async (_, bytes, message) => refused(bytes, message));
});
