// The adjoint's trajectory, reconstruction errors, and the seminorm.
import { describe, expect, test } from "vitest";
import { grad } from "../../src/autodiff/index.ts";
import { jit } from "../../src/compile/jit.ts";
import { ArgumentError, DTypeError, ShapeError } from "../../src/base/errors.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { adjointTrajectory, odeint, reconstructionError } from "../../src/ode/index.ts";
import { random, stack, tensor } from "../../src/ops/index.ts";

const f64 = (values: number | number[] | number[][]): Tensor =>
  tensor(values, { dtype: "float64" });
const decay = (_: Tensor, y: Tensor): Tensor => y.neg();

describe("diagnostics", () => {
  test("the adjoint's trajectory: a(t) = e^(t - t1) for decay, jumps at outputs, a_t = -a f", () => {
    const rate = f64(-1);
    const { ts, ys, adjoint, parameters, time } = adjointTrajectory(
      (_, y: Tensor) => y.mul(rate),
      f64([2]),
      [0, 1, 2],
      f64([0, 1, 1]).reshape([3, 1]),
      { rtol: 1e-9, atol: 1e-11 },
    );
    const [t, z, a, p, s] = [ts, ys, adjoint, parameters[0]!, time].map((x) => [...x.data()]) as [
      number[],
      number[],
      number[],
      number[],
      number[],
    ];
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
    const rotation = (_: Tensor, y: Tensor): Tensor =>
      stack([y.slice([1]).reshape([]), y.slice([0], [1]).reshape([]).neg()]);
    expect(reconstructionError(rotation, f64([1, 0]), [0, 10]).error).toBeLessThan(1e-5);
    const stiff = reconstructionError(
      (t, y: Tensor) => y.sub(t.cos()).mul(-200),
      f64([0]),
      [0, 2],
      { rtol: 1e-5, atol: 1e-7, maxSteps: 20_000 },
    );
    expect(stiff.error).toBeGreaterThan(1);
    expect(() => jit((y: Tensor) => reconstructionError(decay, y, [0, 1]).y0)(f64([1]))).toThrow(
      ArgumentError,
    );
  });

  test.each([
    [
      "another dtype",
      tensor([[0], [1]]),
      {},
      DTypeError,
      /cotangents: expected float64, got float32/,
    ],
    [
      "another shape",
      f64([0, 1]),
      {},
      ShapeError,
      /cotangents: expected shape \[2, 1\], got \[2\]/,
    ],
    ["another structure", [f64([[0], [1]])], {}, ArgumentError, /cotangents.*structured/],
    [
      "another gradient",
      f64([[0], [1]]),
      { gradient: "direct" },
      ArgumentError,
      /backsolve.*"direct"/,
    ],
    [
      "an unknown option",
      f64([[0], [1]]),
      { gradient: { kind: "backsolve", tol: 1 } },
      ArgumentError,
      /"tol"/,
    ],
  ])("the adjoint's trajectory from cotangents of %s", (_, cotangents, options, kind, message) => {
    const run = (): unknown =>
      adjointTrajectory(decay, f64([2]), [0, 1], cotangents as Tensor, options);
    expect(run).toThrow(kind);
    expect(run).toThrow(message);
  });

  test.each([
    ["the seminorm", { seminorm: true }, 0.85],
    ["a warm start", { warmStart: true }, 0.85],
    ["both", { seminorm: true, warmStart: true }, 0.6],
  ] as const)("%s saves evaluations and keeps the gradient", (_, options, share) => {
    const [first, second] = [random.key(1), random.key(2)].map((key) =>
      random.normal(key, [6, 6], { dtype: "float64" }),
    ) as [Tensor, Tensor];
    const ts = Array.from({ length: 21 }, (_, i) => i / 10);
    const run = (more: object): { evaluations: number; gradient: number[] } => {
      let evaluations = 0;
      const gradient = grad((w: Tensor) =>
        odeint((t, y: Tensor) => y.matmul(w).add(t.sin().mul(3)).tanh(), second, ts, {
          rtol: 1e-7,
          atol: 1e-9,
          gradient: { kind: "backsolve", ...more },
          onStats: (s) => (evaluations = s.evaluations),
        })
          .pow(2)
          .sum(),
      )(first) as Tensor;
      return { evaluations, gradient: [...gradient.data()] };
    };
    const [reference, fewer] = [run({}), run(options)];
    expect(fewer.evaluations).toBeLessThan(share * reference.evaluations);
    const size = Math.max(...reference.gradient.map(Math.abs));
    fewer.gradient.forEach((value, i) =>
      expect(Math.abs(value - reference.gradient[i]!)).toBeLessThan(1e-5 * size),
    );
  });
});
