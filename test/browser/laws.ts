// A representative part of the library's laws, written without a test runner so that the same code runs
// on Node, on a browser's page and in a Worker. A law throws when it does not hold.

import { type Tensor, grad, jit, jvp, random, tensor, valueAndGrad, vjp } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { odeint, odeintAdjoint, solve } from "../../src/ode/index.ts";
import { adam, trainer } from "../../src/optim/index.ts";

function close(actual: ArrayLike<number>, expected: ArrayLike<number>, relative: number): void {
  if (actual.length !== expected.length) {
    throw new Error(`expected ${expected.length} elements, got ${actual.length}`);
  }
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(actual[i], expected[i])) continue;
    const error = Math.abs(actual[i]! - expected[i]!);
    // Negated so that NaN fails.
    if (!(error <= relative * Math.max(1, Math.abs(expected[i]!)))) {
      throw new Error(`element ${i}: expected ${expected[i]}, got ${actual[i]}`);
    }
  }
}

const f64 = (data: number[]): Tensor => tensor(data, { dtype: "float64" });

function elementwiseMatches(dtype: "float32" | "float64", relative: number): void {
  const at = [-2.5, -1, -0.25, 0, 0.5, 1.75, 3];
  const x = tensor(at, { dtype });
  close(x.exp().data(), at.map(Math.exp), relative);
  close(x.tanh().data(), at.map(Math.tanh), relative);
  close(x.sin().data(), at.map(Math.sin), relative);
  close(
    x.abs().add(1).log().data(),
    at.map((v) => Math.log(Math.abs(v) + 1)),
    relative,
  );
  close(
    x.mul(x).sub(x).div(3).data(),
    at.map((v) => (v * v - v) / 3),
    relative,
  );
  close(
    x.relu().data(),
    at.map((v) => Math.max(v, 0)),
    relative,
  );
}

/** Central differences of a scalar function of a float64 vector. */
function differences(f: (x: Tensor) => Tensor, at: number[]): number[] {
  const h = 1e-6;
  return at.map((_, i) => {
    const shifted = (by: number): number => f(f64(at.map((v, j) => (i === j ? v + by : v)))).item();
    return (shifted(h) - shifted(-h)) / (2 * h);
  });
}

const smooth = (x: Tensor): Tensor =>
  x
    .reshape([3, 2])
    .matmul(x.reshape([2, 3]))
    .tanh()
    .mul(x.sin().sum())
    .exp()
    .mean();
const point = [0.3, -0.7, 1.1, 0.4, -0.2, 0.9];

class Field extends nn.Module {
  net: nn.Sequential = nn.sequential([
    nn.dense({ units: 8, activation: "tanh", inputShape: [2], key: random.key(1) }),
    nn.dense({ units: 2, key: random.key(2) }),
  ]);
  forward(_t: Tensor, y: Tensor): Tensor {
    return this.net.forward(y.pow(3)) as Tensor;
  }
}

const times = [0, 0.25, 0.5, 1];

/** Named laws; each throws when it does not hold. */
export const laws: Readonly<Record<string, () => void>> = {
  "float32 elementwise": () => elementwiseMatches("float32", 1e-6),
  "float64 elementwise": () => elementwiseMatches("float64", 1e-14),

  "matmul, reductions and broadcasting": () => {
    const a = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    close(a.matmul(a.transpose()).data(), [14, 32, 32, 77], 0);
    close(a.sum([1]).data(), [6, 15], 0);
    close(a.max([0]).data(), [4, 5, 6], 0);
    close(a.add(tensor([10, 20, 30])).data(), [11, 22, 33, 14, 25, 36], 0);
  },

  "a jitted function gives the bits of the plain one": () => {
    const x = random.normal(random.key(3), [17, 13]);
    const f = (v: Tensor): Tensor => v.matmul(v.transpose()).tanh().add(1).log().sum([1]);
    close(jit(f)(x).data(), f(x).data(), 0);
  },

  "gradient equals finite differences": () => {
    close(grad(smooth)(f64(point)).data(), differences(smooth, point), 1e-7);
  },

  "jvp and vjp are transposes of each other": () => {
    const x = f64(point);
    const direction = f64([1, -2, 0.5, 3, -1, 0.25]);
    const f = (v: Tensor): Tensor => v.sin().mul(v.exp());
    const [, tangent] = jvp(f, [x], [direction]);
    const [, pullback] = vjp(f, x);
    const weight = f64([0.1, 0.2, -0.3, 0.4, 0.5, -0.6]);
    const [cotangent] = pullback(weight);
    close(tangent.mul(weight).sum().data(), cotangent.mul(direction).sum().data(), 1e-14);
  },

  "a gradient of a gradient": () => {
    const second = grad((x: Tensor) => grad((v: Tensor) => v.pow(4).sum())(x).sum());
    close(second(f64([1, 2, -3])).data(), [12, 48, 108], 1e-13);
  },

  "dopri5 solves exponential decay to its tolerance": () => {
    const ys = odeint((_t, y: Tensor) => y.mul(-1), f64([1]), [0, 1, 2], {
      rtol: 1e-9,
      atol: 1e-12,
    });
    close(ys.data(), [1, Math.exp(-1), Math.exp(-2)], 1e-8);
  },

  "a solve reports its status and its work": () => {
    const s = solve((_t, y: Tensor) => y.mul(-1), f64([1]), {
      t0: 0,
      t1: 1,
      rtol: 1e-8,
      atol: 1e-10,
    });
    if (s.status !== "success") throw new Error(`status ${s.status}`);
    if (!(s.stats.evaluations > 10)) throw new Error(`${s.stats.evaluations} evaluations`);
  },

  "adjoint gradient equals the direct one and finite differences": () => {
    const f = (_t: Tensor, y: Tensor): Tensor => y.sin().sub(y.mul(0.5));
    const options = { rtol: 1e-10, atol: 1e-12 };
    const loss = (gradient: "direct" | "backsolve") => (y0: Tensor) =>
      odeint(f, y0, times, { ...options, gradient })
        .pow(2)
        .sum();
    const start = [0.4, -1.2];
    const backsolve = grad(loss("backsolve"))(f64(start)).data();
    close(backsolve, grad(loss("direct"))(f64(start)).data(), 1e-8);
    close(backsolve, differences(loss("direct"), start), 1e-6);
  },

  "training a neural ODE lowers its loss": () => {
    const y0 = random.normal(random.key(4), [8, 2]);
    const target = random.normal(random.key(5), [8, 2]);
    const loss = (model: Field, batch: { y0: Tensor }): Tensor =>
      odeintAdjoint(model, batch.y0, times).sub(target).pow(2).mean();
    const t = trainer(new Field(), loss, adam({ learningRate: 1e-2 }));
    const losses = Array.from({ length: 30 }, () => t.step({ y0 }));
    if (!(losses.at(-1)! < losses[0]! * 0.9)) throw new Error(`losses ${losses.join(" ")}`);
    const [value] = valueAndGrad(loss)(t.model, { y0 });
    if (!(value.item() <= losses.at(-1)!))
      throw new Error("the trained model is not the one returned");
  },
};
