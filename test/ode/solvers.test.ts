// Laws over the registry of solvers: order conditions, empirical order on nonlinear non-autonomous problems (at the end, and
// inside steps), first same as last, and what is noticed in a wrong tableau.
import { describe, expect, test } from "vitest";
import { solve } from "../../src/ode/index.ts";
import {
  OrderConditions,
  derivativeWeights,
  hermiteInterpolant,
  interpolantDefect,
  interpolationWeights,
  rootedTrees,
  tableauDefect,
} from "../../src/ode/tableau.ts";
import { dopri5, rk4 } from "../../src/ode/methods/tableaus.ts";
import { concat, tensor } from "../../src/ops/index.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { rungeKuttaMethods } from "../support/ode-methods.ts";

const all = [...rungeKuttaMethods.values()];

describe("rooted trees", () => {
  test("are as many as Cayley counted", () => {
    const counts = [1, 2, 3, 4, 5, 6, 7].map((order) => rootedTrees(order).length);
    expect(counts).toEqual([1, 2, 4, 8, 17, 37, 85]);
  });

  test("densities of the trees of order 4", () => {
    const densities = rootedTrees(4)
      .filter((tree) => tree.order === 4)
      .map((tree) => tree.density);
    expect(densities.sort((a, b) => a - b)).toEqual([4, 8, 12, 24]);
  });
});

describe("tableaus", () => {
  test.each(all.map((solver) => [solver.name, solver] as const))(
    "%s has its order and no more",
    (_, { tableau }) => {
      expect(tableauDefect(tableau)).toBeUndefined();
      expect(
        new OrderConditions(tableau.a, tableau.order).defect(tableau.b, tableau.order).defect,
      ).toBeLessThan(1e-12);
      expect(
        new OrderConditions(tableau.a, tableau.order + 1).defect(tableau.b, tableau.order + 1)
          .defect,
      ).toBeGreaterThan(1e-6);
      if (tableau.embedded === undefined) return;
      expect(
        new OrderConditions(tableau.a, tableau.embedded.order).defect(
          tableau.embedded.b,
          tableau.embedded.order,
        ).defect,
      ).toBeLessThan(1e-12);
      expect(
        new OrderConditions(tableau.a, tableau.embedded.order + 1).defect(
          tableau.embedded.b,
          tableau.embedded.order + 1,
        ).defect,
      ).toBeGreaterThan(1e-6);
    },
  );

  test("only tableaus that end in their own solution reuse the last stage", () => {
    expect(
      all.filter((solver) => solver.tableau.firstSameAsLast).map((solver) => solver.name),
    ).toEqual(["bosh3", "dopri5", "tsit5"]);
  });

  test("wrong ones are noticed: nodes, weights, embedded weights, shape", () => {
    const { tableau } = rk4;
    const defect = (change: object): string => tableauDefect({ ...tableau, ...change })!;
    // A node shifted from the second stage on, as one library ships it: autonomous problems cannot see it.
    expect(defect({ c: [0, 0, 0.5, 1] })).toMatch(/row 2 of a sums to 0.5/);
    expect(defect({ b: [1 / 6, 1 / 3, 1 / 3, 1 / 6 + 1e-9] })).toMatch(
      /order 4 condition by 1\.0+\d*e-9 at tree \[/,
    );
    expect(defect({ order: 5 })).toMatch(/order 5 condition/);
    expect(defect({ b: [1] })).toMatch(/1 weights.*4 rows/);
    expect(defect({ a: [[], [1 / 2], [0, 1 / 2, 0], [0, 0, 1]] })).toMatch(/row 3/);
    const { tableau: pair } = dopri5;
    expect(tableauDefect({ ...pair, embedded: { order: 5, b: pair.embedded!.b } })).toMatch(
      /embedded/,
    );
  });
});

describe("interpolants", () => {
  test.each(all.map((solver) => [solver.name, solver] as const))(
    "%s joins the steps, with the slopes of f for Hermite cubics",
    (_, { tableau, interpolant }) => {
      const weights = new Float64Array(interpolant.coefficients.length);
      interpolationWeights(interpolant, 0, weights);
      expect([...weights]).toEqual(new Array(interpolant.coefficients.length).fill(0));
      derivativeWeights(interpolant, 0, weights);
      expect(weights[0]).toBeCloseTo(1, 12);
      derivativeWeights(interpolant, 1, weights);
      const last = weights.at(-1)!;
      expect(last).toBeCloseTo(1, 10);
      expect(tableau.stages).toBeLessThanOrEqual(interpolant.coefficients.length);
    },
  );

  test("claims are checked", () => {
    for (const { tableau, interpolant } of all)
      expect(interpolantDefect(tableau, interpolant)).toBeUndefined();
    const { coefficients } = dopri5.interpolant;
    expect(interpolantDefect(dopri5.tableau, { order: 5, coefficients })).toMatch(
      /order 5 condition/,
    );
    const line = rk4.tableau.b.map((b) => [b, 0.001]);
    expect(interpolantDefect(rk4.tableau, { order: 1, coefficients: line })).toBeDefined();
    expect(hermiteInterpolant(dopri5.tableau).order).toBe(3);
  });
});

describe("empirical order", () => {
  const f64 = (values: number[] | number[][]): Tensor => tensor(values, { dtype: "float64" });
  // Nonlinear and non-autonomous, each for several starts at once: one trajectory's leading error may happen to vanish.
  const fields: Record<string, (t: Tensor, y: Tensor) => Tensor> = {
    driven: (t, y) => y.mul(t.mul(1.5).cos()).add(y.sin().mul(t)),
    oscillator: (t, y) => {
      const [a, b] = [y.slice([0], [1]), y.slice([1], [2])];
      return concat([b, t.mul(2).sin().mul(2).sub(a.pow(3)).sub(b.mul(0.3))]);
    },
  };
  const starts: Record<string, Tensor> = {
    driven: f64([0.3, 0.7, 1, 1.4, -0.5, -1.1]),
    oscillator: f64([
      [0.5, -0.2, 1, 0.8],
      [1.2, 0.4, -0.7, 0.1],
    ]),
  };
  const end = 2;
  // Ends of steps for every number of steps below, and times inside steps.
  const ends = Array.from({ length: 8 }, (_, index) => (end * (index + 1)) / 8);
  const inside = Array.from({ length: 211 }, (_, index) => (end * (index + 0.37)) / 212);

  const ts = [...inside, ...ends].sort((a, b) => a - b);

  const references = new Map(
    Object.keys(fields).map((name) => [
      name,
      solve(fields[name]!, starts[name]!, {
        t0: 0,
        t1: end,
        method: "tsit5",
        firstStep: 1 / 2048,
        maxStep: 1 / 2048,
        rtol: 1e6,
        atol: 1e6,
        saveAt: { ts },
      }).ys.toArray() as number[][],
    ]),
  );

  /** Root mean square errors at ends of steps, and inside steps, with n equal steps. */
  const errors = (method: string, name: string, n: number): { end: number; inner: number } => {
    const solver = rungeKuttaMethods.get(method)!;
    // Adaptive methods take equal steps when every error passes and none may grow.
    const h = end / n;
    const fixed =
      solver.tableau.embedded === undefined
        ? { steps: n }
        : { firstStep: h, maxStep: h, rtol: 1e6, atol: 1e6 };
    const { ys, stats } = solve(fields[name]!, starts[name]!, {
      t0: 0,
      t1: end,
      method,
      ...fixed,
      saveAt: { ts },
    });
    expect(stats.accepted).toBe(n);
    const reference = references.get(name)!;
    const rows = ys.toArray() as number[][];
    const error = (times: number[]): number => {
      const squares = times.flatMap((t) =>
        rows[ts.indexOf(t)]!.flat().map(
          (value, i) => (value - reference[ts.indexOf(t)]!.flat()[i]!) ** 2,
        ),
      );
      return Math.sqrt(squares.reduce((sum, value) => sum + value, 0) / squares.length);
    };
    return { end: error(ends), inner: error(inside) };
  };

  /** Slope of log error against log h over several sizes, by least squares. */
  const slope = (sizes: number[], values: number[]): number => {
    const xs = sizes.map((n) => Math.log(1 / n));
    const zs = values.map(Math.log);
    const [mx, mz] = [xs, zs].map(
      (list) => list.reduce((sum, value) => sum + value, 0) / list.length,
    ) as [number, number];
    return (
      xs.reduce((sum, x, i) => sum + (x - mx) * (zs[i]! - mz), 0) /
      xs.reduce((sum, x) => sum + (x - mx) ** 2, 0)
    );
  };

  test.each(
    all.flatMap((solver) => Object.keys(fields).map((name) => [solver.name, name] as const)),
  )("%s on %s", (method, name) => {
    const { tableau, interpolant } = rungeKuttaMethods.get(method)!;
    const sizes =
      tableau.order <= 2
        ? [256, 384, 576, 864]
        : tableau.order === 3
          ? [96, 144, 216, 324]
          : [120, 168, 216, 288];
    const results = sizes.map((n) => errors(method, name, n));
    const [atEnd, within] = [
      slope(
        sizes,
        results.map((r) => r.end),
      ),
      slope(
        sizes,
        results.map((r) => r.inner),
      ),
    ];
    expect(Math.abs(atEnd - tableau.order)).toBeLessThan(0.2);
    // Inside a step the local error of the interpolant adds to the global error of the method.
    expect(Math.abs(within - Math.min(tableau.order, interpolant.order + 1))).toBeLessThan(0.2);
  });
});
