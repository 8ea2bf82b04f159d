// Data for training: batches, augmentation, statistics, idx files and their damage.
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  ShapeError,
  type Tensor,
  TraceError,
  jit,
  random,
  tensor,
} from "../../src/index.ts";
import {
  DataError,
  augmentations,
  batches,
  channelStatistics,
  gunzip,
  normalise,
  randomCrop,
  randomFlip,
  randomShift,
  readIdx,
} from "../../src/optim/index.ts";

const counted = (n: number): Tensor => tensor(Array.from({ length: n }, (_, i) => i));
const labelled = (n: number): { x: Tensor; y: Tensor } => ({
  x: tensor(Array.from({ length: n }, (_, i) => Array.from({ length: 9 }, (_, j) => 10 * i + j))),
  y: tensor(
    Array.from({ length: n }, (_, i) => i),
    { dtype: "int32" },
  ),
});

describe("batches", () => {
  test("cover all samples once, whole trees in step", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.nat(3),
        (n, batchSize, epoch) => {
          const all = batches(labelled(n), { batchSize, shuffle: 5, epoch });
          const seen: number[] = [];
          for (const { x, y } of all) {
            expect(x.shape[1]).toBe(9);
            y.data().forEach((label, row) => {
              seen.push(label);
              expect([...x.data().subarray(9 * row, 9 * row + 9)]).toEqual(
                [0, 1, 2, 3, 4, 5, 6, 7, 8].map((j) => 10 * label + j),
              );
            });
          }
          expect(seen.toSorted((a, b) => a - b)).toEqual([...counted(n).data()]);
          expect(all.length).toBe(Math.ceil(n / batchSize));
          expect(all.samples).toBe(n);
        },
      ),
      { numRuns: 30 },
    );
  });
  test("order: as it is, by seed and epoch, the same each time", () => {
    const order = (options: object): number[] =>
      [...batches({ x: counted(50) }, { batchSize: 7, ...options })].flatMap(({ x }) => [
        ...x.data(),
      ]);
    expect(order({})).toEqual([...counted(50).data()]);
    expect(order({ shuffle: 1 })).toEqual(order({ shuffle: random.key(1) }));
    expect(order({ shuffle: 1 })).not.toEqual(order({ shuffle: 1, epoch: 1 }));
    expect(order({ shuffle: 1 })).not.toEqual(order({ shuffle: 2 }));
    const twice = batches(counted(5), { batchSize: 2, shuffle: 3 });
    expect([...twice].map(String)).toEqual([...twice].map(String));
    // Written down: the same on every machine.
    expect(order({ shuffle: 0 }).slice(0, 8)).toMatchInlineSnapshot(`
      [
        19,
        43,
        27,
        30,
        35,
        36,
        32,
        31,
      ]
    `);
  });
  test("dropLast", () => {
    const all = batches(counted(10), { batchSize: 4, dropLast: true });
    expect([all.length, all.samples, [...all].length]).toEqual([2, 8, 2]);
  });
  test("wrong use", () => {
    expect(() => batches({ x: counted(3), y: counted(4) })).toThrow(/\[3\] at .x and \[4\] at .y/);
    expect(() => batches({ x: tensor(1) })).toThrow(ShapeError);
    expect(() => batches({})).toThrow(ShapeError);
    expect(() => batches({ x: [1] } as never)).toThrow(ArgumentError);
    expect(() => batches(counted(3), { batchSize: 0 })).toThrow(/batchSize/);
    expect(() => batches(counted(3), { epoch: -1 })).toThrow(/epoch/);
    expect(() => batches(counted(3), { shuffle: true as never })).toThrow(/seed/);
    expect(() => batches(counted(3), { size: 1 } as never)).toThrow(/batchSize, shuffle/);
    expect(() => jit((x: Tensor) => [...batches(x)][0]!)(counted(3))).toThrow(TraceError);
  });
});

describe("augmentation", () => {
  const key = random.key(4);
  const n = 64;
  const images = tensor(
    Array.from({ length: n }, () =>
      [0, 1, 2, 3].map((r) => [0, 1, 2].map((c) => [10 * r + c + 1, -(10 * r + c + 1)])),
    ),
  ); // [64, 4, 3, 2]
  const one = (x: Tensor, i: number): number[][] =>
    (
      x
        .slice([i], [i + 1])
        .at(0)
        .toArray() as number[][][]
    ).map((row) => row.map((pixel) => pixel[0]!));
  const all = (x: Tensor): number[][][] => Array.from({ length: n }, (_, i) => one(x, i));
  const original = one(images, 0);
  const kinds = (x: Tensor): Set<string> => new Set(all(x).map((image) => JSON.stringify(image)));

  test("randomFlip mirrors half of the images", () => {
    const across = original.map((row) => row.toReversed());
    const flipped = kinds(randomFlip()(images, key));
    expect(flipped).toEqual(new Set([original, across].map((i) => JSON.stringify(i))));
    expect(kinds(randomFlip({ vertical: true })(images, key)).size).toBe(4);
    expect(kinds(randomFlip({ horizontal: false, vertical: true })(images, key))).toEqual(
      new Set([original, original.toReversed()].map((i) => JSON.stringify(i))),
    );
    const count = all(randomFlip()(images, key)).filter((i) => i[0]![0] === 1).length;
    expect(count).toBeGreaterThan(16);
    expect(count).toBeLessThan(48);
  });
  test("randomShift and randomCrop are cuts of the padded image", () => {
    const at = (r: number, c: number, fill: number): number => original[r]?.[c] ?? fill;
    const cuts = (
      rows: number,
      columns: number,
      from: number,
      to: [number, number],
      fill: number,
    ): Set<string> => {
      const found = new Set<string>();
      for (let top = from; top <= to[0]; top++)
        for (let left = from; left <= to[1]; left++)
          found.add(
            JSON.stringify(
              Array.from({ length: rows }, (_, r) =>
                Array.from({ length: columns }, (_, c) => at(top + r, left + c, fill)),
              ),
            ),
          );
      return found;
    };
    const shifted = kinds(randomShift({ rows: 1, columns: 1, fill: 7 })(images, key));
    expect(shifted).toEqual(cuts(4, 3, -1, [1, 1], 7));
    const cropped = randomCrop({ size: [2, 3], padding: 1 })(images, key);
    expect(cropped.shape).toEqual([n, 2, 3, 2]);
    expect(kinds(cropped)).toEqual(cuts(2, 3, -1, [3, 1], 0));
    expect(kinds(randomShift({ rows: 9, columns: 0 })(images, key)).size).toBeGreaterThan(5);
    for (const image of [randomShift()(images, key), cropped]) {
      const data = image.data();
      for (let i = 0; i < data.length; i += 2) expect(data[i]! + data[i + 1]!).toBe(0);
    }
  });
  test("the same key, the same bits; steps have keys of their own", () => {
    const both = augmentations(randomShift(), randomFlip());
    expect(both(images, key).data()).toEqual(both(images, key).data());
    expect(both(images, key).data()).not.toEqual(both(images, random.key(5)).data());
    expect(randomFlip()(images.cast("int32"), key).dtype).toBe("int32");
    expect(images.data()[0]).toBe(1);
  });
  test("wrong use", () => {
    expect(() => randomFlip()(counted(4), key)).toThrow(/\[N, H, W, C\]/);
    expect(() => randomCrop({ size: 9 })(images, key)).toThrow(/9 x 9/);
    expect(() => randomCrop({ size: 0 })).toThrow(ArgumentError);
    expect(() => randomShift({ rows: 0.5 })).toThrow(ArgumentError);
    expect(() => randomShift({ width: 1 } as never)).toThrow(/rows, columns, fill/);
    expect(() => augmentations(1 as never)).toThrow(ArgumentError);
  });
});

describe("statistics", () => {
  test("normalised data have mean 0 and deviation 1 a channel", () => {
    const x = random.normal(random.key(1), [50, 3], {
      mean: tensor([1, -2, 30]),
      std: tensor([1, 5, 0.1]),
    });
    const { mean, std } = channelStatistics(normalise(x, channelStatistics(x)));
    for (const m of mean) expect(m).toBeCloseTo(0, 4);
    for (const s of std) expect(s).toBeCloseTo(1, 4);
    expect(
      normalise(tensor([[10, 20]], { dtype: "int32" }), { mean: 10, std: 2 }).toArray(),
    ).toEqual([[0, 5]]);
  });
  test("wrong use", () => {
    expect(() => normalise(counted(3), { mean: 0, std: 0 })).toThrow(
      /std: expected a positive number/,
    );
    expect(() => normalise(tensor([[1, 2]]), { mean: [1], std: 1 })).toThrow(/2 channels/);
    expect(() => channelStatistics(tensor([], { shape: [0, 2] }))).toThrow(ShapeError);
  });
});

const idx = (type: number, extents: number[], payload: number[]): Uint8Array => {
  const bytes = new Uint8Array(4 + 4 * extents.length + payload.length);
  bytes.set([0, 0, type, extents.length]);
  extents.forEach((extent, i) => new DataView(bytes.buffer).setUint32(4 + 4 * i, extent));
  bytes.set(payload, 4 + 4 * extents.length);
  return bytes;
};

describe("idx files", () => {
  test("of every type", () => {
    expect(readIdx(idx(8, [2, 2], [0, 1, 128, 255])).toArray()).toEqual([
      [0, 1],
      [128, 255],
    ]);
    expect(readIdx(idx(9, [2], [255, 1])).toArray()).toEqual([-1, 1]);
    expect(readIdx(idx(0x0b, [2], [0xff, 0xfe, 1, 0])).toArray()).toEqual([-2, 256]);
    expect(readIdx(idx(0x0c, [1], [0xff, 0xff, 0xff, 0xfd])).toArray()).toEqual([-3]);
    const real = readIdx(idx(0x0d, [1], [0xbf, 0xc0, 0, 0]));
    expect([real.dtype, real.item()]).toEqual(["float32", -1.5]);
    const double = readIdx(idx(0x0e, [1], [0x3f, 0xf8, 0, 0, 0, 0, 0, 0]));
    expect([double.dtype, double.item()]).toEqual(["float64", 1.5]);
    expect(readIdx(idx(8, [], [7])).shape).toEqual([]);
    expect(readIdx(idx(8, [0, 5], [])).shape).toEqual([0, 5]);
    expect(readIdx(idx(8, [2], [3, 4]), { dtype: "float32" }).dtype).toBe("float32");
    // A view into a larger buffer is read where it lies.
    const shifted = new Uint8Array([9, ...idx(8, [1], [5])]).subarray(1);
    expect(readIdx(shifted).toArray()).toEqual([5]);
  });
  test("damage is named", () => {
    const wrong = (bytes: Uint8Array): string => {
      try {
        readIdx(bytes, { who: "digits" });
      } catch (error) {
        expect(error).toBeInstanceOf(DataError);
        return (error as Error).message;
      }
      throw new Error("it was read");
    };
    const good = idx(8, [2, 3], [1, 2, 3, 4, 5, 6]);
    expect(wrong(good.subarray(0, 3))).toMatch(/^digits: expected at least 4 bytes, got 3/);
    expect(wrong(good.subarray(0, 9))).toMatch(/2 extents up to byte 12.* got 9 bytes.*truncated/);
    expect(wrong(good.subarray(0, 17))).toMatch(
      /\[2, 3\] \(bytes 4 to 11\): expected 18 bytes.* got 17.*truncated/,
    );
    expect(wrong(new Uint8Array([...good, 1]))).toMatch(
      /expected 18 .* got 19. Something was appended/,
    );
    expect(wrong(idx(8, [0xffffffff, 0xffffffff, 0xffffffff], [1]))).toMatch(
      /truncated or damaged/,
    );
    expect(wrong(idx(7, [1], [1]))).toMatch(/type among 08, 09/);
    expect(wrong(new Uint8Array(gzipSync(good)))).toMatch(/gunzip/);
    expect(wrong(new Uint8Array([80, 75, 3, 4]))).toMatch(/50 4b 03/);
    expect(() => readIdx("digits" as never)).toThrow(ArgumentError);
    expect(() => readIdx(good, { dtype: "bool" as never })).toThrow(ArgumentError);
  });
  test("mutated files give tensors or a DataError, never more than they hold", () => {
    const seedFile = idx(8, [3, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const edits = fc.array(fc.tuple(fc.nat(seedFile.length - 1), fc.nat(255)), { maxLength: 5 });
    fc.assert(
      fc.property(
        edits,
        fc.nat(seedFile.length),
        fc.uint8Array({ maxLength: 8 }),
        (changes, length, tail) => {
          const bytes = new Uint8Array([...seedFile.subarray(0, length), ...tail]);
          for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
          try {
            expect(readIdx(bytes).size).toBeLessThanOrEqual(bytes.length);
          } catch (error) {
            expect(error).toBeInstanceOf(DataError);
          }
        },
      ),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(() => {
          try {
            readIdx(bytes);
          } catch (error) {
            if (!(error instanceof DataError)) throw error;
          }
        }).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });
});

describe("gunzip", () => {
  const text = new TextEncoder().encode("the same few words ".repeat(1000));
  const packed = new Uint8Array(gzipSync(text));
  test("gives the bytes back", async () => {
    expect(await gunzip(packed)).toEqual(text);
    expect(await gunzip(new Uint8Array(gzipSync(new Uint8Array())))).toEqual(new Uint8Array());
  });
  test("stops at its limit", async () => {
    expect((await gunzip(packed, { limit: text.length })).length).toBe(text.length);
    await expect(gunzip(packed, { limit: text.length - 1 })).rejects.toThrow(/at most 18999 bytes/);
    const bomb = new Uint8Array(gzipSync(new Uint8Array(2 ** 26)));
    await expect(gunzip(bomb, { limit: 1000 })).rejects.toThrow(DataError);
  });
  test("damaged files are DataErrors", async () => {
    await expect(gunzip(packed.subarray(0, 40), { who: "x.gz" })).rejects.toThrow(
      /^x.gz: expected a gzip file/,
    );
    await expect(gunzip(new Uint8Array([1, 2, 3]))).rejects.toThrow(DataError);
    await expect(gunzip("x" as never)).rejects.toThrow(ArgumentError);
    await fc.assert(
      fc.asyncProperty(fc.nat(packed.length - 1), fc.nat(255), async (at, byte) => {
        const bytes = packed.slice();
        bytes[at] = byte;
        try {
          expect((await gunzip(bytes, { limit: 10 ** 6 })).length).toBeLessThanOrEqual(10 ** 6);
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
        }
      }),
      { numRuns: 100 },
    );
  });
});
