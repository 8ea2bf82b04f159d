/** @file A file of half a gigabyte is not held twice. Runs where ADJOINT_TEST_VGG19 is one (test/golden/make-vgg19.py writes it). */
import { describe, expect, test } from "vitest";
import { vgg19 } from "../../src/models/index.ts";

const file = process.env["ADJOINT_TEST_VGG19"];

describe.skipIf(file === undefined)("VGG19 in HDF5", () => {
  test("loads below 5 s and 1.8 GB, others going on meanwhile", async () => {
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }, 5);
    const start = performance.now();
    const model = await vgg19({ weights: file! });
    const time = performance.now() - start;
    clearInterval(timer);
    const peak = process.resourceUsage().maxRSS / 1e6;
    console.log(`${time.toFixed(0)} ms, ${peak.toFixed(2)} GB, ${longest.toFixed(0)} ms in one go`);
    expect(model.parameterCount).toBe(143_667_240);
    expect(time).toBeLessThan(5000);
    expect(peak).toBeLessThan(1.8);
    expect(longest).toBeLessThan(1000);
  });
});
