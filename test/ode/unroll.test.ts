/** @file Loops written out step by step, as files hold them, compute what the loops compute. */
import { describe, expect, test } from "vitest";
import { ArgumentError, Tensor, scan, tensor } from "../../src/index.ts";
import { isPrim } from "../../src/ir/graph.ts";
import { trace } from "../../src/ir/trace.ts";
import { odeint, solve } from "../../src/ode/index.ts";
import { rungeKuttaMethods } from "../support/ode-methods.ts";
import { isAdaptive } from "../../src/ode/stepper.ts";
import { distance, spread } from "../support/layers.ts";

/** What the loop in a function gives when it is written out. */
function unrolled(fn: (x: Tensor) => readonly Tensor[], x: Tensor): readonly Tensor[] {
  const { graph, captured } = trace(fn, [x]);
  const node = graph.nodes.find((one) => isPrim(one, "host"))!;
  if (!isPrim(node, "host")) throw new Error("no loop");
  const inputs = node.inputs.map((value) => {
    const index = graph.inputs.indexOf(value);
    return index === 0 ? x : captured[index - 1]!;
  });
  return node.params.op.unroll!(inputs);
}

const weights = spread([3, 3], "float64");
const field = (t: Tensor, y: Tensor): Tensor => y.matmul(weights).tanh().sub(y.mul(t));
const fixed = [...rungeKuttaMethods.values()].filter((solver) => !isAdaptive(solver));
const y0 = spread([2, 3], "float64", 5);

describe.each(fixed.map(({ name }) => name))("a solve by %s", (method) => {
  test.each([
    ["at the times themselves", [0, 0.1, 0.35, 1], {}],
    ["by number", [0, 1], { steps: 5 }],
    ["by size, the last step shorter", [0.2, 1], { stepSize: 0.3 }],
    [
      "with times inside steps, at their ends, and twice in one",
      [0, 0.1, 0.15, 0.5, 0.9, 1],
      { stepSize: 0.25 },
    ],
    ["backwards", [1, 0.4, 0], { steps: 3 }],
  ])("%s", (_, times, options) => {
    const fn = (y: Tensor): Tensor[] => [odeint(field, y, times, { method, ...options })];
    const [found] = unrolled(fn, y0);
    expect(distance(found!, fn(y0)[0]!)).toBeLessThan(1e-14);
  });
});

describe("a solve", () => {
  test("of several leaves, in float32", () => {
    type State = { a: Tensor; b: Tensor };
    const f = (t: Tensor, { a, b }: State): State => ({ a: b.neg().mul(t), b: a.tanh() });
    const fn = (y: Tensor): Tensor[] => {
      const { a, b } = odeint(f, { a: y, b: y }, [0, 0.5, 1], { method: "rk4", steps: 4 });
      return [a, b];
    };
    const x = spread([2, 3], "float32");
    const found = unrolled(fn, x);
    for (const [i, expected] of fn(x).entries())
      expect(distance(found[i]!, expected)).toBeLessThan(1e-6);
  });

  test("of adaptive steps says what would do", () => {
    const fn = (y: Tensor): Tensor[] => [solve(field, y, { t0: 0, t1: 1 }).ys];
    expect(() => unrolled(fn, y0)).toThrow(ArgumentError);
    expect(() => unrolled(fn, y0)).toThrow(/fixed steps.*tsit5.*steps: 20/);
  });
});

test.each([false, true])("a scan, reverse: %s", (reverse) => {
  const rows = tensor(
    [
      [1, 2],
      [3, 4],
      [5, 7],
    ],
    { dtype: "float64" },
  );
  const fn = (start: Tensor): Tensor[] => {
    const step = (carry: Tensor, row: Tensor): [Tensor, Tensor] => [
      carry.mul(0.5).add(row),
      carry.mul(row).sum(),
    ];
    const [last, ys] = scan(step, start, rows, { reverse });
    return [last, ys];
  };
  const start = tensor([2, -1], { dtype: "float64" });
  const found = unrolled(fn, start);
  for (const [i, expected] of fn(start).entries())
    expect(found[i]!.data()).toEqual(expected.data());
});
