// Methods of a user's own: a Butcher tableau, proved when it is made, and steps written with tensors; each with every gradient mode.
import { describe, expect, test } from "vitest";
import { type Tensor, ArgumentError, grad, jit, tensor } from "../../src/index.ts";
import { type Method, odeint, oneStep, rungeKutta, solve } from "../../src/ode/index.ts";
import { gradientModes } from "../../src/ode/adjoints/index.ts";
import { isAdaptive } from "../../src/ode/stepper.ts";
import { rungeKuttaMethods } from "../support/ode-methods.ts";

const f64 = (values: number[] | number): Tensor => tensor(values, { dtype: "float64" });
const field =
  (p: Tensor) =>
  (t: Tensor, y: Tensor): Tensor =>
    y.mul(p).sin().add(t.cos());

/** Ralston's method of order 2. */
const ralston = {
  name: "ralston",
  order: 2,
  a: [[], [2 / 3]],
  b: [1 / 4, 3 / 4],
};
/** Fehlberg's 4(5) pair, continued with the solution of order 5. */
const fehlberg = {
  name: "fehlberg45",
  order: 5,
  a: [
    [],
    [1 / 4],
    [3 / 32, 9 / 32],
    [1932 / 2197, -7200 / 2197, 7296 / 2197],
    [439 / 216, -8, 3680 / 513, -845 / 4104],
    [-8 / 27, 2, -3544 / 2565, 1859 / 4104, -11 / 40],
  ],
  b: [16 / 135, 0, 6656 / 12825, 28561 / 56430, -9 / 50, 2 / 55],
  c: [0, 1 / 4, 3 / 8, 12 / 13, 1, 1 / 2],
  embedded: { order: 4, b: [25 / 216, 0, 1408 / 2565, 2197 / 4104, -1 / 5, 0] },
};

/** The implicit midpoint rule, its equation solved by a fixed number of iterations. */
const implicitMidpoint = oneStep({
  name: "implicitMidpoint",
  order: 2,
  step({ f, t, h, y, sum }) {
    let k = f(t, y);
    for (let i = 0; i < 12; i++) k = f(t.add(h.mul(0.5)), sum([0.5], [k]));
    return { y: sum([1], [k]) };
  },
});

/** Heun's method with Euler's as its error estimate. */
const heunEuler = oneStep({
  name: "heunEuler",
  order: 2,
  errorOrder: 2,
  step({ f, t, h, y, sum }) {
    const k1 = f(t, y);
    const k2 = f(t.add(h), sum([1], [k1]));
    const end = sum([0.5, 0.5], [k1, k2]);
    return { y: end, error: end.map((leaf, i) => leaf.sub(sum([1], [k1])[i]!)) };
  },
});

/** Adams and Bashforth's method of order 2 on equal steps: it carries the last slope. The first step is Euler's. */
const adamsBashforth = oneStep({
  name: "adamsBashforth2",
  order: 2,
  begin: (f, t, y) => f(t, y),
  step({ f, t, y, carried, sum }) {
    const now = f(t, y);
    return { y: sum([1.5, -0.5], [now, carried]), carried: now };
  },
});

const methods: Record<string, { method: Method; options: object }> = {
  ralston: { method: rungeKutta(ralston), options: { steps: 400 } },
  fehlberg45: { method: rungeKutta(fehlberg), options: { rtol: 1e-9, atol: 1e-11 } },
  implicitMidpoint: { method: implicitMidpoint, options: { steps: 400 } },
  heunEuler: { method: heunEuler, options: { rtol: 1e-7, atol: 1e-9 } },
  adamsBashforth2: { method: adamsBashforth, options: { steps: 800 } },
};

describe.each(Object.entries(methods))("%s", (_, { method, options }) => {
  const y0 = f64([0.4, -0.9]);
  const exact = odeint(field(f64(1.2)), y0, [0, 0.37, 1], { rtol: 1e-12, atol: 1e-13 });
  const run = (p: Tensor, gradient = "direct"): Tensor =>
    odeint(field(p), y0, [0, 0.37, 1], { method, ...options, gradient });

  test("solves, eagerly and compiled", () => {
    for (const found of [run(f64(1.2)), jit((p: Tensor) => run(p))(f64(1.2))])
      found.data().forEach((value, i) => expect(value).toBeCloseTo(exact.data()[i]!, 5));
  });

  test("every gradient mode agrees with finite differences", () => {
    const loss = (gradient: string) => (p: Tensor) => run(p, gradient).square().sum();
    const at = (p: number): number => loss("direct")(f64(p)).item();
    const expected = (at(1.2 + 1e-5) - at(1.2 - 1e-5)) / 2e-5;
    for (const mode of gradientModes.keys())
      expect((jit(grad(loss(mode)))(f64(1.2)) as Tensor).item()).toBeCloseTo(expected, 4);
  });
});

test("measured orders", () => {
  const y0 = f64([0.4, -0.9]);
  const end = (options: object): number[] => [
    ...solve(field(f64(1.2)), y0, { t0: 0, t1: 1, ...options }).ys.data(),
  ];
  const exact = end({ rtol: 1e-12, atol: 1e-13 });
  const error = (method: Method, steps: number): number =>
    Math.abs(end({ method, steps })[0]! - exact[0]!);
  for (const { method } of [methods["ralston"]!, methods["implicitMidpoint"]!]) {
    const order = Math.log2(error(method, 40) / error(method, 80));
    expect(Math.abs(order - 2)).toBeLessThan(0.15);
  }
});

describe("a tableau is proved when it is made", () => {
  const made = (change: object) => (): unknown => rungeKutta({ ...ralston, ...change } as never);

  test.each<[string, object, RegExp]>([
    ["an order that it does not have", { order: 3 }, /ralston.*order 3 condition.*tree/],
    ["weights that miss", { b: [0.5, 0.5] }, /order 2 condition/],
    ["nodes that are not the row sums", { c: [0, 0.5] }, /row 2 of a sums to 0.66.*node c is 0.5/],
    ["rows of another length", { a: [[], [0.5, 0.5]] }, /row 2 of a has 2 coefficients/],
    ["an implicit method", { a: [[0.5]], b: [1], c: [0.5], order: 2 }, /explicit/],
    ["embedded weights", { embedded: { order: 2, b: [1, 0] } }, /embedded.*order 2/],
    ["another number of them", { embedded: { order: 1, b: [1] } }, /1 embedded weights for 2/],
    ["text", { b: "1/4" }, /b: expected a list.*"1\/4"/],
    ["no name", { name: undefined }, /name/],
    ["another option", { stages: 2 }, /"stages"/],
  ])("%s", (_, change, message) => {
    expect(made(change)).toThrow(ArgumentError);
    expect(made(change)).toThrow(message);
  });
});

test("methods of one name are told apart", () => {
  const [first, second] = [ralston, { ...ralston, a: [[], [1 / 2]], b: [0, 1] }].map(rungeKutta);
  const by = (method: Method): number =>
    odeint((_, y: Tensor) => y.mul(y), f64([1]), [0, 0.5], { method, steps: 2 }).data()[1]!;
  expect(by(first!)).not.toBe(by(second!));
});

test("what is not a method is refused", () => {
  for (const method of [3, {}] as never[])
    expect(() => odeint(field(f64(1)), f64([1]), [0, 1], { method })).toThrow(
      /method: expected one of .*rungeKutta or oneStep/,
    );
  expect(() => oneStep({ name: "none", order: 1 } as never)).toThrow(/oneStep: step/);
});

test.each([...rungeKuttaMethods])(
  "%s: the compiled stepper takes the step that is written",
  (_, method) => {
    const { stepper: _stepper, ...written } = method;
    const y0 = f64([0.4, -0.9]);
    const options = isAdaptive(method) ? { rtol: 1e-7, atol: 1e-9 } : { steps: 40 };
    const by = (method: Method): number[] => [
      ...solve(field(f64(1.2)), y0, {
        t0: 0,
        t1: 2,
        method,
        ...options,
        saveAt: { ts: [0.7, 2] },
      }).ys.data(),
    ];
    const expected = by(method);
    by(written).forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-13));
  },
);
