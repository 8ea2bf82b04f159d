// Störmer-Verlet, a method that is no Runge-Kutta tableau and carries a slope from step to step: order, bounded energy, reversibility,
// outputs inside steps, every gradient mode against finite differences, float32, batches, traces, and what it refuses.
import { describe, expect, test } from "vitest";
import { type Tensor, ArgumentError, checkGrad, grad, jit, jvp, tensor } from "../../src/index.ts";
import { isPrim } from "../../src/ir/graph.ts";
import { trace } from "../../src/ir/trace.ts";
import { type StatsReport, odeint, reconstructionError, solve } from "../../src/ode/index.ts";
import { gradientModes } from "../../src/ode/adjoints/index.ts";
import { distance } from "../support/layers.ts";

const f64 = (values: number[] | number[][] | number): Tensor =>
  tensor(values, { dtype: "float64" });
const method = "stormerVerlet";
type Pair = [position: Tensor, velocity: Tensor];
const modes = [...gradientModes.keys()];

/** A pendulum with a driving force: x' = v, v' = -k sin x + cos(t) / 10. */
const pendulum =
  (k: Tensor) =>
  (t: Tensor, [x, v]: Pair): Pair => [v, x.sin().mul(k).neg().add(t.cos().mul(0.1))];

/** Kepler's problem in two dimensions. */
const kepler = (_: Tensor, [q, p]: Pair): Pair => {
  const r = q.square().sum([-1], true).sqrt();
  return [p, q.div(r.pow(3)).neg()];
};

describe("Störmer-Verlet", () => {
  test("is of order 2, at ends of steps and inside them", () => {
    const y0: Pair = [f64([0.7, -1.2]), f64([0.1, 0.4])];
    const run = (options: object): Pair =>
      solve(pendulum(f64(1.3)), y0, { t0: 0, t1: 2, saveAt: { ts: [0.73, 2] }, ...options }).ys;
    const exact = run({ method: "tsit5", rtol: 1e-12, atol: 1e-13 });
    const errorOf = (steps: number): number => {
      const found = run({ method, steps });
      return Math.max(...found.map((leaf, i) => leaf.sub(exact[i]!).abs().max().item()));
    };
    for (const steps of [50, 100, 200]) {
      const order = Math.log2(errorOf(steps) / errorOf(2 * steps));
      expect(Math.abs(order - 2)).toBeLessThan(0.1);
    }
  });

  test("keeps the energy of Kepler's problem within bounds over 100,000 steps", () => {
    const e = 0.6;
    const y0: Pair = [f64([1 - e, 0]), f64([0, Math.sqrt((1 + e) / (1 - e))])];
    const steps = 100_000;
    const ts = Array.from({ length: 200 }, (_, i) => (i + 1) * 5);
    const { ys, stats } = solve(kepler, y0, {
      t0: 0,
      t1: 1000,
      method,
      steps,
      saveAt: { ts },
    });
    expect(stats.accepted).toBe(steps);
    const [q, p] = ys.map((leaf) => leaf.toArray() as number[][]) as [number[][], number[][]];
    const energies = q.map(([x, y], i) => {
      const [u, v] = p[i]!;
      return (u! ** 2 + v! ** 2) / 2 - 1 / Math.hypot(x!, y!);
    });
    const drift = (some: number[]): number => Math.max(...some.map((one) => Math.abs(one + 0.5)));
    expect(drift(energies)).toBeLessThan(2e-3);
    expect(drift(energies.slice(-50))).toBeLessThan(2 * drift(energies.slice(0, 50)));
  });

  test("runs back to its start, and evaluates f twice per step", () => {
    const y0: Pair = [f64([0.7]), f64([0.1])];
    const options = { method, steps: 40 };
    const { error } = reconstructionError(pendulum(f64(1)), y0, [0, 3], options);
    expect(error).toBeLessThan(1e-14);
    const { stats } = solve(pendulum(f64(1)), y0, { t0: 0, t1: 3, ...options });
    expect(stats.evaluations).toBe(2 * 40 + 1);
  });

  test("dense solutions: values, derivatives, both directions of time", () => {
    const f = (_: Tensor, [x, v]: Pair): Pair => [v, x.neg()];
    for (const [t0, t1] of [
      [0, 2],
      [2, 0],
    ] as const) {
      const s = solve(f, [f64(Math.sin(t0)), f64(Math.cos(t0))] as Pair, {
        t0,
        t1,
        method,
        steps: 400,
        saveAt: { dense: true },
      });
      for (const t of [0, 0.31, 1, 1.77, 2]) {
        expect(s.at(t)[0].item()).toBeCloseTo(Math.sin(t), 4);
        expect(s.derivative(t)[0].item()).toBeCloseTo(Math.cos(t), 4);
      }
    }
  });

  test("float32, batches, any tree of two groups; traced and eager the same bits", () => {
    type State = { x: { a: Tensor; b: Tensor }; y: Tensor };
    // a and b attract y, which attracts them: two groups, whatever the names and shapes.
    const f = (_: Tensor, { x, y }: State): State => ({
      x: { a: y.mul(0.5), b: y.sum([1]) },
      y: x.a.neg().sub(x.b.reshape([x.b.size, 1])),
    });
    const y0: State = {
      x: { a: tensor([[1], [2], [3]]).mul(tensor([1, 2])), b: tensor([1, 0.5, -1]) },
      y: tensor([
        [0, 1],
        [2, 0],
        [1, 1],
      ]),
    };
    const run = (y: State): State => odeint(f, y, [0, 0.25, 0.5, 1], { method, steps: 64 });
    const [eager, traced] = [run(y0), jit(run)(y0)];
    expect(eager.x.b.dtype).toBe("float32");
    expect(traced.y.data()).toEqual(eager.y.data());
    const exact = odeint(f, y0, [0, 0.25, 0.5, 1], { method: "dopri5", rtol: 1e-6 });
    expect(distance(eager.y, exact.y)).toBeLessThan(1e-3);
    // Each sample as it would be alone.
    const second = (leaf: Tensor): Tensor => leaf.slice([1], [2]);
    const alone = run({ x: { a: second(y0.x.a), b: second(y0.x.b) }, y: second(y0.y) });
    expect(alone.y.at(-1).data()).toEqual(second(eager.y.at(-1)).data());
  });

  test("what it cannot solve is said, with the leaf", () => {
    const y0: Pair = [f64([1]), f64([0])];
    const damped = (_: Tensor, [x, v]: Pair): Pair => [v, x.neg().sub(v.mul(0.1))];
    const run = (): unknown => odeint(damped, y0, [0, 1], { method });
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(/stormerVerlet.*two groups.*at y\[1\].*Use another method/);
    expect(() => odeint((_, y: Tensor) => y.neg(), f64([1]), [0, 1], { method })).toThrow(
      /two groups/,
    );
    expect(() => odeint(damped, y0, [0, 1], { method, rtol: 1e-3, firstStep: 1 })).toThrow(
      /two groups|fixed steps/,
    );
  });

  test("is written out step by step", () => {
    const fn = (x: Tensor): Tensor[] => [
      ...odeint(pendulum(f64(1)), [x, x.mul(0.3)] as Pair, [0, 0.31, 1], { method, steps: 4 }),
    ];
    const x = f64([0.4, 1]);
    const { graph, captured } = trace(fn, [x]);
    const node = graph.nodes.find((one) => isPrim(one, "host"))!;
    if (!isPrim(node, "host")) throw new Error("no loop");
    const values = new Map(graph.inputs.map((value, i) => [value, i === 0 ? x : captured[i - 1]!]));
    const inputs = node.inputs.map((value) => values.get(value) ?? x.mul(0.3));
    const found = node.params.op.unroll!(inputs);
    fn(x).forEach((expected, i) => expect(distance(found[i]!, expected)).toBeLessThan(1e-14));
  });
});

describe("gradients through Störmer-Verlet", () => {
  const loss =
    (gradient: string, steps: number) =>
    (x: Tensor, v: Tensor, k: Tensor): Tensor => {
      const ys = odeint(pendulum(k), [x, v] as Pair, [0, 0.33, 0.8, 1.5], {
        method,
        steps,
        gradient,
      });
      return ys[0].sin().add(ys[1].square()).sum();
    };
  const inputs = [f64([0.5, -0.3]), f64([0.2, 0.1]), f64(1.3)] as const;

  test.each(["direct", "checkpoint"])("%s is exact for the computed numbers", (gradient) => {
    checkGrad(loss(gradient, 10), [...inputs], { order: 1 });
  });

  test("all modes agree, compiled too", () => {
    const by = (gradient: string): number[] =>
      (
        jit(grad(loss(gradient, 2000), { argnums: [0, 1, 2] }))(...inputs) as unknown as Tensor[]
      ).flatMap((leaf) => [...leaf.data()]);
    const [first, ...others] = modes.map(by);
    for (const other of others)
      other.forEach((value, i) => expect(Math.abs(value - first![i]!)).toBeLessThan(1e-6));
  });

  test("few checkpoints change the work, never the gradient", () => {
    const by = (gradient: unknown, onStats: (report: StatsReport) => void): number[] => {
      const fn = (x: Tensor): Tensor =>
        odeint(pendulum(f64(1.3)), [x, x] as Pair, [0, 1], {
          method,
          steps: 50,
          gradient: gradient as string,
          onStats,
        })[0].sum();
      return [...(grad(fn)(inputs[0]) as Tensor).data()];
    };
    const work: number[] = [];
    const note = ({ direction, evaluations }: StatsReport): void => {
      if (direction === "backward") work.push(evaluations);
    };
    const exact = by("direct", note);
    expect(by({ kind: "checkpoint", slots: 3 }, note)).toEqual(exact);
    expect(work[1]).toBeGreaterThan(work[0]!);
  });

  test("forward mode agrees with reverse mode; times have derivatives", () => {
    const fn = (k: Tensor): Tensor => loss("direct", 400)(inputs[0], inputs[1], k);
    const [, forward] = jvp(fn, [inputs[2]], [f64(1)]) as [Tensor, Tensor];
    expect(Math.abs(forward.item() - (grad(fn)(inputs[2]) as Tensor).item())).toBeLessThan(1e-10);
    const end = (t1: Tensor): Tensor =>
      solve(pendulum(inputs[2]), [inputs[0], inputs[1]] as Pair, {
        t0: 0,
        t1,
        method,
        steps: 1000,
      }).ys[0].sum();
    const slope = (end(f64(1 + 1e-5)).item() - end(f64(1 - 1e-5)).item()) / 2e-5;
    expect((grad(end)(f64(1)) as Tensor).item()).toBeCloseTo(slope, 5);
  });
});
