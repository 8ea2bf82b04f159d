// Named composites: one node with a name and attributes until it is compiled, and nothing else about them differs.
import { describe, expect, test } from "vitest";
import { jvpGraph, vjpGraph } from "../../src/autodiff/index.ts";
import { inlineCalls } from "../../src/compile/passes/inline-calls.ts";
import { type Tensor, grad, jit, jvp, tensor } from "../../src/index.ts";
import { type Graph, isPrim } from "../../src/ir/graph.ts";
import { formatGraph } from "../../src/ir/print.ts";
import { trace } from "../../src/ir/trace.ts";
import { relu6, silu } from "../../src/nn/activations.ts";
import { composite } from "../../src/ops/composite.ts";

const x = tensor([-1.5, -0.25, 0, 0.5, 7], { dtype: "float64" });
const names = (graph: Graph): string[] =>
  graph.nodes.map((node) => (isPrim(node, "composite") ? node.params.name : node.prim));
const traced = (f: (x: Tensor) => Tensor): Graph => trace((a) => [f(a)], [x]).graph;

describe("a composite", () => {
  test("is one node, printed with its name and attributes", () => {
    const graph = traced((a) => a.reshape([1, 5]).softmax(-1));
    expect(names(graph)).toEqual(["reshape", "softmax"]);
    expect(formatGraph(graph)).toContain("softmax axes=[1]");
  });

  test("may hold others, and gives way to primitives unless it is kept", () => {
    const graph = traced((a) => relu6(silu(a)));
    expect(names(graph)).toEqual(["silu", "cappedRelu"]);
    expect(names(inlineCalls(graph))).not.toContain("cappedRelu");
    const kept = inlineCalls(graph, ({ params }) => ["relu", "sigmoid"].includes(params.name));
    expect(names(kept)).toEqual(["sigmoid", "mul", "relu", "constant", "min"]);
  });

  test("has the values and derivatives of its body, to any order", () => {
    const body = (a: Tensor): Tensor => a.mul(a.sigmoid()).add(a.tanh().mul(a));
    const named = (a: Tensor): Tensor => composite("mine", {}, [a], body);
    const twice = (f: (a: Tensor) => Tensor) => (a: Tensor) =>
      grad((b: Tensor) => grad((c: Tensor) => f(c).sum())(b).sum())(a);
    expect(jit(named)(x).data()).toEqual(jit(body)(x).data());
    expect(named(x).data()).toEqual(jit(body)(x).data());
    expect(jit(twice(named))(x).data()).toEqual(jit(twice(body))(x).data());
    const [value, tangent] = jvp(named, [x], [x]);
    const [expected, along] = jvp(body, [x], [x]);
    expect(value.data()).toEqual(expected.data());
    expect(tangent.data()).toEqual(along.data());
  });

  test("takes what its body closes over as inputs, and differentiates it", () => {
    const f = (w: Tensor): Tensor => composite("scaled", {}, [x], (a) => a!.mul(w)).sum();
    expect(jit(grad(f))(x).toArray()).toEqual(x.toArray());
  });

  test("stays a node where nothing is differentiated, and gives way where something is", () => {
    const graph = traced((a) => a.sigmoid().mul(a));
    const still = trace((a) => vjpGraph(graph, [a], [false]).outputs, [x]).graph;
    expect(names(still)).toEqual(["sigmoid", "mul"]);
    const active = trace((a) => vjpGraph(graph, [a], [true]).outputs, [x]).graph;
    expect(names(active)).not.toContain("sigmoid");
    const pushed = trace((a) => jvpGraph(graph, [a], [undefined]).outputs, [x]).graph;
    expect(names(pushed)).toEqual(["sigmoid", "mul"]);
  });
});
