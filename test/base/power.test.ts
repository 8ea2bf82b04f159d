// Powers for step-size control: accuracy, limits, and the same bits as ever.
import { describe, expect, test } from "vitest";
import { power } from "../../src/base/power.ts";

/** Relative difference, where both may be infinite or zero. */
function relative(a: number, b: number): number {
  return a === b ? 0 : Math.abs(a - b) / Math.abs(b);
}

describe("power", () => {
  test("relative error below 1e-13 for |p| <= 2 over 600 decades", () => {
    let worst = 0;
    for (let decade = -300; decade <= 300; decade += 0.37) {
      for (let p = -2; p <= 2; p += 0.0713) {
        // Math.pow is a reference good to about 1e-15 here; results that leave the normal numbers are tested below.
        const x = Math.pow(10, decade);
        const expected = Math.pow(x, p);
        if (expected > 1e-305 && expected < 1e305)
          worst = Math.max(worst, relative(power(x, p), expected));
      }
    }
    expect(worst).toBeLessThan(1e-13);
    expect(worst).toBeGreaterThan(0);
  });

  test("the exponents of controllers, near 1", () => {
    for (const p of [-0.2, 1 / 5, -0.7 / 5, 0.4 / 5, -1 / 3, 0.5]) {
      for (let i = 1; i < 500; i++) {
        const x = i / 100;
        expect(relative(power(x, p), Math.pow(x, p))).toBeLessThan(1e-15);
      }
    }
  });

  test("exact where the answer is", () => {
    expect(power(4, 0.5)).toBe(2);
    expect(power(1, 0.123)).toBe(1);
    expect(power(7, 0)).toBe(1);
    expect(power(2, 10)).toBe(1024);
    expect(power(2, -1074)).toBe(5e-324);
    expect(power(2 ** -500, 2)).toBe(2 ** -1000);
  });

  test("limits", () => {
    expect(power(0, 0.2)).toBe(0);
    expect(power(0, -0.2)).toBe(Infinity);
    expect(power(0, 0)).toBe(1);
    expect(power(Infinity, 0.2)).toBe(Infinity);
    expect(power(Infinity, -0.2)).toBe(0);
    expect(power(1e300, 2)).toBe(Infinity);
    expect(power(1e-300, 2)).toBe(0);
    expect(power(2, 1e300)).toBe(Infinity);
    expect(power(0.5, 1e300)).toBe(0);
    expect(power(2, -Infinity)).toBe(0);
    expect(power(NaN, 0.5)).toBeNaN();
    expect(power(2, NaN)).toBeNaN();
    expect(power(-1, 0.5)).toBeNaN();
  });

  test("subnormal arguments and results", () => {
    expect(relative(power(5e-324, 0.5), Math.sqrt(5e-324))).toBeLessThan(1e-15);
    expect(relative(power(1e-320, -0.3), Math.pow(1e-320, -0.3))).toBeLessThan(1e-14);
    expect(Math.abs(power(1e-160, 2) - 1e-320)).toBeLessThanOrEqual(5e-324);
  });

  test("the same bits everywhere", () => {
    const bits = (value: number): string => {
      const view = new DataView(new ArrayBuffer(8));
      view.setFloat64(0, value);
      return view.getBigUint64(0).toString(16);
    };
    const values = [
      power(0.9, -0.2),
      power(1e-7, 0.14),
      power(3.7, 1 / 3),
      power(123.456, -1.5),
      power(1e-200, 1.3),
    ];
    expect(values.map(bits)).toMatchInlineSnapshot(`
      [
        "3ff0573a259c9d57",
        "3fbace762edbd0fe",
        "3ff8bf33eb6b7486",
        "3f47e35a9bc426f5",
        "9f3ae3591f5b468",
      ]
    `);
  });
});
