// Training over epochs: what it computes, when it ends, how it goes on.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ArgumentError, ShapeError, type Tensor, random, tensor } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import {
  type BatchProgress,
  CheckpointError,
  type FitModelOptions,
  type Trainer,
  adam,
  evaluate,
  fit,
  predict,
  saveCheckpoint,
  sgd,
  trainer,
} from "../../src/optim/index.ts";

const folder = mkdtempSync(join(tmpdir(), "adjoint-fit-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const inFolder = (name: string): string => join(folder, name);

/** Points of the plane, in three classes by their angle. */
function points(n: number, seed: number): { x: Tensor; y: Tensor } {
  const x = random.normal(random.key(seed), [n, 2]);
  const xs = x.toArray() as [number, number][];
  return {
    x,
    y: tensor(
      xs.map(([a, b]) => (a > 0 ? 0 : b > 0 ? 1 : 2)),
      { dtype: "int32" },
    ),
  };
}
const data = points(100, 1);
const validation = points(37, 2);
const network = () =>
  nn.sequential([
    nn.dense({ units: 16, activation: "relu", inputShape: [2] }),
    nn.dense({ units: 3 }),
  ]);
type Model = ReturnType<typeof network>;
const lossOf = (model: Model, batch: { x: Tensor; y: Tensor }): Tensor =>
  nn.crossEntropy(model.forward(batch.x), batch.y);
const makeTrainer = (): Trainer<Model, typeof data> =>
  trainer(network(), lossOf, adam({ learningRate: 0.02 }));
const bits = (model: Model): unknown => model.parameters().map((p) => [...p.data()]);
const metrics = { accuracy: nn.metrics.accuracy, f1: nn.metrics.f1 };

describe("fit", () => {
  test("trains a model to classify", async () => {
    const seen: BatchProgress[] = [];
    const model = network();
    const before = bits(model);
    const result = await fit(model, data, {
      loss: nn.crossEntropy,
      optimizer: adam({ learningRate: 0.02 }),
      epochs: 20,
      batchSize: 32,
      validation,
      metrics,
      onBatch: (progress) => seen.push(progress),
    });
    expect(result.stopped).toBe("finished");
    expect(result.history.map(({ epoch }) => epoch)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    const last = result.history.at(-1)!;
    expect(last.loss).toBeLessThan(result.history[0]!.loss / 3);
    expect(last.metrics["accuracy"]).toBeGreaterThan(0.85);
    expect(Object.keys(last.metrics)).toEqual(["loss", "accuracy", "f1"]);
    expect(last.metrics).toEqual(
      evaluate(result.model, validation, { loss: nn.crossEntropy, ...metrics }, { batchSize: 32 }),
    );
    expect(bits(model)).toEqual(before);
    // 100 samples are three batches of 32 and one of 4.
    expect(seen.length).toBe(80);
    expect(seen[5]).toMatchObject({ epoch: 2, epochs: 20, batch: 2, batches: 4 });
    const [a, b, c, d] = seen.slice(0, 4).map(({ loss }) => loss) as [
      number,
      number,
      number,
      number,
    ];
    expect(seen[3]!.meanLoss).toBeCloseTo((32 * (a + b + c) + 4 * d) / 100, 12);
    expect(result.history[0]!.loss).toBe(seen[3]!.meanLoss);
    for (const { samplesPerSecond, secondsLeft } of seen) {
      expect(samplesPerSecond).toBeGreaterThan(0);
      expect(secondsLeft).toBeGreaterThanOrEqual(0);
    }
    expect(seen.at(-1)!.secondsLeft).toBe(0);
  });

  test("the same seeds, the same bits; another seed, others", async () => {
    const run = async (shuffle: number | false): Promise<unknown> =>
      bits((await fit(makeTrainer(), data, { epochs: 2, shuffle })).model);
    expect(await run(3)).toEqual(await run(3));
    expect(await run(3)).not.toEqual(await run(4));
    expect(await run(false)).toEqual(await run(false));
  });

  test("augments training batches with keys of their own", async () => {
    const keys = new Set<string>();
    const plain = (await fit(makeTrainer(), data, { epochs: 2 })).model;
    const { model } = await fit(makeTrainer(), data, {
      epochs: 2,
      augment: (batch, key) => {
        keys.add([...key.data()].join());
        return { ...batch, x: batch.x.add(random.normal(key, batch.x.shape, { std: 0.1 })) };
      },
    });
    expect(keys.size).toBe(8);
    expect(bits(model)).not.toEqual(bits(plain));
  });

  test("ends early, with the best state", async () => {
    const states: unknown[] = [];
    const values = [3, 2, 2.5, 1.9999, 2.2, 2.3];
    let epoch = 0;
    const result = await fit(makeTrainer(), data, {
      epochs: 10,
      validation: data,
      // A metric with a course of its own: counted, since it would be compiled otherwise.
      metrics: {
        course: nn.metrics.counting(
          () => tensor(0),
          () => tensor(values[epoch++]!, { dtype: "float64" }),
        ),
      },
      earlyStopping: {
        monitor: "course",
        mode: "min",
        patience: 2,
        minDelta: 0.001,
        restoreBest: true,
      },
      onEpoch: (_, model) => void states.push(bits(model)),
    }).catch((error: unknown) => error as Error);
    if (result instanceof Error) throw result;
    expect(result.stopped).toBe("earlyStopping");
    expect(result.best).toEqual({ epoch: 2, value: 2 });
    expect(result.history.length).toBe(5);
    expect(bits(result.model)).toEqual(states[1]);
    expect(result.history.map((r) => r.metrics["course"])).toEqual(values.slice(0, 5));
  });

  test("stops at a loss that is no number", async () => {
    const wild = trainer(network(), lossOf, sgd({ learningRate: 1e30 }));
    const result = await fit(wild, data, { epochs: 5 });
    expect(result.stopped).toBe("nonFinite");
    expect(result.history.length).toBe(0);
  });

  test("an aborted training goes on to the same bits", async () => {
    const augment = (batch: typeof data, key: Tensor): typeof data => ({
      ...batch,
      x: batch.x.add(random.normal(key, batch.x.shape, { std: 0.1 })),
    });
    const options = {
      epochs: 4,
      validation,
      metrics,
      augment,
      earlyStopping: { monitor: "loss", restoreBest: true, patience: 9 },
    } as const;
    const through = await fit(makeTrainer(), data, options);
    const path = inFolder("aborted.safetensors");
    let batches = 0;
    let rounds = 0;
    let stopped: string;
    let resumed: typeof through;
    do {
      // Another process would begin like this: a fresh trainer, the same call.
      const abort = new AbortController();
      resumed = await fit(makeTrainer(), data, {
        ...options,
        signal: abort.signal,
        checkpoint: { path, resume: true, every: 2 },
        onBatch: () => {
          if (++batches % 5 === 0) abort.abort();
        },
      });
      stopped = resumed.stopped;
      rounds++;
    } while (stopped === "aborted");
    expect([rounds, batches, stopped]).toEqual([4, 16, "finished"]);
    expect(bits(resumed.model)).toEqual(bits(through.model));
    const timeless = (history: typeof through.history): unknown =>
      history.map(({ epoch, loss, metrics }) => ({ epoch, loss, metrics }));
    expect(timeless(resumed.history)).toEqual(timeless(through.history));
    expect(resumed.best).toEqual(through.best);
    // A finished one is finished.
    const again = await fit(makeTrainer(), data, {
      ...options,
      checkpoint: { path, resume: true },
    });
    expect(bits(again.model)).toEqual(bits(through.model));
    // And may be continued further.
    const longer = await fit(makeTrainer(), data, {
      ...options,
      epochs: 6,
      checkpoint: { path, resume: true },
    });
    expect(bits(longer.model)).toEqual(
      bits((await fit(makeTrainer(), data, { ...options, epochs: 6 })).model),
    );
  });

  test("dropout drops in training only, moving statistics move, and both are resumed", async () => {
    const make = () =>
      nn.sequential([
        nn.dense({ units: 16, inputShape: [2] }),
        nn.batchNorm({ momentum: 0.9 }),
        nn.relu(),
        nn.dropout({ rate: 0.3 }),
        nn.dense({ units: 3 }),
      ]);
    const options = {
      loss: nn.crossEntropy,
      optimizer: adam({ learningRate: 0.02 }),
      validation,
      metrics,
    } as const;
    const through = await fit(make(), data, { ...options, epochs: 3 });
    const path = inFolder("state.safetensors");
    const checkpoint = { path, resume: true };
    await fit(make(), data, { ...options, epochs: 1, checkpoint });
    const resumed = await fit(make(), data, { ...options, epochs: 3, checkpoint });
    expect(bits(resumed.model)).toEqual(bits(through.model));
    const moved = through.model.layers[1] as nn.BatchNorm;
    expect([...moved.movingMean.data()].some((mean) => mean !== 0)).toBe(true);
    const last = through.history.at(-1)!.metrics;
    const again = evaluate(through.model, validation, metrics, { batchSize: 5 });
    expect(again["accuracy"]).toBeCloseTo(last["accuracy"]!, 6);
  });

  test("checkpoints of something else are refused", async () => {
    const path = inFolder("other.safetensors");
    await fit(makeTrainer(), data, { checkpoint: { path } });
    const resume = { checkpoint: { path, resume: true } };
    await expect(fit(makeTrainer(), points(99, 1), resume)).rejects.toThrow(
      /samples 99 as now, got 100/,
    );
    await expect(fit(makeTrainer(), data, { batchSize: 10, ...resume })).rejects.toThrow(
      /batchSize/,
    );
    await expect(fit(makeTrainer(), data, { shuffle: 9, ...resume })).rejects.toThrow(/key/);
    await expect(
      fit(trainer(network(), lossOf, sgd({ learningRate: 1 })), data, resume),
    ).rejects.toThrow(CheckpointError);
    writeFileSync(path, "no checkpoint");
    await expect(fit(makeTrainer(), data, resume)).rejects.toThrow(CheckpointError);
    await saveCheckpoint(path, { now: makeTrainer().state }, { fit: 1 });
    await expect(fit(makeTrainer(), data, resume)).rejects.toThrow(/that fit wrote/);
    const none = inFolder("none.safetensors");
    await fit(makeTrainer(), data, {
      checkpoint: { path: none, resume: true, every: 3 },
      epochs: 1,
    });
    expect(existsSync(none)).toBe(true);
  });

  test("labels that the outputs have no place for are named before the first step", async () => {
    const y = data.y.data().slice();
    y[77] = 3;
    const wrong = { x: data.x, y: tensor(y as Int32Array) };
    const t = makeTrainer();
    await expect(fit(t, wrong)).rejects.toThrow(/labels in \[0, 3\).*3 at index 77/);
    await expect(fit(t, data, { validation: wrong, metrics })).rejects.toThrow(
      /validation.*index 77/,
    );
    expect(t.steps).toBe(0);
    expect(() => evaluate(network(), wrong, metrics)).toThrow(/evaluate.*3 at index 77/);
  });

  test("wrong use", async () => {
    const t = makeTrainer();
    const refuse = async (options: object, message: RegExp): Promise<void> =>
      expect(fit(t, data, options)).rejects.toThrow(message);
    await refuse({ epoch: 1 }, /epochs, batchSize/);
    await refuse({ epochs: 1.5 }, /epochs/);
    await refuse({ batchSize: 0 }, /batchSize/);
    await refuse({ metrics: { a: 1 } }, /metrics.a/);
    await refuse({ validation, metrics: { a: (x: Tensor) => x } }, /metrics.a.*scalar/);
    await refuse(
      { earlyStopping: { monitor: "accuracy" } },
      /mode.*Is a small or a large accuracy/,
    );
    await refuse({ earlyStopping: { monitor: "accuracy", mode: "max" } }, /monitor.*one of loss/);
    await refuse({ checkpoint: { path: "x", every: 0 } }, /every/);
    await refuse({ loss: 1 }, /epochs/);
    await expect(fit(network(), data, {} as FitModelOptions<Model>)).rejects.toThrow(/fit: loss/);
    await expect(fit(t, { x: data.x, y: validation.y })).rejects.toThrow(ShapeError);
  });
});

describe("evaluate and predict", () => {
  const model = network();
  test("do not depend on batches", () => {
    const whole = model.forward(data.x);
    for (const batchSize of [1, 7, 100, 1000]) {
      const output = predict(model, { x: data.x }, { batchSize });
      expect(output.shape).toEqual([100, 3]);
      output.data().forEach((v, i) => expect(v).toBeCloseTo(whole.data()[i]!, 5));
      const found = evaluate(model, data, { ...metrics, loss: nn.crossEntropy }, { batchSize });
      expect(found["accuracy"]).toBeCloseTo(nn.metrics.accuracy(whole, data.y).item(), 6);
      expect(found["f1"]).toBeCloseTo(nn.metrics.f1(whole, data.y).item(), 12);
      expect(found["loss"]).toBeCloseTo(nn.crossEntropy(whole, data.y).item(), 6);
    }
    expect(predict(model, data.x).data()).toEqual(predict(model, data).data());
  });
  test("other outputs, trees of them", () => {
    const output = (m: Model, x: Tensor): { logits: Tensor; shares: Tensor } => {
      const logits = m.forward(x);
      return { logits, shares: logits.softmax() };
    };
    const { logits, shares } = predict(model, data.x, { output, batchSize: 30 });
    expect(logits.shape).toEqual([100, 3]);
    expect(shares.sum([1]).data()[99]).toBeCloseTo(1, 6);
    const target = (batch: { labels: Tensor }): Tensor => batch.labels;
    const read = (m: Model, batch: { points: Tensor }): Tensor => m.forward(batch.points);
    const renamed = { points: data.x, labels: data.y };
    expect(evaluate(model, renamed, metrics, { output: read, target })).toEqual(
      evaluate(model, data, metrics),
    );
  });
  test("compile once for models of one structure", () => {
    let traced = 0;
    const output = (m: Model, x: Tensor): Tensor => {
      traced++;
      return m.forward(x);
    };
    for (const scale of [1, 2, 3]) {
      const other = trainer(model, lossOf, sgd({ learningRate: 0.1 * scale })).model;
      predict(other, data.x, { output, batchSize: 32 });
    }
    expect(traced).toBe(2);
  });
  test("wrong use", () => {
    expect(() => predict({ w: tensor(1) }, data)).toThrow(/forward\(x\)/);
    expect(() => evaluate(model, { x: data.x }, metrics)).toThrow(/targets at .y/);
    expect(() => predict(model, data.x, { output: (m, x) => m.forward(x).sum() })).toThrow(
      ShapeError,
    );
    expect(() => predict(model, data.x, { size: 1 } as never)).toThrow(ArgumentError);
    expect(predict(model, tensor([], { shape: [0, 2] })).shape).toEqual([0, 3]);
  });
});
