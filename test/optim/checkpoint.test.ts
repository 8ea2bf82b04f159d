// Checkpoints as bytes: round trips of any tree, and bytes that lie.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ArgumentError, type DType, type Tensor, tensor } from "../../src/index.ts";
import { CheckpointError, decodeCheckpoint, encodeCheckpoint } from "../../src/optim/index.ts";
import { crc32 } from "../../src/base/crc32.ts";

/** A file of the format with any header and data. */
function file(header: unknown, data = new Uint8Array(0), length?: number | bigint): Uint8Array {
  const text = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length ?? text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const tensors: fc.Arbitrary<Tensor> = fc
  .record({
    dtype: fc.constantFrom<DType>("float32", "float64", "int32", "bool"),
    shape: fc.array(fc.nat(3), { maxLength: 3 }),
    seed: fc.infiniteStream(fc.double()),
  })
  .map(({ dtype, shape, seed }) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const numbers = Array.from({ length: size }, () => seed.next().value as number);
    const flat = numbers.map((x) =>
      dtype === "int32" ? x | 0 : dtype === "bool" ? Number(x > 0) : x,
    );
    return tensor(Float64Array.from(flat), { dtype, shape });
  });

test("any tree of tensors comes back, bit for bit, with its metadata", () => {
  const trees = fc.dictionary(fc.string(), fc.oneof(tensors, fc.array(tensors, { maxLength: 3 })), {
    maxKeys: 5,
  });
  fc.assert(
    fc.property(trees, fc.jsonValue(), (tree, metadata) => {
      const flat = new Map<string, Tensor>();
      for (const [name, value] of Object.entries(tree))
        if (Array.isArray(value)) value.forEach((item, i) => flat.set(`${name}[${i}]`, item));
        else flat.set(name, value);
      fc.pre(!flat.has("__metadata__") && flat.size === Object.values(tree).flat().length);
      const decoded = decodeCheckpoint(encodeCheckpoint(tree, metadata as null));
      expect(decoded.metadata).toEqual(JSON.parse(JSON.stringify(metadata)));
      expect(decoded.tensors.size).toBe(flat.size);
      for (const [name, given] of flat) expect(same(decoded.tensors.get(name)!, given)).toBe(true);
    }),
    { numRuns: 100 },
  );
});

const same = (a: Tensor, b: Tensor): boolean =>
  a.dtype === b.dtype &&
  a.shape.join() === b.shape.join() &&
  Buffer.from(a.data().buffer).equals(Buffer.from(b.data().buffer));

test("the layout is that of safetensors", () => {
  const bytes = encodeCheckpoint({ b: tensor([1, 2]), a: tensor([[3]], { dtype: "float64" }) });
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  expect((8 + length) % 8).toBe(0);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<
    string,
    unknown
  >;
  expect(header["a"]).toEqual({ dtype: "F64", shape: [1, 1], data_offsets: [0, 8] });
  expect(header["b"]).toEqual({ dtype: "F32", shape: [2], data_offsets: [8, 16] });
  expect([...new Float32Array(bytes.slice(8 + length + 8).buffer)]).toEqual([1, 2]);
  expect(
    Object.values(header["__metadata__"] as object).every((value) => typeof value === "string"),
  ).toBe(true);
});

test("files of others are read: no check, metadata of strings", () => {
  const data = new Uint8Array(new Float32Array([1.5, -2]).buffer);
  const header = {
    __metadata__: { format: "pt" },
    w: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
  };
  const { tensors, metadata } = decodeCheckpoint(file(header, data));
  expect([...tensors.get("w")!.data()]).toEqual([1.5, -2]);
  expect(metadata).toEqual({ format: "pt" });
  // At any alignment of the bytes in a larger buffer.
  const shifted = new Uint8Array(1 + file(header, data).length);
  shifted.set(file(header, data), 1);
  expect([...decodeCheckpoint(shifted.subarray(1)).tensors.get("w")!.data()]).toEqual([1.5, -2]);
});

test("the check is that of zip and PNG", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe("cbf43926");
  expect(crc32(new TextEncoder().encode("6789"), crc32(new TextEncoder().encode("12345")))).toBe(
    "cbf43926",
  );
});

test("the check is the same eight bytes at a time and one by one", () => {
  const bytes = Uint8Array.from({ length: 40 }, (_, index) => index * 37 + 11);
  for (let length = 0; length <= bytes.length; length++) {
    const part = bytes.subarray(3, 3 + length);
    const singly = [...part].reduce(
      (check, byte) => crc32(new Uint8Array([byte]), check),
      crc32(new Uint8Array(0)),
    );
    expect(crc32(part)).toBe(singly);
  }
});

describe("bytes that lie", () => {
  const w = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
  const four = new Uint8Array(4);
  const lies: Readonly<Record<string, Uint8Array>> = {
    nothing: new Uint8Array(0),
    "seven bytes": new Uint8Array(7),
    "a header longer than the file": file({ w }, four, 1_000),
    "a header of 2^63": file({ w }, four, 2n ** 63n),
    "no JSON": file("{", four),
    "no UTF-8": file("{}").map((byte, i) => (i === 8 ? 0xff : byte)),
    "deep nesting": file("[".repeat(200_000)),
    "an array": file([]),
    "a number": file("3"),
    null: file("null"),
    "metadata that are no object": file({ __metadata__: 3 }),
    "metadata of numbers": file({ __metadata__: { a: 3 } }),
    "our metadata that are no JSON": file({ __metadata__: { format: "adjoint", metadata: "{" } }),
    "a check that is none": file({ __metadata__: { crc32: "xyz" } }),
    "a check that is wrong": file({ __metadata__: { crc32: "12345678" } }),
    "an entry that is null": file({ w: null }, four),
    "an unknown dtype": file({ w: { ...w, dtype: "BF16" } }, four),
    "a dtype from the prototype": file({ w: { ...w, dtype: "constructor" } }, four),
    "a negative extent": file({ w: { ...w, shape: [-1, -1] } }, four),
    "half an extent": file({ w: { ...w, shape: [0.5] } }, four),
    "an extent as text": file({ w: { ...w, shape: ["1"] } }, four),
    "no shape": file({ w: { dtype: "F32", data_offsets: [0, 4] } }, four),
    "a shape beyond the data": file({ w: { ...w, shape: [2 ** 40] } }, four),
    "a shape that overflows": file({ w: { ...w, shape: [2 ** 40, 2 ** 40, 2 ** 40] } }, four),
    "offsets backwards": file({ w: { ...w, data_offsets: [4, 0] } }, four),
    "one offset": file({ w: { ...w, data_offsets: [4] } }, four),
    "data beyond the end": file({ w: { ...w, data_offsets: [4, 8] } }, four),
    "a gap": file({ w, v: { ...w, data_offsets: [8, 12] } }, new Uint8Array(12)),
    "an overlap": file({ w, v: { ...w, data_offsets: [2, 6] } }, new Uint8Array(6)),
    "less data than announced": file({ w }, new Uint8Array(3)),
    "more data than announced": file({ w }, new Uint8Array(5)),
    "a bool of 2": file(
      { w: { dtype: "BOOL", shape: [1], data_offsets: [0, 1] } },
      new Uint8Array([2]),
    ),
  };
  for (const [name, bytes] of Object.entries(lies))
    test(name, () => {
      expect(() => decodeCheckpoint(bytes)).toThrow(CheckpointError);
      expect(() => decodeCheckpoint(bytes, "reader")).toThrow(/^reader/);
    });

  test("random changes never do worse than a CheckpointError", () => {
    const good = encodeCheckpoint(
      { a: tensor([1, 2, 3]), b: [tensor([true, false])] },
      { note: 1 },
    );
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Uint8Array.from(good);
        bytes[at]! ^= change;
        expect(() => decodeCheckpoint(bytes)).toThrow(CheckpointError);
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(() => decodeCheckpoint(bytes)).toThrow(CheckpointError);
      }),
    );
  });
});

describe("what cannot be encoded", () => {
  test("is an ArgumentError", () => {
    expect(() => encodeCheckpoint({ w: 1 })).toThrow(ArgumentError);
    expect(() => encodeCheckpoint({ "a.b": tensor(1), a: { b: tensor(2) } })).toThrow(
      /two at a\.b/,
    );
    expect(() => encodeCheckpoint({ __metadata__: tensor(1) })).toThrow(/__metadata__/);
    expect(() => encodeCheckpoint([], undefined as never)).not.toThrow();
    expect(() => encodeCheckpoint([], (() => 1) as never)).toThrow(/JSON/);
  });
});
