// Solves meet the rest: scan, customVjp, jit and gradients inside fields, modules as fields, custom norms and tolerances
// under differentiation, both backends.
import * as nn from "../../src/nn/index.ts";
import { describe, expect, test } from "vitest";
import { customVjp, grad, jvp, scan } from "../../src/autodiff/index.ts";
import { backendName, setBackend } from "../../src/compile/engine.ts";
import { jit } from "../../src/compile/jit.ts";
import { ArgumentError } from "../../src/base/errors.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { mapTree, treeLeaves } from "../../src/ir/tree.ts";
import { gradientModes } from "../../src/ode/adjoints/index.ts";
import { odeint, odeintAdjoint, solve } from "../../src/ode/index.ts";
import { random, stack, tensor, where } from "../../src/ops/index.ts";

const f64 = (values: number[] | number): Tensor => tensor(values, { dtype: "float64" });
const modes = [...gradientModes.keys()];
const accurate = { rtol: 1e-9, atol: 1e-11 };

/** Central difference of a scalar function of a scalar. */
const slope = (fn: (x: Tensor) => Tensor, at: number): number =>
  (fn(f64(at + 1e-5)).item() - fn(f64(at - 1e-5)).item()) / 2e-5;

describe("fields that compute with everything", () => {
  const fields: Record<string, (p: Tensor) => (t: Tensor, y: Tensor) => Tensor> = {
    jit: (p) => {
      const inner = jit((y: Tensor, p: Tensor) => y.mul(p).sin());
      return (_, y) => inner(y, p);
    },
    customVjp: (p) => {
      const double = customVjp((x: Tensor) => x.mul(2), {
        forward: (x: Tensor) => [x.mul(2), [] as Tensor[]],
        backward: (_, g: Tensor) => [g.mul(2)],
      });
      return (_, y) => double(y.mul(p)).sin();
    },
    "a gradient": (p) => (_, y) => grad((y: Tensor) => y.mul(p).cos().sum())(y) as Tensor,
    "a directional derivative": (p) => (_, y) =>
      (jvp((y: Tensor) => y.mul(p).sin(), [y], [y.mul(0).add(1)]) as [Tensor, Tensor])[1],
    scan: (p) => (t, y) =>
      (
        scan(
          (carry: Tensor, x: Tensor) => [carry.mul(p).sin().add(x), x],
          y,
          stack([t, t.mul(0.5)]).reshape([2, 1]),
        ) as [Tensor, unknown]
      )[0],
    branches: (p) => (t, y) => where(y.greater(0), y.mul(p), y.mul(t)),
  };
  for (const [name, field] of Object.entries(fields))
    test.each(modes)(`${name} (%s)`, (gradient) => {
      const loss = (p: Tensor): Tensor =>
        odeint(field(p), f64([0.4, -0.7]), [0, 0.5, 1], { ...accurate, gradient })
          .pow(2)
          .sum();
      const expected = slope(loss, 0.8);
      const actual = (grad(loss)(f64(0.8)) as Tensor).item();
      expect(Math.abs(actual - expected)).toBeLessThan(2e-6 * Math.max(1, Math.abs(expected)));
    });
});

describe("solves inside", () => {
  test("a scan of solves, differentiated", () => {
    for (const gradient of modes) {
      const loss = (p: Tensor): Tensor => {
        const step = (y: Tensor, dt: Tensor): [Tensor, Tensor] => {
          const next = solve((_, y: Tensor) => y.mul(p).neg(), y, {
            t0: 0,
            t1: dt.reshape([]),
            ...accurate,
            gradient,
          }).ys.reshape([1]);
          return [next, next];
        };
        const [last] = scan(step, f64([2]), f64([0.5, 1, 0.25]).reshape([3, 1])) as [
          Tensor,
          Tensor,
        ];
        return last.sum();
      };
      expect(loss(f64(0.3)).item()).toBeCloseTo(2 * Math.exp(-0.3 * 1.75), 8);
      expect((grad(loss)(f64(0.3)) as Tensor).item()).toBeCloseTo(
        -1.75 * 2 * Math.exp(-0.3 * 1.75),
        7,
      );
    }
  });

  test("one solve feeds another, and both are used", () => {
    for (const gradient of modes) {
      const loss = (p: Tensor): Tensor => {
        const f = (_: Tensor, y: Tensor): Tensor => y.mul(p).sin();
        const first = odeint(f, f64([0.5, 1]), [0, 1], { ...accurate, gradient });
        const second = odeint(f, first.slice([1], [2]).reshape([2]), [0, 1], {
          ...accurate,
          gradient,
        });
        return second.sum().add(first.mul(first).sum());
      };
      expect((grad(loss)(f64(1.1)) as Tensor).item()).toBeCloseTo(slope(loss, 1.1), 6);
      expect((jit(grad(loss))(f64(1.1)) as Tensor).item()).toBeCloseTo(slope(loss, 1.1), 6);
    }
  });

  test("modules are fields, and get gradients shaped like themselves", () => {
    const net = nn.sequential([
      nn.dense({ units: 8, activation: "tanh", inputShape: [2] }),
      nn.dense({ units: 2 }),
    ]);
    const y0 = random.normal(random.key(0), [4, 2]);
    const loss = (model: typeof net): Tensor =>
      odeintAdjoint({ forward: (_: Tensor, y: Tensor) => model.forward(y) }, y0, [0, 0.5, 1], {
        rtol: 1e-5,
        atol: 1e-6,
      })
        .pow(2)
        .mean();
    const gradient = grad(loss as never)(net as never) as typeof net;
    expect(gradient.constructor).toBe(net.constructor);
    // Moving every weight against the gradient lowers the loss.
    const shapes = treeLeaves("test", gradient).map((leaf) => leaf.shape);
    expect(shapes).toEqual(treeLeaves("test", net).map((leaf) => leaf.shape));
    const slopes = treeLeaves("test", gradient);
    const moved = mapTree("test", net, (leaf, index) => leaf.sub(slopes[index]!.mul(1e-2)));
    expect(loss(moved).item()).toBeLessThan(loss(net).item());
  });
});

describe("norms and tolerances under differentiation", () => {
  test("custom norms may close over tensors, in every mode", () => {
    const weights = f64([1, 0.1]);
    const loss =
      (gradient: string) =>
      (p: Tensor): Tensor =>
        odeint((_, y: Tensor) => y.mul(p).sin(), f64([0.5, 1]), [0, 0.6, 1], {
          ...accurate,
          gradient,
          norm: (y) => y.mul(weights).abs().max(),
        }).sum();
    for (const gradient of modes)
      expect((grad(loss(gradient))(f64(0.9)) as Tensor).item()).toBeCloseTo(
        slope(loss("direct"), 0.9),
        7,
      );
  });

  test("tolerances as tensors: as they are for discrete modes, numbers for the backward solve", () => {
    const run =
      (gradient: unknown) =>
      (p: Tensor): Tensor =>
        odeint((_, y: Tensor) => y.mul(p).sin(), f64([0.5, 1]), [0, 1], {
          rtol: f64([1e-9, 1e-8]),
          atol: 1e-11,
          gradient: gradient as string,
        }).sum();
    const expected = slope(run("direct"), 0.9);
    for (const gradient of ["direct", "checkpoint", { kind: "backsolve", rtol: 1e-9 }])
      expect((grad(run(gradient))(f64(0.9)) as Tensor).item()).toBeCloseTo(expected, 6);
    expect(() => grad(run("backsolve"))(f64(0.9))).toThrow(ArgumentError);
    expect(() => grad(run("backsolve"))(f64(0.9))).toThrow(/rtol and atol as numbers/);
  });
});

test("both backends compute the same solve and gradient", () => {
  const before = backendName();
  const w = tensor([
    [0.2, 1.1],
    [-0.9, 0.1],
  ]);
  const run = (): number[] => {
    const loss = (w: Tensor): Tensor =>
      odeintAdjoint(
        (_, y: Tensor) => y.tanh().matmul(w),
        tensor([
          [1, 0.5],
          [-0.2, 0.3],
        ]),
        [0, 0.5, 2],
        { rtol: 1e-5, atol: 1e-6 },
      )
        .pow(2)
        .sum();
    return [loss(w).item(), ...(grad(loss)(w) as Tensor).data()];
  };
  try {
    setBackend("interp");
    const slow = run();
    setBackend("wasm");
    run().forEach((value, index) =>
      expect(Math.abs(value - slow[index]!)).toBeLessThan(
        1e-5 * Math.max(1, Math.abs(slow[index]!)),
      ),
    );
  } finally {
    setBackend(before);
  }
});
