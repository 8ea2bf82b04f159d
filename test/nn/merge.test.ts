// Layers of several inputs, and residual connections: values by loops, broadcasting as Keras has it, errors that name the layer.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  ShapeError,
  type Tensor,
  checkGrad,
  random,
  tensor,
} from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";

const draw = (seed: number, shape: readonly number[]): Tensor =>
  random.normal(random.key(seed), shape, { dtype: "float64" });

const merges = {
  add: { make: nn.add, of: (values: number[]) => values.reduce((a, b) => a + b) },
  multiply: { make: nn.multiply, of: (values: number[]) => values.reduce((a, b) => a * b) },
  average: {
    make: nn.average,
    of: (values: number[]) => values.reduce((a, b) => a + b) / values.length,
  },
  maximum: { make: nn.maximum, of: (values: number[]) => Math.max(...values) },
  minimum: { make: nn.minimum, of: (values: number[]) => Math.min(...values) },
};

describe("merging layers", () => {
  for (const [kind, { make, of: expected }] of Object.entries(merges)) {
    test(`${kind} of any number of inputs, element by element`, () => {
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 4 }),
          fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
          fc.nat(1e6),
          (count, sample, seed) => {
            const inputs = Array.from({ length: count }, (_, i) => draw(seed + i, [2, ...sample]));
            const y = make().forward(inputs);
            expect(y.shape).toEqual([2, ...sample]);
            const all = inputs.map((x) => x.data());
            y.data().forEach((value, i) =>
              expect(value).toBeCloseTo(expected(all.map((data) => data[i]!)), 13),
            );
          },
        ),
        { numRuns: 30, seed: 2 },
      );
    });

    test(`${kind} broadcasts extents of 1 and samples of lower rank`, () => {
      const layer = make();
      const inputs = [draw(1, [2, 3, 4]), draw(2, [2, 1, 4]), draw(3, [2, 4])];
      expect(layer.computeOutputShape([[3, 4], [1, 4], [4]])).toEqual([3, 4]);
      const y = layer.forward(inputs);
      expect(y.shape).toEqual([2, 3, 4]);
      const wide = [inputs[0]!, inputs[1]!, inputs[2]!.reshape([2, 1, 4])].map((x) =>
        x.broadcastTo([2, 3, 4]).data(),
      );
      y.data().forEach((value, i) =>
        expect(value).toBeCloseTo(expected(wide.map((data) => data[i]!)), 13),
      );
    });

    test(`${kind} has the derivatives of finite differences`, () => {
      checkGrad(
        (a: Tensor, b: Tensor) => make().forward([a, b]),
        [draw(4, [2, 3]), draw(5, [2, 1])],
      );
    });
  }

  test("subtract takes two", () => {
    const [a, b] = [tensor([[3, 5]]), tensor([[1, 2]])];
    expect([...nn.subtract().forward([a, b]).data()]).toEqual([2, 3]);
    expect(() => nn.subtract().forward([a])).toThrow(/subtract.*two inputs, got 1/);
  });

  test("concatenate along any axis but the batch's", () => {
    const [a, b] = [draw(1, [2, 3, 4]), draw(2, [2, 3, 1])];
    const y = nn.concatenate().forward([a, b]);
    expect(y.shape).toEqual([2, 3, 5]);
    expect([...y.slice([0, 0, 0], [2, 3, 4]).data()]).toEqual([...a.data()]);
    expect([...y.slice([0, 0, 4]).data()]).toEqual([...b.data()]);
    expect(
      nn.concatenate({ axis: 1 }).computeOutputShape([
        [3, 4],
        [5, 4],
        [1, 4],
      ]),
    ).toEqual([9, 4]);
    expect(nn.concatenate({ axis: -2 }).forward([a, draw(3, [2, 2, 4])]).shape).toEqual([2, 5, 4]);
  });

  const x = nn.input({ shape: [3] });
  const y = nn.input({ shape: [4] });
  const wrong: readonly (readonly [() => unknown, new (...args: never[]) => Error, RegExp])[] = [
    [() => nn.add({ name: "sum" }).apply([x, y]), ShapeError, /add "sum".*\[3\] and \[4\]/],
    [() => nn.add().apply(x as never), ArgumentError, /add.*list.*one input/],
    [() => nn.add().forward(tensor([[1]]) as never), ArgumentError, /add.*list.*Tensor/],
    [() => nn.add().forward([]), ArgumentError, /add.*at least one/],
    [() => nn.add().forward([tensor([[1]]), 3 as never]), ArgumentError, /add: input 1/],
    [
      () => nn.add().forward([tensor([[1, 2]]), tensor([[1, 2, 3]])]),
      ShapeError,
      /\[2\] and \[3\]/,
    ],
    [() => nn.add().forward([tensor([[1]]), tensor([[1], [2]])]), ShapeError, /batches.*\[1, 1\]/],
    [() => nn.add({ inputShape: [3] }), ArgumentError, /inputShape.*several inputs/],
    [() => nn.add({ axis: 1 } as never), ArgumentError, /options.*axis/],
    [() => nn.concatenate({ axis: 0 }), ArgumentError, /axis.*batch/],
    [
      () => nn.concatenate({ axis: 1, name: "join" }).apply([nn.input({ shape: [2, 3] }), y]),
      ShapeError,
      /concatenate "join".*\[2, 3\] and \[4\]/,
    ],
  ];
  for (const [index, [run, type, message]] of wrong.entries())
    test(`wrong use is named ${index}: ${message.source}`, () => {
      expect(run).toThrow(type);
      expect(run).toThrow(message);
    });
});

describe("residual", () => {
  test("is x + f(x), for a layer or several", () => {
    const f = nn.dense({ units: 3, activation: "tanh", inputShape: [3], seed: 1 });
    const input = random.normal(random.key(1), [4, 3]);
    const expected = input.add(f.forward(input)).data();
    for (const layers of [f, [f], [f, (h: Tensor) => h.mul(1)]]) {
      const layer = nn.residual(layers, { inputShape: [3] });
      expect(layer.outputShape).toEqual([3]);
      expect([...layer.forward(input).data()]).toEqual([...expected]);
    }
  });

  test("with a shortcut, which has parameters and keys of its own", () => {
    const layer = nn.residual([nn.dense({ units: 5 }), nn.dropout({ rate: 0.5 })], {
      shortcut: nn.dense({ units: 5 }),
    });
    const net = nn.sequential([layer], { inputShape: [3] });
    expect(net.outputShape).toEqual([5]);
    expect(net.namedParameters().map(([name]) => name)).toEqual([
      "layers[0].body.layers[0].kernel",
      "layers[0].body.layers[0].bias",
      "layers[0].shortcut.kernel",
      "layers[0].shortcut.bias",
    ]);
    const [a, , b] = net.parameters();
    expect([...a!.data()]).not.toEqual([...b!.data()]);
    const input = random.normal(random.key(2), [4, 3]);
    const around = layer.shortcut!.forward(input).data();
    const through = layer.body.forward(input).data();
    net
      .forward(input)
      .data()
      .forEach((value, i) => expect(value).toBe(Math.fround(around[i]! + through[i]!)));
  });

  test("refuses shapes that differ", () => {
    expect(() => nn.residual(nn.dense({ units: 4 }), { inputShape: [3] })).toThrow(
      /residual.*\[3\].*\[4\].*shortcut/,
    );
    expect(() => nn.residual([])).toThrow(ArgumentError);
    expect(() => nn.residual(3 as never)).toThrow(ArgumentError);
    expect(() => nn.residual(nn.dense({ units: 4 })).apply(nn.input({ shape: [3] }))).toThrow(
      ShapeError,
    );
  });
});
