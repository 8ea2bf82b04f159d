/**
 * @file Random programs as ONNX files: every primitive and every pattern in company of every other. On small integers nothing is
 * rounded, so onnxruntime has to give the same bits.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Tensor, concat } from "../../src/index.ts";
import { exportOnnx } from "../../src/models/index.ts";
import {
  type ImageSetting,
  imageInputs,
  randomImageProgram,
  sample,
} from "../support/random-image-program.ts";
import { ort, runInOrt } from "./onnxruntime.ts";

const setting: ImageSetting = {
  dtype: "float32",
  exact: true,
  smooth: false,
  largest: 4000,
  extent: 8,
};

describe.skipIf(ort === undefined)("random programs in onnxruntime-node", () => {
  test("give the same bits", { timeout: 120_000 }, async () => {
    const runs = 150;
    let compared = 0;
    const drawn = fc.array(fc.nat(1e6), { minLength: 40, maxLength: 90 });
    const property = fc.asyncProperty(drawn, async (numbers) => {
      const inputs = imageInputs(numbers, setting);
      const program = randomImageProgram(numbers, 7, setting);
      // All inputs in one row, so that they need not have one batch.
      const run = (row: Tensor): Tensor[] => {
        let at = 0;
        const parts = inputs.map(({ size, shape }) =>
          row.slice([0, at], [1, (at += size)]).reshape(shape),
        );
        const results = program(parts, (shape, index) => sample(setting, shape, 100 + index));
        return results.filter(({ size }) => size > 0);
      };
      const row = concat(
        inputs.map((input) => input.reshape([1, input.size])),
        1,
      );
      const expected = row.size === 0 ? [] : run(row);
      if (expected.length === 0) return;
      compared++;
      const options = { inputs: [{ shape: [row.size] }], batch: 1, layout: "nhwc" } as const;
      const found = await runInOrt(Buffer.concat([...exportOnnx(run, options)]), [row]);
      for (const [i, tensor] of expected.entries()) {
        expect(found[i]!.shape).toEqual(tensor.shape);
        // -0 may come back as 0.
        expect([...found[i]!.data()].map((x) => x + 0)).toEqual(
          [...tensor.data()].map((x) => x + 0),
        );
      }
    });
    await fc.assert(property, { numRuns: runs });
    expect(compared).toBeGreaterThan(0.9 * runs);
  });
});
