// Derivatives of functions: the interface of grad, vjp, jvp, customVjp, checkGrad and scan, and how they nest.

import { describe, expect, test } from "vitest";
import {
  GradientError,
  type Tensor,
  checkGrad,
  customVjp,
  grad,
  jit,
  jvp,
  mapTree,
  ones,
  random,
  scan,
  stack,
  sum,
  tensor,
  valueAndGrad,
  vjp,
  where,
  zeros,
} from "../../src/index.ts";

const f64 = { dtype: "float64" } as const;
const d = (data: number | number[] | number[][]): Tensor => tensor(data, f64);
const numbers = (x: Tensor): number[] => Array.from(x.data());
const cube = (x: Tensor): Tensor => x.pow(3);

describe("grad and valueAndGrad", () => {
  const loss = (w: Tensor, x: Tensor): Tensor => x.matmul(w).relu().mean();
  const w = tensor([
    [1, -1],
    [2, 3],
  ]);
  const x = tensor([
    [1, 2],
    [3, 4],
    [-5, 6],
  ]);

  test("argument 0 by default, a number, a list, from the end", () => {
    const [value, dw] = valueAndGrad(loss)(w, x);
    expect(value.item()).toBeCloseTo(loss(w, x).item(), 6);
    expect(dw.shape).toEqual([2, 2]);
    expect(grad(loss, { argnums: 1 })(w, x).shape).toEqual([3, 2]);
    const [byX, byW] = grad(loss, { argnums: [1, 0] })(w, x);
    expect(byX.shape).toEqual([3, 2]);
    expect(numbers(byW)).toEqual(numbers(dw));
    expect(numbers(grad(loss, { argnums: -2 })(w, x))).toEqual(numbers(dw));
    const [, [only]] = valueAndGrad(loss, { argnums: [0] })(w, x);
    expect(numbers(only)).toEqual(numbers(dw));
  });

  test("trees: gradients have the structure of the argument", () => {
    const params = { a: d([1, 2]), rest: [d(3), { b: d([4]) }] as [Tensor, { b: Tensor }] };
    const g = grad((p: typeof params) => p.a.mul(p.rest[0]).sum().add(p.rest[1].b.pow(2).sum()))(
      params,
    );
    expect(numbers(g.a)).toEqual([3, 3]);
    expect(g.rest[0].item()).toBe(3);
    expect(numbers(g.rest[1].b)).toEqual([8]);
  });

  test("auxiliary results come along", () => {
    const [[value, aux], g] = valueAndGrad(
      (x: Tensor): [Tensor, { doubled: Tensor }] => [x.pow(2).sum(), { doubled: x.mul(2) }],
      { hasAux: true },
    )(d([1, 2]));
    expect(value.item()).toBe(5);
    expect(numbers(aux.doubled)).toEqual([2, 4]);
    expect(numbers(g)).toEqual([2, 4]);
  });

  test("an argument that does not matter has zeros; other arguments may be integers", () => {
    expect(numbers(grad((_: Tensor, b: Tensor) => b.sum())(d([1, 2]), d(3)))).toEqual([0, 0]);
    const pick = (x: Tensor, i: Tensor): Tensor => x.take(i).sum();
    expect(numbers(grad(pick)(d([1, 2, 3]), tensor([0, 0, 2], { dtype: "int32" })))).toEqual([
      2, 0, 1,
    ]);
  });

  test("float32 stays float32, float64 stays float64", () => {
    expect(grad(cube)(tensor(2)).dtype).toBe("float32");
    expect(grad(cube)(d(2)).dtype).toBe("float64");
  });
});

describe("conventions at kinks", () => {
  const at = (f: (x: Tensor) => Tensor, x: number): number => grad(f)(d(x)).item();
  test.each<[string, (x: Tensor) => Tensor, number, number]>([
    ["abs at 0", (x) => x.abs(), 0, 0],
    ["relu at 0", (x) => x.relu(), 0, 0],
    ["clip at its lower end", (x) => x.clip(0, 1), 0, 1],
    ["clip at its upper end", (x) => x.clip(0, 1), 1, 1],
    ["maximum at a tie goes to the first", (x) => x.maximum(x.stopGradient()), 2, 1],
    ["minimum at a tie: none for the second", (x) => x.stopGradient().minimum(x), 2, 0],
    ["sqrt at 0", (x) => x.sqrt(), 0, Infinity],
    ["pow by the exponent at 0", (x) => d(0).pow(x), 2, 0],
    ["pow by the base where the exponent is 0", (x) => x.pow(d(0)), 0, 0],
    ["norm at 0", (x) => x.reshape([1]).norm(), 0, 0],
    ["asin at 1", (x) => x.asin(), 1, Infinity],
    ["acos at -1", (x) => x.acos(), -1, -Infinity],
    ["asinh at 0", (x) => x.asinh(), 0, 1],
    ["sinh at 0", (x) => x.sinh(), 0, 1],
    ["sigmoid at 0", (x) => x.sigmoid(), 0, 0.25],
    ["sigmoid far out", (x) => x.sigmoid(), -1000, 0],
    ["softplus far out", (x) => x.softplus(), 1000, 1],
    ["softplus at 0", (x) => x.softplus(), 0, 0.5],
    ["atan2 on the negative axis", (x) => x.atan2(-2), 0, -0.5],
    ["logSumExp far out", (x) => stack([x, x.sub(1)]).logSumExp(), 1e4, 1],
    ["stopGradient", (x) => x.mul(x.stopGradient()), 3, 3],
    ["floor", (x) => x.floor().mul(x), 2.5, 2],
  ])("%s", (_, f, x, expected) => expect(at(f, x)).toBeCloseTo(expected, 12));

  test("max splits evenly among ties", () => {
    expect(numbers(grad((x: Tensor) => x.max())(d([1, 3, 3])))).toEqual([0, 0.5, 0.5]);
  });
});

describe("nesting", () => {
  const x0 = 0.7;
  test("derivatives of derivatives, to the fourth", () => {
    let f: (x: Tensor) => Tensor = (x) => x.sin().mul(x.exp());
    // d/dx e^x sin x = sqrt(2) e^x sin(x + pi/4), each time again.
    for (let order = 1; order <= 4; order++) {
      f = grad(f);
      expect(f(d(x0)).item()).toBeCloseTo(
        2 ** (order / 2) * Math.exp(x0) * Math.sin(x0 + (order * Math.PI) / 4),
        10,
      );
    }
  });

  test("forward over reverse, reverse over forward, inside jit", () => {
    const f = (x: Tensor): Tensor => x.tanh().mul(x).sum();
    const x = d([0.3, -1.2]);
    const v = d([1, 2]);
    const hvp = [
      jvp(grad(f), [x], [v])[1],
      grad((x: Tensor) => jvp(f, [x], [v])[1])(x),
      grad((x: Tensor) => grad(f)(x).mul(v).sum())(x),
      jit((x: Tensor, v: Tensor) => jvp(grad(f), [x], [v])[1])(x, v),
      vjp(grad(f), x)[1](v)[0],
    ];
    for (const product of hvp)
      numbers(product).forEach((value, i) => expect(value).toBeCloseTo(numbers(hvp[0]!)[i]!, 12));
    expect(checkGrad(grad(f), [x])).toBeLessThan(1e-8);
  });

  test("outer tensors that an inner function closes over are differentiated", () => {
    // d/dx of x * d/dy (x y^2 at y = 3) = d/dx 6 x^2 = 12 x.
    const f = (x: Tensor): Tensor => x.mul(grad((y: Tensor) => x.mul(y.pow(2)))(d(3)));
    expect(grad(f)(d(2)).item()).toBe(24);
    expect(jit(grad(f))(d(2)).item()).toBe(24);
    const throughVjp = (x: Tensor): Tensor => vjp((y: Tensor) => y.mul(x).sin(), d(1))[1](x)[0];
    // y -> sin(x y): the pullback of x at y = 1 is x^2 cos x.
    expect(grad(throughVjp)(d(x0)).item()).toBeCloseTo(
      2 * x0 * Math.cos(x0) - x0 * x0 * Math.sin(x0),
      12,
    );
    const throughJvp = (x: Tensor): Tensor => jvp((y: Tensor) => y.mul(x).sin(), [d(1)], [x])[1];
    expect(grad(throughJvp)(d(x0)).item()).toBeCloseTo(
      2 * x0 * Math.cos(x0) - x0 * x0 * Math.sin(x0),
      12,
    );
  });

  test("concrete tensors that a function closes over are constants", () => {
    const scale = d([2, 3]);
    expect(numbers(grad((x: Tensor) => x.mul(scale).sum())(d([1, 1])))).toEqual([2, 3]);
  });

  test("jit of grad of jit", () => {
    const inner = jit((x: Tensor) => x.pow(2).sum());
    expect(numbers(jit(grad(inner))(d([1, 2])))).toEqual([2, 4]);
    expect(numbers(jit(grad(inner))(d([3, 4])))).toEqual([6, 8]);
  });
});

describe("vjp and jvp", () => {
  const f = (p: { a: Tensor }, b: Tensor): { s: Tensor; t: [Tensor] } => ({
    s: p.a.mul(b),
    t: [p.a.sum().mul(b.sum())],
  });
  const p = { a: d([1, 2]) };
  const b = d([3, 4]);

  test("results and gradients keep their trees; a pullback may be called again", () => {
    const [out, pullback] = vjp(f, p, b);
    expect(numbers(out.s)).toEqual([3, 8]);
    expect(out.t[0].item()).toBe(21);
    const [dp, db] = pullback({ s: d([1, 0]), t: [d(0)] });
    expect(numbers(dp.a)).toEqual([3, 0]);
    expect(numbers(db)).toEqual([1, 0]);
    expect(numbers(pullback({ s: d([0, 0]), t: [d(2)] })[1])).toEqual([6, 6]);
  });

  test("tangents may be left out by argument", () => {
    const [out, along] = jvp(f, [p, b], [{ a: d([1, 1]) }, undefined]);
    expect(numbers(out.s)).toEqual([3, 8]);
    expect(numbers(along.s)).toEqual([3, 4]);
    expect(along.t[0].item()).toBe(14);
  });

  test("integers have zeros for gradients and tangents", () => {
    const i = tensor([1, 0], { dtype: "int32" });
    const g = (x: Tensor, i: Tensor): [Tensor, Tensor] => [x.take(i), i.add(1)];
    const [out, pullback] = vjp(g, d([5, 6]), i);
    const [dx, di] = pullback([d([1, 10]), i.zerosLike()]);
    expect(numbers(dx)).toEqual([10, 1]);
    expect([di.dtype, ...numbers(di)]).toEqual(["int32", 0, 0]);
    expect(numbers(out[1])).toEqual([2, 1]);
    const [, along] = jvp(g, [d([5, 6]), i], [d([1, 2]), i]);
    expect(numbers(along[0])).toEqual([2, 1]);
    expect(numbers(along[1])).toEqual([0, 0]);
  });
});

describe("customVjp", () => {
  /** Says 10 x cos x for the derivative of sin, so that its use shows. */
  const marked = customVjp((x: Tensor) => x.sin(), {
    forward: (x) => [x.sin(), { x }],
    backward: ({ x }, g) => [x.cos().mul(g).mul(10)],
  });

  test("its rule is used by grad, in jit, and through several arguments", () => {
    expect(marked(d(1)).item()).toBeCloseTo(Math.sin(1), 14);
    expect(grad(marked)(d(1)).item()).toBeCloseTo(10 * Math.cos(1), 12);
    expect(jit(grad(marked))(d(1)).item()).toBeCloseTo(10 * Math.cos(1), 12);
    const clipped = customVjp((x: Tensor, limit: Tensor) => x.add(limit.mul(0)), {
      forward: (x, limit) => [x.mul(1), [limit]],
      backward: ([limit], g) => [g.minimum(limit!), undefined],
    });
    const [dx, dLimit] = grad(
      (x: Tensor, l: Tensor) =>
        clipped(x, l)
          .mul(d([1, 5]))
          .sum(),
      { argnums: [0, 1] },
    )(d([1, 1]), d(2));
    expect(numbers(dx)).toEqual([1, 2]);
    expect(dLimit.item()).toBe(0);
  });

  test("the rule itself is differentiated, forward mode goes by forward", () => {
    expect(grad(grad(marked))(d(1)).item()).toBeCloseTo(-10 * Math.sin(1), 12);
    expect(jvp(marked, [d(1)], [d(1)])[1].item()).toBeCloseTo(Math.cos(1), 12);
    const residual = customVjp((x: Tensor) => x.exp(), {
      forward: (x) => [x.exp(), x.exp()],
      backward: (e, g) => [e.mul(g)],
    });
    expect(grad(grad(grad(residual)))(d(0.5)).item()).toBeCloseTo(Math.exp(0.5), 12);
  });

  test("a differentiated tensor that it closes over is an error that says what to do", () => {
    const f = (x: Tensor): Tensor =>
      customVjp((y: Tensor) => y.mul(x), {
        forward: (y) => [y.mul(x), y],
        backward: (_, g) => [g],
      })(d(2));
    expect(f(d(3)).item()).toBe(6);
    expect(() => grad(f)(d(3))).toThrow(/closed over.*pass it as one/s);
  });
});

describe("scan", () => {
  const rnn = (w: Tensor, xs: Tensor): [Tensor, Tensor] =>
    scan(
      (h: Tensor, x: Tensor): [Tensor, Tensor] => {
        const next = h.matmul(w).add(x).tanh();
        return [next, next.mul(2)];
      },
      zeros([3], f64),
      xs,
    );
  const w = random.normal(random.key(1), [3, 3], f64);
  const xs = random.normal(random.key(2), [4, 3], f64);

  test("loops as a plain loop does, forwards and backwards", () => {
    let h = zeros([3], f64);
    const ys = [0, 1, 2, 3].map((t) => (h = h.matmul(w).add(xs.at(t)).tanh()).mul(2));
    const [last, stacked] = rnn(w, xs);
    numbers(stacked).forEach((y, i) => expect(y).toBeCloseTo(numbers(stack(ys))[i]!, 14));
    expect(numbers(last)).toEqual(numbers(stacked.at(-1).div(2)));
    const [total, running] = scan(
      (c: Tensor, x: Tensor): [Tensor, Tensor] => [c.add(x), c.add(x)],
      d(0),
      d([1, 2, 3]),
      { reverse: true },
    );
    expect(total.item()).toBe(6);
    expect(numbers(running)).toEqual([6, 5, 3]);
  });

  test("derivatives in every mode, twice", () => {
    expect(checkGrad(rnn, [w, xs], { order: 2 })).toBeLessThan(1e-6);
    const reversed = (w: Tensor, xs: Tensor): Tensor =>
      scan((h: Tensor, x: Tensor): [Tensor, Tensor] => [h.mul(w).add(x).sin(), h], d(0.5), xs, {
        reverse: true,
      })[1];
    expect(checkGrad(reversed, [d(0.8), d([1, 2, 3])], { order: 2 })).toBeLessThan(1e-6);
  });

  test("third derivative", () => {
    const f = (x: Tensor): Tensor =>
      scan((c: Tensor): [Tensor, undefined] => [c.mul(x).sin(), undefined], d(1), undefined, {
        length: 3,
      })[0];
    const third = grad(grad(grad(f)));
    const h = 1e-4;
    const difference =
      (grad(grad(f))(d(0.9 + h)).item() - grad(grad(f))(d(0.9 - h)).item()) / (2 * h);
    expect(third(d(0.9)).item()).toBeCloseTo(difference, 4);
  });

  test("nested, with outer tensors closed over at every level", () => {
    const f = (a: Tensor, xs: Tensor): Tensor =>
      scan(
        (c: Tensor, row: Tensor): [Tensor, Tensor] => {
          const [inner] = scan(
            (k: Tensor, x: Tensor): [Tensor, undefined] => [
              k.mul(a).add(x.mul(c)).tanh(),
              undefined,
            ],
            c,
            row,
          );
          return [inner, inner.mul(a)];
        },
        d(0.3),
        xs,
      )[1];
    expect(
      checkGrad(f, [d(0.7), random.normal(random.key(5), [3, 2], f64)], { order: 2 }),
    ).toBeLessThan(1e-6);
    expect(checkGrad(jit(f), [d(0.7), random.normal(random.key(5), [3, 2], f64)])).toBeLessThan(
      1e-6,
    );
  });

  test("integer carries, trees, zero and one steps, no xs", () => {
    const step = (c: { n: Tensor; x: Tensor }): [{ n: Tensor; x: Tensor }, Tensor] => [
      { n: c.n.add(1), x: c.x.mul(c.n.cast("float64")) },
      c.n,
    ];
    const run = (x: Tensor, length: number): { x: Tensor; ns: Tensor } => {
      const [last, ns] = scan(step, { n: tensor(1, { dtype: "int32" }), x }, undefined, { length });
      return { x: last.x, ns };
    };
    expect(run(d(1), 4).x.item()).toBe(24);
    expect(numbers(run(d(1), 4).ns)).toEqual([1, 2, 3, 4]);
    expect(run(d(5), 0).x.item()).toBe(5);
    expect(run(d(5), 0).ns.shape).toEqual([0]);
    for (const length of [0, 1, 5])
      expect(checkGrad((x: Tensor) => run(x, length).x, [d(1.5)], { order: 2 })).toBeLessThan(1e-8);
  });

  test("wrong use is a typed error", () => {
    const step = (c: Tensor, x: Tensor): [Tensor, Tensor] => [c.add(x), x];
    expect(() => scan(step, d(0), undefined as never)).toThrow(/length/);
    expect(() => scan(step, d(0), d([1, 2]), { length: 3 })).toThrow(/3 slices/);
    expect(() => scan(step, d(0), d([[1, 2]]))).toThrow(/carry.*to stay \[\].*\[2\]/);
    expect(() =>
      scan((c: Tensor, x: Tensor): [Tensor, Tensor] => [c.cast("float32"), x], d(0), d([1])),
    ).toThrow(/to stay float64/);
    expect(() => scan(((c: Tensor) => c) as never, d(0), d([1]))).toThrow(/\[carry, y\]/);
    expect(() =>
      scan((c: Tensor, x: Tensor): [never, Tensor] => [[c] as never, x], d(0), d([1])),
    ).toThrow(/structured as init/);
  });
});

describe("checkGrad", () => {
  test("passes what is right and fails what is wrong, by either mode", () => {
    expect(
      checkGrad((x: Tensor, k: Tensor) => where(k, x.sin(), x), [d([1, 2]), tensor([true, false])]),
    ).toBeLessThan(1e-9);
    const wrong = customVjp((x: Tensor) => x.sin(), {
      forward: (x) => [x.sin(), x],
      backward: (x, g) => [x.cos().mul(g).mul(1.0001)],
    });
    expect(() => checkGrad(wrong, [d(1)])).toThrow(GradientError);
    expect(() => checkGrad(wrong, [d(1)])).toThrow(/element 0 of argument 0.*by vjp/s);
    expect(checkGrad(wrong, [d(1)], { modes: ["jvp"] })).toBeLessThan(1e-9);
    expect(checkGrad(wrong, [d(1)], { tolerance: 1e-3 })).toBeGreaterThan(5e-5);
  });

  test("finds a wrong second derivative and a NaN", () => {
    const once = customVjp((x: Tensor) => x.sin(), {
      forward: (x) => [x.sin(), x],
      backward: (x, g) => [x.stopGradient().cos().mul(g)],
    });
    expect(checkGrad(once, [d(1)])).toBeLessThan(1e-9);
    expect(() => checkGrad(once, [d(1)], { order: 2 })).toThrow(/second derivative/);
    expect(() => checkGrad((x: Tensor) => x.sqrt().mul(0), [d(0)])).toThrow(GradientError);
  });

  test("names the leaf in a tree", () => {
    const bad = (p: { w: Tensor[] }): Tensor =>
      p.w[1]!.sin().add(p.w[1]!.floor().mul(0)).add(sum(p.w[0]!.stopGradient()));
    expect(() => checkGrad(bad, [{ w: [ones([1], f64), d(1)] }])).toThrow(/argument 0\.w\[0\]/);
    expect(mapTree("test", { w: [d(1)] }, (x) => x.mul(2)).w[0]!.item()).toBe(2);
  });
});
