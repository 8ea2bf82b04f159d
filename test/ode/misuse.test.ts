// Wrong use of the solve functions: each mistake meets a typed error that names it and what was expected.
import { describe, expect, test } from "vitest";
import { jit } from "../../src/compile/jit.ts";
import { ArgumentError, DTypeError, ShapeError, TraceError } from "../../src/base/errors.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { odeint, odeintAdjoint, solve } from "../../src/ode/index.ts";
import { tensor, zeros } from "../../src/ops/index.ts";

const f64 = (values: number[] | number): Tensor => tensor(values, { dtype: "float64" });
const decay = (_: Tensor, y: Tensor): Tensor => y.neg();

describe("wrong use", () => {
  const y0 = f64([1, 2]);
  const cases: [string, () => unknown, new (...args: never[]) => Error, RegExp][] = [
    ["one time", () => odeint(decay, y0, [0]), ArgumentError, /at least 2 times.*got 1/],
    [
      "times out of order",
      () => odeint(decay, y0, [0, 2, 1]),
      ArgumentError,
      /odeint: ts: .*strictly.*2 before 1 at index 2/,
    ],
    ["repeated times", () => odeint(decay, y0, [0, 1, 1, 2]), ArgumentError, /1 before 1/],
    [
      "NaN time",
      () => odeint(decay, y0, [0, NaN]),
      ArgumentError,
      /finite times, got NaN at index 1/,
    ],
    ["times of text", () => odeint(decay, y0, ["0"] as never), ArgumentError, /numbers/],
    ["times in a matrix", () => odeint(decay, y0, zeros([2, 2])), ShapeError, /row of times/],
    [
      "integer times",
      () => odeint(decay, y0, tensor([0, 1], { dtype: "int32" })),
      DTypeError,
      /float32 or float64/,
    ],
    ["t0 = t1", () => solve(decay, y0, { t0: 1, t1: 1 }), ArgumentError, /two different times/],
    ["t1 missing", () => solve(decay, y0, { t0: 1 } as never), ArgumentError, /t1/],
    [
      "saved times outside",
      () => solve(decay, y0, { t0: 0, t1: 1, saveAt: { ts: [0.5, 1.5] } }),
      ArgumentError,
      /between t0 = 0 and t1 = 1, got 1.5 at index 1/,
    ],
    [
      "saved times in the wrong direction",
      () => solve(decay, y0, { t0: 1, t1: 0, saveAt: { ts: [0.2, 0.5] } }),
      ArgumentError,
      /order of integration/,
    ],
    [
      "two ways to save",
      () => solve(decay, y0, { t0: 0, t1: 1, saveAt: { ts: [1], dense: true } as never }),
      ArgumentError,
      /one of \{ ts \}/,
    ],
    [
      "unknown way to save",
      () => solve(decay, y0, { t0: 0, t1: 1, saveAt: { steps: true } as never }),
      ArgumentError,
      /"steps"/,
    ],
    [
      "another shape from f",
      () => odeint(() => f64([1]), y0, [0, 1]),
      ShapeError,
      /f's result.*shape \[2\] as in y, got \[1\]/,
    ],
    [
      "another dtype from f",
      () => odeint((_, y) => y.cast("float32"), y0, [0, 1]),
      DTypeError,
      /float64 as in y, got float32/,
    ],
    [
      "another structure from f",
      () => odeint((_, y) => [y] as never, y0, [0, 1]),
      ArgumentError,
      /structure of y/,
    ],
    [
      "a leaf named",
      () => odeint((_, y) => ({ a: y.a, b: y.a }), { a: y0, b: f64([1]) }, [0, 1]),
      ShapeError,
      /\.b.*\[1\].*\[2\]/,
    ],
    ["a number from f", () => odeint((() => 1) as never, y0, [0, 1]), ArgumentError, /result of f/],
    [
      "f that is none",
      () => odeint(3 as never, y0, [0, 1]),
      ArgumentError,
      /a function f\(t, y\) or an object with forward/,
    ],
    [
      "a state of numbers",
      () => odeint(decay as never, 1 as never, [0, 1]),
      ArgumentError,
      /y0.*got 1/,
    ],
    [
      "an integer state",
      () => odeint(decay, tensor([1], { dtype: "int32" }), [0, 1]),
      DTypeError,
      /y0.*float32 or float64.*int32/,
    ],
    [
      "an empty state",
      () => odeint(decay as never, {} as never, [0, 1]),
      ArgumentError,
      /at least one tensor/,
    ],
    [
      "an unknown method",
      () => odeint(decay, y0, [0, 1], { method: "rk5" }),
      ArgumentError,
      /one of euler, midpoint, rk4, rk4_38, bosh3, dopri5, tsit5, stormerVerlet, got "rk5"/,
    ],
    [
      "an unknown gradient",
      () => odeint(decay, y0, [0, 1], { gradient: "magic" }),
      ArgumentError,
      /direct, checkpoint, backsolve.*"magic"/,
    ],
    [
      "an unknown controller",
      () => odeint(decay, y0, [0, 1], { controller: "pid" }),
      ArgumentError,
      /one of i, pi.*"pid"/,
    ],
    [
      "another gradient for odeintAdjoint",
      () => odeintAdjoint(decay, y0, [0, 1], { gradient: "direct" as never }),
      ArgumentError,
      /odeintAdjoint.*"backsolve"/,
    ],
    [
      "no tolerance",
      () => odeint(decay, y0, [0, 1], { rtol: 0, atol: 0 }),
      ArgumentError,
      /at least one above 0/,
    ],
    [
      "tolerances of another structure",
      () => odeint(decay, y0, [0, 1], { rtol: [y0, y0] }),
      ArgumentError,
      /tree of tensors like y/,
    ],
    [
      "stepSize and steps",
      () => odeint(decay, y0, [0, 1], { method: "rk4", stepSize: 1, steps: 1 }),
      ArgumentError,
      /both/,
    ],
    [
      "stepSize for an adaptive method",
      () => odeint(decay, y0, [0, 1], { stepSize: 0.1 }),
      ArgumentError,
      /dopri5 chooses its steps/,
    ],
    [
      "firstStep for fixed steps",
      () => odeint(decay, y0, [0, 1], { method: "rk4", firstStep: 0.1 }),
      ArgumentError,
      /rk4 takes fixed steps/,
    ],
    [
      "minStep above maxStep",
      () => odeint(decay, y0, [0, 1], { minStep: 2, maxStep: 1 }),
      ArgumentError,
      /from 0 to maxStep/,
    ],
    [
      "a norm that is no number",
      () => odeint(decay, y0, [0, 1], { norm: (y: Tensor) => y }),
      ArgumentError,
      /one number.*\[2\]/,
    ],
    [
      "a negative tolerance in a tensor",
      () => odeint(decay, y0, [0, 1], { rtol: f64([1e-3, -1]) }),
      ArgumentError,
      /rtol.*not negative, got -1 at element 1/,
    ],
    [
      "no tolerance in a tensor",
      () => odeint(decay, y0, [0, 1], { rtol: 0, atol: f64([1e-3, 0]) }),
      ArgumentError,
      /at least one above 0/,
    ],
    [
      "a tolerance of another shape",
      () => odeint(decay, y0, [0, 1], { atol: zeros([2, 2], { dtype: "float64" }) }),
      ShapeError,
      /atol.*broadcast to y's shape \[2\], got \[2, 2\]/,
    ],
    [
      "an integer tolerance",
      () => odeint(decay, y0, [0, 1], { atol: tensor(1, { dtype: "int32" }) }),
      DTypeError,
      /atol.*int32/,
    ],
    [
      "a negative norm",
      () => odeint(decay, y0, [0, 1], { norm: (y: Tensor) => y.abs().sum().neg() }),
      ArgumentError,
      /norm: expected a number that is not negative/,
    ],
    [
      "a controller that stands still",
      () =>
        odeint(decay, y0, [0, 1], {
          maxSteps: Infinity,
          controller: {
            key: "none",
            begin: () => ({ smallestFactor: 0.1, reset() {}, factor: () => NaN }),
          },
        }),
      ArgumentError,
      /controller: expected a positive factor.*NaN/,
    ],
    [
      "a class for f",
      () =>
        odeint(
          class Field {
            forward(_: Tensor, y: Tensor): Tensor {
              return y;
            }
          } as never,
          y0,
          [0, 1],
        ),
      ArgumentError,
      /the class Field. Make one: new Field\(\)/,
    ],
    [
      "a third argument of f",
      () => odeint(((_: Tensor, y: Tensor, p: { k: Tensor }) => y.mul(p.k)) as never, y0, [0, 1]),
      ArgumentError,
      /f: expected 3 arguments, as the function declares, got 2/,
    ],
    [
      "times that left their trace",
      () => {
        let leaked: Tensor | undefined;
        jit((ts: Tensor) => (leaked = ts.add(1)).sum())(f64([0, 1]));
        return odeint(decay, y0, leaked!);
      },
      TraceError,
      /odeint: ts.*return it instead/,
    ],
    [
      "times that do not increase, inside a compiled function",
      () => jit((ts: Tensor) => odeint(decay, y0, ts))(f64([0, 2, 1])),
      ArgumentError,
      /2 before 1 at index 2/,
    ],
    [
      "a NaN time inside a compiled function",
      () => jit((ts: Tensor) => odeint(decay, y0, ts))(f64([0, NaN])),
      ArgumentError,
      /NaN at index 1/,
    ],
  ];
  test.each(cases)("%s", (_, run, type, message) => {
    expect(run).toThrow(type);
    expect(run).toThrow(message);
  });
});
