// Published photos, resized, against hashes of Pillow's results (../shared/data, which is not part of the repository).
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeImage, resize } from "../../src/models/index.ts";
import { describeWithData, testData } from "../support/test-data.ts";

interface Hashes {
  readonly size: readonly [number, number];
  readonly rgb_sha256_source: string;
  readonly rgb_sha256_224_nearest: string;
  readonly rgb_sha256_224_bilinear: string;
  readonly sum: number;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describeWithData("photos", () => {
  const file = testData("golden", "pil_resize.json");
  const golden = existsSync(file)
    ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, Hashes>)
    : {};

  test.each(Object.entries(golden))("%s", (name, hashes) => {
    const photo = decodeImage(readFileSync(testData("photos", name)), name);
    expect([photo.width, photo.height]).toEqual(hashes.size);
    const nearest = resize(photo, 224, 224, "nearest");
    if (name.endsWith(".png")) {
      expect(sha256(photo.data)).toBe(hashes.rgb_sha256_source);
      expect(sha256(nearest.data)).toBe(hashes.rgb_sha256_224_nearest);
      expect(sha256(resize(photo, 224, 224, "bilinear").data)).toBe(hashes.rgb_sha256_224_bilinear);
    } else {
      // JPEG decoders round differently: the mean level is a tenth higher or lower.
      const sum = nearest.data.reduce((total, level) => total + level, 0);
      expect(Math.abs(sum - hashes.sum) / nearest.data.length).toBeLessThan(0.15);
    }
  });
});
