/** @file The examples run as written, on the built package, and compute what they say. */
import { describe, expect, it, vi } from "vitest";

vi.spyOn(console, "log").mockImplementation(() => undefined);

const closeTo = (values: ArrayLike<number>, expected: number[], digits: number): void => {
  expect(values.length).toBe(expected.length);
  expected.forEach((value, index) => expect(values[index]).toBeCloseTo(value, digits));
};

describe("examples", () => {
  it("tensors", async () => {
    const { results } = await import("../examples/tensors.ts");
    closeTo(results.rowSums, [Math.tanh(6) + Math.tanh(12), Math.tanh(12) + Math.tanh(26)], 5);
    expect(results.compiled).toBeCloseTo(results.value, 6);
    results.dwAgain
      .data()
      .forEach((g, i) => expect(g).toBeCloseTo(results.dw.data()[i]! * results.value, 5));
    expect(results.dx.shape).toEqual([2, 2]);
    closeTo(results.curvature, [6, 12, 18], 4);
    closeTo(results.directional, [6, 0, 0], 4);
    closeTo(results.scaled, [4, 6], 5);
    closeTo(results.clippedGradient, [0.2, -1], 6);
    expect(results.total).toBe(10);
    closeTo(results.running, [1, 3, 6, 10], 6);
    expect(results.program).toContain("kernels");
    expect(results.noise.map((n) => n.shape)).toEqual([
      [3, 2],
      [3, 2],
    ]);
    expect(results.worstError).toBeLessThan(1e-6);
  });

  it("solves", async () => {
    const { results } = await import("../examples/solves.ts");
    closeTo(results.decay, [1, Math.exp(-1), Math.exp(-2)], 8);
    expect(results.status).toBe("success");
    expect(results.stats.evaluations).toBeGreaterThan(results.stats.accepted);
    expect(results.position).toBeCloseTo(Math.cos(3.7), 4);
    expect(results.velocity).toBeCloseTo(-Math.sin(3.7), 4);
    const decayed = Math.exp(-0.75);
    closeTo(results.gradient, [decayed, 3 * decayed, -decayed], 7);
  });

  it("training", async () => {
    const { results } = await import("../examples/training.ts");
    expect(results.last).toBeLessThan(results.first / 3);
    expect(results.model.net).toBeDefined();
  });
});
