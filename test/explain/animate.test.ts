/** @file Animations: what is read back from the file. */
import { describe, expect, test } from "vitest";
import { animate } from "../../src/explain/index.ts";
import type { Picture } from "../../src/models/index.ts";
import { stripes } from "../support/figure-golden.ts";
import { readGif } from "../support/gif.ts";
import { noise } from "../support/noise-picture.ts";

/** Squares of sixteen grey levels. */
const squares = (shift: number): Picture => ({
  width: 48,
  height: 36,
  data: Uint8Array.from({ length: 3 * 48 * 36 }, (_, i) => {
    const [y, x] = [Math.floor(i / 3 / 48), Math.floor(i / 3) % 48];
    return 17 * (((x >> 3) + (y >> 2) + shift) % 16);
  }),
});

describe("animate", () => {
  test("keeps frames, sizes and delays", () => {
    const { frames, repeat } = readGif(
      animate([0, 1, 2].map((i) => ({ picture: squares(i), delay: 50 * (i + 1) }))),
    );
    expect(frames.map(({ delay }) => delay)).toEqual([5, 10, 15]);
    expect(repeat).toBe(0);
    for (const [i, { width, height, rgb }] of frames.entries()) {
      expect([width, height]).toEqual([48, 36]);
      const wanted = squares(i).data;
      // The palette is made of 5, 6 and 5 bits a channel.
      const most = Math.max(...rgb.map((level, k) => Math.abs(level - wanted[k]!)));
      expect(most).toBeLessThanOrEqual(8);
    }
  });

  test("repeats as often as asked, or not", () => {
    const frames = [{ picture: squares(0) }];
    expect(readGif(animate(frames, { repeat: 1 })).repeat).toBeUndefined();
    expect(readGif(animate(frames, { repeat: 3 })).repeat).toBe(2);
    expect(readGif(animate(frames)).frames[0]!.delay).toBe(10);
  });

  test("stays close to pictures of many colours", () => {
    for (const picture of [stripes(64), noise(40, 30, 5)]) {
      const [frame] = readGif(animate([{ picture }])).frames;
      const errors = frame!.rgb.map((level, i) => Math.abs(level - picture.data[i]!));
      const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
      expect(mean).toBeLessThan(20);
    }
  });

  test("says what it cannot", () => {
    expect(() => animate([])).toThrow("one frame or more, got none");
    expect(() => animate([{ picture: squares(0) }, { picture: stripes(9) }])).toThrow(
      "frame 1: expected 48 x 36 pixels",
    );
    expect(() => animate([{ picture: squares(0), delay: 5 }])).toThrow("a delay of 20");
    expect(() => animate([{ picture: squares(0) }], { repeat: 0 })).toThrow("repeat");
  });
});
