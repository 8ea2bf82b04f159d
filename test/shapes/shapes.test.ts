/**
 * @file The data set `shapes`: its masks are what was drawn, nothing but the outline depends on the class, and its bits are fixed.
 */
import "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { describe, expect, test } from "vitest";
import { gradCam, judge } from "../../src/explain/index.ts";
import {
  shapeNames,
  shapes,
  shapesCnn,
  shapesOdeNet,
  trainedShapesNetwork,
} from "../../src/shapes/index.ts";
import { outlines } from "../../src/shapes/outlines.ts";
import { ArgumentError } from "../../src/base/errors.ts";
import { loadModel } from "../../src/models/index.ts";
import { evaluate } from "../../src/optim/index.ts";
import { crc32 } from "../../src/base/crc32.ts";

/** Means of values by class, and the standard error of a class' mean if class told nothing. */
function byClass(labels: ArrayLike<number>, values: readonly number[]): number[] {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const spread = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  return shapeNames.map((_, label) => {
    const own = values.filter((_, i) => labels[i] === label);
    return (own.reduce((a, b) => a + b, 0) / own.length - mean) / (spread / Math.sqrt(own.length));
  });
}

describe("outlines", () => {
  test.each(Object.entries(outlines))(
    "%s: area 1, within 0.9 of the origin, a distance",
    (_, outline) => {
      const n = 1000;
      let area = 0;
      let reach = 0;
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) {
          // A turned grid: no edge runs along its rows.
          const [u, v] = [(2 * (i + 0.5)) / n - 1, (2 * (j + 0.5)) / n - 1];
          const [x, y] = [0.8 * u - 0.6 * v, 0.6 * u + 0.8 * v];
          if (outline(x, y) >= 0) continue;
          area += 4 / (n * n);
          reach = Math.max(reach, Math.hypot(x, y));
        }
      expect(area).toBeCloseTo(1, 3);
      expect(reach).toBeLessThan(0.9);
      // No distance changes faster than the place does.
      for (let i = 0; i < 500; i++) {
        const [x, y] = [Math.sin(i) * 1.2, Math.sin(1.7 * i) * 1.2];
        const [dx, dy] = [0.01 * Math.sin(3 * i), 0.01 * Math.cos(5 * i)];
        const change = Math.abs(outline(x + dx, y + dy) - outline(x, y));
        expect(change).toBeLessThanOrEqual(Math.hypot(dx, dy) + 1e-12);
      }
    },
  );
});

describe("shapes", () => {
  const count = 640;
  const { x, y, mask } = shapes({ count, seed: 5, size: 32 });
  const [pixels, labels] = [x.data(), y.data()];
  const covered = mask.data() as Uint8Array;
  const area = 32 * 32;

  test("pixels are whole numbers from 0 to 255, every class comes, masks cover a tenth", () => {
    expect(pixels.every((value) => Number.isInteger(value) && value >= 0 && value <= 255)).toBe(
      true,
    );
    const often = shapeNames.map((_, label) => labels.filter((other) => other === label).length);
    for (const times of often)
      expect(Math.abs(times - count / 8)).toBeLessThan(4 * Math.sqrt(count / 8));
    const share = covered.reduce((sum, bit) => sum + bit, 0) / covered.length;
    // The mean of the square of a number uniform in [0.22, 0.38].
    expect(share).toBeCloseTo((0.38 ** 3 - 0.22 ** 3) / (3 * 0.16), 2);
  });

  test("the mask is where the picture changes: its colour is another one than beside it", () => {
    // Means inside and just outside the mask differ by the contrast or so; for a mask moved by 9 pixels they hardly do.
    const difference = (i: number, shift: number): number => {
      const [inside, outside] = [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
      ];
      for (let at = 0; at < area; at++) {
        const from = Math.floor(at / 32) * 32 + ((at + shift) % 32);
        const sums = covered[i * area + from] ? inside : outside;
        for (let c = 0; c < 3; c++) sums[c]! += pixels[(i * area + at) * 3 + c]!;
        sums[3]! += 1;
      }
      return Math.max(
        ...[0, 1, 2].map((c) => Math.abs(inside[c]! / inside[3]! - outside[c]! / outside[3]!)),
      );
    };
    const mean = (shift: number): number =>
      Array.from({ length: count }, (_, i) => difference(i, shift)).reduce((a, b) => a + b) / count;
    expect(mean(0)).toBeGreaterThan(2 * mean(9));
  });

  test("colour, ground, place and size say nothing about the class", () => {
    const features: Record<string, (i: number) => number> = {
      red: (i) => mean(i, 0, 1),
      green: (i) => mean(i, 1, 1),
      blue: (i) => mean(i, 2, 1),
      ground: (i) => mean(i, 0, 0),
      size: (i) => within(i).length,
      row: (i) => within(i).reduce((sum, at) => sum + Math.floor(at / 32), 0) / within(i).length,
      column: (i) => within(i).reduce((sum, at) => sum + (at % 32), 0) / within(i).length,
    };
    const within = (i: number): number[] =>
      Array.from({ length: area }, (_, at) => at).filter((at) => covered[i * area + at]);
    const mean = (i: number, channel: number, bit: number): number => {
      const places = Array.from({ length: area }, (_, at) => at).filter(
        (at) => covered[i * area + at] === bit,
      );
      return (
        places.reduce((sum, at) => sum + pixels[(i * area + at) * 3 + channel]!, 0) / places.length
      );
    };
    for (const [name, feature] of Object.entries(features)) {
      const values = Array.from({ length: count }, (_, i) => feature(i));
      for (const deviation of byClass(labels, values))
        expect(Math.abs(deviation), name).toBeLessThan(4);
    }
  });

  test("a picture depends on seed and place alone, to the bit, on every machine", () => {
    const bits = (data: { x: { data(): ArrayLike<number> } }): string =>
      crc32(Uint8Array.from(data.x.data()));
    const three = shapes({ count: 3, seed: 7 });
    const last = shapes({ count: 1, from: 2, seed: 7 });
    expect([...last.x.data()]).toEqual([...three.x.data()].slice(-last.x.size));
    expect([...last.mask.data()]).toEqual([...three.mask.data()].slice(-last.mask.size));
    expect(bits(shapes({ count: 1, seed: 8 }))).not.toBe(bits(shapes({ count: 1, seed: 7 })));
    expect(bits(three)).toBe("f262b148");
  });

  test.each([
    [{ count: 0 }, /count: expected a whole number of at least 1/],
    [{ count: 1, from: -1 }, /from/],
    [{ count: 1, size: 8 }, /size.*16/],
    [{ count: 1, sed: 1 }, /Did you mean seed/],
  ])("%j is refused", (options, message) => {
    expect(() => shapes(options as never)).toThrow(ArgumentError);
    expect(() => shapes(options as never)).toThrow(message);
  });

  test("the networks take the pictures, and give scores of the classes", () => {
    const { x } = shapes({ count: 2 });
    for (const network of [shapesCnn(), shapesOdeNet()])
      expect(network.forward(x).shape).toEqual([2, shapeNames.length]);
  });
});

describe("trained networks", () => {
  const count = 100;
  const { x, y, mask } = shapes({ count, seed: 2 });

  test.each([
    ["cnn", 0.97],
    ["odenet", 0.93],
  ] as const)("%s knows the shapes of pictures it has not seen", async (name, least) => {
    const network = await trainedShapesNetwork(name);
    const { accuracy } = evaluate(network, { x, y }, { accuracy: nn.metrics.accuracy });
    expect(accuracy).toBeGreaterThanOrEqual(least);
  });

  test("the CNN's file is a network by itself", async () => {
    const [alone, trained] = [
      await loadModel("assets/shapes-cnn.safetensors"),
      await trainedShapesNetwork("cnn"),
    ];
    const few = x.slice([0], [4]);
    expect((alone as nn.Sequential).forward(few).data()).toEqual(trained.forward(few).data());
  });

  test("Grad-CAM finds the shape: a pointing game above 90 %", async () => {
    const network = await trainedShapesNetwork("cnn");
    const classIndex = [...y.data()];
    const maps = gradCam.batch(network, x, { classIndex });
    const subjects = maps.map((map, i) => ({
      image: x.at(i),
      map,
      mask: mask.at(i),
      classIndex: classIndex[i]!,
    }));
    const { pointingGame } = await judge(network, subjects, { metrics: ["pointingGame"] });
    expect(pointingGame!.mean).toBeGreaterThanOrEqual(0.9);
  });

  test("an unknown network is refused", async () => {
    await expect(trainedShapesNetwork("rnn" as never)).rejects.toThrow(/cnn or odenet, got "rnn"/);
  });
});
