// Solves as layers: the solution that odeint gives, gradients by finite differences, and what training means inside.
import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  ShapeError,
  Tensor,
  checkGrad,
  grad,
  jit,
  random,
  tensor,
} from "../../src/index.ts";
import { SolveError, type StatsReport, odeint } from "../../src/ode/index.ts";
import { adam, trainer } from "../../src/optim/index.ts";
import * as nn from "../../src/nn/index.ts";

const float64 = { dtype: "float64" } as const;
const draw = (seed: number, shape: readonly number[]): Tensor =>
  random.normal(random.key(seed), shape, float64);
const body = (): nn.Sequential =>
  nn.sequential([nn.dense({ units: 5, activation: "tanh" }), nn.dense({ units: 2 })]);

/** Time-dependent: dy/dt = tanh(y W) (1 + t). */
class Field extends nn.Module {
  weight: Tensor = draw(1, [2, 2]);
  forward(t: Tensor, y: Tensor): Tensor {
    return y.matmul(this.weight).tanh().mul(t.add(1));
  }
}

describe("an ODE block", () => {
  test("gives the state at t1, for layers, modules and functions", () => {
    const x = draw(2, [4, 2]);
    const tight = { rtol: 1e-10, atol: 1e-12, inputShape: [2], ...float64 } as const;
    const f = body();
    const field = new Field();
    const cases: readonly (readonly [
      nn.OdeBlock,
      (t: Tensor, y: Tensor) => Tensor,
      number,
      number,
    ])[] = [
      [nn.odeBlock(f, tight), (_t, y) => f.forward(y), 0, 1],
      [nn.odeBlock(field, { ...tight, t0: 0.5, t1: 2 }), (t, y) => field.forward(t, y), 0.5, 2],
      [nn.odeBlock((t, y) => y.mul(t), { ...tight, t1: -1 }), (t, y) => y.mul(t), 0, -1],
    ];
    for (const [block, g, t0, t1] of cases) {
      expect(block.outputShape).toEqual([2]);
      const expected = odeint(g, x, [t0, t1], { rtol: 1e-11, atol: 1e-13 }).at(1).data();
      const found = block.forward(x);
      expect(found.shape).toEqual([4, 2]);
      found.data().forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 8));
      const inside = jit((b: nn.OdeBlock, y: Tensor) => b.forward(y))(block, x);
      inside.data().forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 8));
    }
  });

  test("has the parameters of its dynamics", () => {
    const block = nn.odeBlock(body(), { inputShape: [2] });
    expect(block.namedParameters().map(([name]) => name)).toEqual([
      "dynamics.layers[0].kernel",
      "dynamics.layers[0].bias",
      "dynamics.layers[1].kernel",
      "dynamics.layers[1].bias",
    ]);
    expect(nn.odeBlock(new Field(), { inputShape: [2] }).parameterCount).toBe(4);
    const seeds = [1, 1, 2].map((seed) => nn.odeBlock(body(), { inputShape: [2], seed }));
    const [a, b, c] = seeds.map((one) => String(one.parameters()[0]!.data()));
    expect(a).toBe(b);
    expect(a).not.toBe(c);
  });

  for (const gradient of ["backsolve", "checkpoint", "direct"])
    test(`has the derivatives of finite differences by ${gradient}`, () => {
      const block = nn.odeBlock(new Field(), {
        rtol: 1e-10,
        atol: 1e-12,
        gradient,
        t1: 0.7,
        inputShape: [2],
      });
      checkGrad(
        (b: nn.OdeBlock, y: Tensor) =>
          b
            .forward(y)
            .mul(draw(3, [3, 2]))
            .sum(),
        [block, draw(2, [3, 2])],
        { step: 1e-3 },
      );
    });

  test("counts evaluations under jit, of both solves", () => {
    const reports: StatsReport[] = [];
    const onStats = (report: StatsReport): void => void reports.push(report);
    const block = nn.odeBlock(body(), { inputShape: [2], onStats });
    const run = jit(grad((b: nn.OdeBlock, y: Tensor) => b.forward(y).sum()));
    run(block, random.normal(random.key(0), [3, 2]));
    expect(reports.map(({ direction }) => direction)).toEqual(["forward", "backward"]);
    expect(reports.every(({ evaluations }) => evaluations > 5)).toBe(true);
    reports.length = 0;
    nn.odeBlock(body(), { inputShape: [2], onStats, method: "rk4", steps: 10 }).forward(
      tensor([[1, 2]]),
    );
    expect(reports.map(({ evaluations }) => evaluations)).toEqual([40]);
  });

  test("keeps one dropout mask for all of a solve", () => {
    const block = nn.odeBlock(
      nn.sequential([
        nn.dropout({ rate: 0.5 }),
        (y: Tensor) => y.mul(0).add(y.greater(0).cast("float32")),
      ]),
      { inputShape: [40], method: "rk4", steps: 4 },
    );
    // dy/dt is 1 where the mask keeps y = 1: then y(1) is 2 there, and 1 where it was dropped.
    const y = block.forward(
      tensor(new Float32Array(40).fill(1), { shape: [1, 40] }),
      nn.training(random.key(1)),
    );
    const values = [...y.data()].map((value) => Math.round(value * 1e4) / 1e4);
    expect(new Set(values)).toEqual(new Set([1, 2]));
  });

  test("refuses batchNorm in training inside, and takes it in inference", () => {
    const net = nn.sequential([nn.odeBlock(nn.batchNorm(), { name: "ode" })], { inputShape: [2] });
    const x = tensor([
      [1, 2],
      [3, 5],
    ]);
    expect(net.forward(x).shape).toEqual([2, 2]);
    expect(() => net.forward(x, nn.training())).toThrow(/batchNorm.*odeBlock.*layerNorm/);
    net.trainable = false;
    expect(net.forward(x, nn.training()).data()).toEqual(net.forward(x).data());
  });

  test("is trained within a model", () => {
    const net = nn.sequential(
      [nn.odeBlock(body(), { method: "rk4", steps: 4 }), nn.dense({ units: 1 })],
      {
        inputShape: [2],
      },
    );
    const x = random.normal(random.key(4), [32, 2]);
    const y = x.slice([0, 0], [32, 1]).mul(2);
    const t = trainer(
      net,
      (m, b, _key, mode) => nn.meanSquaredError(m.forward(b.x, mode), b.y),
      adam({ learningRate: 0.02 }),
    );
    const first = t.step({ x, y });
    for (let i = 0; i < 150; i++) t.step({ x, y });
    expect(t.evaluate({ x, y })).toBeLessThan(first / 20);
  });

  test("that fails says so by name, in and out of jit", () => {
    const block = nn.odeBlock((_t, y) => y.mul(y), { inputShape: [1], name: "blow", t1: 3 });
    expect(() => block.forward(tensor([[1]]))).toThrow(SolveError);
    expect(() => block.forward(tensor([[1]]))).toThrow(/odeBlock "blow"/);
    expect(() => jit((y: Tensor) => block.forward(y))(tensor([[1]]))).toThrow(SolveError);
  });
});

describe("wrong use is named", () => {
  const f = (_t: Tensor, y: Tensor): Tensor => y;
  const wrong: readonly (readonly [() => unknown, new (...args: never[]) => Error, RegExp])[] = [
    [() => nn.odeBlock(3 as never), ArgumentError, /odeBlock: dynamics.*forward\(t, y\)/],
    [() => nn.odeBlock(f, { saveAt: {} } as never), ArgumentError, /odeBlock.*t0, t1.*saveAt/],
    [() => nn.odeBlock(f, { t1: 0 }), ArgumentError, /t0 and t1/],
    [() => nn.odeBlock(f, { t1: tensor(1) as never }), ArgumentError, /t1.*a number, got/],
    [() => nn.odeBlock(f, { rtol: tensor(1) as never }), ArgumentError, /rtol.*number/],
    [
      () => nn.odeBlock(nn.dense({ units: 3 }), { inputShape: [2], name: "ode" }),
      ShapeError,
      /odeBlock "ode".*shape of y, \[2\].*\[3\]/,
    ],
    [
      () => nn.odeBlock(f, { inputShape: [2], method: "rk5" }).forward(tensor([[1, 2]])),
      ArgumentError,
      /method.*dopri5/,
    ],
    [() => nn.odeBlock(f).forward(tensor([[1]])), ArgumentError, /inputShape/],
  ];
  for (const [index, [run, type, message]] of wrong.entries())
    test(`${index}: ${message.source}`, () => {
      expect(run).toThrow(type);
      expect(run).toThrow(message);
    });
});
