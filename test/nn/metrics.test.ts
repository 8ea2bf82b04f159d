// Metrics: by hand, against a plain count, over batches.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ShapeError, type Tensor, jit, tensor } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";

const { metrics } = nn;
const labels = (...values: number[]): Tensor => tensor(values, { dtype: "int32" });
const scores = tensor([
  [0.1, 0.7, 0.2],
  [0.5, 0.3, 0.2],
  [0.2, 0.3, 0.5],
  [0.3, 0.4, 0.3],
]);
const oneHot = tensor([
  [0, 1, 0],
  [0, 0, 1],
  [0, 0, 1],
  [1, 0, 0],
]);

describe("metrics", () => {
  test("accuracy, of labels and of one-hot targets", () => {
    expect(metrics.accuracy(scores, labels(1, 2, 2, 0)).item()).toBe(0.5);
    expect(metrics.accuracy(scores, oneHot).item()).toBe(0.5);
    expect(metrics.accuracy(scores, oneHot.cast("bool")).item()).toBe(0.5);
  });

  test("topKAccuracy counts the higher scores", () => {
    const at = (k: number): number => metrics.topKAccuracy(scores, labels(1, 2, 2, 0), k).item();
    expect([at(1), at(2), at(3)]).toEqual([0.5, 0.75, 1]);
    expect(metrics.topKAccuracy(tensor([[NaN, 1]]), labels(0), 1).item()).toBe(0);
    expect(() => metrics.topKAccuracy(scores, labels(1, 2, 2, 0), 0)).toThrow(/topKAccuracy: k/);
  });

  test("binaryAccuracy has a threshold", () => {
    const outputs = tensor([[0.2], [0.6], [0.9]]);
    expect(metrics.binaryAccuracy(outputs, tensor([[0], [1], [0]])).item()).toBeCloseTo(2 / 3, 6);
    expect(metrics.binaryAccuracy(outputs, labels(0, 1, 1), 0.7).item()).toBeCloseTo(2 / 3, 6);
    expect(() => metrics.binaryAccuracy(outputs, labels(0, 1))).toThrow(ShapeError);
  });

  test("wrong use is named", () => {
    expect(() => metrics.accuracy(tensor([[0.5], [0.1]]), labels(0, 0))).toThrow(/binaryAccuracy/);
    expect(() => metrics.accuracy(scores, labels(1, 2))).toThrow(ShapeError);
    expect(() => metrics.accuracy(scores, labels(1, 2, 3, 0))).toThrow(/3 at index 2/);
  });

  const several = fc.array(fc.record({ meant: fc.nat(3), predicted: fc.nat(3) }), {
    minLength: 1,
    maxLength: 30,
  });
  test("confusion, precision, recall and f1 are plain counts", () => {
    fc.assert(
      fc.property(several, (samples) => {
        const output = tensor(
          samples.map(({ predicted }) => [0, 1, 2, 3].map((k) => (k === predicted ? 1 : 0))),
        );
        const target = labels(...samples.map(({ meant }) => meant));
        const matrix = metrics.confusionMatrix(output, target).toArray() as number[][];
        const count = (test: (s: { meant: number; predicted: number }) => boolean): number =>
          samples.filter(test).length;
        for (let i = 0; i < 4; i++)
          for (let j = 0; j < 4; j++)
            expect(matrix[i]![j]).toBe(count((s) => s.meant === i && s.predicted === j));
        const classes = [0, 1, 2, 3].map((k) => {
          const hits = count((s) => s.meant === k && s.predicted === k);
          const called = count((s) => s.predicted === k);
          const meant = count((s) => s.meant === k);
          return {
            called,
            meant,
            p: hits / (called || 1),
            r: hits / (meant || 1),
            f: (2 * hits) / (called + meant || 1),
          };
        });
        const present = classes.filter((c) => c.called + c.meant > 0);
        const mean = (of: (c: (typeof classes)[0]) => number): number =>
          present.reduce((sum, c) => sum + of(c), 0) / present.length;
        expect(metrics.precision(output, target).item()).toBeCloseTo(
          mean((c) => c.p),
          10,
        );
        expect(metrics.recall(output, target).item()).toBeCloseTo(
          mean((c) => c.r),
          10,
        );
        expect(metrics.f1(output, target).item()).toBeCloseTo(
          mean((c) => c.f),
          10,
        );
      }),
      { numRuns: 30 },
    );
  });

  test("two classes: those of class 1", () => {
    const outputs = tensor([0.9, 0.8, 0.2, 0.7, 0.1]);
    const target = labels(1, 0, 1, 1, 0);
    expect(metrics.confusionMatrix(outputs, target).toArray()).toEqual([
      [1, 1],
      [1, 2],
    ]);
    expect(metrics.precision(outputs, target).item()).toBeCloseTo(2 / 3, 12);
    expect(metrics.recall(outputs.expandDims(1), target).item()).toBeCloseTo(2 / 3, 12);
    expect(metrics.f1(outputs, target).item()).toBeCloseTo(2 / 3, 12);
    expect(metrics.precision(tensor([0.1]), labels(0)).item()).toBe(0);
  });

  test("counts add up over batches", () => {
    const { counts, value } = metrics.f1;
    const whole = metrics.f1(scores, labels(1, 2, 2, 0)).item();
    const parts = counts(scores.slice([0], [1]), labels(1)).add(
      counts(scores.slice([1], [4]), labels(2, 2, 0)),
    );
    expect(value(parts.cast("float64")).item()).toBe(whole);
    expect(metrics.rootMeanSquaredError(tensor([1, 2]), tensor([4, -2])).item()).toBe(
      Math.sqrt(12.5),
    );
  });

  test("compile", () => {
    const both = jit((output: Tensor, target: Tensor) => [
      metrics.accuracy(output, target),
      metrics.f1(output, target),
    ]);
    expect(both(scores, labels(1, 2, 2, 0))[0]!.item()).toBe(0.5);
  });
});
