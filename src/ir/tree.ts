/** @file Trees: arrays, plain objects and modules whose leaves are tensors. */
import { ArgumentError, complaint, describe } from "./errors.ts";
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
  /** A path a leaf, like `[0].weights`. */
  readonly paths: readonly string[];
  rebuild(leaves: readonly Tensor[]): unknown;
}

interface Build {
  key: string;
  make(next: () => Tensor): unknown;
}

/** The leaves in order, and what is left. Throws ArgumentError naming `who` and the path of a leaf that is no tensor. */
export function flatten(who: string, tree: unknown): { leaves: Tensor[]; def: TreeDef } {
  const leaves: Tensor[] = [];
  const paths: string[] = [];
  const visit = (node: unknown, path: string): Build => {
    if (node instanceof Tensor) {
      leaves.push(node);
      paths.push(path);
      return { key: "*", make: (next) => next() };
    }
    if (Array.isArray(node)) {
      const parts = node.map((child, index) => visit(child, `${path}[${index}]`));
      return {
        key: `[${parts.map((part) => part.key).join(",")}]`,
        make: (next) => parts.map((part) => part.make(next)),
      };
    }
    if (isTreeNode(node)) {
      const { children, names, rebuild, key } = node[treeProtocol]();
      const parts = children.map((child, index) => visit(child, `${path}.${names[index]}`));
      return {
        key: `<${key}:${parts.map((part) => part.key).join(",")}>`,
        make: (next) => rebuild(parts.map((part) => part.make(next) as Tree)),
      };
    }
    if (isPlainObject(node)) {
      const names = Object.keys(node).sort();
      const parts = names.map((name) => visit(node[name], `${path}.${name}`));
      const key = `{${parts.map((part, index) => `${JSON.stringify(names[index])}:${part.key}`).join(",")}}`;
      return {
        key,
        make: (next) =>
          Object.fromEntries(parts.map((part, index) => [names[index], part.make(next)])),
      };
    }
    throw new ArgumentError(
      complaint(
        who,
        "a tensor, or an array, plain object or module of tensors",
        `${describe(node)}${path === "" ? "" : ` at ${path}`}`,
        "Wrap numbers with tensor().",
      ),
    );
  };
  const build = visit(tree, "");
  return {
    leaves,
    def: {
      key: build.key,
      leafCount: leaves.length,
      paths,
      rebuild(given) {
        let next = 0;
        return build.make(() => given[next++]!);
      },
    },
  };
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

function isTreeNode(node: unknown): node is TreeNode {
  return typeof node === "object" && node !== null && treeProtocol in node;
}

function isPlainObject(node: unknown): node is Record<string, unknown> {
  if (typeof node !== "object" || node === null) return false;
  const prototype = Object.getPrototypeOf(node) as unknown;
  return prototype === null || prototype === Object.prototype;
}
