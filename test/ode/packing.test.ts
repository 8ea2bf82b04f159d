// States of several leaves and dtypes: packed into one array a dtype, they solve as each leaf would alone.
import { describe, expect, test } from "vitest";
import { type Tensor, ones, tensor } from "../../src/index.ts";
import { odeint, solve } from "../../src/ode/index.ts";
import { leafOf, packingOf } from "../../src/ode/packing.ts";

type State = { a: Tensor; b: Tensor; c: Tensor; d: Tensor };

const y0: State = {
  a: tensor([1, -2, 0.5]),
  b: tensor(
    [
      [2, 0.25, -1],
      [4, 1, -3],
    ],
    { dtype: "float64" },
  ),
  c: tensor([3, 1, -1, 2, 7]),
  d: tensor(-1.5, { dtype: "float64" }),
};
const rates = { a: -1, b: 0.5, c: 0.25, d: -2 };
const field = (_: Tensor, y: State): State => ({
  a: y.a.mul(rates.a),
  b: y.b.mul(rates.b),
  c: y.c.mul(rates.c),
  d: y.d.mul(rates.d),
});
const names = ["a", "b", "c", "d"] as const;
const times = [0, 0.3, 0.5, 1];

function expectExponentials(found: State, digits: number): void {
  for (const name of names) {
    const start = y0[name].data();
    const rows = found[name].data();
    times.forEach((t, row) =>
      start.forEach((value, index) =>
        expect(rows[row * start.length + index]).toBeCloseTo(
          value * Math.exp(rates[name] * t),
          digits,
        ),
      ),
    );
  }
}

describe("packs", () => {
  test("one a dtype, leaves side by side at whole vectors", () => {
    const { packs, leaves } = packingOf(names.map((name) => y0[name]));
    expect(packs).toEqual([
      { shape: [9], dtype: "float32" },
      { shape: [9], dtype: "float64" },
    ]);
    expect(leaves).toEqual([
      { pack: 0, offset: 0, size: 3 },
      { pack: 1, offset: 0, size: 6 },
      { pack: 0, offset: 4, size: 5 },
      { pack: 1, offset: 8, size: 1 },
    ]);
    const all = [tensor([0, 1, 2, 3, 4, 5, 6, 7, 8]), ones([9], { dtype: "float64" })];
    expect(leafOf(all, leaves[2]!).toArray()).toEqual([4, 5, 6, 7, 8]);
  });

  test("adaptive steps, outputs inside them", () => {
    expectExponentials(odeint(field, y0, times, { rtol: 1e-7, atol: 1e-7 }), 5);
  });

  test("steps of a fixed size", () => {
    expectExponentials(odeint(field, y0, times, { method: "rk4", stepSize: 0.05 }), 5);
  });

  test("a tolerance a leaf, as a number for one and a tensor for another", () => {
    const tolerance: State = {
      a: tensor(1e-6),
      b: tensor([1e-7, 1e-8, 1e-7], { dtype: "float64" }),
      c: tensor(1e-6),
      d: tensor(1e-7, { dtype: "float64" }),
    };
    expectExponentials(odeint(field, y0, times, { rtol: 1e-7, atol: tolerance }), 5);
  });

  test("a leaf that is not finite is noticed, whichever it is", () => {
    for (const bad of names) {
      const broken = (t: Tensor, y: State): State => ({
        ...field(t, y),
        [bad]: y[bad].mul(Infinity),
      });
      for (const options of [{}, { method: "rk4", stepSize: 0.1 } as const])
        expect(solve(broken, y0, { t0: 0, t1: 1, ...options }).status).toBe("nonFinite");
    }
  });
});
