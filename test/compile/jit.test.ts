/** @file `jit`: what comes in and goes out, errors, instances, memory; `explain`; resident steps. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterEach, describe, expect, it } from "vitest";
import {
  ArgumentError,
  type Tensor,
  TraceError,
  add,
  arange,
  backendName,
  grad,
  jit,
  ones,
  setBackend,
  sum,
  tensor,
  zeros,
} from "../../src/index.ts";
import { odeint } from "../../src/ode/index.ts";
import { backend } from "../../src/compile/engine.ts";
import { resident } from "../../src/compile/resident.ts";

const x = tensor([1, 2, 3]);
const lists = (tensors: readonly Tensor[]): unknown[] => tensors.map((found) => found.toArray());

afterEach(() => setBackend("wasm"));

describe("arguments and results", () => {
  it("are trees: objects, arrays, scalars", () => {
    const fn = jit(({ a, b }: { a: Tensor; b: readonly [Tensor, Tensor] }, c: Tensor) => ({
      total: a.add(b[0]).add(b[1]).sum(),
      parts: [a.mul(c), { b: b[1] }] as const,
    }));
    const out = fn({ a: x, b: [x, x.mul(2)] }, tensor(10));
    expect(out.total.item()).toBe(24);
    expect(out.parts[0].toArray()).toEqual([10, 20, 30]);
    expect(out.parts[1].b.toArray()).toEqual([2, 4, 6]);
  });

  it("may be the argument itself, several times and as views, each a tensor of its own", () => {
    const out = jit((a: Tensor) => [a, a, a.reshape([3, 1]), a.flip(), a.slice(1)])(x);
    expect(lists(out)).toEqual([
      [1, 2, 3],
      [1, 2, 3],
      [[1], [2], [3]],
      [3, 2, 1],
      [2, 3],
    ]);
    const arrays = new Set(out.map((found) => found.elements!.buffer));
    expect(arrays.size).toBe(5);
    expect(arrays.has(x.elements!.buffer)).toBe(false);
  });

  it("may be literals, captured tensors, and one value under several names", () => {
    const out = jit((a: Tensor) => {
      const y = a.mul(2);
      return [y, y, y.reshape([3, 1]), ones([2]), ones([2]), x, arange(3)];
    })(x);
    expect(lists(out)).toEqual([
      [2, 4, 6],
      [2, 4, 6],
      [[2], [4], [6]],
      [1, 1],
      [1, 1],
      [1, 2, 3],
      [0, 1, 2],
    ]);
  });

  it("may be empty, or nothing at all", () => {
    expect(lists(jit((a: Tensor) => [sum(a, 0), a.mul(2)])(zeros([0, 2])))).toEqual([[0, 0], []]);
    expect(jit(() => ({}))()).toEqual({});
    expect(jit(() => ones([2]).add(x.sum()))().toArray()).toEqual([7, 7]);
  });

  it("are traced once for each signature", () => {
    let traces = 0;
    const fn = jit((a: Tensor) => {
      traces++;
      return a.sum();
    });
    for (const argument of [x, x.mul(2), x.reshape([3, 1]), x.cast("float64"), x.cast("int32"), x])
      expect(fn(argument).item()).toBe(argument.sum().item());
    expect(traces).toBe(4);
  });

  it("captured tensors are read when traced", () => {
    const fn = jit((a: Tensor) => a.add(x));
    expect(fn(x).toArray()).toEqual([2, 4, 6]);
    expect(fn(zeros([3])).toArray()).toEqual([1, 2, 3]);
  });

  it("a result is not overwritten by the next call", () => {
    const fn = jit((a: Tensor) => a.mul(2));
    const first = fn(x);
    fn(x.mul(5));
    expect(first.toArray()).toEqual([2, 4, 6]);
  });
});

describe("errors of jit", () => {
  type Loose = (...args: unknown[]) => unknown;
  const loosely = (fn: (a: Tensor) => unknown): Loose => jit(fn as never) as unknown as Loose;

  it.each([
    [3, "3 at [0]"],
    [{ p: { q: "s" } }, '"s" at [0].p.q'],
    [[x, undefined], "undefined at [0][1]"],
    [null, "null at [0]"],
    [new Map(), "Map at [0]"],
  ])("argument %o is no tree of tensors", (argument, where) => {
    const call = (): unknown => loosely((a) => a)(argument);
    expect(call).toThrow(ArgumentError);
    expect(call).toThrow(where);
  });

  it.each([
    [undefined, "undefined"],
    [3, "3"],
    [[x, null], "null at [1]"],
    [Promise.resolve(x), "Promise"],
  ])("result %o is no tree of tensors", (result, where) => {
    const call = (): unknown => loosely(() => result)(x);
    expect(call).toThrow(ArgumentError);
    expect(call).toThrow(`result of jit`);
    expect(call).toThrow(where);
  });

  it("something that is no function", () => {
    expect(() => (jit as Loose)(x)).toThrow(ArgumentError);
  });

  it("names the function that complains", () => {
    expect(() =>
      (
        jit(function energy(a: Tensor) {
          return a;
        }) as Loose
      )(1),
    ).toThrow(/^energy: /);
  });

  it("an error thrown by the function leaves no trace behind", () => {
    const fn = jit((a: Tensor) => {
      if (a.rank === 1) throw new RangeError("rank");
      return a;
    });
    expect(() => fn(x)).toThrow("rank");
    expect(add(x, 1).toArray()).toEqual([2, 3, 4]);
    expect(fn(x.reshape([1, 3])).toArray()).toEqual([[1, 2, 3]]);
  });

  it("tensors that leave their trace are noticed wherever they turn up", () => {
    let leaked: Tensor = x;
    jit((a: Tensor) => (leaked = a.mul(2)))(x);
    expect(() => leaked.add(1)).toThrow(TraceError);
    expect(() => leaked.data()).toThrow(TraceError);
    expect(() => jit((a: Tensor) => a.add(leaked))(x)).toThrow(TraceError);
    expect(() => jit((a: Tensor) => a)(leaked)).toThrow(TraceError);
    expect(() => grad((a: Tensor) => a.mul(leaked).sum())(x)).toThrow(TraceError);
    const inner = jit((a: Tensor) => {
      let local: Tensor = a;
      const gradient = grad((b: Tensor) => (local = b.mul(2)).sum())(a);
      return gradient.add(local);
    });
    expect(() => inner(x)).toThrow(TraceError);
  });

  it("a failed compilation gives its memory back", () => {
    const outside = (): Tensor => {
      let leaked: Tensor = x;
      jit((a: Tensor) => (leaked = a))(x);
      return leaked;
    };
    const leaked = outside();
    const before = backend().memory.used;
    for (let i = 0; i < 10; i++)
      expect(() => jit((a: Tensor) => a.add(1))(leaked)).toThrow(TraceError);
    // The programs exist, and only wait for the collector.
    expect(backend().memory.used - before).toBeLessThan(10_000);
    expect(() => jit(() => ones([2 ** 20, 2 ** 10]).mul(arange(2 ** 10)))()).toThrow(RangeError);
    expect(backend().memory.used - before).toBeLessThan(10_000);
  });

  it("operators of JavaScript on tensors", () => {
    const loose = x as unknown as number;
    expect(() => loose + 1).toThrow(ArgumentError);
    expect(() => loose > 1).toThrow("where instead of if");
    expect(() => jit((a: Tensor) => ((a as unknown as number) > 1 ? a : x))(x)).toThrow(
      ArgumentError,
    );
    expect(`${x.toString()}`).toContain("float32[3]");
  });
});

describe("instances", () => {
  it("jit inside grad inside jit", () => {
    const cube = jit((a: Tensor) => a.mul(a).mul(a).sum());
    const slope = jit((a: Tensor) => grad((b: Tensor) => cube(b))(a));
    expect(slope(x).toArray()).toEqual([3, 12, 27]);
    expect(jit((a: Tensor) => grad((b: Tensor) => slope(b).sum())(a))(x).toArray()).toEqual([
      6, 12, 18,
    ]);
  });

  it.each(["direct", "checkpoint", "backsolve"])(
    "a call from a callback within a call (%s) has memory of its own",
    (gradient) => {
      const y0 = tensor([1, 2], { dtype: "float64" });
      const make = (onStep: () => void): ((y: Tensor) => Tensor) =>
        jit(
          grad((y: Tensor) =>
            odeint((_, s: Tensor) => s.sin().mul(0.3).sub(s), y, [0, 0.5, 2], {
              onStep,
              gradient,
            }).sum(),
          ),
        );
      const wanted = make(() => undefined)(y0).toArray();
      let depth = 0;
      const inner: unknown[] = [];
      const fn: (y: Tensor) => Tensor = make(() => {
        if (depth > 0 || inner.length > 2) return;
        depth++;
        // Memory grows under the solve, too.
        add(ones([300_000 * (inner.length + 1)]), 1);
        inner.push(fn(y0).toArray());
        depth--;
      });
      expect(fn(y0).toArray()).toEqual(wanted);
      expect(inner).toEqual([wanted, wanted, wanted]);
    },
  );

  it("keeps the instance made for such a call", () => {
    let traces = 0;
    let again = (): void => undefined;
    const fn: (y: Tensor) => Tensor = jit((y: Tensor) => {
      traces++;
      return odeint((_, s: Tensor) => s.neg(), y, [0, 1], { onStep: () => again() });
    });
    let depth = 0;
    again = () => {
      if (depth > 0) return;
      depth++;
      fn(x);
      depth--;
    };
    fn(x);
    fn(x);
    expect(traces).toBe(2);
  });

  it("each backend has its own", () => {
    const fn = jit((a: Tensor) => a.mul(2));
    const found = (["wasm", "interp", "wasm"] as const).map((name) => {
      setBackend(name);
      expect(backendName()).toBe(name);
      return fn(x).toArray();
    });
    expect(found).toEqual([
      [2, 4, 6],
      [2, 4, 6],
      [2, 4, 6],
    ]);
    expect(() => setBackend("gpu" as "wasm")).toThrow('expected wasm or interp, got "gpu"');
  });
});

describe("listing", () => {
  it("shows graph, kernels and memory, and compiles what a call would", () => {
    let traces = 0;
    const fn = jit(function field(a: Tensor) {
      traces++;
      return a.mul(2).cumSum().argMax();
    });
    const text = fn.listing(x);
    for (const part of [
      "program field",
      "graph (optimised)",
      "cumSum axis=0",
      "argMax",
      "kernels (3)",
      "memory",
    ])
      expect(text).toContain(part);
    expect(fn(x).item()).toBe(2);
    expect(traces).toBe(1);
  });

  it("complains as a call would", () => {
    expect(() => (jit((a: Tensor) => a).listing as (a: unknown) => string)("s")).toThrow(
      ArgumentError,
    );
  });
});

describe("resident", () => {
  const make = (): ReturnType<typeof resident<Tensor, Tensor, Tensor>> =>
    resident(
      (state: Tensor, batch: Tensor) => ({ state: state.add(batch.sum()), output: state }),
      x,
    );

  it("moves on, shows and takes its state", () => {
    const step = make();
    expect(step.call(tensor([1, 1])).toArray()).toEqual([1, 2, 3]);
    expect(step.state.toArray()).toEqual([3, 4, 5]);
    expect(step.call(tensor([1, 1, 1])).toArray()).toEqual([3, 4, 5]);
    step.state = zeros([3]);
    expect(step.call(tensor([5])).toArray()).toEqual([0, 0, 0]);
    expect(step.state.toArray()).toEqual([5, 5, 5]);
    expect(step.listing(tensor([5]))).toContain("kernels (1)");
  });

  it("may leave its state as it is, and hand it out", () => {
    const step = resident(
      (state: readonly Tensor[]) => ({ state: [state[1]!, state[0]!], output: state[0]! }),
      [x, x.neg()] as readonly Tensor[],
    );
    expect([0, 1, 2].map(() => step.call(x).toArray())).toEqual([
      [1, 2, 3],
      [-1, -2, -3],
      [1, 2, 3],
    ]);
  });

  it("holds the new state to the old one's structure, shapes and dtypes", () => {
    const bad =
      (state: unknown): (() => unknown) =>
      () =>
        resident(() => ({ state, output: x }) as never, [x]).call(x);
    expect(bad([x, x])).toThrow("the structure of the old");
    expect(bad([zeros([2])])).toThrow("expected float32[3], got float32[2]");
    expect(bad([zeros([3], { dtype: "int32" })])).toThrow("expected float32[3], got int32[3]");
    const step = make();
    expect(() => (step.state = zeros([2]))).toThrow(ArgumentError);
    expect(() => step.call("s" as never)).toThrow(ArgumentError);
    expect(step.state.toArray()).toEqual([1, 2, 3]);
  });
});

describe("kernel memory", () => {
  it("stays as it is over calls of a compiled function and operations that run at once", () => {
    const large = ones([1000]);
    const fn = jit((a: Tensor) => a.mul(2).add(1).sum());
    const step = resident((s: Tensor, b: Tensor) => ({ state: s.add(b), output: s.sum() }), large);
    const once = (i: number): void => {
      add(large, i).sum();
      step.call(large);
    };
    fn(large);
    once(0);
    const before = backend().memory.used;
    for (let i = 0; i < 100_000; i++) fn(large);
    for (let i = 0; i < 10_000; i++) once(i);
    expect(backend().memory.used).toBe(before);
  });

  it("is bounded for operations on ever new shapes", () => {
    const before = backend().memory.used;
    for (let i = 0; i < 1000; i++) add(ones([4000 + i]), 1);
    const programs = backend().memory.used - before;
    expect(programs).toBeLessThan(600 * 3 * 4 * 5100);
    for (let i = 0; i < 40; i++) add(ones([2_000_000 + i]), 1);
    expect(backend().memory.used - before).toBeLessThan(2 ** 29 + 2 ** 26);
  });

  it("comes back when nobody can call a function any more, whatever its program remembers", async () => {
    const folder = mkdtempSync(join(tmpdir(), "adjoint-collected-"));
    try {
      const outfile = join(folder, "collected.mjs");
      const entry = fileURLToPath(new URL("../support/collected.ts", import.meta.url));
      await build({
        entryPoints: [entry],
        bundle: true,
        outfile,
        format: "esm",
        platform: "node",
        target: "es2023",
      });
      const { stdout, stderr } = spawnSync(process.execPath, ["--expose-gc", outfile], {
        encoding: "utf8",
      });
      expect(stderr).toBe("");
      const { left, kept } = JSON.parse(stdout) as {
        left: Record<string, [number, number]>;
        kept: number;
      };
      expect(Object.keys(left)).toHaveLength(7);
      for (const [name, [taken, rest]] of Object.entries(left)) {
        expect(taken, name).toBeGreaterThan(40_000);
        expect(rest, name).toBe(0);
      }
      expect(kept).toBe(2000);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
