// Layers against plain loops and PyTorch's numbers; how they get their shapes, their parameters and their errors.
import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  DTypeError,
  ShapeError,
  Tensor,
  jit,
  random,
  tensor,
} from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";

const { dense, sequential } = nn;
const bits = (module: nn.Module): number[][] => module.parameters().map((p) => [...p.data()]);

/** activation(x · kernel + bias) by loops over numbers. */
function reference(
  layer: nn.Dense,
  rows: readonly (readonly number[])[],
  f: (x: number) => number,
): number[][] {
  const [inputs, units] = layer.kernel.shape as [number, number];
  const kernel = layer.kernel.data();
  return rows.map((row) =>
    Array.from({ length: units }, (_, unit) => {
      let sum = layer.bias === undefined ? 0 : layer.bias.data()[unit]!;
      for (let i = 0; i < inputs; i++) sum += row[i]! * kernel[i * units + unit]!;
      return f(sum);
    }),
  );
}

describe("dense", () => {
  const layer = dense({
    units: 5,
    activation: "tanh",
    inputShape: [3],
    biasInitializer: "randomNormal",
    dtype: "float64",
    seed: 4,
  });
  const rows = [
    [0.5, -1, 2],
    [3, 0.25, -0.125],
  ];

  test("is what loops compute", () => {
    const y = layer.forward(tensor(rows, { dtype: "float64" }));
    expect(y.shape).toEqual([2, 5]);
    reference(layer, rows, Math.tanh)
      .flat()
      .forEach((value, i) => expect(y.data()[i]).toBeCloseTo(value, 14));
  });

  test("takes vectors and any number of batch axes", () => {
    const x = random.normal(random.key(1), [2, 4, 3], { dtype: "float64" });
    const y = layer.forward(x);
    expect(y.shape).toEqual([2, 4, 5]);
    const single = layer.forward(x.at(1).at(2));
    expect(single.shape).toEqual([5]);
    single.data().forEach((value, i) => expect(y.at(1).at(2).data()[i]).toBeCloseTo(value, 14));
  });

  test("without bias has a kernel alone", () => {
    const plain = dense({ units: 2, useBias: false, inputShape: [3] });
    expect(plain.namedParameters().map(([name]) => name)).toEqual(["kernel"]);
    const y = plain.forward(tensor(rows)).data();
    reference(plain, rows, (x) => x)
      .flat()
      .forEach((value, i) => expect(y[i]).toBeCloseTo(value, 6));
  });

  test("has Keras' shapes: kernel [in, out], bias of zeros", () => {
    const plain = dense({ units: 7, inputShape: [4, 3] });
    expect(plain.kernel.shape).toEqual([3, 7]);
    expect(plain.outputShape).toEqual([4, 7]);
    expect(plain.bias!.data().every((b) => b === 0)).toBe(true);
    expect(plain.kernel.dtype).toBe("float32");
  });

  test("wrong use is named", () => {
    const wrong: readonly (readonly [() => unknown, new (...args: never[]) => Error, RegExp])[] = [
      [() => dense({ units: 0 }), ArgumentError, /units.*positive integer, got 0/],
      [() => dense({} as never), ArgumentError, /units.*got undefined/],
      [() => dense(undefined as never), ArgumentError, /dense.*options/],
      [() => dense({ units: 2, activation: "rellu" as never }), ArgumentError, /relu.*got "rellu"/],
      [
        () => dense({ units: 2, kernelInitializer: "xavier" as never }),
        ArgumentError,
        /glorotUniform/,
      ],
      [() => dense({ units: 2, bias: true } as never), ArgumentError, /useBias.*got "bias"/],
      [() => dense({ units: 2, inputShape: [] }), ShapeError, /inputShape/],
      [() => dense({ units: 2, inputShape: [-1] }), ShapeError, /inputShape/],
      [() => dense({ units: 2, dtype: "int32" as never }), ArgumentError, /float32 or float64/],
      [() => dense({ units: 2, seed: 1, key: random.key(1) }), ArgumentError, /both/],
      [() => dense({ units: 2, key: tensor([1, 2]) }), ArgumentError, /random key/],
      [() => dense({ units: 2, seed: -1 }), ArgumentError, /seed/],
      [() => dense({ units: 2 }).forward(tensor([[1]])), ArgumentError, /inputShape/],
      [
        () => dense({ units: 2, name: "head", inputShape: [3] }).forward(tensor([[1, 2]])),
        ShapeError,
        /dense "head".*3.*\[1, 2\]/,
      ],
      [() => layer.forward(tensor(rows)), DTypeError, /float64.*float32/],
    ];
    for (const [run, type, message] of wrong) {
      expect(run).toThrow(type);
      expect(run).toThrow(message);
    }
  });
});

describe("sequential", () => {
  const build = (options: nn.LayerOptions = {}): nn.Sequential =>
    sequential(
      [dense({ units: 50, activation: "tanh", inputShape: [2] }), dense({ units: 2 })],
      options,
    );

  test("passes shapes on and applies its layers in order", () => {
    const net = build();
    expect(net.inputShape).toEqual([2]);
    expect(net.outputShape).toEqual([2]);
    expect(net.namedParameters().map(([name, p]) => `${name} ${p.shape.join("x")}`)).toEqual([
      "layers[0].kernel 2x50",
      "layers[0].bias 50",
      "layers[1].kernel 50x2",
      "layers[1].bias 2",
    ]);
    expect(net.parameterCount).toBe(252);
    const [first, second] = net.layers as [nn.Dense, nn.Dense];
    const x = tensor([[0.5, -1]]);
    expect(net.forward(x).data()).toEqual(second.forward(first.forward(x)).data());
  });

  test("draws the same parameters each time, others for another seed, others for each layer", () => {
    expect(bits(build())).toEqual(bits(build()));
    expect(bits(build({ seed: 0 }))).toEqual(bits(build()));
    const other = bits(build({ seed: 1 }));
    expect(other[0]).not.toEqual(bits(build())[0]);
    expect(other[2]).not.toEqual(bits(build())[2]);
    const square = sequential([dense({ units: 3, inputShape: [3] }), dense({ units: 3 })]);
    expect(bits(square)[0]).not.toEqual(bits(square)[2]);
    expect(bits(build({ key: random.key(1) }))).toEqual(other);
  });

  test("leaves alone layers that have a seed, or whose parameters were replaced", () => {
    const seeded = (): nn.Dense => dense({ units: 2, inputShape: [2], seed: 9 });
    expect(bits(sequential([seeded()], { seed: 1 }))).toEqual(bits(seeded()));
    const loaded = dense({ units: 2, inputShape: [2] });
    loaded.kernel = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect([...(sequential([loaded], { seed: 1 }).layers[0] as nn.Dense).kernel.data()]).toEqual([
      1, 2, 3, 4,
    ]);
  });

  test("nests: an outer model gives shape and seed to inner ones", () => {
    const nested = (seed: number): nn.Sequential =>
      sequential([sequential([dense({ units: 3 }), dense({ units: 4 })]), dense({ units: 1 })], {
        inputShape: [2],
        seed,
      });
    expect(nested(0).parameterCount).toBe(9 + 16 + 5);
    expect(bits(nested(0))).toEqual(bits(nested(0)));
    expect(bits(nested(0))[0]).not.toEqual(bits(nested(1))[0]);
    expect(nested(0).forward(tensor([[1, 2]])).shape).toEqual([1, 1]);
  });

  test("takes functions and modules with forward, and follows their shapes", () => {
    class Doubler extends nn.Module {
      by: Tensor = tensor(2);
      forward(x: Tensor): Tensor {
        return x.mul(this.by);
      }
    }
    const net = sequential(
      [(x: Tensor) => x.reshape([x.shape[0]!, 4]), new Doubler(), dense({ units: 3 })],
      { inputShape: [2, 2] },
    );
    expect(net.outputShape).toEqual([3]);
    expect(net.namedParameters().map(([name]) => name)).toEqual([
      "layers[1].by",
      "layers[2].kernel",
      "layers[2].bias",
    ]);
    expect(
      net.forward(
        tensor([
          [
            [1, 2],
            [3, 4],
          ],
        ]),
      ).shape,
    ).toEqual([1, 3]);
  });

  test("calls functions with the input alone", () => {
    const net = sequential([nn.activations.leakyRelu], { inputShape: [2] });
    expect([...net.forward(tensor([[-1, 2]])).data()].map((v) => v.toFixed(3))).toEqual([
      "-0.200",
      "2.000",
    ]);
  });

  test("gives float64 to its layers", () => {
    const net = build({ dtype: "float64" });
    expect(net.parameters().every((p) => p.dtype === "float64")).toBe(true);
    expect(net.forward(tensor([[1, 2]], { dtype: "float64" })).dtype).toBe("float64");
  });

  test("says what dtype it gives where a layer in it casts", () => {
    const integers = nn.input({ shape: [2], dtype: "int32" });
    expect(sequential([nn.rescaling({ scale: 0.5 })]).apply(integers).dtype).toBe("float32");
    expect(sequential([nn.flatten()]).apply(integers).dtype).toBe("int32");
  });

  test("leaves parameters without elements where it is told to", () => {
    const empty = build({ initialize: false });
    expect(empty.parameters().map(({ shape }) => shape)).toEqual([[2, 50], [50], [50, 2], [2]]);
    expect(empty.parameterCount).toBe(252);
    expect(empty.parameters().every(({ elements }) => elements?.length === 0)).toBe(true);
  });

  test("made inside a traced function holds the same parameters as outside", () => {
    const inside = jit((x: Tensor) => build().forward(x))(tensor([[1, 2]]));
    expect(inside.data()).toEqual(jit((x: Tensor) => build().forward(x))(tensor([[1, 2]])).data());
    build()
      .forward(tensor([[1, 2]]))
      .data()
      .forEach((v, i) => expect(inside.data()[i]).toBeCloseTo(v, 6));
  });

  test("wrong use is named", () => {
    const wrong: readonly (readonly [() => unknown, new (...args: never[]) => Error, RegExp])[] = [
      [() => sequential([]), ArgumentError, /at least one layer/],
      [() => sequential(dense({ units: 1 }) as never), ArgumentError, /array.*Dense/],
      [() => sequential([3 as never]), ArgumentError, /layers\[0\]/],
      [
        () => sequential([dense({ units: 1 })], { layers: 1 } as never),
        ArgumentError,
        /options.*layers/,
      ],
      [() => sequential([dense({ units: 2 })]).forward(tensor([[1]])), ArgumentError, /inputShape/],
      [
        () =>
          sequential([dense({ units: 2, inputShape: [3] }), dense({ units: 1, inputShape: [4] })]),
        ShapeError,
        /dense "dense_1".*\[4\].*\[2\]/,
      ],
      [() => build().forward(tensor([[1, 2, 3]])), ShapeError, /dense "dense"/],
      [
        () => sequential([(x: Tensor) => x.sum(), dense({ units: 1 })], { inputShape: [2] }),
        ArgumentError,
        /layers\[0\].*batch/,
      ],
    ];
    for (const [run, type, message] of wrong) {
      expect(run).toThrow(type);
      expect(run).toThrow(message);
    }
  });
});

test("the model of the manual: two fresh ones are equal, and are trees", () => {
  class Dynamics extends nn.Module {
    net: nn.Sequential = sequential([
      dense({ units: 50, activation: "tanh", inputShape: [2] }),
      dense({ units: 2 }),
    ]);
    forward(_t: Tensor, y: Tensor): Tensor {
      return this.net.forward(y.pow(3));
    }
  }
  expect(bits(new Dynamics())).toEqual(bits(new Dynamics()));
  const run = jit((m: Dynamics, y: Tensor) => m.forward(tensor(0), y));
  expect(run(new Dynamics(), tensor([[1, 2]])).shape).toEqual([1, 2]);
});
