// Modules as trees: children in order, configuration kept and told apart, mistakes named.
import { describe, expect, test } from "vitest";
import { ArgumentError, Tensor, grad, jit, tensor } from "../../src/index.ts";
import { flatten } from "../../src/ir/tree.ts";
import * as nn from "../../src/nn/index.ts";

class Scale extends nn.Module {
  factor: Tensor;
  readonly power: number;
  constructor(factor: number, power = 1) {
    super();
    this.factor = tensor(factor);
    this.power = power;
  }
  forward(x: Tensor): Tensor {
    return x.mul(this.factor).pow(this.power);
  }
}

class Mixed extends nn.Module {
  readonly title = "mixed";
  last: Tensor = tensor([1, 2]);
  first: Scale = new Scale(3);
  list: readonly (Scale | number | Tensor)[] = [new Scale(4), 7, tensor([5])];
  table: { readonly b: Tensor; readonly note: string; readonly a: { readonly deep: Tensor } } = {
    b: tensor(6),
    note: "kept",
    a: { deep: tensor(7) },
  };
  readonly settings: { readonly rates: readonly number[] } = { rates: [1, 2] };
  readonly nothing: undefined = undefined;
  total(): Tensor {
    return this.last
      .sum()
      .add(this.first.forward(this.table.a.deep))
      .mul(this.list[1] as number);
  }
}

const key = (module: unknown): string => flatten("test", module).def.key;

describe("a module is a tree", () => {
  test("of what it holds, in the order of declaration", () => {
    const model = new Mixed();
    expect(model.namedParameters().map(([name]) => name)).toEqual([
      "last",
      "first.factor",
      "list[0].factor",
      "list[2]",
      "table.b",
      "table.a.deep",
    ]);
    expect(model.parameters().map((p) => p.data()[0])).toEqual([1, 3, 4, 5, 6, 7]);
    expect(model.parameterCount).toBe(7);
  });

  test("that comes back from its leaves with class, methods and configuration", () => {
    const model = new Mixed();
    const { leaves, def } = flatten("test", model);
    const copy = def.rebuild(leaves.map((leaf) => leaf.mul(2))) as Mixed;
    expect(copy).toBeInstanceOf(Mixed);
    expect(copy.first).toBeInstanceOf(Scale);
    expect(copy.title).toBe("mixed");
    expect(copy.list[1]).toBe(7);
    expect(copy.table.note).toBe("kept");
    expect(copy.settings).toBe(model.settings);
    expect(copy.parameters().map((p) => p.data()[0])).toEqual([2, 6, 8, 10, 12, 14]);
    expect(copy.total().item()).toBe((2 + 4 + 6 * 14) * 7);
    expect(model.parameters().map((p) => p.data()[0])).toEqual([1, 3, 4, 5, 6, 7]);
    expect(key(copy)).toBe(key(model));
  });

  test("that jit and grad take and give back", () => {
    const model = new Mixed();
    const gradient = grad((m: Mixed) => m.total())(model);
    expect(gradient).toBeInstanceOf(Mixed);
    expect([...gradient.last.data()]).toEqual([7, 7]);
    expect(gradient.first.factor.item()).toBe(49);
    expect(gradient.table.a.deep.item()).toBe(21);
    expect(gradient.table.b.item()).toBe(0);
    const doubled = jit((m: Scale) => grad((s: Scale) => s.forward(tensor(5)))(m))(new Scale(1));
    expect(doubled).toBeInstanceOf(Scale);
    expect(doubled.factor.item()).toBe(5);
  });

  test("whose key tells configurations and classes apart, so that jit traces anew", () => {
    class Other extends Scale {}
    expect(key(new Scale(1))).toBe(key(new Scale(2)));
    expect(key(new Scale(1, 2))).not.toBe(key(new Scale(1, 3)));
    expect(key(new Other(1))).not.toBe(key(new Scale(1)));
    const apply = jit((m: Scale, x: Tensor) => m.forward(x));
    expect(apply(new Scale(3, 1), tensor(2)).item()).toBe(6);
    expect(apply(new Scale(3, 2), tensor(2)).item()).toBe(36);
    expect(apply(new Scale(4, 2), tensor(2)).item()).toBe(64);
  });

  test("whose key sees functions, signs of zero, cycles and foreign objects", () => {
    class Holder extends nn.Module {
      value: unknown;
      constructor(value: unknown) {
        super();
        this.value = value;
      }
    }
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    const date = new Date(0);
    const square = (x: Tensor): Tensor => x.mul(x);
    const values = [
      0,
      -0,
      "0",
      null,
      undefined,
      true,
      1n,
      cycle,
      date,
      new Date(0),
      square,
      nn.activations.relu,
      Symbol("s"),
      [1],
      [[1]],
      { a: 1 },
      { b: 1 },
      Number.NaN,
    ];
    const keys = values.map((value) => key(new Holder(value)));
    expect(new Set(keys).size).toBe(values.length);
    expect(values.map((value) => key(new Holder(value)))).toEqual(keys);
  });

  test("in which a tensor at two places counts once", () => {
    const shared = tensor([1, 2, 3]);
    class Tied extends nn.Module {
      a: Tensor = shared;
      b: Tensor = shared;
    }
    expect(new Tied().parameterCount).toBe(3);
  });
});

describe("mistakes that would train the wrong thing", () => {
  test("forward as an arrow function in a field", () => {
    class Arrow extends nn.Module {
      w: Tensor = tensor(1);
      forward = (x: Tensor): Tensor => x.mul(this.w);
    }
    expect(() => new Arrow().parameters()).toThrow(ArgumentError);
    expect(() => new Arrow().parameters()).toThrow(/Arrow\.forward.*method/);
  });

  test("parameters in a Map or Set", () => {
    class Mapped extends nn.Module {
      layers: Map<string, Tensor> = new Map([["a", tensor(1)]]);
    }
    class Grouped extends nn.Module {
      layers: Set<nn.Module> = new Set([new Scale(1)]);
    }
    expect(() => new Mapped().parameters()).toThrow(/Mapped\.layers.*Map/);
    expect(() => new Grouped().parameters()).toThrow(/Grouped\.layers.*Set/);
  });
});
