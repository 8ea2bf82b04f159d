// Losses: PyTorch's values and gradients, extremes, wrong labels.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  DTypeError,
  ShapeError,
  type Tensor,
  checkGrad,
  jit,
  tensor,
  valueAndGrad,
} from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";

interface Case {
  readonly prediction: number[][];
  readonly target: number[] | number[][];
  readonly value: number;
  readonly gradient: number[][];
}
const { cases } = JSON.parse(
  readFileSync(new URL("../golden/losses.json", import.meta.url), "utf8"),
) as { cases: Record<string, Case> };

type Loss = (prediction: Tensor, target: Tensor) => Tensor;
const special: Record<string, Loss> = {
  "crossEntropy labels": nn.crossEntropy,
  "crossEntropy smoothed labels": (p, t) => nn.crossEntropy(p, t, { labelSmoothing: 0.1 }),
  "crossEntropy shares": nn.crossEntropy,
  "crossEntropy smoothed shares": (p, t) => nn.crossEntropy(p, t, { labelSmoothing: 0.1 }),
  "crossEntropy of probabilities": (p, t) => nn.crossEntropy(p, t, { fromLogits: false }),
  "binaryCrossEntropy smoothed": (p, t) => nn.binaryCrossEntropy(p, t, { labelSmoothing: 0.2 }),
  "binaryCrossEntropy of probabilities": (p, t) =>
    nn.binaryCrossEntropy(p, t, { fromLogits: false }),
};
const f64 = { dtype: "float64" } as const;
const f32 = (x: number[]): Tensor => tensor(x);

describe("losses", () => {
  const reached = new Set<string>(["huber", "meanAbsoluteError", "meanSquaredError"]);
  for (const [name, golden] of Object.entries(cases)) {
    const loss = special[name] ?? nn.losses[name as nn.LossName];
    reached.add(name.split(" ")[0]!);
    test(`${name}: PyTorch's value and gradient`, () => {
      expect(loss).toBeDefined();
      const prediction = tensor(golden.prediction, f64);
      const target = Array.isArray(golden.target[0])
        ? tensor(golden.target, f64)
        : tensor(golden.target, { dtype: "int32" });
      const [value, gradient] = valueAndGrad((p: Tensor) => loss!(p, target))(prediction);
      expect(value.shape).toEqual([]);
      expect(Math.abs(value.item() - golden.value)).toBeLessThan(1e-12 * Math.abs(golden.value));
      golden.gradient
        .flat()
        .forEach((g, i) =>
          expect(Math.abs(gradient.data()[i]! - g)).toBeLessThan(1e-12 + 1e-9 * Math.abs(g)),
        );
    });
  }
  test("every one is tested", () => {
    expect([...reached].sort()).toEqual(Object.keys(nn.losses).sort());
  });

  test("cross entropies of extreme logits are exact", () => {
    const far = tensor([[200, 0, -200]]);
    const label = (k: number): Tensor => tensor([k], { dtype: "int32" });
    expect(nn.crossEntropy(far, label(0)).item()).toBe(0);
    expect(nn.crossEntropy(far, label(2)).item()).toBe(400);
    expect(nn.crossEntropy(far, tensor([[1, 0, 0]])).item()).toBe(0);
    // float32 knows e^-20 well, but not 1 + e^-20.
    for (const [x, t] of [
      [20, 1],
      [-20, 0],
    ] as const)
      expect(
        nn.binaryCrossEntropy(f32([x]), f32([t])).item() / Math.log1p(Math.exp(-20)),
      ).toBeCloseTo(1, 6);
    expect(nn.binaryCrossEntropy(f32([300]), f32([0])).item()).toBe(300);
    const hopeless = nn.crossEntropy(tensor([[0, 1]]), label(0), { fromLogits: false }).item();
    expect(hopeless / -Math.log(1e-7)).toBeCloseTo(1, 5);
    expect(nn.crossEntropy(tensor([[0, -Infinity]]), label(0)).item()).toBe(0);
  });

  test("derivatives hold at special points", () => {
    const zero = tensor([0, 0, 0], f64);
    const t = tensor([0, 0.3, 1], f64);
    checkGrad((p: Tensor) => nn.binaryCrossEntropy(p, t), [zero]);
    checkGrad((p: Tensor) => nn.logCosh(p, tensor([0.2, -1, 3], f64)), [zero]);
    const [, slope] = valueAndGrad((p: Tensor) => nn.logCosh(p, zero))(
      tensor([1e4, 0, -1e-9], f64),
    );
    [1 / 3, 0, -1e-9 / 3].forEach((d, i) =>
      expect(slope.data()[i]! - d).toBeLessThan(1e-15 * Math.abs(d) + 1e-300),
    );
    expect(nn.logCosh(tensor([1e-6], f64), tensor([0], f64)).item() / 5e-13).toBeCloseTo(1, 9);
    const similar = valueAndGrad((p: Tensor) => nn.cosineSimilarity(p, tensor([[1, 2]], f64)));
    const [none, at0] = similar(tensor([[0, 0]], f64));
    expect(none.item() + 0).toBe(0);
    expect(at0.data().every(Number.isFinite)).toBe(true);
    expect(similar(tensor([[3e200, 6e200]], f64))[0].item()).toBeCloseTo(-1, 12);
  });

  test("numbers, bools and labels as targets", () => {
    const p = f32([0.2, -3]);
    expect(nn.binaryCrossEntropy(p, tensor([true, false])).item()).toBe(
      nn.binaryCrossEntropy(p, f32([1, 0])).item(),
    );
    expect(nn.meanSquaredError(p, tensor([1, 2], { dtype: "int32" })).item()).toBeCloseTo(12.82, 5);
    const images = tensor([[[[1, 2]], [[0, 1]]]]); // [1, 2, 1, 2]
    expect(nn.crossEntropy(images, tensor([[[0], [1]]], { dtype: "int32" })).shape).toEqual([]);
    expect(nn.hinge(f32([0.5]), f32([-1])).item()).toBe(1.5);
    expect(nn.hinge(f32([0.5]), f32([0])).item()).toBe(1.5);
  });

  test("labels out of range", () => {
    const scores = tensor([
      [1, 2],
      [3, 4],
    ]);
    const labels = (a: number, b: number): Tensor => tensor([a, b], { dtype: "int32" });
    expect(() => nn.crossEntropy(scores, labels(0, 2))).toThrow(
      /labels in \[0, 2\).* 2 at index 1/,
    );
    expect(() => nn.crossEntropy(scores, labels(-1, 0))).toThrow(/-1 at index 0/);
    // Traced labels have no values to look at.
    const loss = jit((p: Tensor, t: Tensor) => nn.crossEntropy(p, t));
    expect(loss(scores, labels(0, 2)).item()).toBeNaN();
    expect(loss(scores, labels(0, -1)).item()).toBeNaN();
    expect(loss(scores, labels(1, 1)).item()).toBeGreaterThan(0);
  });

  test("wrong use", () => {
    const scores = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(() => nn.crossEntropy(scores, tensor([0, 1]))).toThrow(DTypeError);
    expect(() => nn.crossEntropy(scores, tensor([0], { dtype: "int32" }))).toThrow(ShapeError);
    expect(() => nn.crossEntropy(scores, tensor([[1, 2, 3]]))).toThrow(ShapeError);
    expect(() => nn.crossEntropy(tensor(1), tensor(1))).toThrow(ShapeError);
    expect(() => nn.crossEntropy(scores, scores, { labelSmoothing: 1 })).toThrow(ArgumentError);
    expect(() => nn.crossEntropy(scores, scores, { smoothing: 1 } as never)).toThrow(/fromLogits/);
    expect(() => nn.binaryCrossEntropy(scores, tensor([1, 0]))).toThrow(ShapeError);
    expect(() => nn.kullbackLeibler(tensor([1], { dtype: "int32" }), tensor([1]))).toThrow(
      DTypeError,
    );
  });
});
