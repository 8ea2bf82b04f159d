// Pictures by path, by Blob, by bytes, and what cannot be read.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import { afterAll, expect, test } from "vitest";
import { FormatError, loadImage } from "../../src/models/index.ts";
import { noise } from "../support/noise-picture.ts";

const folder = mkdtempSync(join(tmpdir(), "adjoint-images-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a path, a Blob and bytes are the same picture", async () => {
  const picture = noise(9, 7, 3);
  const bytes = encode({ ...picture, channels: 3, depth: 8 }) as Uint8Array<ArrayBuffer>;
  const path = join(folder, "noise.png");
  writeFileSync(path, bytes);
  for (const from of [path, new Blob([bytes]), bytes, new File([bytes], "noise.png")])
    // oxlint-disable-next-line no-await-in-loop
    expect(await loadImage(from)).toEqual(picture);
});

test("what cannot be read or decoded is named", async () => {
  await expect(loadImage(join(folder, "none.png"))).rejects.toThrow(FormatError);
  await expect(loadImage(join(folder, "none.png"))).rejects.toThrow("none.png");
  const path = join(folder, "text.png");
  writeFileSync(path, "no picture");
  await expect(loadImage(path)).rejects.toThrow(`${path}: expected a PNG or JPEG picture`);
  await expect(loadImage(new File(["GIF89a"], "cat.gif"))).rejects.toThrow("cat.gif: expected");
});
