// What max and min give back, and that relu needs nothing but its result for it.

import { describe, expect, it } from "vitest";
import { type Tensor, grad, jvp, maximum, minimum, relu, tensor, vjp } from "../../src/index.ts";
import { isPrim } from "../../src/ir/graph.ts";
import { trace } from "../../src/ir/trace.ts";

const x = tensor([-2, -0, 0, 3, NaN, Infinity], { dtype: "float64" });

describe("relu", () => {
  it("has derivative 0 at 0, in both directions, and second derivative 0", () => {
    const slope = [0, 0, 0, 1, 0, 1];
    expect(grad((a: Tensor) => relu(a).sum())(x).toArray()).toEqual(slope);
    expect(jvp((a: Tensor) => relu(a), [x], [x.onesLike()])[1].toArray()).toEqual(slope);
    const again = grad((a: Tensor) =>
      grad((b: Tensor) => relu(b).sum())(a)
        .mul(a)
        .sum(),
    );
    expect(again(x).toArray()).toEqual(slope);
  });

  it("looks back at its result only", () => {
    const { graph } = trace((a, g) => [vjp((b: Tensor) => relu(b), a!)[1](g!)[0]], [x, x]);
    const reading = graph.nodes.filter((node) => node.inputs.includes(graph.inputs[0]!));
    expect(reading.map((node) => node.prim)).toEqual(["max"]);
    const [gate] = graph.nodes.filter((node) => isPrim(node, "lt"));
    expect(gate!.inputs).toContain(reading[0]!.outputs[0]);
  });
});

describe("max and min", () => {
  const pairs = [
    [1, 2],
    [2, 1],
    [1, 1],
    [0, -0],
    [NaN, 1],
    [1, NaN],
  ];
  const [a, b] = [0, 1].map((i) => tensor(pairs.map((two) => two[i]!)));
  it.each([
    ["maximum", maximum, [0, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0]],
    ["minimum", minimum, [1, 0, 1, 1, 0, 0], [0, 1, 0, 0, 0, 0]],
  ] as const)(
    "%s gives the first of equals the derivative, and none where there is NaN",
    (_, f, left, right) => {
      const both = grad((p: Tensor, q: Tensor) => f(p, q).sum(), { argnums: [0, 1] })(a!, b!);
      expect(both.map((gradient) => gradient.toArray())).toEqual([left, right]);
    },
  );
});
