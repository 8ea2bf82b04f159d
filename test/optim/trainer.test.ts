// The trainer: the same bits as a loop written by hand, memory that stays flat, state that can be taken and put back.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { backend } from "../../src/compile/engine.ts";
import {
  ArgumentError,
  DTypeError,
  ShapeError,
  Tensor,
  TraceError,
  jit,
  random,
  tensor,
  valueAndGrad,
} from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import {
  type Optimizer,
  adam,
  adamw,
  chain,
  clipByGlobalNorm,
  rmsprop,
  schedules,
  sgd,
  trainer,
} from "../../src/optim/index.ts";

class Net extends nn.Module {
  net: nn.Sequential = nn.sequential([
    nn.dense({ units: 8, activation: "tanh", inputShape: [2] }),
    nn.dense({ units: 1 }),
  ]);
  forward(x: Tensor): Tensor {
    return this.net.forward(x);
  }
}

interface Batch {
  readonly x: Tensor;
  readonly y: Tensor;
}

const batchOf = (size: number, seed: number): Batch => {
  const x = random.normal(random.key(seed), [size, 2]);
  return { x, y: x.sum([1], true).sin() };
};
const loss = (model: Net, batch: Batch): Tensor =>
  nn.meanSquaredError(model.forward(batch.x), batch.y);
const weights = (model: nn.Module): number[][] => model.parameters().map((p) => [...p.data()]);

const optimisers: Readonly<Record<string, () => Optimizer>> = {
  sgd: () => sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }),
  adam: () => adam({ learningRate: 0.01 }),
  "adamw with schedule and clipping": () =>
    chain(
      clipByGlobalNorm(0.5),
      adamw({ learningRate: schedules.cosine({ from: 0.05, steps: 10 }) }),
    ),
  rmsprop: () => rmsprop({ learningRate: 0.01, centered: true, momentum: 0.5 }),
};

describe("a trainer is the loop one would write by hand, bit for bit", () => {
  for (const [name, make] of Object.entries(optimisers))
    test(name, () => {
      const optimizer = make();
      const t = trainer(new Net(), loss, optimizer);
      let model = new Net();
      let state = optimizer.init(model);
      const step = jit((m: Net, s: typeof state, batch: Batch, count: Tensor) => {
        const [value, gradients] = valueAndGrad(loss)(m, batch);
        const after = optimizer.update(gradients, s, m, count);
        return { value, model: after.params, state: after.state };
      });
      for (let i = 0; i < 10; i++) {
        const batch = batchOf(5, i);
        const after = step(model, state, batch, tensor(i, { dtype: "int32" }));
        expect(t.step(batch)).toBe(after.value.item());
        ({ model, state } = after);
      }
      expect(weights(t.model)).toEqual(weights(model));
      expect(t.model).toBeInstanceOf(Net);
      expect(t.steps).toBe(10);
    });
});

test("training lowers the loss, and leaves the model it was given alone", () => {
  const given = new Net();
  const before = weights(given);
  const t = trainer(given, loss, adam({ learningRate: 0.02 }));
  const batch = batchOf(32, 1);
  const first = t.step(batch);
  for (let i = 0; i < 300; i++) t.step(batch);
  expect(t.evaluate(batch)).toBeLessThan(first / 50);
  expect(t.evaluate(batch)).toBe(jit(loss)(t.model, batch).item());
  expect(weights(given)).toEqual(before);
});

test("another shape of batch goes on with the same state", () => {
  const [a, b] = [trainer(new Net(), loss, adam()), trainer(new Net(), loss, adam())];
  for (let i = 0; i < 4; i++) {
    a.step(batchOf(3 + (i % 2), i));
    b.step(batchOf(3 + (i % 2), i));
    b.restore(b.state);
  }
  expect(weights(a.model)).toEqual(weights(b.model));
  expect(a.steps).toBe(4);
  expect(a.state.step.item()).toBe(4);
});

describe("state", () => {
  const noisy = (model: Net, batch: Batch, key: Tensor): Tensor =>
    loss(model, { ...batch, x: batch.x.add(random.normal(key, batch.x.shape).mul(0.1)) });

  test("restored into a new trainer goes on to the same bits, random numbers included", () => {
    const make = () =>
      trainer(
        new Net(),
        noisy,
        adam({ learningRate: schedules.linear({ from: 0.1, to: 0, steps: 20 }) }),
        { seed: 3 },
      );
    const through = make();
    for (let i = 0; i < 5; i++) through.step(batchOf(4, i));
    const saved = through.state;
    const other = make();
    other.step(batchOf(4, 99));
    other.restore(saved);
    expect(other.steps).toBe(5);
    for (let i = 5; i < 9; i++) expect(other.step(batchOf(4, i))).toBe(through.step(batchOf(4, i)));
    expect(weights(other.model)).toEqual(weights(through.model));
  });

  test("the key is another one each step and for each seed", () => {
    const draws = (seed: number): number[] => {
      const t = trainer(
        { w: tensor(0) },
        (m, _batch, key) => random.uniform(key).add(m.w.mul(0)),
        sgd({ learningRate: 1 }),
        { seed },
      );
      return [0, 1, 2].map(() => t.step([]));
    };
    const all = [...draws(0), ...draws(1)];
    expect(new Set(all).size).toBe(6);
    expect(draws(1)).toEqual(all.slice(3));
  });

  test("of another model is refused, and nothing changes", () => {
    const t = trainer(new Net(), loss, sgd({ learningRate: 0.1 }));
    const before = weights(t.model);
    expect(() => t.restore(trainer(new Net(), loss, adam()).state)).toThrow(ArgumentError);
    const other = t.state;
    const wrong = { ...other.parameters, "net.layers[0].bias": tensor([1, 2]) };
    expect(() => t.restore({ ...other, parameters: wrong })).toThrow(/net\.layers\[0\]\.bias/);
    expect(weights(t.model)).toEqual(before);
  });
});

describe("parameters", () => {
  test("that are shared stay shared, and get the gradients of both places", () => {
    const shared = tensor([1, 2]);
    class Tied extends nn.Module {
      a: Tensor = shared;
      b: Tensor = shared;
    }
    const t = trainer(new Tied(), (m) => m.a.sum().add(m.b.mul(2).sum()), sgd({ learningRate: 1 }));
    t.step([]);
    const { a, b } = t.model;
    expect(a).toBe(b);
    expect([...a.data()]).toEqual([-2, -1]);
  });

  test("that are not to be trained, or are no floats, stay as they are", () => {
    class Frozen extends nn.Module {
      body: Tensor = tensor([2, 3]);
      head: Tensor = tensor([1, 1]);
      order: Tensor = tensor([1, 0], { dtype: "int32" });
    }
    const t = trainer(new Frozen(), (m) => m.body.mul(m.head).sum(), sgd({ learningRate: 1 }), {
      trainable: (path) => path !== "body",
    });
    t.step([]);
    expect([...t.model.body.data()]).toEqual([2, 3]);
    expect([...t.model.head.data()]).toEqual([-1, -2]);
    expect([...t.model.order.data()]).toEqual([1, 0]);
    expect(Object.keys(t.state.parameters)).toEqual(["head"]);
  });

  test("may be any tree, in float64 too", () => {
    const model = { w: [tensor([3], { dtype: "float64" })] };
    const t = trainer(model, (m) => m.w[0]!.mul(m.w[0]!).sum(), adam({ learningRate: 0.1 }));
    for (let i = 0; i < 400; i++) t.step([]);
    expect(t.model.w[0]!.dtype).toBe("float64");
    expect(t.model.w[0]!.item()).toBeCloseTo(0, 4);
  });
});

test("memory stays flat over 100,000 steps", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const used = (): number => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const model = { w: tensor([1, 2, 3]), b: tensor(0) };
  const fit = (m: typeof model, batch: Batch): Tensor =>
    nn.meanSquaredError(batch.x.matmul(m.w).add(m.b), batch.y);
  const t = trainer(model, fit, adam({ learningRate: 1e-3 }));
  const x = tensor([
    [1, 2, 3],
    [4, 5, 7],
  ]);
  const run = (steps: number): void => {
    for (let i = 0; i < steps; i++) t.step({ x, y: tensor([1, i % 3]) });
  };
  run(20_000);
  const [before, kernel] = [used(), backend().memory.used];
  run(100_000);
  expect(backend().memory.used).toBe(kernel);
  // Two bytes a step would be a leak; what the engine itself learns about the code is less.
  expect(used() - before).toBeLessThan(200_000);
  expect(t.steps).toBe(120_000);
}, 30_000);

describe("wrong use", () => {
  const t = trainer(new Net(), loss, sgd({ learningRate: 0.1 }));
  const wrong: readonly (readonly [
    string,
    () => unknown,
    new (...args: never[]) => Error,
    RegExp,
  ])[] = [
    [
      "a number in the batch",
      () => t.step({ x: tensor([[1, 2]]), y: 3 as never }),
      ArgumentError,
      /batch.*3 at \.y/,
    ],
    ["no batch", () => t.step(undefined as never), ArgumentError, /batch.*undefined/],
    [
      "a batch that does not fit the model",
      () => t.step({ x: tensor([[1, 2, 3]]), y: tensor([[1]]) }),
      ShapeError,
      /dense "dense"/,
    ],
    [
      "a traced batch",
      () => jit((x: Tensor) => tensor(t.step({ x, y: x.sum([1], true) })))(tensor([[1, 2]])),
      TraceError,
      /trac/,
    ],
    [
      "a loss that is no scalar",
      () => trainer(new Net(), (m: Net, b: Batch) => m.forward(b.x), adam()).step(batchOf(2, 0)),
      ShapeError,
      /loss.*scalar.*\[2, 1\]/,
    ],
    [
      "a loss that is a number",
      () => trainer(new Net(), () => 1 as never, adam()).step([]),
      ArgumentError,
      /loss.*got 1/,
    ],
    [
      "a loss of integers",
      () => trainer(new Net(), () => tensor(1, { dtype: "int32" }), adam()).step([]),
      DTypeError,
      /loss.*int32/,
    ],
    ["no loss", () => trainer(new Net(), undefined as never, adam()), ArgumentError, /loss/],
    [
      "no optimiser",
      () => trainer(new Net(), loss, undefined as never),
      ArgumentError,
      /optimiser/,
    ],
    [
      "a model with numbers",
      () => trainer({ w: 1 }, () => tensor(1), adam()),
      ArgumentError,
      /model.*1 at \.w/,
    ],
    [
      "a model without parameters",
      () => trainer({ w: tensor([1], { dtype: "int32" }) }, () => tensor(1), adam()),
      ArgumentError,
      /at least one float/,
    ],
  ];
  for (const [name, run, type, message] of wrong)
    test(name, () => {
      expect(run).toThrow(type);
      expect(run).toThrow(message);
    });
  test("and the trainer goes on", () => {
    expect(Number.isFinite(t.step(batchOf(2, 0)))).toBe(true);
    expect(t.steps).toBe(1);
  });
});
