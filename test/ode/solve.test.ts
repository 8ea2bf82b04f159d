// `solve` and `odeint` as users meet them: outputs, dense solutions, trees, and solves inside traces.
import { describe, expect, test } from "vitest";
import { jit } from "../../src/compile/jit.ts";
import { ArgumentError, TraceError } from "../../src/base/errors.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { odeint, solve } from "../../src/ode/index.ts";
import { rungeKuttaMethods } from "../support/ode-methods.ts";
import { tensor } from "../../src/ops/index.ts";

const f64 = (values: number[] | number): Tensor => tensor(values, { dtype: "float64" });
const decay = (_: Tensor, y: Tensor): Tensor => y.neg();

describe("outputs", () => {
  test("odeint returns a row a time, the first of them y0", () => {
    const ys = odeint(decay, f64([1, 3]), [0, 1, 2], { rtol: 1e-9, atol: 1e-12 });
    expect(ys.shape).toEqual([3, 2]);
    [1, 3, Math.exp(-1), 3 * Math.exp(-1), Math.exp(-2), 3 * Math.exp(-2)].forEach((value, i) =>
      expect(ys.data()[i]).toBeCloseTo(value, 8),
    );
  });

  test("by default the end, with its time", () => {
    const s = solve(decay, f64([1]), { t0: 0, t1: 2 });
    expect([s.status, s.failure]).toEqual(["success", undefined]);
    expect([...s.ts.data()]).toEqual([2]);
    expect(s.ys.shape).toEqual([1, 1]);
    expect(s.ys.item()).toBeCloseTo(Math.exp(-2), 6);
  });

  test("times may include both ends, or neither; the end is reached in any case", () => {
    const s = solve(decay, f64([1]), { t0: 0, t1: 2, saveAt: { ts: [0, 0.5, 2] } });
    [1, Math.exp(-0.5), Math.exp(-2)].forEach((value, i) =>
      expect(s.ys.data()[i]).toBeCloseTo(value, 6),
    );
    let reached = 0;
    const inner = solve(decay, f64([1]), {
      t0: 0,
      t1: 2,
      saveAt: { ts: [0.1, 0.2] },
      onStep: (step) => (reached = step.t + step.h),
    });
    expect(inner.ys.shape).toEqual([2, 1]);
    expect(reached).toBe(2);
  });

  test("every step, from t0 on", () => {
    const s = solve(decay, f64([1]), { t0: 0, t1: 2, saveAt: { everyStep: true } });
    expect(s.ts.size).toBe(s.stats.accepted + 1);
    expect(s.ts.data()[0]).toBe(0);
    expect(s.ts.data().at(-1)).toBe(2);
    s.ts.data().forEach((t, i) => expect(s.ys.data()[i]).toBeCloseTo(Math.exp(-t), 5));
    expect(() => s.at(1)).toThrow(/dense/);
  });

  test.each([...rungeKuttaMethods.keys()])(
    "dense solutions by %s: values, derivatives, ends, both directions of time",
    (method) => {
      const adaptive = rungeKuttaMethods.get(method)!.tableau.embedded !== undefined;
      const accurate = adaptive ? { rtol: 1e-8, atol: 1e-10 } : { steps: 400 };
      for (const [t0, t1] of [
        [0, 2],
        [2, 0],
      ] as const) {
        const s = solve((t, y: Tensor) => y.mul(t.cos()), f64([Math.exp(Math.sin(t0))]), {
          t0,
          t1,
          method,
          ...accurate,
          saveAt: { dense: true },
        });
        const digits = method === "euler" ? 1 : 4;
        for (const t of [0, 0.31, 1, 1.77, 2]) {
          expect(s.at(t).item()).toBeCloseTo(Math.exp(Math.sin(t)), digits);
          expect(s.derivative(t).item()).toBeCloseTo(
            Math.cos(t) * Math.exp(Math.sin(t)),
            digits === 1 ? 1 : 3,
          );
        }
        expect(() => s.at(2.1)).toThrow(ArgumentError);
        expect(() => s.at(NaN)).toThrow(ArgumentError);
      }
    },
  );

  test("backward in time, exactly back to the start's time", () => {
    const s = solve(decay, f64([Math.exp(-2)]), {
      t0: 2,
      t1: 0,
      saveAt: { ts: [1, 0] },
      rtol: 1e-9,
    });
    expect(s.ys.data()[0]).toBeCloseTo(Math.exp(-1), 7);
    expect(s.ys.data()[1]).toBeCloseTo(1, 7);
  });

  test("fixed steps: sizes, numbers, and outputs inside steps that are better than linear", () => {
    expect(solve(decay, f64([1]), { t0: 0, t1: 1, method: "rk4", stepSize: 0.3 }).stats.steps).toBe(
      4,
    );
    expect(solve(decay, f64([1]), { t0: 0, t1: 1, method: "rk4", stepSize: 0.1 }).stats.steps).toBe(
      10,
    );
    expect(solve(decay, f64([1]), { t0: 0, t1: 1, method: "rk4", steps: 7 }).stats.steps).toBe(7);
    const ys = odeint(decay, f64([1]), [0, 0.15, 0.55, 1], { method: "rk4_38", stepSize: 0.1 });
    expect(ys.data()[1]).toBeCloseTo(Math.exp(-0.15), 6);
    expect(ys.data()[2]).toBeCloseTo(Math.exp(-0.55), 6);
  });

  test("trees, objects with forward, float32 and mixed states", () => {
    const f = {
      forward: (t: Tensor, { a, b }: { a: Tensor; b: Tensor[] }) => ({
        a: a.neg(),
        b: b.map((leaf) => leaf.mul(t.cast(leaf.dtype))),
      }),
    };
    const y0 = { a: f64([1, 2]), b: [tensor([[1]]), f64([0.5])] };
    const ys = odeint(f, y0, [0, 1], { rtol: 1e-6, atol: 1e-8 });
    expect(ys.a.shape).toEqual([2, 2]);
    expect(ys.b[0]!.dtype).toBe("float32");
    expect(ys.b[0]!.shape).toEqual([2, 1, 1]);
    expect(ys.a.data()[2]).toBeCloseTo(Math.exp(-1), 6);
    expect(ys.b[0]!.data()[1]).toBeCloseTo(Math.exp(0.5), 4);
    expect(ys.b[1]!.data()[1]).toBeCloseTo(0.5 * Math.exp(0.5), 6);
    let seen = "";
    odeint((t, y: Tensor) => ((seen = `${t.dtype}[${t.shape}]`), y.neg()), tensor([1]), [0, 1]);
    expect(seen).toBe("float32[]");
  });

  test("tolerances and norms of one's own", () => {
    const y0 = { fast: f64([1]), slow: f64([1]) };
    const f = (_: Tensor, y: typeof y0): typeof y0 => ({
      fast: y.fast.mul(-50),
      slow: y.slow.neg(),
    });
    const all = solve(f, y0, { t0: 0, t1: 1, rtol: 1e-8, atol: 1e-10 });
    const relaxed = solve(f, y0, {
      t0: 0,
      t1: 1,
      rtol: 1e-8,
      atol: { fast: f64([1e-2]), slow: f64([1e-10]) },
    });
    const ignored = solve(f, y0, {
      t0: 0,
      t1: 1,
      rtol: 1e-8,
      atol: 1e-10,
      norm: (y) => y.slow.abs().sum(),
      maxStep: 0.02,
    });
    expect(relaxed.stats.steps).toBeLessThan(all.stats.steps);
    expect(ignored.stats.steps).toBeLessThan(all.stats.steps);
    expect(relaxed.ys.slow.item()).toBeCloseTo(Math.exp(-1), 6);
  });

  test("a field that vanishes, and one without parameters or use of its arguments", () => {
    expect(solve((_, y: Tensor) => y.mul(0), f64([3]), { t0: 0, t1: 10 }).ys.item()).toBe(3);
    expect(solve(() => f64([2]), f64([0]), { t0: 0, t1: 3 }).ys.item()).toBeCloseTo(6, 9);
  });

  test("a span far from zero, and one of 10^-9", () => {
    const late = solve((t, y: Tensor) => y.mul(t.sub(1e6).cos()), f64([1]), {
      t0: 1e6,
      t1: 1e6 + 2,
      rtol: 1e-8,
      atol: 1e-10,
    });
    expect(late.ys.item()).toBeCloseTo(Math.exp(Math.sin(2)), 5);
    const brief = solve((_, y: Tensor) => y.mul(-1e9), f64([1]), { t0: 0, t1: 1e-9, rtol: 1e-8 });
    expect(brief.ys.item()).toBeCloseTo(Math.exp(-1), 6);
  });
});

describe("inside traces", () => {
  test("solve in jit: outputs, times; no counts, no steps", () => {
    const compiled = jit((y: Tensor, t1: Tensor) => {
      const s = solve(decay, y, { t0: 0, t1, saveAt: { ts: [0.5, 1] } });
      expect(() => s.stats).toThrow(TraceError);
      return { ys: s.ys, ts: s.ts };
    });
    const { ys, ts } = compiled(f64([1]), f64(2));
    expect([...ts.data()]).toEqual([0.5, 1]);
    expect(ys.data()[1]).toBeCloseTo(Math.exp(-1), 5);
    for (const saveAt of [{ everyStep: true }, { dense: true }] as const)
      expect(() =>
        jit((y: Tensor) => solve(decay, y, { t0: 0, t1: 1, saveAt }).ys)(f64([1])),
      ).toThrow(/inside a traced function/);
  });

  test("the same solve compiled and at once gives the same bits", () => {
    const w = f64([0.3, -1.2]);
    const run = (y: Tensor): Tensor =>
      odeint((t, y: Tensor) => y.mul(w).sin().add(t), y, [0, 0.3, 2]);
    expect([...jit(run)(f64([1, 2])).data()]).toEqual([...run(f64([1, 2])).data()]);
  });

  test("times that are tensors of a trace are checked when the program runs", () => {
    const compiled = jit((ts: Tensor) => odeint(decay, f64([1]), ts));
    expect(compiled(f64([0, 1, 2])).data()[2]).toBeCloseTo(Math.exp(-2), 6);
    expect(compiled(f64([2, 1, 0])).data()[2]).toBeCloseTo(Math.exp(2), 5);
    expect(() => compiled(f64([0, 2, 1]))).toThrow(
      /increasing or decreasing times, got 2 before 1/,
    );
    expect(() => compiled(f64([0, NaN, 1]))).toThrow(/finite/);
  });
});
