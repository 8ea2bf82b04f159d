// Every gradient mode agrees with finite differences in float64 and with every other, for the initial state, parameters
// (closed over) and times; second derivatives; forward mode; float32; checkpoints; repeated and backward times.
import { describe, expect, test } from "vitest";
import { grad, jvp, valueAndGrad, vjp } from "../../src/autodiff/index.ts";
import { jit } from "../../src/compile/jit.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import {
  type GradientOption,
  type StatsReport,
  odeint,
  odeintAdjoint,
  solve,
} from "../../src/ode/index.ts";
import { gradientModes } from "../../src/ode/adjoints/index.ts";
import { rungeKuttaMethods } from "../support/ode-methods.ts";
import { tensor } from "../../src/ops/index.ts";

const f64 = (values: number[] | number): Tensor => tensor(values, { dtype: "float64" });
const modes = [...gradientModes.keys()];

interface Inputs {
  readonly y0: { position: Tensor; speed: Tensor };
  readonly p: Tensor;
  readonly ts: Tensor;
}
const inputs: Inputs = {
  y0: { position: f64([0.7, -0.4]), speed: f64([0.2, 0.5]) },
  p: f64([1.3, 0.4, 0.8]),
  ts: f64([0.1, 0.45, 0.9, 1.4]),
};

// A driven, damped pendulum pair: nonlinear, non-autonomous, with a tree as state.
const field =
  (p: Tensor) =>
  (t: Tensor, y: Inputs["y0"]): Inputs["y0"] => {
    const [stiffness, damping, drive] = [0, 1, 2].map((index) => p.slice([index], [index + 1])) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    return {
      position: y.speed,
      speed: y.position
        .sin()
        .mul(stiffness)
        .neg()
        .sub(y.speed.mul(damping))
        .add(t.mul(2).sin().mul(drive)),
    };
  };

const weigh = (ys: Inputs["y0"]): Tensor =>
  ys.position.mul(ys.position).add(ys.speed.mul(ys.position)).sin().sum();

function lossBy(gradient: GradientOption, more: object = {}): (inputs: Inputs) => Tensor {
  return ({ y0, p, ts }) =>
    weigh(odeint(field(p), y0, ts, { rtol: 1e-10, atol: 1e-12, gradient, ...more }));
}

/** Central differences by every element of every leaf, flat. */
function differences(fn: (inputs: Inputs) => Tensor, step: number): number[] {
  const compiled = jit(fn);
  const at = (leaf: (inputs: Inputs) => Tensor, index: number, by: number): number => {
    const moved = (tensor_: Tensor): Tensor => {
      if (tensor_ !== leaf(inputs)) return tensor_;
      const data = tensor_.data() as Float64Array;
      data[index] = data[index]! + by;
      return tensor(data);
    };
    return compiled({
      y0: { position: moved(inputs.y0.position), speed: moved(inputs.y0.speed) },
      p: moved(inputs.p),
      ts: moved(inputs.ts),
    }).item();
  };
  const result: number[] = [];
  for (const leaf of leaves)
    for (let index = 0; index < leaf(inputs).size; index++)
      result.push((at(leaf, index, step) - at(leaf, index, -step)) / (2 * step));
  return result;
}
const leaves: ((inputs: Inputs) => Tensor)[] = [
  (i) => i.y0.position,
  (i) => i.y0.speed,
  (i) => i.p,
  (i) => i.ts,
];
const flat = (gradients: Inputs): number[] => leaves.flatMap((leaf) => [...leaf(gradients).data()]);

function expectClose(actual: number[], expected: number[], relative: number): void {
  const size = Math.max(...expected.map(Math.abs));
  actual.forEach((value, index) =>
    expect(
      Math.abs(value - expected[index]!),
      `element ${index}: ${value} against ${expected[index]}`,
    ).toBeLessThan(relative * size),
  );
}

describe("gradients by state, parameters and times", () => {
  const expected = differences(lossBy("direct"), 1e-5);

  test.each(modes)("%s agrees with central differences to 1e-6, eagerly and compiled", (mode) => {
    const gradient = grad(lossBy(mode));
    expectClose(flat(gradient(inputs) as Inputs), expected, 1e-6);
    expectClose(flat(jit(gradient)(inputs) as Inputs), expected, 1e-6);
  });

  test.each([...rungeKuttaMethods.keys()])("all modes agree for %s", (method) => {
    const adaptive = rungeKuttaMethods.get(method)!.tableau.embedded !== undefined;
    // Coarse methods need fine steps for the continuous adjoint to agree with the discrete one.
    const order = rungeKuttaMethods.get(method)!.tableau.order;
    const more = adaptive
      ? { method, rtol: 1e-8, atol: 1e-10 }
      : { method, stepSize: order < 3 ? 0.002 : 0.01 };
    const [first, ...others] = modes.map((mode) =>
      flat(jit(grad(lossBy(mode, more)))(inputs) as Inputs),
    );
    for (const other of others)
      expectClose(other, first!, order === 1 ? 2e-2 : order === 2 ? 2e-5 : 1e-6);
  });

  test("the discrete adjoint of fixed steps is exact for state and parameters, outputs inside steps included", () => {
    for (const method of ["euler", "midpoint", "rk4", "rk4_38"]) {
      const loss = lossBy("direct", { method, stepSize: 0.3 });
      const expected = differences(loss, 1e-5).slice(0, 7);
      expectClose(flat(grad(loss)(inputs) as Inputs).slice(0, 7), expected, 1e-8);
    }
  });

  test("checkpoints change the work, never the gradient", () => {
    const reports: StatsReport[] = [];
    const more = {
      method: "rk4",
      stepSize: 0.01,
      onStats: (report: StatsReport) => reports.push(report),
    };
    const reference = flat(grad(lossBy("direct", more))(inputs) as Inputs);
    const direct = reports.find((report) => report.direction === "backward")!;
    for (const slots of [2, 3, 7, 64, 1000]) {
      reports.length = 0;
      expect(flat(grad(lossBy({ kind: "checkpoint", slots }, more))(inputs) as Inputs)).toEqual(
        reference,
      );
      const backward = reports.find((report) => report.direction === "backward")!;
      expect(backward.steps).toBe(direct.steps);
      if (slots === 1000) expect(backward.evaluations).toBe(direct.evaluations);
      else expect(backward.evaluations).toBeGreaterThan(direct.evaluations);
    }
  });

  test("solve: every way to save inside a trace, with times as tensors", () => {
    const parts = { t0: f64(0.1), t1: f64(1.2), inner: f64([0.3, 0.7]) };
    const loss =
      (gradient: GradientOption, save: boolean) => (t0: Tensor, t1: Tensor, inner: Tensor) =>
        weigh(
          solve(field(inputs.p), inputs.y0, {
            t0,
            t1,
            rtol: 1e-10,
            atol: 1e-12,
            gradient,
            ...(save && { saveAt: { ts: inner } }),
          }).ys,
        );
    for (const save of [false, true]) {
      const at = (t0: number, t1: number, a: number, b: number): number =>
        loss("direct", save)(f64(t0), f64(t1), f64([a, b])).item();
      const base = [0.1, 1.2, 0.3, 0.7] as const;
      const expected = base.map((_, index) => {
        const moved = (by: number): number =>
          at(
            ...(base.map((x, i) => (i === index ? x + by : x)) as [number, number, number, number]),
          );
        return (moved(1e-5) - moved(-1e-5)) / 2e-5;
      });
      for (const mode of modes) {
        const [t0, t1, inner] = grad(loss(mode, save), { argnums: [0, 1, 2] })(
          parts.t0,
          parts.t1,
          parts.inner,
        ) as [Tensor, Tensor, Tensor];
        expectClose([t0.item(), t1.item(), ...inner.data()], expected, 1e-6);
      }
    }
  });

  test("backward in time", () => {
    const reversed = { ...inputs, ts: f64([1.4, 0.9, 0.45, 0.1]) };
    const [first, ...others] = modes.map((mode) => flat(grad(lossBy(mode))(reversed) as Inputs));
    for (const other of others) expectClose(other, first!, 1e-6);
  });

  test("closed forms of a linear equation: y' = a b y", () => {
    for (const gradient of modes) {
      const end = (a: Tensor, b: Tensor, y0: Tensor): Tensor =>
        solve((_, y: Tensor) => y.mul(a).mul(b), y0, {
          t0: 0,
          t1: 1,
          rtol: 1e-11,
          atol: 1e-13,
          gradient,
        }).ys.sum();
      const [da, db, dy] = grad(end, { argnums: [0, 1, 2] })(f64(0.6), f64(-1.2), f64([2])) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const growth = Math.exp(0.6 * -1.2);
      expectClose(
        [da.item(), db.item(), dy.item()],
        [-1.2 * 2 * growth, 0.6 * 2 * growth, growth],
        1e-9,
      );
    }
  });

  test("float32 states", () => {
    const y0 = tensor([0.7, -0.4]);
    const w = tensor([
      [0.1, 1.2],
      [-0.9, -0.2],
    ]);
    const loss = (gradient: GradientOption) => (w: Tensor, y0: Tensor) =>
      odeint((_, y: Tensor) => y.tanh().matmul(w), y0.reshape([1, 2]), [0, 0.5, 1], {
        gradient,
        rtol: 1e-5,
        atol: 1e-6,
      })
        .mul(1.5)
        .sum();
    const all = modes.map(
      (mode) => grad(loss(mode), { argnums: [0, 1] })(w, y0) as [Tensor, Tensor],
    );
    for (const [dw, dy] of all) {
      expect(dw.dtype).toBe("float32");
      expectClose([...dw.data(), ...dy.data()], [...all[0]![0].data(), ...all[0]![1].data()], 1e-4);
    }
  });
});

describe("beyond the first derivative", () => {
  const potential = (p: Tensor, y0: Tensor, gradient: GradientOption): Tensor =>
    odeint((t, y: Tensor) => y.mul(p).sin().add(t), y0, [0, 0.4, 1], {
      rtol: 1e-10,
      atol: 1e-12,
      gradient,
    })
      .pow(2)
      .sum();

  test("a gradient of a gradient through backsolve", () => {
    const first = (p: Tensor): Tensor =>
      grad((p: Tensor) => potential(p, f64([0.5, -0.3]), "backsolve"))(p) as Tensor;
    const second = grad((p: Tensor) => first(p).sum())(f64(0.9)) as Tensor;
    const expected = (first(f64(0.9 + 1e-4)).item() - first(f64(0.9 - 1e-4)).item()) / 2e-4;
    expect(Math.abs(second.item() - expected)).toBeLessThan(1e-5 * Math.abs(expected));
  });

  test.each(["direct", "checkpoint"])("%s says which way leads to second derivatives", (mode) => {
    const second = grad(
      (p: Tensor) => grad((p: Tensor) => potential(p, f64([0.5]), mode))(p) as Tensor,
    );
    expect(() => second(f64(0.9))).toThrow(/backsolve.*forward mode/s);
  });

  test.each(modes)(
    "forward mode agrees with reverse mode, and can be differentiated (%s)",
    (mode) => {
      const fn = (p: Tensor): Tensor => potential(p, f64([0.5, -0.3]), mode);
      const [, forward] = jvp(fn, [f64(0.9)], [f64(1)]) as [Tensor, Tensor];
      const reverse = grad(fn)(f64(0.9)) as Tensor;
      expect(Math.abs(forward.item() - reverse.item())).toBeLessThan(
        1e-7 * Math.abs(reverse.item()),
      );
      const reverseOverForward = grad(
        (p: Tensor) => (jvp(fn, [p], [f64(1)]) as [Tensor, Tensor])[1],
      )(f64(0.9)) as Tensor;
      const by = (p: number): number => (grad(fn)(f64(p)) as Tensor).item();
      const expected = (by(0.9 + 1e-4) - by(0.9 - 1e-4)) / 2e-4;
      expect(Math.abs(reverseOverForward.item() - expected)).toBeLessThan(
        1e-5 * Math.abs(expected),
      );
    },
  );

  test("forward mode by times and initial state", () => {
    const fn = (ts: Tensor, y0: Tensor): Tensor =>
      odeint((t, y: Tensor) => y.sin().add(t), y0, ts, { rtol: 1e-11, atol: 1e-13 });
    const [ts, y0, dts, dy0] = [f64([0, 0.4, 1]), f64([0.5]), f64([0.3, -0.2, 0.5]), f64([0.7])];
    const [, forward] = jvp(fn, [ts, y0], [dts, dy0]) as [Tensor, Tensor];
    const moved = (by: number): number[] => [
      ...fn(ts.add(dts.mul(by)), y0.add(dy0.mul(by))).data(),
    ];
    const [ahead, behind] = [moved(1e-5), moved(-1e-5)];
    expectClose(
      [...forward.data()],
      ahead.map((value, index) => (value - behind[index]!) / 2e-5),
      1e-8,
    );
  });
});

describe("how gradients reach tensors", () => {
  test("a pullback compiled apart from its solve, called twice", () => {
    for (const mode of modes) {
      const [ys, pullback] = vjp(
        (y0: Tensor) => odeint((_, y: Tensor) => y.neg(), y0, [0, 1], { gradient: mode }),
        f64([1, 2]),
      ) as [Tensor, (g: Tensor) => Tensor[]];
      expect(ys.shape).toEqual([2, 2]);
      for (const weight of [1, 3])
        expectClose(
          [...pullback(f64([0, 0, weight, 0]).reshape([2, 2]))[0]!.data()],
          [weight * Math.exp(-1), 0],
          1e-6,
        );
    }
  });

  test("the first output passes its cotangent to y0; unused outputs pass nothing", () => {
    for (const mode of modes) {
      const [value, [dy]] = valueAndGrad(
        (y0: Tensor) =>
          odeint((_, y: Tensor) => y.neg(), y0, [0, 1, 2], { gradient: mode })
            .slice([0], [1])
            .sum(),
        { argnums: [0] },
      )(f64([1, 2])) as unknown as [Tensor, [Tensor]];
      expect(value.item()).toBe(3);
      expect([...dy.data()]).toEqual([1, 1]);
    }
  });

  test("a solve inside the field of a solve", () => {
    const inner = (y: Tensor): Tensor =>
      odeintAdjoint((_, z: Tensor) => z.neg(), y, [0, 1])
        .slice([1], [2])
        .reshape([1]);
    const loss = (y0: Tensor): Tensor =>
      odeint((_, y: Tensor) => inner(y), y0, [0, 1], { rtol: 1e-8, atol: 1e-10 })
        .slice([1], [2])
        .sum();
    // y' = e^-1 y
    expect(loss(f64([1])).item()).toBeCloseTo(Math.exp(Math.exp(-1)), 6);
    expect((grad(loss)(f64([1])) as Tensor).item()).toBeCloseTo(Math.exp(Math.exp(-1)), 5);
  });
});
