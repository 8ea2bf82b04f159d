// Step size controllers: accuracy, limits, and the rules of torchdiffeq and DOPRI5 number by number.
import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { controllers } from "../../src/ode/controllers.ts";
import { iController, piController, solve } from "../../src/ode/index.ts";
import { tensor } from "../../src/ops/index.ts";

const f64 = (values: number[] | number): Tensor => tensor(values, { dtype: "float64" });
const decay = (_: Tensor, y: Tensor): Tensor => y.neg();

describe("laws of controllers", () => {
  test.each(Object.entries(controllers))("%s", (_, make) => {
    const controller = make();
    expect(make().key).toEqual(controller.key);
    const rule = controller.begin(5);
    expect(rule.smallestFactor).toBeLessThan(1);
    const errors = [1e-30, 0, 1e-4, 0.3, 1, 1.001, 40, 1e30, 0.5, 0.9];
    const factors = (): number[] => errors.map((error) => rule.factor(error, error <= 1));
    const first = factors();
    first.forEach((factor, index) => {
      expect(factor).toBeGreaterThanOrEqual(0.2);
      expect(factor).toBeLessThanOrEqual(10);
      if (errors[index]! > 1) expect(factor).toBeLessThan(1);
    });
    rule.reset();
    expect(factors()).toEqual(first);
    // Another integration's rule knows nothing of this one.
    const other = controller.begin(5);
    rule.factor(0.5, true);
    expect(errors.map((error) => other.factor(error, error <= 1))).toEqual(first);
    const solved = solve(decay, f64([1]), { t0: 0, t1: 3, controller, rtol: 1e-8, atol: 1e-10 });
    expect(solved.ys.item()).toBeCloseTo(Math.exp(-3), 8);
    expect(solved.stats.rejected).toBeLessThan(solved.stats.accepted / 4);
  });
});

describe("step control", () => {
  test("both controllers reach the accuracy; limits on steps are kept", () => {
    for (const controller of [
      "i",
      "pi",
      iController({ safety: 0.8 }),
      piController({ beta: 0.04 }),
    ])
      expect(
        solve(decay, f64([1]), { t0: 0, t1: 3, controller, rtol: 1e-8, atol: 1e-10 }).ys.item(),
      ).toBeCloseTo(Math.exp(-3), 8);
    const sizes: number[] = [];
    solve(decay, f64([1]), {
      t0: 0,
      t1: 3,
      firstStep: 1e-3,
      maxStep: 0.05,
      onStep: (step) => sizes.push(step.h),
    });
    expect(sizes[0]).toBe(1e-3);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(0.05 * (1 + 1e-9));
  });

  test("the elementary rule is torchdiffeq's", () => {
    const rule = iController().begin(5);
    expect(rule.factor(0, true)).toBe(10);
    expect(rule.factor(0.5 ** 5 * 0.9 ** 5, true)).toBeCloseTo(2, 12);
    expect(rule.factor(0.99, true)).toBe(1);
    expect(rule.factor(32, false)).toBeCloseTo(0.45, 12);
    expect(rule.factor(1e9, false)).toBe(0.2);
  });

  test("the PI rule is DOPRI5's: no growth right after a rejection, the last accepted error remembered", () => {
    const rule = piController({ beta: 0.04 }).begin(5);
    const [a, b] = [0.2 - 0.04 * 0.75, 0.04];
    expect(rule.factor(0.01, true)).toBeCloseTo(0.9 * 0.01 ** -a * 1e-4 ** b, 12);
    expect(rule.factor(0.1, true)).toBeCloseTo(0.9 * 0.1 ** -a * 0.01 ** b, 12);
    expect(rule.factor(5, false)).toBeCloseTo(0.9 * 5 ** -a, 12);
    expect(rule.factor(0.01, true)).toBe(1);
    rule.reset();
    expect(rule.factor(0.01, true)).toBeCloseTo(0.9 * 0.01 ** -a * 1e-4 ** b, 12);
  });

  test("wrong limits", () => {
    expect(() => iController({ safety: 0 })).toThrow(/safety.*in \(0, 1\]/);
    expect(() => iController({ minFactor: 1 })).toThrow(ArgumentError);
    expect(() => piController({ beta: -1 })).toThrow(/beta/);
    expect(() => piController({ maxFactor: 0.5 })).toThrow(ArgumentError);
    expect(() => iController({ sefety: 1 } as object)).toThrow(
      /safety, minFactor, maxFactor.*"sefety"/,
    );
  });
});
