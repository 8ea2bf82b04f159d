// How solves end short of success, what they leave behind, and the callbacks that watch them.
import { describe, expect, test } from "vitest";
import { grad } from "../../src/autodiff/index.ts";
import { jit } from "../../src/compile/jit.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import {
  SolveError,
  type StatsReport,
  type StepReport,
  odeint,
  odeintAdjoint,
  solve,
} from "../../src/ode/index.ts";
import { tensor } from "../../src/ops/index.ts";

const f64 = (values: number[] | number): Tensor => tensor(values, { dtype: "float64" });
const decay = (_: Tensor, y: Tensor): Tensor => y.neg();

describe("statuses: failures are values, with what was reached", () => {
  const reached = (s: { ts: Tensor; ys: Tensor }): [number[], number[]] => [
    [...s.ts.data()],
    [...s.ys.data()],
  ];

  test("maxSteps", () => {
    const s = solve(decay, f64([1]), { t0: 0, t1: 100, maxSteps: 5, saveAt: { ts: [0.01, 99] } });
    expect(s.status).toBe("maxSteps");
    expect(s.stats.steps).toBe(5);
    const [ts, ys] = reached(s);
    expect(ts).toEqual([0.01]);
    expect(ys[0]).toBeCloseTo(Math.exp(-0.01), 6);
    expect(s.failure!.steps).toBe(5);
  });

  test("stepUnderflow at a singularity: y' = y^2 blows up at 1", () => {
    const s = solve((_, y: Tensor) => y.mul(y), f64([1]), {
      t0: 0,
      t1: 2,
      rtol: 1e-8,
      atol: 1e-10,
      saveAt: { everyStep: true },
    });
    expect(["stepUnderflow", "nonFinite"]).toContain(s.status);
    expect(s.failure!.t).toBeCloseTo(1, 3);
    expect(s.ts.size).toBe(s.stats.accepted + 1);
    expect(solve(decay, f64([1]), { t0: 0, t1: 10, minStep: 5, firstStep: 5 }).status).toBe(
      "stepUnderflow",
    );
  });

  test("nonFinite names time and stage; a field undefined beyond a step is no failure", () => {
    const root = (_: Tensor, y: Tensor): Tensor => y.sqrt().neg();
    const s = solve(root, f64([1]), { t0: 0, t1: 4 });
    // y = (1 - t/2)^2 until 2; beyond that no real solution decreases.
    expect(["nonFinite", "stepUnderflow"]).toContain(s.status);
    expect(Math.abs(s.failure!.t - 2)).toBeLessThan(0.05);
    const late = solve((t, y: Tensor) => y.mul(t.neg().add(1).log()), f64([1]), {
      t0: 0,
      t1: 2,
      method: "rk4",
      steps: 10,
    });
    expect(late.status).toBe("nonFinite");
    expect(late.failure!.t).toBeCloseTo(0.8, 9);
    expect(late.failure!.stage).toBe(4);
    const at0 = solve((_, y: Tensor) => y.div(0), f64([1]), { t0: 0, t1: 1 });
    expect([at0.status, at0.failure!.t, at0.failure!.stage]).toEqual(["nonFinite", 0, 1]);
    // The first tries overshoot into negative y; smaller steps do not.
    const rescued = solve((_, y: Tensor) => y.sqrt().neg(), f64([1]), {
      t0: 0,
      t1: 1.5,
      firstStep: 1.49,
    });
    expect(rescued.status).toBe("success");
    expect(rescued.ys.item()).toBeCloseTo((1 - 0.75) ** 2, 5);
    expect(rescued.stats.rejected).toBeGreaterThan(0);
  });

  test("aborted, by the step callback or before", () => {
    const controller = new AbortController();
    const s = solve(decay, f64([1]), {
      t0: 0,
      t1: 5,
      signal: controller.signal,
      onStep: (step) => step.t > 1 && controller.abort(),
    });
    expect(s.status).toBe("aborted");
    expect(s.ts.item()).toBeGreaterThan(1);
    expect(s.ys.item()).toBeCloseTo(Math.exp(-s.ts.item()), 5);
    expect(
      solve(decay, f64([1]), { t0: 0, t1: 5, signal: AbortSignal.abort() }).stats.accepted,
    ).toBe(0);
  });

  test("odeint throws SolveError, and so does a compiled program that contains a solve", () => {
    const blowUp = (_: Tensor, y: Tensor): Tensor => y.mul(y);
    const caught = (run: () => unknown): SolveError => {
      try {
        run();
      } catch (error) {
        expect(error).toBeInstanceOf(SolveError);
        return error as SolveError;
      }
      throw new Error("nothing was thrown");
    };
    const error = caught(() => odeint(blowUp, f64([1]), [0, 2]));
    expect(error.t).toBeCloseTo(1, 3);
    expect(error.message).toMatch(/odeint: ended with status "(stepUnderflow|nonFinite)" at t = /);
    expect(caught(() => odeint(decay, f64([1]), [0, 100], { maxSteps: 3 })).status).toBe(
      "maxSteps",
    );
    const compiled = jit((y: Tensor) => solve(blowUp, y, { t0: 0, t1: 2 }).ys);
    expect(caught(() => compiled(f64([1]))).t).toBeCloseTo(1, 3);
    expect(compiled(f64([0.1])).item()).toBeCloseTo(0.1 / 0.8, 5);
    // The backward solve says that it is the backward one.
    const backward = caught(() =>
      grad((y: Tensor) =>
        odeintAdjoint(decay, y, [0, 1], { gradient: { kind: "backsolve", maxSteps: 1 } }).sum(),
      )(f64([1])),
    );
    expect(backward.message).toMatch(/gradient backsolve/);
  });
});

describe("callbacks", () => {
  test("onStep tells every attempt in order; onStats the sums", () => {
    const steps: StepReport[] = [];
    const stats: StatsReport[] = [];
    const s = solve((_, y: Tensor) => y.mul(y).neg(), f64([20]), {
      t0: 0,
      t1: 3,
      firstStep: 1,
      onStep: (step) => steps.push(step),
      onStats: (report) => stats.push(report),
    });
    expect(steps.length).toBe(s.stats.steps);
    expect(steps.filter((step) => step.accepted).length).toBe(s.stats.accepted);
    expect(s.stats.rejected).toBeGreaterThan(0);
    expect(stats).toEqual([{ direction: "forward", ...s.stats }]);
    steps.forEach((step, i) => {
      expect(step.accepted).toBe(step.error <= 1);
      expect(step.steps).toBe(i + 1);
      if (i > 0)
        expect(step.t).toBe(
          steps[i - 1]!.accepted ? steps[i - 1]!.t + steps[i - 1]!.h : steps[i - 1]!.t,
        );
    });
    expect(s.stats.evaluations).toBe(6 * s.stats.steps + 1);
  });

  test("inside compiled programs they are called each time it runs, forward and backward", () => {
    const stats: string[] = [];
    const directions = new Set<string>();
    const compiled = jit(
      grad((y: Tensor) =>
        odeintAdjoint(decay, y, [0, 1, 2], {
          onStats: ({ direction }) => stats.push(direction),
          onStep: ({ direction }) => directions.add(direction),
        }).sum(),
      ),
    );
    compiled(f64([1]));
    compiled(f64([2]));
    expect(stats).toEqual(["forward", "backward", "forward", "backward"]);
    expect([...directions].sort()).toEqual(["backward", "forward"]);
  });

  test("each call's own callbacks are called, though programs are kept", () => {
    const calls: number[] = [];
    for (const id of [1, 2])
      solve(decay, f64([1]), { t0: 0, t1: 1, onStats: () => calls.push(id) });
    solve(decay, f64([1]), { t0: 0, t1: 1 });
    expect(calls).toEqual([1, 2]);
  });

  test("a solve inside a callback of a solve", () => {
    let inner = 0;
    const s = solve(decay, f64([1]), {
      t0: 0,
      t1: 1,
      onStep: () => (inner = solve(decay, f64([2]), { t0: 0, t1: 1 }).ys.item()),
    });
    expect(s.ys.item()).toBeCloseTo(Math.exp(-1), 5);
    expect(inner).toBeCloseTo(2 * Math.exp(-1), 5);
  });

  test("an exception in a callback reaches the caller, and the next solve is whole", () => {
    const fail = (): never => {
      throw new RangeError("mine");
    };
    expect(() => solve(decay, f64([1]), { t0: 0, t1: 1, onStep: fail })).toThrow(RangeError);
    expect(solve(decay, f64([1]), { t0: 0, t1: 1 }).status).toBe("success");
  });
});
