// Trees: taking apart and rebuilding arrays, objects and modules, and what is said of leaves that are no tensors.

import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  Tensor,
  type Tree,
  type TreeNode,
  flattenTree,
  grad,
  jit,
  mapTree,
  tensor,
  treeLeaves,
  treeProtocol,
} from "../../src/index.ts";

/** A class that takes part in trees. */
class Pair implements TreeNode {
  readonly first: Tensor;
  readonly second: Tensor;
  readonly label: string;

  constructor(first: Tensor, second: Tensor, label: string) {
    this.first = first;
    this.second = second;
    this.label = label;
  }

  [treeProtocol](): ReturnType<TreeNode[typeof treeProtocol]> {
    return {
      children: [this.first, this.second],
      names: ["first", "second"],
      rebuild: (children: Tree[]) =>
        new Pair(children[0] as Tensor, children[1] as Tensor, this.label),
      key: `Pair:${this.label}`,
    };
  }
}

const [a, b, c] = [tensor(1), tensor([2, 3]), tensor([[4]])] as [Tensor, Tensor, Tensor];

describe("flattening", () => {
  test("leaves in order, objects by name, with their paths", () => {
    const { leaves, def } = flattenTree("test", { z: a, list: [b, { inner: c }], empty: [] });
    expect(leaves).toEqual([b, c, a]);
    expect(def.paths).toEqual([".list[0]", ".list[1].inner", ".z"]);
    expect(def.leafCount).toBe(3);
    expect(def.rebuild([a, b, c])).toEqual({ z: c, list: [a, { inner: b }], empty: [] });
  });

  test("a tensor is a tree of one leaf, and nothing a tree of none", () => {
    expect(flattenTree("test", a).def.rebuild([b])).toBe(b);
    expect(treeLeaves("test", [])).toEqual([]);
  });

  test("keys tell structures apart, not values", () => {
    const key = (tree: unknown): string => flattenTree("test", tree).def.key;
    expect(key({ x: a, y: b })).toBe(key({ y: c, x: a }));
    const different = [
      a,
      [a],
      [a, b],
      [[a], b],
      { x: a },
      { y: a },
      new Pair(a, b, "p"),
      new Pair(a, b, "q"),
      [],
    ];
    expect(new Set(different.map(key)).size).toBe(different.length);
  });

  test("objects with a null prototype are plain", () => {
    const bare = Object.assign(Object.create(null) as Record<string, Tensor>, { x: a });
    expect(treeLeaves("test", bare)).toEqual([a]);
  });
});

describe("classes", () => {
  test("rebuild themselves through mapTree, jit and grad", () => {
    const pair = new Pair(tensor(2), tensor(3), "p");
    const doubled = mapTree("test", pair, (x) => x.mul(2));
    expect(doubled).toBeInstanceOf(Pair);
    expect([doubled.first.item(), doubled.second.item(), doubled.label]).toEqual([4, 6, "p"]);
    const product = (p: Pair): Tensor => p.first.mul(p.second);
    const gradient = grad(product)(pair);
    expect(gradient).toBeInstanceOf(Pair);
    expect([gradient.first.item(), gradient.second.item()]).toEqual([3, 2]);
    const swap = jit((p: Pair) => new Pair(p.second, p.first, "q"));
    expect(swap(pair)).toBeInstanceOf(Pair);
    expect([swap(pair).first.item(), swap(pair).label]).toEqual([3, "q"]);
  });

  test("mapTree gives the index of each leaf", () => {
    expect(
      mapTree("test", [a, { x: a }], (leaf, i) => leaf.mul(i)).map((x) =>
        (x instanceof Tensor ? x : x.x).item(),
      ),
    ).toEqual([0, 1]);
  });
});

describe("leaves that are no tensors", () => {
  test.each<[string, unknown, RegExp]>([
    ["a number", [a, 3], /test: expected a tensor.*got 3 at \[1\]/],
    ["a string deep inside", { p: [{ name: "dense" }] }, /"dense" at \.p\[0\]\.name/],
    ["null", { p: null }, /null at \.p/],
    ["undefined", [undefined], /undefined at \[0\]/],
    ["a function", () => a, /a function/],
    ["a map", new Map([["x", a]]), /Map/],
    ["a typed array", new Float32Array(2), /Float32Array/],
  ])("%s", (_, tree, message) => {
    expect(() => flattenTree("test", tree)).toThrow(ArgumentError);
    expect(() => flattenTree("test", tree)).toThrow(message);
  });
});
