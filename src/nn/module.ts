/** @file Modules: objects that hold parameters, and are trees of them. */
import { ArgumentError, complaint } from "../ir/errors.ts";
import { Tensor } from "../ir/tensor.ts";
import { type Tree, type TreeNode, flatten, treeProtocol } from "../ir/tree.ts";
import { identityOf, staticKey } from "./static-key.ts";

/** A part of a module: its key, and how to copy it with other children (absent where it holds none). */
interface Part {
  readonly key: string;
  copy?(next: () => Tree): unknown;
}

// A class expression, because a class declaration with a computed name cannot be declared in isolation.
const TreeObject: new () => TreeNode = class {
  [treeProtocol](): ReturnType<TreeNode[typeof treeProtocol]> {
    return takeApart(this as unknown as Module);
  }
};

/**
 * An object whose fields are parameters and other modules, in the order in which they are declared. A field counts if it is a
 * tensor, a module, or an array or plain object in which some are found; all others are configuration and travel along unchanged.
 * `jit`, `grad`, `vjp`, solves and trainers take modules as arguments, and give modules of the same class back.
 *
 * Modules are values: nothing changes one in place, training makes new ones. Methods must be declared as methods: an arrow
 * function in a field stays bound to the module it was made for, and `#private` fields do not survive the copy; for `forward`
 * the former is an ArgumentError. Tensors in a Map or Set would go unnoticed: also an ArgumentError.
 */
export class Module extends TreeObject {
  /** Parameters with the path that leads to each, like `net.layers[0].kernel`, in the order of declaration. */
  namedParameters(): [name: string, parameter: Tensor][] {
    const { leaves, def } = flatten(this.constructor.name, this);
    return leaves.map((leaf, index) => [def.paths[index]!.replace(/^\./, ""), leaf]);
  }

  /** Parameters in the order of declaration. */
  parameters(): Tensor[] {
    return flatten(this.constructor.name, this).leaves;
  }

  /** How many numbers the parameters hold in all; a tensor found at two places counts once. */
  get parameterCount(): number {
    let count = 0;
    for (const parameter of new Set(this.parameters())) count += parameter.size;
    return count;
  }
}

function takeApart(module: Module): ReturnType<TreeNode[typeof treeProtocol]> {
  const children: Tree[] = [];
  const names: string[] = [];
  const fields = Object.keys(module).map((field): [string, Part] => [
    field,
    visit((module as unknown as Record<string, unknown>)[field], field, module, children, names),
  ]);
  const key = `${identityOf(module.constructor)} ${fields.map(([field, part]) => `${field}=${part.key}`).join(";")}`;
  return {
    children,
    names,
    key,
    rebuild: (given) => {
      let index = 0;
      const next = (): Tree => given[index++]!;
      const copy = Object.create(Object.getPrototypeOf(module) as object) as Record<
        string,
        unknown
      >;
      for (const [field, part] of fields)
        copy[field] =
          part.copy === undefined
            ? (module as unknown as Record<string, unknown>)[field]
            : part.copy(next);
      return copy as unknown as Module;
    },
  };
}

function visit(
  value: unknown,
  path: string,
  module: Module,
  children: Tree[],
  names: string[],
): Part {
  if (value instanceof Tensor || isTreeNode(value)) {
    children.push(value);
    names.push(path);
    return { key: "*", copy: (next) => next() };
  }
  if (Array.isArray(value)) {
    const parts = value.map((item, index) =>
      visit(item, `${path}[${index}]`, module, children, names),
    );
    const key = `[${parts.map((part) => part.key).join(",")}]`;
    if (parts.every((part) => part.copy === undefined)) return { key };
    return {
      key,
      copy: (next) =>
        parts.map((part, index) =>
          part.copy === undefined ? (value[index] as unknown) : part.copy(next),
        ),
    };
  }
  if (isRecord(value)) {
    const parts = Object.entries(value).map(
      ([name, item]) =>
        [name, item, visit(item, `${path}.${name}`, module, children, names)] as const,
    );
    const key = `{${parts.map(([name, , part]) => `${JSON.stringify(name)}:${part.key}`).join(",")}}`;
    if (parts.every(([, , part]) => part.copy === undefined)) return { key };
    return {
      key,
      copy: (next) =>
        Object.fromEntries(
          parts.map(([name, item, part]) => [
            name,
            part.copy === undefined ? item : part.copy(next),
          ]),
        ),
    };
  }
  refuse(value, path, module);
  return { key: staticKey(value) };
}

/** Mistakes that would otherwise train the wrong thing without a word. */
function refuse(value: unknown, path: string, module: Module): void {
  const who = `${module.constructor.name}.${path}`;
  if (path === "forward" && typeof value === "function")
    throw new ArgumentError(
      complaint(
        who,
        "a method",
        "a function in a field",
        "Write `forward(...) { ... }`: an arrow function keeps the parameters of the module it was made for.",
      ),
    );
  if (
    (value instanceof Map || value instanceof Set) &&
    [...value.values()].some((item) => item instanceof Tensor || isTreeNode(item))
  )
    throw new ArgumentError(
      complaint(
        who,
        "parameters in arrays, plain objects or modules",
        `a ${value.constructor.name} of them`,
        "Parameters are not looked for there.",
      ),
    );
}

function isTreeNode(value: unknown): value is TreeNode {
  return typeof value === "object" && value !== null && treeProtocol in value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === null || prototype === Object.prototype;
}
