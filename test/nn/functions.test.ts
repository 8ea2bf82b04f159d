// Activations and losses against PyTorch's numbers in float64, with their gradients; initialisers' moments.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ArgumentError, ShapeError, type Tensor, grad, random, tensor } from "../../src/index.ts";
import {
  type Initializer,
  activationOf,
  activations,
  huber,
  initializers,
  losses,
} from "../../src/nn/index.ts";

interface Curve {
  readonly value: readonly number[];
  readonly gradient: readonly number[];
}
interface Golden {
  readonly x: readonly number[];
  readonly activations: Readonly<Record<string, Curve>>;
  readonly prediction: readonly number[];
  readonly target: readonly number[];
  readonly losses: Readonly<Record<string, number>>;
}
const golden = JSON.parse(
  readFileSync(new URL("../golden/nn.json", import.meta.url), "utf8"),
) as Golden;
const f64 = (data: readonly number[]): Tensor => tensor([...data], { dtype: "float64" });

function close(actual: Tensor, expected: readonly number[], tolerance: number): void {
  actual.data().forEach((value, i) => {
    const wanted = expected[i]!;
    expect(Math.abs(value - wanted), `element ${i}: ${value} for ${wanted}`).toBeLessThanOrEqual(
      tolerance * Math.max(1e-3, Math.abs(wanted)),
    );
  });
}

describe("activations", () => {
  test("every one has golden values", () => {
    expect(Object.keys(activations.activations).sort()).toEqual(
      Object.keys(golden.activations).sort(),
    );
  });
  const weights = f64(golden.x.map((_, i) => Math.cos(i)));
  for (const [name, { value, gradient }] of Object.entries(golden.activations))
    test(name, () => {
      const f = activationOf("test", name as never);
      close(f(f64(golden.x)), value, 1e-12);
      close(grad((x: Tensor) => f(x).mul(weights).sum())(f64(golden.x)), gradient, 1e-12);
      close(f(tensor([...golden.x])), value, 2e-5);
    });
  test("forms of relu", () => {
    const x = f64([-2, 0, 0.5, 1, 1.5, 3, 7, -Infinity, Infinity, NaN]);
    expect([...activations.relu(x, { maxValue: 6 }).data()]).toEqual([
      0,
      0,
      0.5,
      1,
      1.5,
      3,
      6,
      0,
      6,
      NaN,
    ]);
    expect([...activations.relu(x, { negativeSlope: 0.5 }).data()]).toEqual([
      -1,
      0,
      0.5,
      1,
      1.5,
      3,
      7,
      -Infinity,
      Infinity,
      NaN,
    ]);
    expect([...activations.relu(x, { threshold: 1 }).data()]).toEqual([
      0,
      0,
      0,
      0,
      1.5,
      3,
      7,
      0,
      Infinity,
      NaN,
    ]);
    expect([
      ...activations.relu(x, { threshold: 1, negativeSlope: 0.5, maxValue: 5 }).data(),
    ]).toEqual([-1.5, -0.5, -0.25, 0, 1.5, 3, 5, -Infinity, 5, NaN]);
  });
  test("gradients stay finite far out", () => {
    for (const f of Object.values(activations.activations)) {
      const slopes = grad((x: Tensor) =>
        f(x)
          .mul(tensor([1, 2]))
          .sum(),
      )(tensor([-1e4, 1e4]));
      expect(slopes.data().every(Number.isFinite)).toBe(true);
    }
  });
  test("an unknown name", () => {
    expect(() => activationOf("dense", "toString" as never)).toThrow(ArgumentError);
  });
});

describe("losses", () => {
  const [prediction, target] = [f64(golden.prediction), f64(golden.target)];
  for (const [name, loss] of Object.entries(losses).filter(([name]) => name in golden.losses))
    test(name, () => {
      expect(loss(prediction, target).shape).toEqual([]);
      expect(loss(prediction, target).item()).toBeCloseTo(golden.losses[name]!, 14);
      expect(() => loss(prediction, target.reshape([6, 1]))).toThrow(ShapeError);
    });
  test("wrong use is named", () => {
    expect(() => losses.huber(prediction, undefined as never)).toThrow(/huber: target.*undefined/);
    expect(() => huber(prediction, target, -1)).toThrow(ArgumentError);
  });
  test("huber with another delta", () => {
    expect(huber(prediction, target, 2.5).item()).toBeCloseTo(golden.losses["huber2.5"]!, 14);
  });
});

describe("initialisers", () => {
  const shape = [120, 80];
  const deviation: Readonly<Record<string, number>> = {
    zeros: 0,
    ones: 0,
    randomNormal: 0.05,
    randomUniform: 0.1 / Math.sqrt(12),
    // A normal cut at two deviations has 0.8796 of its deviation left.
    truncatedNormal: 0.05 * 0.8796256610342398,
    glorotUniform: Math.sqrt(2 / 200),
    glorotNormal: Math.sqrt(2 / 200),
    heUniform: Math.sqrt(2 / 120),
    heNormal: Math.sqrt(2 / 120),
    lecunNormal: Math.sqrt(1 / 120),
  };
  const farthest: Readonly<Record<string, number>> = {
    randomUniform: 0.05,
    truncatedNormal: 0.1,
    glorotUniform: Math.sqrt(6 / 200),
    glorotNormal: (2 * Math.sqrt(2 / 200)) / 0.8796256610342398,
    heUniform: Math.sqrt(6 / 120),
    heNormal: (2 * Math.sqrt(2 / 120)) / 0.8796256610342398,
    lecunNormal: (2 * Math.sqrt(1 / 120)) / 0.8796256610342398,
  };
  test("every one is tested", () => {
    expect(Object.keys(initializers.initializers).sort()).toEqual(Object.keys(deviation).sort());
  });
  for (const [name, initializer] of Object.entries(initializers.initializers) as [
    string,
    Initializer,
  ][])
    test(`${name}: mean, deviation, range, determinism`, () => {
      const x = initializer(random.key(3), shape, "float32");
      const data = [...x.data()];
      expect(x.shape).toEqual(shape);
      const mean = data.reduce((sum, v) => sum + v, 0) / data.length;
      const std = Math.sqrt(data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / data.length);
      // 9600 samples: the mean is known to a hundredth of the deviation, and the deviation to 0.7% of itself; four times that.
      expect(Math.abs(mean - (name === "ones" ? 1 : 0))).toBeLessThanOrEqual(
        0.041 * deviation[name]!,
      );
      expect(Math.abs(std - deviation[name]!)).toBeLessThanOrEqual(0.029 * deviation[name]!);
      const bound = farthest[name];
      if (bound !== undefined) {
        const largest = Math.max(...data.map(Math.abs));
        expect(largest).toBeLessThanOrEqual(bound * (1 + 1e-6));
        expect(largest).toBeGreaterThan(0.9 * bound);
      }
      expect([...initializer(random.key(3), shape, "float32").data()]).toEqual(data);
      if (deviation[name]! > 0)
        expect([...initializer(random.key(4), shape, "float32").data()]).not.toEqual(data);
      expect(initializer(random.key(3), [3], "float64").dtype).toBe("float64");
    });
  test("varianceScaling: what is counted, and how it is spread", () => {
    const deviationOf = (options: initializers.VarianceScalingOptions): number => {
      const x = initializers.varianceScaling(options)(random.key(5), [150, 60], "float64");
      return Math.sqrt(x.mul(x).mean().item());
    };
    expect(deviationOf({}) * Math.sqrt(150)).toBeCloseTo(1, 1);
    expect(deviationOf({ mode: "fanOut", scale: 2 }) * Math.sqrt(30)).toBeCloseTo(1, 1);
    const uniform = { mode: "fanAverage", distribution: "uniform" } as const;
    expect(deviationOf(uniform) * Math.sqrt(105)).toBeCloseTo(1, 1);
    for (const wrong of [{ scale: 0 }, { scale: NaN }, { mode: "fan" }, { distribution: "normal" }])
      expect(() => initializers.varianceScaling(wrong as object)).toThrow(ArgumentError);
    expect(() => initializers.varianceScaling({ mod: 1 } as object)).toThrow(/Did you mean mode/);
  });
  test("kernels of convolutions count their window in both fans", () => {
    expect(initializers.fans([3, 3, 16, 32])).toEqual({ fanIn: 144, fanOut: 288 });
    expect(initializers.fans([7])).toEqual({ fanIn: 7, fanOut: 7 });
  });
});
