/** @file Every architecture by name as an ONNX file: onnxruntime-node, where there is one, gives the scores that we give. */
import { describe, expect, test } from "vitest";
import { mapTree, random } from "../../src/index.ts";
import { exportOnnx } from "../../src/models/index.ts";
import { architectures } from "../../src/models/architectures/index.ts";
import type * as nn from "../../src/nn/index.ts";
import { distance } from "../support/layers.ts";
import { ort, runInOrt } from "./onnxruntime.ts";

/**
 * The network with kernels that keep the size of what passes through them (He et al. 2015, eq. 10), and with uneven
 * normalisations: as it is made, the signal is gone after some dozens of layers, and any file would do.
 */
function lively<M extends nn.Layer>(model: M, gain: number): M {
  let index = 0;
  return mapTree("lively", model, (leaf) => {
    const { shape } = leaf;
    const key = random.key(index++);
    if (shape.length !== 4) return leaf.add(random.uniform(key, shape, { min: -0.1, max: 0.1 }));
    const [rows, columns, channels, filters] = shape as [number, number, number, number];
    const read = rows * columns * (filters === 1 ? 1 : channels);
    return random.normal(key, shape).mul(Math.sqrt(gain / read));
  }) as M;
}

describe.skipIf(ort === undefined)("architectures in onnxruntime-node", () => {
  for (const { name, build, leastSize } of architectures)
    test(name, { timeout: 60_000 }, async () => {
      const size = Math.max(leastSize, 40);
      const sample = [size, size, 3];
      const x = random.normal(random.key(1), [4, ...sample]);
      const made = build({ inputShape: sample, classes: 10, classifierActivation: null });
      // Gates and silu halve what rectifiers let pass.
      const model = lively(made, name === "efficientnetB0" ? 4 : 2);
      const expected = model.forward(x);
      // Scores that tell images apart.
      const spread = expected.sub(expected.mean(0, true)).abs().max().item();
      expect(spread / expected.abs().max().item()).toBeGreaterThan(0.02);
      const file = Buffer.concat([...exportOnnx(model)]);
      const [found] = await runInOrt(file, [x.transpose([0, 3, 1, 2])]);
      expect(distance(found!, expected)).toBeLessThan(1e-5);
    });
});
