// State of layers under the trainer: it moves with training, is not trained, and is part of states and checkpoints.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ArgumentError, ShapeError, Tensor, random, tensor } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import {
  type Trainer,
  type TrainerState,
  adam,
  adamw,
  decodeCheckpoint,
  encodeCheckpoint,
  loadCheckpoint,
  saveCheckpoint,
  sgd,
  trainer,
} from "../../src/optim/index.ts";

interface Batch {
  readonly x: Tensor;
  readonly y: Tensor;
}

const net = (): nn.Sequential =>
  nn.sequential(
    [
      nn.dense({ units: 8 }),
      nn.batchNorm({ momentum: 0.8 }),
      (h: Tensor) => h.relu(),
      nn.dropout({ rate: 0.25 }),
      nn.dense({ units: 1 }),
    ],
    { inputShape: [3] },
  );
const batchOf = (seed: number): Batch => {
  const x = random.normal(random.key(seed), [16, 3], { mean: 2 });
  return { x, y: x.sum([1], true).sin() };
};
const make = (): Trainer<nn.Sequential, Batch> =>
  trainer(
    net(),
    (model, { x, y }: Batch, _key, mode) => nn.meanSquaredError(model.forward(x, mode), y),
    adam({ learningRate: 0.01 }),
    { seed: 4 },
  );
const norm = (model: nn.Sequential): nn.BatchNorm => model.layers[1] as nn.BatchNorm;
const numbers = (state: TrainerState): number[][] =>
  [...Object.values(state.parameters), ...Object.values(state.variables)].map((v) => [...v.data()]);

test("moving statistics follow the batches, as by hand", () => {
  const t = make();
  let mean = Array.from({ length: 8 }, () => 0);
  for (let i = 0; i < 5; i++) {
    const batch = batchOf(i);
    const hidden = (t.model.layers[0] as nn.Dense).forward(batch.x).mean([0]).data();
    mean = mean.map((m, c) => 0.8 * m + 0.2 * hidden[c]!);
    t.step(batch);
    norm(t.model)
      .movingMean.data()
      .forEach((m, c) => expect(m).toBeCloseTo(mean[c]!, 4));
  }
  expect(Object.keys(t.state.variables)).toEqual([
    "layers[1].movingMean",
    "layers[1].movingVariance",
  ]);
  expect(Object.keys(t.state.parameters).toSorted()).toEqual([
    "layers[0].bias",
    "layers[0].kernel",
    "layers[1].beta",
    "layers[1].gamma",
    "layers[4].bias",
    "layers[4].kernel",
  ]);
});

test("evaluate is in inference, and changes nothing", () => {
  const t = make();
  for (let i = 0; i < 3; i++) t.step(batchOf(i));
  const before = numbers(t.state);
  const { x, y } = batchOf(9);
  const loss = nn.meanSquaredError(t.model.forward(x), y).item();
  expect(t.evaluate({ x, y })).toBeCloseTo(loss, 5);
  expect(t.evaluate({ x, y })).toBe(t.evaluate({ x, y }));
  expect(numbers(t.state)).toEqual(before);
});

test("weight decay and the option trainable leave state alone", () => {
  const t = trainer(
    net(),
    (model, { x, y }: Batch, _key, mode) => nn.meanSquaredError(model.forward(x, mode), y),
    adamw({ learningRate: 0.1, weightDecay: 0.5 }),
    { trainable: (path) => path.endsWith("kernel") },
  );
  t.step(batchOf(0));
  expect(Object.keys(t.state.parameters).toSorted()).toEqual([
    "layers[0].kernel",
    "layers[4].kernel",
  ]);
  expect([...norm(t.model).gamma!.data()]).toEqual(Array.from({ length: 8 }, () => 1));
  expect(new Set(norm(t.model).movingMean.data()).size).toBeGreaterThan(1);
});

test("a state put back goes on to the same bits, statistics and dropout included", () => {
  const [a, b] = [make(), make()];
  for (let i = 0; i < 4; i++) a.step(batchOf(i));
  b.step(batchOf(77));
  b.restore(a.state);
  for (let i = 4; i < 8; i++) expect(b.step(batchOf(i))).toBe(a.step(batchOf(i)));
  expect(numbers(b.state)).toEqual(numbers(a.state));
});

describe("checkpoints", () => {
  test("hold the variables", async () => {
    const folder = await mkdtemp(join(tmpdir(), "variables-"));
    try {
      const path = join(folder, "a.safetensors");
      const [a, b] = [make(), make()];
      for (let i = 0; i < 3; i++) a.step(batchOf(i));
      await saveCheckpoint(path, a);
      await loadCheckpoint(path, b);
      expect(numbers(b.state)).toEqual(numbers(a.state));
      expect(b.step(batchOf(5))).toBe(a.step(batchOf(5)));
      const { tree } = await loadCheckpoint(path, a);
      expect(Object.keys(tree.variables)).toHaveLength(2);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("of former versions, which know of no variables, do for models without any", () => {
    const plain = (): Trainer<nn.Dense, Batch> =>
      trainer(
        nn.dense({ units: 1, inputShape: [3] }),
        (model, { x, y }: Batch) => nn.meanSquaredError(model.forward(x), y),
        adam(),
      );
    const a = plain();
    a.step(batchOf(0));
    const { variables, ...former } = a.state;
    expect(variables).toEqual({});
    const names = [...decodeCheckpoint(encodeCheckpoint(former)).tensors.keys()];
    expect([...decodeCheckpoint(encodeCheckpoint(a.state)).tensors.keys()]).toEqual(names);
    const b = plain();
    b.restore(former as TrainerState);
    expect(b.step(batchOf(1))).toBe(a.step(batchOf(1)));
    const { variables: _, ...without } = make().state;
    expect(() => make().restore(without as TrainerState)).toThrow(ArgumentError);
  });
});

describe("trainable", () => {
  test("set to false on a layer keeps its parameters, and its statistics", () => {
    const model = net();
    (model.layers[0] as nn.Dense).trainable = false;
    norm(model).trainable = false;
    const t = trainer(
      model,
      (m, { x, y }: Batch, _key, mode) => nn.meanSquaredError(m.forward(x, mode), y),
      sgd({ learningRate: 0.1 }),
    );
    const before = model.parameters().map((p) => [...p.data()]);
    t.step(batchOf(0));
    const after = t.model.parameters().map((p) => [...p.data()]);
    expect(after.slice(0, 6)).toEqual(before.slice(0, 6));
    expect(after.slice(6)).not.toEqual(before.slice(6));
    expect(Object.keys(t.state.parameters).toSorted()).toEqual([
      "layers[4].bias",
      "layers[4].kernel",
    ]);
    expect(norm(t.model).trainable).toBe(false);
  });

  test("set on a model sets it on all of its layers, and an option does so from the start", () => {
    const inner = net();
    const outer = nn.sequential([inner, nn.dense({ units: 2 })]);
    inner.trainable = false;
    expect(norm(inner).trainable).toBe(false);
    expect(outer.trainable).toBe(true);
    const t = trainer(outer, (m, { x }: Batch) => m.forward(x).mean(), sgd({ learningRate: 1 }));
    expect(Object.keys(t.state.parameters).toSorted()).toEqual([
      "layers[1].bias",
      "layers[1].kernel",
    ]);
    const x = nn.input({ shape: [3] });
    const hidden = nn.dense({ units: 2 });
    const frozen = nn.model({ inputs: x, outputs: hidden.apply(x), trainable: false });
    expect(hidden.trainable).toBe(false);
    expect(() => trainer(frozen, () => tensor(1), adam())).toThrow(/at least one float.*trainable/);
    expect(() => nn.dense({ units: 1, trainable: "no" as never })).toThrow(ArgumentError);
  });
});

describe("wrong updates are named", () => {
  class Odd extends nn.Module {
    weight: Tensor = tensor([1, 2]);
    count: Tensor = tensor([0], { dtype: "int32" });
    readonly value: (m: Odd) => readonly [Tensor, Tensor];
    constructor(value: (m: Odd) => readonly [Tensor, Tensor]) {
      super();
      this.value = value;
    }
    override get stateFields(): readonly string[] {
      return ["count"];
    }
    forward(mode: nn.Mode): Tensor {
      mode.update?.(...this.value(this));
      return this.weight.sum();
    }
  }
  const odd = (value: (m: Odd) => readonly [Tensor, Tensor]) =>
    trainer(new Odd(value), (m, _b: Batch, _k, mode) => m.forward(mode), sgd({ learningRate: 1 }));

  test("state of other dtypes counts along", () => {
    const t = odd((m) => [m.count, m.count.add(1)]);
    for (let i = 0; i < 3; i++) t.step(batchOf(0));
    expect([...t.model.count.data()]).toEqual([3]);
    expect([...t.model.weight.data()]).toEqual([-2, -1]);
  });
  test("of parameters", () => {
    expect(() => odd((m) => [m.weight, m.weight]).step(batchOf(0))).toThrow(/update.*stateFields/);
  });
  test("of another shape or dtype", () => {
    expect(() =>
      odd((m) => [m.count, tensor([1, 2], { dtype: "int32" })]).step(batchOf(0)),
    ).toThrow(ShapeError);
    expect(() => odd((m) => [m.count, tensor([1])]).step(batchOf(0))).toThrow(
      /count.*int32.*float32/,
    );
  });
});
