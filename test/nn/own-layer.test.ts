// Layers of a user's own: declared by layer() or written by hand, with layers in them or without, wherever layers go.
import * as nn from "../../src/nn/index.ts";
import { describe, expect, expectTypeOf, test } from "vitest";
import { ArgumentError, ShapeError, Tensor, checkGrad, random, tensor } from "../../src/index.ts";
import { count, finite, listOf } from "../../src/base/kinds.ts";
import { optional, required } from "../../src/base/options.ts";
import { sgd, trainer } from "../../src/optim/index.ts";
import { fillParameters, slotsOf } from "../../src/models/weights.ts";

/** A parameter of its own. */
class Scale extends nn.layer(
  "scale",
  { initial: optional(finite, 1, "The factor before training.") },
  {
    parameters: ({ initial }, shape) => ({
      factor: nn.weight([shape.at(-1)!], nn.initializers.constant(initial)),
    }),
  },
) {
  forward(x: Tensor): Tensor {
    this.requireGrown();
    return x.mul(this.factor);
  }
}
const scale = nn.factory(Scale);

/** One layer within. */
class Twice extends nn.layer(
  "twice",
  { units: required(count, "Number of outputs.") },
  {
    children: ({ units }) => ({ inner: nn.dense({ units, activation: "tanh" }) }),
    parameters: ({ inner }, shape) => ({ inner: nn.child(inner, shape) }),
    outputShape: (_, _shape, { inner }) => inner.outputShape,
  },
) {
  forward(x: Tensor): Tensor {
    return this.inner.forward(x).mul(2);
  }
}
const twice = nn.factory(Twice);

/** Two layers within, one of a user's own, and a parameter beside them. */
class Gated extends nn.layer(
  "gated",
  { units: required(count, "Number of outputs.") },
  {
    className: "GatedUnit",
    children: ({ units }) => ({ body: twice({ units }), gate: nn.dense({ units }) }),
    parameters: ({ body, gate, units }, shape) => ({
      body: nn.child(body, shape),
      gate: nn.child(gate, shape),
      shift: nn.weight([units], nn.initializers.ones),
    }),
    outputShape: (_, _shape, { gate }) => gate.outputShape,
  },
) {
  forward(x: Tensor): Tensor {
    return this.body.forward(x).mul(this.gate.forward(x).sigmoid()).add(this.shift);
  }
}
const gated = nn.factory(Gated);

/** Without a declaration: what it holds is its outline. */
class ByHand extends nn.Layer {
  readonly inner: nn.Dense = nn.dense({ units: 4 });
  constructor() {
    super({});
  }
  get kind(): string {
    return "byHand";
  }
  protected override outline(inputShape: readonly number[]): nn.Outline {
    const inner = nn.child(this.inner, inputShape);
    return { holds: { inner }, outputShape: inner.outputShape };
  }
  forward(x: Tensor): Tensor {
    return this.inner.forward(x);
  }
}

/** Without an outline: it draws into its fields itself. */
class Drawing extends nn.Layer {
  readonly inner: nn.Dense = nn.dense({ units: 4 });
  constructor() {
    super({});
  }
  get kind(): string {
    return "drawing";
  }
  make(inputShape: readonly number[], setting: nn.Setting): readonly number[] {
    return this.growChild(this.inner, inputShape, setting, 0) as readonly number[];
  }
  forward(x: Tensor): Tensor {
    return this.inner.forward(x);
  }
}

const x = random.normal(random.key(1), [5, 3]);
const own = {
  scale: () => scale(),
  twice: () => twice({ units: 4 }),
  gated: () => gated({ units: 4 }),
  byHand: () => new ByHand(),
  drawing: () => new Drawing(),
};
const parameters = { scale: 3, twice: 16, gated: 36, byHand: 16, drawing: 16 };

describe.each(Object.keys(own) as (keyof typeof own)[])("%s", (name) => {
  const make: () => nn.Layer = own[name];
  const outputShape = name === "scale" ? [3] : [4];

  test("says the shape of its output without making parameters", () => {
    const layer = make();
    expect(layer.computeOutputShape([3])).toEqual(outputShape);
    expect(layer.inputShape).toBeUndefined();
    expect(layer.parameters()).toEqual([]);
    layer.grow([3]);
    expect(layer.parameterCount).toBe(parameters[name]);
    expect(() => layer.computeOutputShape([5])).toThrow(ShapeError);
  });

  test("is applied to tensors and to symbolic ones, alone and in models", () => {
    expect(make().apply(x).shape).toEqual([5, ...outputShape]);
    const symbol = nn.input({ shape: [3] });
    const y = make().apply(symbol);
    expect(y.shape).toEqual(outputShape);
    const graph = nn.model({ inputs: symbol, outputs: nn.dense({ units: 2 }).apply(y) });
    const chain = nn.sequential([make(), nn.dense({ units: 2 })], { inputShape: [3] });
    for (const model of [graph, chain]) {
      expect(model.forward(x).shape).toEqual([5, 2]);
      const layer = (model.layers as readonly nn.Layer[]).find(({ kind }) => kind === name)!;
      expect(model.outputOf(layer.name!).shape).toEqual(outputShape);
    }
    const deep = nn.sequential([nn.residual([make(), nn.dense({ units: 3 })])], {
      inputShape: [3],
    });
    expect(deep.forward(x).shape).toEqual([5, 3]);
  });

  test("has the same parameters for the same seed, others at another place", () => {
    const bits = (model: nn.Module): number[][] => model.parameters().map((p) => [...p.data()]);
    const chain = (seed: number): nn.Sequential =>
      nn.sequential([make(), nn.dense({ units: 3 }), make()], { inputShape: [3], seed });
    expect(bits(chain(1))).toEqual(bits(chain(1)));
    if (name === "scale") return;
    const [first] = bits(chain(1));
    expect(first).not.toEqual(bits(chain(2))[0]);
    expect(first).not.toEqual(bits(chain(1).layers[2] as nn.Layer)[0]);
  });

  test("is trained a step, and its copy computes as it does", () => {
    const model = nn.sequential([make()], { inputShape: [3] });
    const before = model.forward(x).data();
    const t = trainer(
      model,
      (m, batch: { x: Tensor }, _key, mode) => m.forward(batch.x, mode).square().mean(),
      sgd({ learningRate: 0.1 }),
    );
    const [first, second] = [t.step({ x }), t.step({ x })];
    expect(second).toBeLessThan(first);
    expect(t.model.layers[0]).toBeInstanceOf(model.layers[0]!.constructor);
    expect([...t.model.forward(x).data()]).not.toEqual([...before]);
    expect(model.forward(x).data()).toEqual(before);
    const layer = make();
    layer.grow([3], { key: random.key(0), dtype: "float64" });
    checkGrad((one: nn.Layer, at: Tensor) => one.forward(at), [layer, x.cast("float64")]);
  });

  test("is saved and loaded as parameters", async () => {
    const model = nn.sequential([make(), nn.dense({ units: 2 })], { inputShape: [3], seed: 7 });
    const stored = slotsOf(model).map(({ path, tensor: { shape }, tensor }) => ({
      name: path,
      shape,
      readInto: async (elements: Float32Array | Float64Array) =>
        elements.set(tensor.data() as Float32Array),
    }));
    const other = nn.sequential([make(), nn.dense({ units: 2 })], { inputShape: [3] });
    const filled = await fillParameters(
      other,
      { name: "file", bytes: 1e6, arrays: stored, match: () => stored },
      {},
    );
    expect(filled.forward(x).data()).toEqual(model.forward(x).data());
  });

  test("has a row in summaries, and those of its layers below", () => {
    const model = nn.sequential([make()], { inputShape: [3] });
    const rows = model.summary({ expandNested: true });
    expect(rows).toContain(`(${make().className})`);
    expect(rows).toContain(`Total params: ${parameters[name]}`);
    expect(rows.split("└ ").length - 1).toBe(
      { scale: 0, twice: 1, gated: 3, byHand: 1, drawing: 1 }[name],
    );
  });
});

describe("a declared layer", () => {
  test("has typed settings, parameters and children", () => {
    const layer = gated({ units: 4, name: "g", inputShape: [3] });
    expectTypeOf(layer.units).toEqualTypeOf<number>();
    expectTypeOf(layer.shift).toEqualTypeOf<Tensor>();
    expectTypeOf(layer.gate).toEqualTypeOf<nn.Dense>();
    expectTypeOf(layer.body.inner.kernel).toEqualTypeOf<Tensor>();
    expectTypeOf<nn.OptionsFor<typeof Scale>["initial"]>().toEqualTypeOf<number | undefined>();
    expect([layer.units, layer.shift.shape, layer.gate.name, layer.body.name]).toEqual([
      4,
      [4],
      "dense_1",
      "twice",
    ]);
    expect(layer).toBeInstanceOf(Gated);
    expect(Gated.declaration.kind).toBe("gated");
  });

  test("names what was wrong of its options", () => {
    expect(() => scale({ initial: "x" as never, name: "s" })).toThrow(
      'scale "s": initial: expected a number, got "x".',
    );
    expect(() => twice({ unit: 3 } as never)).toThrow(/twice: .*"unit"\. Did you mean units\?/);
    expect(() => twice(undefined as never)).toThrow(ArgumentError);
    expect(() => scale().forward(x)).toThrow(/scale: .*inputShape/);
  });

  test("freezes the layers in it", () => {
    const layer = gated({ units: 2, inputShape: [3], trainable: false });
    expect([layer.trainable, layer.gate.trainable, layer.body.inner.trainable]).toEqual([
      false,
      false,
      false,
    ]);
  });

  test("may hold a list of layers, one taking what another gives", () => {
    class Stack extends nn.layer(
      "stack",
      { widths: required(listOf(count), "Numbers of outputs.") },
      {
        children: ({ widths }) => ({ blocks: widths.map((units) => nn.dense({ units })) }),
        parameters({ blocks }, shape) {
          const held: nn.Child<nn.Dense>[] = [];
          for (const block of blocks) held.push(nn.child(block, held.at(-1)?.outputShape ?? shape));
          return { blocks: held };
        },
        outputShape: (_, shape, { blocks }) => blocks.at(-1)?.outputShape ?? shape,
      },
    ) {
      forward(given: Tensor): Tensor {
        return this.blocks.reduce((y, block) => block.forward(y).tanh(), given);
      }
    }
    const layer = new Stack({ widths: [5, 2], trainable: false });
    expectTypeOf(layer.blocks).toEqualTypeOf<nn.Dense[]>();
    expect(layer.computeOutputShape([3])).toEqual([2]);
    const model = nn.sequential([layer], { inputShape: [3] });
    expect(model.namedParameters().map(([name]) => name)).toEqual([
      "layers[0].blocks[0].kernel",
      "layers[0].blocks[0].bias",
      "layers[0].blocks[1].kernel",
      "layers[0].blocks[1].bias",
    ]);
    expect(layer.blocks.map(({ name, trainable }) => [name, trainable])).toEqual([
      ["dense", false],
      ["dense_1", false],
    ]);
    expect(model.forward(x).shape).toEqual([5, 2]);
  });

  test("may hold state", () => {
    class Calls extends nn.layer(
      "calls",
      {},
      { parameters: () => ({ seen: nn.state([], nn.initializers.zeros) }) },
    ) {
      forward(given: Tensor, mode?: nn.Mode): Tensor {
        mode?.update?.(this.seen, (mode.latest?.(this.seen) ?? this.seen).add(1));
        return given;
      }
    }
    const model = nn.sequential([new Calls()], { inputShape: [3] });
    const { updates } = nn.collectUpdates(() => model.forward(x, nn.training()));
    expect([...updates.values()].map((value) => value.item())).toEqual([1]);
    expect([...nn.statePaths(model)]).toEqual(["layers[0].seen"]);
  });

  test("may take a list", () => {
    class Difference extends nn.layer(
      "difference",
      {},
      { takesList: true, outputShape: (_, [first]) => first! },
    ) {
      forward([a, b]: readonly Tensor[]): Tensor {
        return a!.sub(b!);
      }
    }
    const layer = new Difference();
    expect(layer.forward([tensor([[3]]), tensor([[1]])]).item()).toBe(2);
    const [p, q] = [nn.input({ shape: [3] }), nn.input({ shape: [3] })];
    const model = nn.model({ inputs: [p, q], outputs: layer.apply([p, q]) });
    expect(
      model
        .forward([x, x])
        .data()
        .every((value) => value === 0),
    ).toBe(true);
    expect(() => new Difference().apply(p as never)).toThrow(/difference: .*list/);
  });
});
