/** @file The container of checkpoints and networks: hostile headers meet the same clear errors in both readers. */
import { describe, expect, test } from "vitest";
import { FormatError, loadModel } from "../../src/models/index.ts";
import { CheckpointError, decodeCheckpoint } from "../../src/optim/index.ts";

function file(header: string, elements = 0, length?: number): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + elements);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length ?? json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const nested = "[".repeat(200_000) + "]".repeat(200_000);
const entry = (fields: object): string =>
  JSON.stringify({ w: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...fields } });

describe.each<[name: string, bytes: Uint8Array, said: RegExp]>([
  ["a header nested 200,000 deep", file(`{"w":${nested}}`), /at most 5000 levels/],
  ["a shape nested 200,000 deep", file(`{"w":{"dtype":"F32","shape":${nested}}}`), /5000 levels/],
  ["a header longer than the file", file("{}", 0, 9_000), /header within the file's 10 bytes/],
  ["a header that is a list", file('{"w":[]}'), /tensor "w": expected an object/],
  ["an unknown type", file(entry({ dtype: "F128" }), 8), /dtype: expected one of/],
  ["a type from the prototype", file(entry({ dtype: "toString" }), 8), /dtype: expected one of/],
  ["a negative shape", file(entry({ shape: [-2] }), 8), /expected a shape, got \[-2\]/],
  ["offsets that are no pair", file(entry({ data_offsets: [0] }), 8), /data_offsets: expected 2/],
  ["offsets of another size", file(entry({ data_offsets: [0, 4] }), 8), /expected 8 bytes for F32/],
  ["a gap", file(entry({ data_offsets: [4, 12] }), 12), /data from byte 0 on, got from 4/],
  ["a truncated file", file(entry({}), 4), /truncated/],
  ["appended bytes", file(entry({}), 12), /appended/],
  ["metadata that are no texts", file('{"__metadata__":{"a":1}}'), /object of strings/],
])("%s", (_, bytes, said) => {
  test("as a checkpoint", () => {
    expect(() => decodeCheckpoint(bytes)).toThrow(CheckpointError);
    expect(() => decodeCheckpoint(bytes)).toThrow(said);
  });

  test("as a network", async () => {
    await expect(loadModel(bytes)).rejects.toThrow(FormatError);
    await expect(loadModel(bytes)).rejects.toThrow(said);
  });
});
