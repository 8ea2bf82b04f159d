/** @file Trees: arrays, plain objects and modules whose leaves are tensors. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { Tensor } from "./tensor.ts";

/** A tensor, or an array, plain object or module of trees. */
export type Tree = Tensor | readonly Tree[] | { readonly [key: string]: Tree } | TreeNode;

/** Objects of other classes take part in trees by saying what their children are and how to rebuild themselves. */
export interface TreeNode {
  [treeProtocol](): {
    children: Tree[];
    names: string[];
    rebuild(children: Tree[]): unknown;
    /** Tells apart what children alone do not. */ key: string;
  };
}

/** The method that makes a class a tree. */
export const treeProtocol: unique symbol = Symbol.for("adjoint.tree") as never;

/** A tree without its leaves. */
export interface TreeDef {
  /** Equal for trees of the same structure. */
  readonly key: string;
  readonly leafCount: number;
  /** One path per leaf, like `[0].weights`. */
  readonly paths: readonly string[];
  rebuild(leaves: readonly Tensor[]): unknown;
}

/**
 * How to rebuild a part of a tree. Made by functions of their own: a closure inside `visit` would keep the leaves alive,
 * and structures live as long as compiled functions.
 */
interface Build {
  readonly key: string;
  make(next: () => Tensor): unknown;
}

const leaf: Build = { key: "*", make: (next) => next() };

function arrayOf(parts: readonly Build[]): Build {
  return {
    key: `[${parts.map((part) => part.key).join(",")}]`,
    make: (next) => parts.map((part) => part.make(next)),
  };
}

function objectOf(names: readonly string[], parts: readonly Build[]): Build {
  return {
    key: `{${parts.map((part, index) => `${JSON.stringify(names[index])}:${part.key}`).join(",")}}`,
    make: (next) => Object.fromEntries(parts.map((part, index) => [names[index], part.make(next)])),
  };
}

function nodeOf(
  key: string,
  parts: readonly Build[],
  rebuild: (children: Tree[]) => unknown,
): Build {
  return {
    key: `<${key}:${parts.map((part) => part.key).join(",")}>`,
    make: (next) => rebuild(parts.map((part) => part.make(next) as Tree)),
  };
}

function defOf(build: Build, paths: readonly string[]): TreeDef {
  return {
    key: build.key,
    leafCount: paths.length,
    paths,
    rebuild(given) {
      let next = 0;
      return build.make(() => given[next++]!);
    },
  };
}

interface Found {
  readonly leaves: Tensor[];
  readonly paths: string[];
}

/** The leaves in order, and the tree without them. Throws ArgumentError naming `who` and the path of a leaf that is not a tensor. */
export function flatten(who: string, tree: unknown): { leaves: Tensor[]; def: TreeDef } {
  const found: Found = { leaves: [], paths: [] };
  const build = visit(who, tree, "", found, 0);
  return { leaves: found.leaves, def: defOf(build, found.paths) };
}

/** Deeper than any tree is meant to be; a tree that contains itself gets here. */
const deepest = 1000;

function visit(who: string, node: unknown, path: string, found: Found, depth: number): Build {
  if (node instanceof Tensor) {
    found.leaves.push(node);
    found.paths.push(path);
    return leaf;
  }
  if (depth > deepest)
    throw new ArgumentError(
      complaint(
        who,
        `a tree of at most ${deepest} levels`,
        `more at ${path.slice(0, 40)}...`,
        "Does it contain itself?",
      ),
    );
  const below = depth + 1;
  if (Array.isArray(node))
    return arrayOf(
      node.map((child, index) => visit(who, child, `${path}[${index}]`, found, below)),
    );
  if (isTreeNode(node)) {
    const { children, names, rebuild, key } = node[treeProtocol]();
    const parts = children.map((child, index) =>
      visit(who, child, `${path}.${names[index]}`, found, below),
    );
    return nodeOf(key, parts, rebuild);
  }
  if (isPlainObject(node)) {
    const names = Object.keys(node).sort();
    return objectOf(
      names,
      names.map((name) => visit(who, node[name], `${path}.${name}`, found, below)),
    );
  }
  throw new ArgumentError(
    complaint(
      who,
      "a tensor, or an array, plain object or module of tensors",
      `${describe(node)}${path === "" ? "" : ` at ${path}`}`,
      "Wrap numbers with tensor().",
    ),
  );
}

/** The tree of `fn` applied to every leaf. */
export function mapTree<T>(who: string, tree: T, fn: (leaf: Tensor, index: number) => Tensor): T {
  const { leaves, def } = flatten(who, tree);
  return def.rebuild(leaves.map(fn)) as T;
}

/** The tree's leaves in order. */
export function treeLeaves(who: string, tree: unknown): Tensor[] {
  return flatten(who, tree).leaves;
}

/** Whether a value is a module, or another object with the tree protocol. */
export function isTreeNode(node: unknown): node is TreeNode {
  return typeof node === "object" && node !== null && treeProtocol in node;
}

/** Whether a value is an object written as `{ ... }`, or one without a prototype. */
export function isPlainObject(node: unknown): node is Record<string, unknown> {
  if (typeof node !== "object" || node === null) return false;
  const prototype = Object.getPrototypeOf(node) as unknown;
  return prototype === null || prototype === Object.prototype;
}
