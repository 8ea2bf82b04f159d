// Decoding, resizing and preprocessing against Pillow's and Keras' results (test/golden/images.json).
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  type Interpolation,
  type Picture,
  type PreprocessMode,
  decodeImage,
  preprocess,
  resize,
} from "../../src/models/index.ts";
import { noise } from "../support/noise-picture.ts";

interface Sample {
  readonly name: string;
  readonly file: string;
  readonly width: number;
  readonly height: number;
}

interface Golden {
  readonly resizes: readonly {
    readonly source: readonly [number, number];
    readonly seed: number;
    readonly target: readonly [number, number];
    readonly interpolation: Interpolation;
    readonly sha256: string;
  }[];
  readonly pngs: readonly (Sample & { readonly sha256: string })[];
  readonly jpegs: readonly (Sample & { readonly samples: string })[];
  readonly preprocess: Readonly<Record<string, string>>;
}

const golden = JSON.parse(
  readFileSync(new URL("../golden/images.json", import.meta.url), "utf8"),
) as Golden;

const sha256 = (data: ArrayBufferView): string =>
  createHash("sha256")
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest("hex");

const decoded = ({ file, name }: Sample): Picture =>
  decodeImage(new Uint8Array(Buffer.from(file, "base64")), name);

describe("resize gives Pillow's bits", () => {
  test.each(golden.resizes)(
    "$source -> $target, $interpolation",
    ({ source, seed, target, interpolation, sha256: wanted }) => {
      const result = resize(noise(...source, seed), ...target, interpolation);
      expect([result.width, result.height]).toEqual(target);
      expect(sha256(result.data)).toBe(wanted);
    },
  );
});

describe("PNG files have Pillow's colours", () => {
  test.each(golden.pngs)("$name", (sample) => {
    const { width, height, data } = decoded(sample);
    expect([width, height]).toEqual([sample.width, sample.height]);
    expect(sha256(data)).toBe(sample.sha256);
  });
});

// The inverse cosine transform is rounded in other places: a level in luminance and one in blue make up to three in blue.
describe("JPEG files have Pillow's colours to three levels", () => {
  test.each(golden.jpegs)("$name", (sample) => {
    const { width, height, data } = decoded(sample);
    expect([width, height]).toEqual([sample.width, sample.height]);
    const wanted = Buffer.from(sample.samples, "base64");
    const errors = [...data].map((level, i) => Math.abs(level - wanted[i]!));
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    expect(mean).toBeLessThan(0.2);
    expect(Math.max(...errors)).toBeLessThanOrEqual(3);
  });
});

describe("preprocess gives Keras' bits", () => {
  test.each(Object.entries(golden.preprocess))("%s", (mode, wanted) => {
    const data = Uint8Array.from({ length: 768 }, (_, i) => i * 7);
    const result = preprocess({ width: 16, height: 16, data }, { mode: mode as PreprocessMode });
    expect(result.shape).toEqual([1, 16, 16, 3]);
    expect(sha256(result.data())).toBe(wanted);
  });
});
