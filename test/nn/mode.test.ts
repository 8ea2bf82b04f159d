// Modes: keys that reach every layer folded with its position, updates of state, and where they cannot go.
import { describe, expect, test } from "vitest";
import { ArgumentError, Tensor, TraceError, grad, jit, random, tensor } from "../../src/index.ts";
import { childMode, withoutUpdates } from "../../src/nn/mode.ts";
import { solve } from "../../src/ode/index.ts";
import * as nn from "../../src/nn/index.ts";

/** Remembers the mode that came, and counts its calls in a state tensor. */
class Counter extends nn.Layer {
  count: Tensor = tensor([0]);
  readonly seen: (nn.Mode | undefined)[];
  constructor(seen: (nn.Mode | undefined)[]) {
    super({});
    this.seen = seen;
  }
  get kind(): string {
    return "counter";
  }
  override get stateFields(): readonly string[] {
    return ["count"];
  }
  protected make(shape: readonly number[]): readonly number[] {
    return shape;
  }
  forward(x: Tensor, mode?: nn.Mode): Tensor {
    this.seen.push(mode);
    if (mode?.training === true)
      mode.update?.(this.count, (mode.latest?.(this.count) ?? this.count).add(1));
    return x;
  }
}

const key = random.key(3);
const words = (mode: nn.Mode | undefined): string => String(mode!.key!.data());

test("no mode means inference, all the way down", () => {
  const seen: (nn.Mode | undefined)[] = [];
  const net = nn.sequential([nn.sequential([new Counter(seen)]), nn.residual(new Counter(seen))], {
    inputShape: [2],
  });
  net.forward(tensor([[1, 2]]));
  expect(seen).toEqual([nn.inference, nn.inference]);
  expect(nn.inference).toEqual({ training: false });
});

test("models give every layer a key of its own, the same each time", () => {
  const seen: (nn.Mode | undefined)[] = [];
  const x = nn.input({ shape: [2] });
  const shared = new Counter(seen);
  const graph = nn.model({ inputs: x, outputs: shared.apply(shared.apply(x)) });
  const net = nn.sequential([
    new Counter(seen),
    graph,
    nn.sequential([
      new Counter(seen),
      nn.residual(new Counter(seen), { shortcut: new Counter(seen) }),
    ]),
  ]);
  net.grow([2]);
  net.forward(tensor([[1, 2]]), nn.training(key));
  expect(seen).toHaveLength(6);
  const keys = seen.map(words);
  expect(new Set([...keys, String(key.data())]).size).toBe(7);
  seen.length = 0;
  net.forward(tensor([[1, 2]]), nn.training(key));
  expect(seen.map(words)).toEqual(keys);
  seen.length = 0;
  net.forward(tensor([[1, 2]]), nn.training(random.key(4)));
  expect(seen.map(words).filter((one) => keys.includes(one))).toEqual([]);
});

test("training without a key is a mode without one", () => {
  expect("key" in nn.training()).toBe(false);
  expect("key" in childMode(nn.training(), 2)).toBe(false);
  expect(childMode(nn.training(), 2).training).toBe(true);
  for (const wrong of [tensor([1, 2]), tensor([1], { dtype: "int32" }), 3 as never])
    expect(() => nn.training(wrong)).toThrow(ArgumentError);
});

describe("updates", () => {
  const x = tensor([[1, 2]]);
  test("are collected, the latest of several, and dropped where nobody collects", () => {
    const counter = new Counter([]);
    const net = nn.sequential([counter, counter], { inputShape: [2] });
    net.forward(x, nn.training(key));
    const { result, updates } = nn.collectUpdates(() => net.forward(x, nn.training(key)));
    expect(result.shape).toEqual([1, 2]);
    expect([...updates.keys()]).toEqual([counter.count]);
    expect([...updates.values()].map((value) => value.item())).toEqual([2]);
    expect(counter.count.item()).toBe(0);
    expect(nn.collectUpdates(() => net.forward(x)).updates.size).toBe(0);
  });

  test("nest: an inner collector takes what is meant for it", () => {
    const counter = new Counter([]);
    let inner = 0;
    const { updates } = nn.collectUpdates(() => {
      inner = nn.collectUpdates(() => counter.forward(x, nn.training())).updates.size;
    });
    expect([inner, updates.size]).toEqual([1, 0]);
  });

  test("inside a trace of its own are refused, and a mode without them is a way out", () => {
    const counter = new Counter([]);
    const mode = nn.training(key);
    const inSolve = (m: nn.Mode) => (): unknown =>
      nn.collectUpdates(() =>
        solve((_t, y: Tensor) => counter.forward(y, m), x, { t0: 0, t1: 1, gradient: "direct" }),
      );
    expect(inSolve(mode)).toThrow(TraceError);
    expect(inSolve(mode)).toThrow(/solve.*inference/);
    expect(inSolve(withoutUpdates(mode))).not.toThrow();
    expect(() =>
      nn.collectUpdates(() => grad((y: Tensor) => counter.forward(y, mode).sum())(x)),
    ).toThrow(TraceError);
  });

  test("leave a trace with its results", () => {
    const counter = new Counter([]);
    const fn = jit((c: Counter, y: Tensor) => {
      const { result, updates } = nn.collectUpdates(() => c.forward(y, nn.training(key)));
      return { result, count: updates.get(c.count)! };
    });
    expect(fn(counter, x).count.item()).toBe(1);
  });
});

test("statePaths finds state in any tree", () => {
  const counter = new Counter([]);
  const net = nn.sequential([nn.dense({ units: 2, inputShape: [2] }), nn.residual(counter)]);
  expect([...nn.statePaths(net)]).toEqual(["layers[1].body.count"]);
  expect([...nn.statePaths({ b: [net], a: tensor(1) })]).toEqual(["b[0].layers[1].body.count"]);
  expect(nn.statePaths(tensor(1)).size).toBe(0);
});
