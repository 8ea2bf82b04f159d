// Graph models: what they compute, what they share, how they are named and found again, and what they refuse.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  DTypeError,
  ShapeError,
  type Tensor,
  grad,
  jit,
  random,
  tensor,
} from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";

const draw = (seed: number, shape: readonly number[]): Tensor =>
  random.normal(random.key(seed), shape);
const bits = (module: nn.Module): number[][] => module.parameters().map((p) => [...p.data()]);
const data = (x: Tensor): number[] => [...x.data()];

/** Two branches that meet, with a shared layer and two outputs. */
function branched(options: { readonly seed?: number } = {}) {
  const left = nn.input({ shape: [3], name: "left" });
  const right = nn.input({ shape: [3], name: "right" });
  const shared = nn.dense({ units: 4, activation: "tanh", name: "shared" });
  const sum = nn.add({ name: "sum" }).apply([shared.apply(left), shared.apply(right)]);
  const head = nn.dense({ units: 2, name: "head" }).apply(sum);
  return nn.model({ inputs: [left, right], outputs: [head, sum], ...options });
}

describe("a graph model", () => {
  test("computes its layers in order, shared ones with one set of parameters", () => {
    const m = branched();
    expect(m.parameterCount).toBe(3 * 4 + 4 + 4 * 2 + 2);
    const [a, b] = [draw(1, [5, 3]), draw(2, [5, 3])];
    const [head, sum] = m.forward([a, b]);
    const shared = m.getLayer("shared") as nn.Dense;
    const expected = shared.forward(a).add(shared.forward(b));
    expect(data(sum!)).toEqual(data(expected));
    expect(data(head!)).toEqual(data((m.getLayer("head") as nn.Dense).forward(expected)));
    expect(m.inputShape).toEqual([[3], [3]]);
    expect(m.outputShape).toEqual([[2], [4]]);
    expect(m.layers.map(({ name }) => name)).toEqual(["left", "right", "shared", "sum", "head"]);
  });

  test("takes and gives a tensor where it was told of one, a list of one where of a list", () => {
    const x = nn.input({ shape: [3] });
    const y = nn.dense({ units: 2 }).apply(x);
    const one = nn.model({ inputs: x, outputs: y });
    const list = nn.model({ inputs: [x], outputs: [y] });
    const batch = draw(1, [2, 3]);
    expect(list.forward([batch]).map(data)).toEqual([data(one.forward(batch))]);
    expect(one.outputShape).toEqual([2]);
    expect(list.outputShape).toEqual([[2]]);
  });

  test("draws parameters by seed and position: equal models are equal", () => {
    expect(bits(branched())).toEqual(bits(branched()));
    expect(bits(branched({ seed: 0 }))).toEqual(bits(branched()));
    expect(bits(branched({ seed: 1 }))[0]).not.toEqual(bits(branched())[0]);
    const x = nn.input({ shape: [3] });
    const twins = [nn.dense({ units: 3 }), nn.dense({ units: 3, inputShape: [3] })];
    const m = nn.model({ inputs: x, outputs: twins.map((layer) => layer.apply(x)) });
    const [first, , second] = bits(m);
    expect(first).not.toEqual(second);
  });

  test("is a tree: jit, gradients and copies keep what is shared", () => {
    const m = branched();
    const [a, b] = [draw(1, [5, 3]), draw(2, [5, 3])];
    const loss = (model: typeof m, p: Tensor, q: Tensor): Tensor =>
      model.forward([p, q])[0]!.mean();
    const gradient = jit(grad(loss))(m, a, b);
    expect(gradient.parameters().map((p) => p.shape)).toEqual(m.parameters().map((p) => p.shape));
    // The shared kernel's gradient is that of both places.
    const apart = jit(
      grad((kernel: Tensor, p: Tensor, q: Tensor) => {
        const shared = Object.assign(Object.create(m.getLayer("shared")) as nn.Dense, { kernel });
        const sum = shared.forward(p).add(shared.forward(q));
        return (m.getLayer("head") as nn.Dense).forward(sum).mean();
      }),
    )((m.getLayer("shared") as nn.Dense).kernel, a, b);
    gradient
      .parameters()[0]!
      .data()
      .forEach((g, i) => expect(g).toBeCloseTo(apart.data()[i]!, 6));
  });

  test("nests, in graphs and in sequentials, and sequentials in it", () => {
    const inner = branched();
    const x = nn.input({ shape: [3] });
    const y = nn.input({ shape: [3] });
    const [head] = inner.apply([x, y]);
    const tail = nn.sequential([nn.dense({ units: 6 }), nn.activation({ activation: "relu" })]);
    const outer = nn.model({ inputs: [x, y], outputs: tail.apply(head!) });
    expect(outer.outputShape).toEqual([6]);
    const [a, b] = [draw(1, [5, 3]), draw(2, [5, 3])];
    expect(data(outer.forward([a, b]))).toEqual(data(tail.forward(inner.forward([a, b])[0]!)));
    const z = nn.input({ shape: [3] });
    const single = nn.model({ inputs: z, outputs: nn.dense({ units: 3 }).apply(z) });
    const net = nn.sequential([single, nn.dense({ units: 1 })]);
    expect(net.inputShape).toEqual([3]);
    expect(data(net.forward(a))).toEqual(
      data((net.layers[1] as nn.Dense).forward(single.forward(a))),
    );
  });

  test("holds functions and modules as layers", () => {
    class Scale extends nn.Module {
      by: Tensor = tensor(2);
      forward(x: Tensor): Tensor {
        return x.mul(this.by);
      }
    }
    const x = nn.input({ shape: [2, 3] });
    const flat = nn.lambda((v) => v.reshape([v.shape[0]!, 6])).apply(x);
    const scaled = nn.lambda(new Scale()).apply(flat);
    const difference = nn.lambda(([p, q]: readonly Tensor[]) => p!.sub(q!)).apply([scaled, flat]);
    const m = nn.model({ inputs: x, outputs: difference });
    const batch = draw(1, [4, 2, 3]);
    expect(data(m.forward(batch))).toEqual(data(batch));
    expect(m.outputShape).toEqual([6]);
    expect(m.namedParameters().map(([name]) => name)).toEqual(["layers[2].fn.by"]);
  });

  test("finds layers by an alias where no layer has the name itself", () => {
    const x = nn.input({ shape: [2] });
    const first = nn.relu({ name: "first" });
    const second = nn.relu({ name: "second" });
    first.aliases = ["second", "value"];
    const m = nn.model({ inputs: x, outputs: second.apply(first.apply(x)) });
    expect(m.getLayer("value")).toBe(first);
    expect(m.getLayer("second")).toBe(second);
    expect(m.outputOf("value")).toBe(first.output);
    expect(() => m.getLayer("valve")).toThrow(/Most like it: value/);
  });

  test("may be as deep as it likes", () => {
    let x = nn.input({ shape: [1] });
    const inputs = x;
    for (let i = 0; i < 3000; i++) x = nn.lambda((v) => v.add(1)).apply(x);
    const m = nn.model({ inputs, outputs: x });
    expect(jit((v: Tensor) => m.forward(v))(tensor([[0]])).item()).toBe(3000);
  });
});

describe("parts of a model", () => {
  test("are models over the same layers, which keep their parameters", () => {
    const m = branched({ seed: 5 });
    const before = bits(m);
    const part = nn.model({ inputs: m.inputs, outputs: m.getLayer("sum").output });
    expect(bits(m)).toEqual(before);
    expect(m.getLayer("sum").output).toBe(m.outputOf("sum"));
    expect(part.getLayer("shared")).toBe(m.getLayer("shared"));
    const batch = [draw(1, [5, 3]), draw(2, [5, 3])];
    expect(data(part.forward(batch))).toEqual(data(m.forward(batch)[1]!));
    // Larger, and in another position.
    const y = nn.dense({ units: 7 }).apply(nn.dense({ units: 4 }).apply(m.outputs[0]!));
    nn.model({ inputs: m.inputs, outputs: y });
    expect(bits(m)).toEqual(before);
  });

  test("of copies, as trainers give back, have the copies' parameters", () => {
    const m = branched();
    const copy = jit((model: typeof m) => model)(m);
    const doubled = jit((model: typeof m) => {
      const layer = model.getLayer("shared") as nn.Dense;
      return [layer.kernel.mul(2)];
    })(copy);
    (copy.getLayer("shared") as nn.Dense).kernel = doubled[0]!;
    const batch = [draw(1, [5, 3]), draw(2, [5, 3])];
    for (const outputs of [copy.getLayer("sum").output, copy.outputOf("sum")] as const) {
      const part = nn.model({ inputs: copy.inputs, outputs });
      expect(data(part.forward(batch))).toEqual(data(copy.forward(batch)[1]!));
    }
    expect(data(copy.forward(batch)[1]!)).not.toEqual(data(m.forward(batch)[1]!));
    expect(
      nn.model({ inputs: copy.inputs, outputs: copy.outputs }).layers.map((l) => l.name),
    ).toEqual(m.layers.map((l) => l.name));
  });

  test("may begin in the middle", () => {
    const m = branched();
    const head = nn.model({ inputs: m.outputOf("sum"), outputs: m.outputOf("head") });
    expect(head.layers.map(({ name, kind }) => name ?? kind)).toEqual(["input_layer", "head"]);
    const batch = [draw(1, [5, 3]), draw(2, [5, 3])];
    const [expected, sum] = m.forward(batch);
    expect(data(head.forward(sum!))).toEqual(data(expected!));
    expect(data(nn.model({ inputs: head.input, outputs: head.output }).forward(sum!))).toEqual(
      data(expected!),
    );
  });

  test("of a sequential: its layers' outputs, functions among them", () => {
    const net = nn.sequential([
      nn.dense({ units: 4, inputShape: [3] }),
      (x: Tensor) => x.relu(),
      nn.dense({ units: 2 }),
    ]);
    const batch = draw(1, [5, 3]);
    const hidden = nn.model({
      inputs: net.inputs,
      outputs: net.getLayer("dense_1").input,
    });
    expect(data(hidden.forward([batch]))).toEqual(
      data((net.layers[0] as nn.Dense).forward(batch).relu()),
    );
    const all = nn.model({ inputs: net.input, outputs: net.outputs });
    expect(all.forward(batch).map(data)).toEqual([data(net.forward(batch))]);
    const x = nn.input({ shape: [3] });
    const again = nn.model({ inputs: x, outputs: net.apply(x) });
    expect(data(again.forward(batch))).toEqual(data(net.forward(batch)));
    expect(nn.model({ inputs: net.input, outputs: net.outputOf("dense") }).outputShape).toEqual([
      4,
    ]);
  });
});

describe("names", () => {
  const names = (m: { readonly layers: readonly unknown[] }): (string | undefined)[] =>
    m.layers.map((layer) => (layer as nn.AnyLayer).name);

  test("are Keras': by class, numbered in the order of creation", () => {
    const x = nn.input({ shape: [8, 8, 1] });
    const last = nn.conv2d({ filters: 2, kernelSize: 3 });
    const first = nn.conv2d({ filters: 2, kernelSize: 3 });
    const pooled = nn.globalAveragePool2d().apply(nn.relu().apply(last.apply(first.apply(x))));
    const m = nn.model({ inputs: x, outputs: nn.batchNorm().apply(pooled) });
    expect(names(m)).toEqual([
      "input_layer",
      "conv2d_1",
      "conv2d",
      "re_lu",
      "global_average_pooling2d",
      "batch_normalization",
    ]);
  });

  test("are unique over nested models, unless they were given", () => {
    const inner = (): nn.Sequential =>
      nn.sequential([nn.dense({ units: 2 }), nn.dense({ units: 2, name: "mine" })]);
    const net = nn.sequential([inner(), nn.dense({ units: 2 }), inner()], { inputShape: [2] });
    expect(names(net)).toEqual(["sequential", "dense_1", "sequential_1"]);
    expect(names(net.layers[0] as nn.Sequential)).toEqual(["dense", "mine"]);
    expect(names(net.layers[2] as nn.Sequential)).toEqual(["dense_2", "mine"]);
  });

  test("given twice in a model are refused", () => {
    const twice = [nn.dense({ units: 2, name: "a" }), nn.dense({ units: 2, name: "a" })];
    expect(() => nn.sequential(twice)).toThrow(/sequential.*two layers named "a"/);
    const x = nn.input({ shape: [2] });
    expect(() =>
      nn.model({ inputs: x, outputs: twice.map((layer) => layer.apply(x)), name: "m" }),
    ).toThrow(/model "m".*two layers named "a"/);
    const one = nn.dense({ units: 2, name: "a" });
    expect(() => nn.sequential([one, one], { inputShape: [2] })).not.toThrow();
  });

  test("that nobody has are answered with those most like them", () => {
    const m = branched();
    expect(() => m.getLayer("shard")).toThrow(ArgumentError);
    expect(() => m.getLayer("shard")).toThrow(/"shard".*Most like it: shared/);
    expect(() => m.outputOf("heads")).toThrow(/Most like it: head/);
    expect(() => nn.sequential([nn.dense({ units: 1 })]).getLayer("x")).toThrow(/dense/);
  });
});

describe("wrong use is named", () => {
  const x = nn.input({ shape: [3], name: "x" });
  const y = nn.input({ shape: [3], name: "y" });
  const d = nn.dense({ units: 2, name: "d" }).apply(x);
  const m = branched();
  const good = draw(1, [5, 3]);
  const wrong: readonly (readonly [() => unknown, new (...args: never[]) => Error, RegExp])[] = [
    [
      () => nn.model({ inputs: x, outputs: nn.add().apply([x, y]), name: "m" }),
      ArgumentError,
      /model "m".*another input, input "y"/,
    ],
    [
      () => nn.model({ inputs: [x, y], outputs: d }),
      ArgumentError,
      /input "y".*none of the outputs/,
    ],
    [() => nn.model({ inputs: [x, x], outputs: d }), ArgumentError, /input "x" twice/],
    [() => nn.model({ inputs: [], outputs: d }), ArgumentError, /inputs.*empty/],
    [() => nn.model({ inputs: x, outputs: [] }), ArgumentError, /outputs.*empty/],
    [() => nn.model({ inputs: x, outputs: good as never }), ArgumentError, /outputs.*apply/],
    [() => nn.model({ input: x, outputs: d } as never), ArgumentError, /inputs, outputs.*"input"/],
    [() => nn.input({ shape: [-1] }), ShapeError, /shape/],
    [() => nn.input({ shape: [null, 3] as never }), ShapeError, /shape/],
    [() => nn.input({ shape: [3], dtype: "int8" as never }), ArgumentError, /float32/],
    [
      () => nn.dense({ units: 2 }).apply([x, good] as never),
      ArgumentError,
      /1 of 2 inputs symbolic/,
    ],
    [() => nn.conv2d({ filters: 2, kernelSize: 3 }).apply(x as never), ShapeError, /conv2d/],
    [() => nn.dense({ units: 2 }).output, ArgumentError, /dense.*apply/],
    [() => m.forward(good as never), ArgumentError, /model.*list of 2 tensors/],
    [() => m.forward([good]), ArgumentError, /list of 2 tensors, got an array of 1/],
    [() => m.forward([good, draw(1, [5, 4])]), ShapeError, /input "right".*\[3\].*\[5, 4\]/],
    [() => m.forward([draw(1, [3]), good]), ShapeError, /input "left".*expandDims/],
    [() => m.forward([good, good.cast("float64")]), DTypeError, /input "right".*float32.*cast/],
    [() => m.forward([good, 1 as never]), ArgumentError, /input "right"/],
    [() => m.apply([x]), ShapeError, /model.*\[3\] and \[3\]/],
  ];
  for (const [index, [run, type, message]] of wrong.entries())
    test(`${index}: ${message.source}`, () => {
      expect(run).toThrow(type);
      expect(run).toThrow(message);
    });

  test("a shared layer that would need other parameters", () => {
    const shared = nn.dense({ units: 3, name: "shared" });
    const wide = nn.input({ shape: [5] });
    const both = [shared.apply(x), shared.apply(wide)];
    expect(() => nn.model({ inputs: [x, wide], outputs: both })).toThrow(
      /dense "shared".*\[[35]\].*\[[35]\]/,
    );
    // Convolutions have no quarrel with another size of image.
    const conv = nn.conv2d({ filters: 2, kernelSize: 3 });
    const images = [nn.input({ shape: [8, 8, 1] }), nn.input({ shape: [6, 9, 1] })];
    const outputs = images.map((image) => conv.apply(image));
    expect(nn.model({ inputs: images, outputs }).outputShape).toEqual([
      [6, 6, 2],
      [4, 7, 2],
    ]);
  });
});

test("random graphs compute what their functions do", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(), fc.nat(), fc.boolean()), { minLength: 1, maxLength: 12 }),
      (choices) => {
        const inputs = [nn.input({ shape: [2] }), nn.input({ shape: [2] })];
        const values = [...inputs];
        const given = [draw(1, [3, 2]), draw(2, [3, 2])];
        const known = [...given];
        for (const [a, b, isSum] of choices) {
          const [i, j] = [a % values.length, b % values.length];
          const layer = isSum ? nn.add() : nn.maximum();
          values.push(layer.apply([values[i]!, values[j]!]));
          known.push(isSum ? known[i]!.add(known[j]!) : known[i]!.maximum(known[j]!));
        }
        // All values are outputs, so that both inputs are needed.
        const m = nn.model({ inputs, outputs: values });
        expect(m.forward(given).map(data)).toEqual(known.map(data));
      },
    ),
    { numRuns: 50, seed: 3 },
  );
});
