// `solve` and `odeint` as users meet them: outputs, dense solutions, statuses, callbacks, trees, traces, and wrong use.
import { describe, expect, test } from "vitest";
import { grad } from "../../src/autodiff/index.ts";
import { jit } from "../../src/compile/jit.ts";
import { ArgumentError, DTypeError, ShapeError, TraceError } from "../../src/ir/errors.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { SolveError, type StatsReport, type StepReport, adjointTrajectory, iController, odeint, odeintAdjoint, piController, reconstructionError, solve } from "../../src/ode/index.ts";
import { solvers } from "../../src/ode/solvers/registry.ts";
import { stack, tensor, zeros } from "../../src/ops/index.ts";

const f64 = (values: number[] | number): Tensor => tensor(values, { dtype: "float64" });
const decay = (_: Tensor, y: Tensor): Tensor => y.neg();

describe("outputs", () => {
  test("odeint returns a row a time, the first of them y0", () => {
    const ys = odeint(decay, f64([1, 3]), [0, 1, 2], { rtol: 1e-9, atol: 1e-12 });
    expect(ys.shape).toEqual([3, 2]);
    [1, 3, Math.exp(-1), 3 * Math.exp(-1), Math.exp(-2), 3 * Math.exp(-2)].forEach((value, i) => expect(ys.data()[i]).toBeCloseTo(value, 8));
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
    [1, Math.exp(-0.5), Math.exp(-2)].forEach((value, i) => expect(s.ys.data()[i]).toBeCloseTo(value, 6));
    let reached = 0;
    const inner = solve(decay, f64([1]), { t0: 0, t1: 2, saveAt: { ts: [0.1, 0.2] }, onStep: (step) => (reached = step.t + step.h) });
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

  test.each([...solvers.keys()])("dense solutions by %s: values, derivatives, ends, both directions of time", (method) => {
    const adaptive = solvers.get(method)!.tableau.embedded !== undefined;
    const accurate = adaptive ? { rtol: 1e-8, atol: 1e-10 } : { steps: 400 };
    for (const [t0, t1] of [[0, 2], [2, 0]] as const) {
      const s = solve((t, y: Tensor) => y.mul(t.cos()), f64([Math.exp(Math.sin(t0))]), { t0, t1, method, ...accurate, saveAt: { dense: true } });
      const digits = method === "euler" ? 1 : 4;
      for (const t of [0, 0.31, 1, 1.77, 2]) {
        expect(s.at(t).item()).toBeCloseTo(Math.exp(Math.sin(t)), digits);
        expect(s.derivative(t).item()).toBeCloseTo(Math.cos(t) * Math.exp(Math.sin(t)), digits === 1 ? 1 : 3);
      }
      expect(() => s.at(2.1)).toThrow(ArgumentError);
      expect(() => s.at(NaN)).toThrow(ArgumentError);
    }
  });

  test("backward in time, exactly back to the start's time", () => {
    const s = solve(decay, f64([Math.exp(-2)]), { t0: 2, t1: 0, saveAt: { ts: [1, 0] }, rtol: 1e-9 });
    expect(s.ys.data()[0]).toBeCloseTo(Math.exp(-1), 7);
    expect(s.ys.data()[1]).toBeCloseTo(1, 7);
  });

  test("fixed steps: sizes, numbers, and outputs inside steps that are better than linear", () => {
    expect(solve(decay, f64([1]), { t0: 0, t1: 1, method: "rk4", stepSize: 0.3 }).stats.steps).toBe(4);
    expect(solve(decay, f64([1]), { t0: 0, t1: 1, method: "rk4", stepSize: 0.1 }).stats.steps).toBe(10);
    expect(solve(decay, f64([1]), { t0: 0, t1: 1, method: "rk4", steps: 7 }).stats.steps).toBe(7);
    const ys = odeint(decay, f64([1]), [0, 0.15, 0.55, 1], { method: "rk4_38", stepSize: 0.1 });
    expect(ys.data()[1]).toBeCloseTo(Math.exp(-0.15), 6);
    expect(ys.data()[2]).toBeCloseTo(Math.exp(-0.55), 6);
  });

  test("trees, objects with forward, float32 and mixed states", () => {
    const f = { forward: (t: Tensor, { a, b }: { a: Tensor; b: Tensor[] }) => ({ a: a.neg(), b: b.map((leaf) => leaf.mul(t.cast(leaf.dtype))) }) };
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
    const f = (_: Tensor, y: typeof y0): typeof y0 => ({ fast: y.fast.mul(-50), slow: y.slow.neg() });
    const all = solve(f, y0, { t0: 0, t1: 1, rtol: 1e-8, atol: 1e-10 });
    const relaxed = solve(f, y0, { t0: 0, t1: 1, rtol: 1e-8, atol: { fast: f64([1e-2]), slow: f64([1e-10]) } });
    const ignored = solve(f, y0, { t0: 0, t1: 1, rtol: 1e-8, atol: 1e-10, norm: (y) => y.slow.abs().sum(), maxStep: 0.02 });
    expect(relaxed.stats.steps).toBeLessThan(all.stats.steps);
    expect(ignored.stats.steps).toBeLessThan(all.stats.steps);
    expect(relaxed.ys.slow.item()).toBeCloseTo(Math.exp(-1), 6);
  });

  test("a field that vanishes, and one without parameters or use of its arguments", () => {
    expect(solve((_, y: Tensor) => y.mul(0), f64([3]), { t0: 0, t1: 10 }).ys.item()).toBe(3);
    expect(solve(() => f64([2]), f64([0]), { t0: 0, t1: 3 }).ys.item()).toBeCloseTo(6, 9);
  });

  test("a span far from zero, and one of 10^-9", () => {
    const late = solve((t, y: Tensor) => y.mul(t.sub(1e6).cos()), f64([1]), { t0: 1e6, t1: 1e6 + 2, rtol: 1e-8, atol: 1e-10 });
    expect(late.ys.item()).toBeCloseTo(Math.exp(Math.sin(2)), 5);
    const brief = solve((_, y: Tensor) => y.mul(-1e9), f64([1]), { t0: 0, t1: 1e-9, rtol: 1e-8 });
    expect(brief.ys.item()).toBeCloseTo(Math.exp(-1), 6);
  });
});

describe("step control", () => {
  test("both controllers reach the accuracy; limits on steps are kept", () => {
    for (const controller of ["i", "pi", iController({ safety: 0.8 }), piController({ beta: 0.04 })])
      expect(solve(decay, f64([1]), { t0: 0, t1: 3, controller, rtol: 1e-8, atol: 1e-10 }).ys.item()).toBeCloseTo(Math.exp(-3), 8);
    const sizes: number[] = [];
    solve(decay, f64([1]), { t0: 0, t1: 3, firstStep: 1e-3, maxStep: 0.05, onStep: (step) => sizes.push(step.h) });
    expect(sizes[0]).toBe(1e-3);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(0.05 * 1.011);
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
    expect(() => iController({ safety: 0 })).toThrow(/safety in \(0, 1\]/);
    expect(() => iController({ minFactor: 1 })).toThrow(ArgumentError);
    expect(() => piController({ beta: -1 })).toThrow(/beta/);
    expect(() => piController({ maxFactor: 0.5 })).toThrow(ArgumentError);
    expect(() => iController({ sefety: 1 } as object)).toThrow(/safety, minFactor, maxFactor.*"sefety"/);
  });
});

describe("statuses: failures are values, with what was reached", () => {
  const reached = (s: { ts: Tensor; ys: Tensor }): [number[], number[]] => [[...s.ts.data()], [...s.ys.data()]];

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
    const s = solve((_, y: Tensor) => y.mul(y), f64([1]), { t0: 0, t1: 2, rtol: 1e-8, atol: 1e-10, saveAt: { everyStep: true } });
    expect(["stepUnderflow", "nonFinite"]).toContain(s.status);
    expect(s.failure!.t).toBeCloseTo(1, 3);
    expect(s.ts.size).toBe(s.stats.accepted + 1);
    expect(solve(decay, f64([1]), { t0: 0, t1: 10, minStep: 5, firstStep: 5 }).status).toBe("stepUnderflow");
  });

  test("nonFinite names time and stage; a field undefined beyond a step is no failure", () => {
    const root = (_: Tensor, y: Tensor): Tensor => y.sqrt().neg();
    const s = solve(root, f64([1]), { t0: 0, t1: 4 });
    // y = (1 - t/2)^2 until 2; beyond that no real solution decreases.
    expect(["nonFinite", "stepUnderflow"]).toContain(s.status);
    expect(Math.abs(s.failure!.t - 2)).toBeLessThan(0.05);
    const late = solve((t, y: Tensor) => y.mul(t.neg().add(1).log()), f64([1]), { t0: 0, t1: 2, method: "rk4", steps: 10 });
    expect(late.status).toBe("nonFinite");
    expect(late.failure!.t).toBeCloseTo(0.8, 9);
    expect(late.failure!.stage).toBe(4);
    const at0 = solve((_, y: Tensor) => y.div(0), f64([1]), { t0: 0, t1: 1 });
    expect([at0.status, at0.failure!.t, at0.failure!.stage]).toEqual(["nonFinite", 0, 1]);
    // The first tries overshoot into negative y; smaller steps do not.
    const rescued = solve((_, y: Tensor) => y.sqrt().neg(), f64([1]), { t0: 0, t1: 1.5, firstStep: 1.49 });
    expect(rescued.status).toBe("success");
    expect(rescued.ys.item()).toBeCloseTo((1 - 0.75) ** 2, 5);
    expect(rescued.stats.rejected).toBeGreaterThan(0);
  });

  test("aborted, by the step callback or before", () => {
    const controller = new AbortController();
    const s = solve(decay, f64([1]), { t0: 0, t1: 5, signal: controller.signal, onStep: (step) => step.t > 1 && controller.abort() });
    expect(s.status).toBe("aborted");
    expect(s.ts.item()).toBeGreaterThan(1);
    expect(s.ys.item()).toBeCloseTo(Math.exp(-s.ts.item()), 5);
    expect(solve(decay, f64([1]), { t0: 0, t1: 5, signal: AbortSignal.abort() }).stats.accepted).toBe(0);
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
    expect(caught(() => odeint(decay, f64([1]), [0, 100], { maxSteps: 3 })).status).toBe("maxSteps");
    const compiled = jit((y: Tensor) => solve(blowUp, y, { t0: 0, t1: 2 }).ys);
    expect(caught(() => compiled(f64([1]))).t).toBeCloseTo(1, 3);
    expect(compiled(f64([0.1])).item()).toBeCloseTo(0.1 / 0.8, 5);
    // The backward solve says that it is the backward one.
    const backward = caught(() => grad((y: Tensor) => odeintAdjoint(decay, y, [0, 1], { gradient: { kind: "backsolve", maxSteps: 1 } }).sum())(f64([1])));
    expect(backward.message).toMatch(/gradient backsolve/);
  });
});

describe("callbacks", () => {
  test("onStep tells every attempt in order; onStats the sums", () => {
    const steps: StepReport[] = [];
    const stats: StatsReport[] = [];
    const s = solve((_, y: Tensor) => y.mul(y).neg(), f64([20]), { t0: 0, t1: 3, firstStep: 1, onStep: (step) => steps.push(step), onStats: (report) => stats.push(report) });
    expect(steps.length).toBe(s.stats.steps);
    expect(steps.filter((step) => step.accepted).length).toBe(s.stats.accepted);
    expect(s.stats.rejected).toBeGreaterThan(0);
    expect(stats).toEqual([{ direction: "forward", ...s.stats }]);
    steps.forEach((step, i) => {
      expect(step.accepted).toBe(step.error <= 1);
      expect(step.steps).toBe(i + 1);
      if (i > 0) expect(step.t).toBe(steps[i - 1]!.accepted ? steps[i - 1]!.t + steps[i - 1]!.h : steps[i - 1]!.t);
    });
    expect(s.stats.evaluations).toBe(6 * s.stats.steps + 1);
  });

  test("inside compiled programs they are called each time it runs, forward and backward", () => {
    const stats: string[] = [];
    const directions = new Set<string>();
    const compiled = jit(grad((y: Tensor) => odeintAdjoint(decay, y, [0, 1, 2], { onStats: ({ direction }) => stats.push(direction), onStep: ({ direction }) => directions.add(direction) }).sum()));
    compiled(f64([1]));
    compiled(f64([2]));
    expect(stats).toEqual(["forward", "backward", "forward", "backward"]);
    expect([...directions].sort()).toEqual(["backward", "forward"]);
  });

  test("each call's own callbacks are called, though programs are kept", () => {
    const calls: number[] = [];
    for (const id of [1, 2]) solve(decay, f64([1]), { t0: 0, t1: 1, onStats: () => calls.push(id) });
    solve(decay, f64([1]), { t0: 0, t1: 1 });
    expect(calls).toEqual([1, 2]);
  });

  test("a solve inside a callback of a solve", () => {
    let inner = 0;
    const s = solve(decay, f64([1]), { t0: 0, t1: 1, onStep: () => (inner = solve(decay, f64([2]), { t0: 0, t1: 1 }).ys.item()) });
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
      expect(() => jit((y: Tensor) => solve(decay, y, { t0: 0, t1: 1, saveAt }).ys)(f64([1]))).toThrow(/inside a traced function/);
  });

  test("the same solve compiled and at once gives the same bits", () => {
    const w = f64([0.3, -1.2]);
    const run = (y: Tensor): Tensor => odeint((t, y: Tensor) => y.mul(w).sin().add(t), y, [0, 0.3, 2]);
    expect([...jit(run)(f64([1, 2])).data()]).toEqual([...run(f64([1, 2])).data()]);
  });

  test("times that are tensors of a trace are checked when the program runs", () => {
    const compiled = jit((ts: Tensor) => odeint(decay, f64([1]), ts));
    expect(compiled(f64([0, 1, 2])).data()[2]).toBeCloseTo(Math.exp(-2), 6);
    expect(compiled(f64([2, 1, 0])).data()[2]).toBeCloseTo(Math.exp(2), 5);
    expect(() => compiled(f64([0, 2, 1]))).toThrow(/increasing or decreasing times, got 2 before 1/);
    expect(() => compiled(f64([0, NaN, 1]))).toThrow(/finite/);
  });
});

describe("wrong use", () => {
  const y0 = f64([1, 2]);
  const cases: [string, () => unknown, new (...args: never[]) => Error, RegExp][] = [
    ["one time", () => odeint(decay, y0, [0]), ArgumentError, /at least 2 times.*got 1/],
    ["times out of order", () => odeint(decay, y0, [0, 2, 1]), ArgumentError, /odeint: ts: .*strictly.*2 before 1 at index 2/],
    ["repeated times", () => odeint(decay, y0, [0, 1, 1, 2]), ArgumentError, /1 before 1/],
    ["NaN time", () => odeint(decay, y0, [0, NaN]), ArgumentError, /finite times, got NaN at index 1/],
    ["times of text", () => odeint(decay, y0, ["0"] as never), ArgumentError, /numbers/],
    ["times in a matrix", () => odeint(decay, y0, zeros([2, 2])), ShapeError, /row of times/],
    ["integer times", () => odeint(decay, y0, tensor([0, 1], { dtype: "int32" })), DTypeError, /float32 or float64/],
    ["t0 = t1", () => solve(decay, y0, { t0: 1, t1: 1 }), ArgumentError, /two different times/],
    ["t1 missing", () => solve(decay, y0, { t0: 1 } as never), ArgumentError, /t1/],
    ["saved times outside", () => solve(decay, y0, { t0: 0, t1: 1, saveAt: { ts: [0.5, 1.5] } }), ArgumentError, /between t0 = 0 and t1 = 1, got 1.5 at index 1/],
    ["saved times in the wrong direction", () => solve(decay, y0, { t0: 1, t1: 0, saveAt: { ts: [0.2, 0.5] } }), ArgumentError, /order of integration/],
    ["two ways to save", () => solve(decay, y0, { t0: 0, t1: 1, saveAt: { ts: [1], dense: true } as never }), ArgumentError, /one of \{ ts \}/],
    ["unknown way to save", () => solve(decay, y0, { t0: 0, t1: 1, saveAt: { steps: true } as never }), ArgumentError, /"steps"/],
    ["another shape from f", () => odeint(() => f64([1]), y0, [0, 1]), ShapeError, /f's result.*shape \[2\] as in y, got \[1\]/],
    ["another dtype from f", () => odeint((_, y) => y.cast("float32"), y0, [0, 1]), DTypeError, /float64 as in y, got float32/],
    ["another structure from f", () => odeint((_, y) => [y] as never, y0, [0, 1]), ArgumentError, /structure of y/],
    ["a leaf named", () => odeint((_, y) => ({ a: y.a, b: y.a }), { a: y0, b: f64([1]) }, [0, 1]), ShapeError, /\.b.*\[1\].*\[2\]/],
    ["a number from f", () => odeint((() => 1) as never, y0, [0, 1]), ArgumentError, /result of f/],
    ["f that is none", () => odeint(3 as never, y0, [0, 1]), ArgumentError, /a function f\(t, y\) or an object with forward/],
    ["a state of numbers", () => odeint(decay as never, 1 as never, [0, 1]), ArgumentError, /y0.*got 1/],
    ["an integer state", () => odeint(decay, tensor([1], { dtype: "int32" }), [0, 1]), DTypeError, /y0.*float32 or float64.*int32/],
    ["an empty state", () => odeint(decay as never, {} as never, [0, 1]), ArgumentError, /at least one tensor/],
    ["an unknown method", () => odeint(decay, y0, [0, 1], { method: "rk5" }), ArgumentError, /one of euler, midpoint, rk4, rk4_38, bosh3, dopri5, tsit5, got "rk5"/],
    ["an unknown gradient", () => odeint(decay, y0, [0, 1], { gradient: "magic" }), ArgumentError, /direct, checkpoint, backsolve.*"magic"/],
    ["an unknown controller", () => odeint(decay, y0, [0, 1], { controller: "pid" }), ArgumentError, /one of i, pi.*"pid"/],
    ["an unknown option", () => odeint(decay, y0, [0, 1], { tol: 1 } as never), ArgumentError, /options among method, .*"tol"/],
    ["options for another gradient", () => odeint(decay, y0, [0, 1], { gradient: { kind: "direct", slots: 3 } }), ArgumentError, /"slots"/],
    ["slots", () => odeint(decay, y0, [0, 1], { gradient: { kind: "checkpoint", slots: 1 } }), ArgumentError, /at least 2, got 1/],
    ["seminorm", () => odeint(decay, y0, [0, 1], { gradient: { kind: "backsolve", seminorm: 1 } }), ArgumentError, /seminorm.*true or false/],
    ["another gradient for odeintAdjoint", () => odeintAdjoint(decay, y0, [0, 1], { gradient: "direct" as never }), ArgumentError, /odeintAdjoint.*"backsolve"/],
    ["negative rtol", () => odeint(decay, y0, [0, 1], { rtol: -1 }), ArgumentError, /rtol.*not negative, got -1/],
    ["NaN atol", () => odeint(decay, y0, [0, 1], { atol: NaN }), ArgumentError, /atol/],
    ["no tolerance", () => odeint(decay, y0, [0, 1], { rtol: 0, atol: 0 }), ArgumentError, /at least one above 0/],
    ["tolerances of another structure", () => odeint(decay, y0, [0, 1], { rtol: [y0, y0] }), ArgumentError, /tree of tensors like y/],
    ["zero stepSize", () => odeint(decay, y0, [0, 1], { method: "rk4", stepSize: 0 }), ArgumentError, /stepSize.*positive/],
    ["stepSize and steps", () => odeint(decay, y0, [0, 1], { method: "rk4", stepSize: 1, steps: 1 }), ArgumentError, /both/],
    ["half a step", () => odeint(decay, y0, [0, 1], { method: "rk4", steps: 1.5 }), ArgumentError, /positive integer/],
    ["stepSize for an adaptive method", () => odeint(decay, y0, [0, 1], { stepSize: 0.1 }), ArgumentError, /dopri5 chooses its steps/],
    ["firstStep for fixed steps", () => odeint(decay, y0, [0, 1], { method: "rk4", firstStep: 0.1 }), ArgumentError, /rk4 takes fixed steps/],
    ["maxSteps", () => odeint(decay, y0, [0, 1], { maxSteps: 0 }), ArgumentError, /maxSteps/],
    ["minStep above maxStep", () => odeint(decay, y0, [0, 1], { minStep: 2, maxStep: 1 }), ArgumentError, /from 0 to maxStep/],
    ["a norm that is none", () => odeint(decay, y0, [0, 1], { norm: 2 as never }), ArgumentError, /norm/],
    ["a norm that is no number", () => odeint(decay, y0, [0, 1], { norm: (y: Tensor) => y }), ArgumentError, /one number.*\[2\]/],
    ["independent stepping", () => solve(decay, y0, { t0: 0, t1: 1, stepping: "independent" as never }), ArgumentError, /"joint"/],
  ];
  test.each(cases)("%s", (_, run, type, message) => {
    expect(run).toThrow(type);
    expect(run).toThrow(message);
  });
});

describe("diagnostics", () => {
  test("the adjoint's trajectory: a(t) = e^(t - t1) for decay, jumps at outputs, a_t = -a f", () => {
    const rate = f64(-1);
    const { ts, ys, adjoint, parameters, time } = adjointTrajectory((_, y: Tensor) => y.mul(rate), f64([2]), [0, 1, 2], f64([0, 1, 1]).reshape([3, 1]), { rtol: 1e-9, atol: 1e-11 });
    const [t, z, a, p, s] = [ts, ys, adjoint, parameters[0]!, time].map((x) => [...x.data()]) as [number[], number[], number[], number[], number[]];
    expect([t[0], t.at(-1)]).toEqual([2, 0]);
    const jump = t.lastIndexOf(1);
    t.forEach((now, i) => {
      const expected = Math.exp(now - 2) + (i >= jump ? Math.exp(now - 1) : 0);
      expect(a[i]).toBeCloseTo(expected, 7);
      expect(z[i]).toBeCloseTo(2 * Math.exp(-now), 7);
      expect(s[i]).toBeCloseTo(a[i]! * z[i]!, 9);
    });
    expect(a[jump]! - a[jump - 1]!).toBeCloseTo(1, 9);
    expect(p.at(-1)).toBeCloseTo(2 * 2 * Math.exp(-2) + 2 * Math.exp(-1), 6);
  });

  test("reconstruction: exact for a rotation, hopeless for stiff decay", () => {
    const rotation = (_: Tensor, y: Tensor): Tensor => stack([y.slice([1]).reshape([]), y.slice([0], [1]).reshape([]).neg()]);
    expect(reconstructionError(rotation, f64([1, 0]), [0, 10]).error).toBeLessThan(1e-5);
    const stiff = reconstructionError((t, y: Tensor) => y.sub(t.cos()).mul(-200), f64([0]), [0, 2], { rtol: 1e-5, atol: 1e-7, maxSteps: 20_000 });
    expect(stiff.error).toBeGreaterThan(1);
    expect(() => jit((y: Tensor) => reconstructionError(decay, y, [0, 1]).y0)(f64([1]))).toThrow(ArgumentError);
  });

  test("the seminorm saves steps and keeps the gradient", () => {
    const w = tensor([[0.1, 2], [-2, -0.1]], { dtype: "float64" });
    const run = (seminorm: boolean): [number, number[]] => {
      let evaluations = 0;
      const gradient = grad((w: Tensor) => odeint((_, y: Tensor) => y.pow(3).matmul(w), f64([1, 0]).reshape([1, 2]), [0, 1], { rtol: 1e-7, atol: 1e-9, gradient: { kind: "backsolve", seminorm }, onStats: (s) => (evaluations = s.evaluations) }).sum())(w) as Tensor;
      return [evaluations, [...gradient.data()]];
    };
    const [full, reference] = run(false);
    const [less, gradient] = run(true);
    expect(less).toBeLessThanOrEqual(full);
    gradient.forEach((value, i) => expect(value).toBeCloseTo(reference[i]!, 4));
  });
});
