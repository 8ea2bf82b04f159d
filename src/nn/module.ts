/** @file Modules: objects that hold parameters, and are trees of them. */
import { identityOf } from "../base/identity.ts";
import { ArgumentError, complaint } from "../base/errors.ts";
import { Tensor } from "../ir/tensor.ts";
import {
  type Tree,
  type TreeNode,
  flatten,
  isPlainObject,
  isTreeNode,
  treeProtocol,
} from "../ir/tree.ts";

/** A part of a module. */
interface Part {
  readonly key: string;
  /** Whether there are children in it. */
  readonly holds: boolean;
  /** The part with other children. */
  take(next: () => Tree): unknown;
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
  /**
   * Fields whose tensors are state: they belong to the model and its checkpoints, and change in training, but not along
   * gradients (moving statistics, say). None unless a class says otherwise.
   */
  get stateFields(): readonly string[] {
    return [];
  }

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

/** What training does to a tensor: changes it along its gradient, leaves it alone, or gives it what the layer says. */
export type Role = "trained" | "frozen" | "state";

/**
 * The role of every tensor of a model (a module or any tree of tensors) by its path, in the order of `flatten`: state where a
 * module says so (`stateFields`), frozen below modules whose `trainable` is false, trained otherwise.
 */
export function rolesOf(model: unknown): Map<string, Role> {
  const roles = new Map<string, Role>();
  const walk = (node: unknown, path: string, role: Role): void => {
    if (node instanceof Tensor) roles.set(path === "" ? "tensor" : path.replace(/^\./, ""), role);
    else if (Array.isArray(node))
      for (const [index, item] of node.entries()) walk(item, `${path}[${index}]`, role);
    else if (isTreeNode(node)) {
      const { children, names } = node[treeProtocol]();
      const states = node instanceof Module ? node.stateFields : [];
      const inside = role !== "trained" || !isFrozen(node) ? role : "frozen";
      for (const [index, child] of children.entries()) {
        const name = names[index]!;
        const field = /^[^.[]*/.exec(name)![0];
        walk(child, `${path}.${name}`, states.includes(field) ? "state" : inside);
      }
    } else if (isPlainObject(node))
      for (const name of Object.keys(node).sort()) walk(node[name], `${path}.${name}`, role);
  };
  walk(model, "", "trained");
  return roles;
}

function isFrozen(node: object): boolean {
  return "trainable" in node && node.trainable === false;
}

/** Paths of the state of a model, as in `namedParameters`. */
export function statePaths(model: unknown): Set<string> {
  return new Set([...rolesOf(model)].filter(([, role]) => role === "state").map(([path]) => path));
}

/** The modules directly in a module's fields, also within arrays and plain objects. */
export function childModules(module: Module): Module[] {
  return module[treeProtocol]().children.filter((child) => child instanceof Module);
}

function takeApart(module: Module): ReturnType<TreeNode[typeof treeProtocol]> {
  const children: Tree[] = [];
  const names: string[] = [];
  const above: unknown[] = [];
  const visit = (value: unknown, path: string): Part => {
    if (value instanceof Tensor || isTreeNode(value)) {
      children.push(value);
      names.push(path);
      return { key: "*", holds: true, take: (next) => next() };
    }
    const isArray = Array.isArray(value);
    if (!isArray && !isPlainObject(value)) {
      refuse(value, path, module);
      return still(staticKey(value), value);
    }
    const known = frozenParts.get(value);
    if (known !== undefined) return known;
    const turn = above.indexOf(value);
    if (turn >= 0) return still(`^${above.length - turn}`, value);
    above.push(value);
    const parts = Object.entries(value).map(
      ([name, item]) =>
        [name, visit(item, isArray ? `${path}[${name}]` : `${path}.${name}`)] as const,
    );
    above.pop();
    const key = isArray
      ? `[${parts.map(([, part]) => part.key).join(",")}]`
      : `{${parts.map(([name, part]) => `${JSON.stringify(name)}:${part.key}`).join(",")}}`;
    if (!parts.some(([, part]) => part.holds)) {
      const part = still(key, value);
      if (isFrozenThroughout(value)) frozenParts.set(value, part);
      return part;
    }
    const take = (next: () => Tree): unknown =>
      isArray
        ? parts.map(([, part]) => part.take(next))
        : Object.fromEntries(parts.map(([name, part]) => [name, part.take(next)]));
    return { key, holds: true, take };
  };
  const record = module as unknown as Record<string, unknown>;
  const fields = Object.keys(module);
  // Structures outlive the module they were taken from: of its fields they keep what holds no tensors.
  const parts: (Part | { readonly value: unknown })[] = [];
  let key = `${identityOf(module.constructor)} `;
  for (const field of fields) {
    const value = record[field];
    const isPlain = typeof value !== "object" && typeof value !== "function";
    const part = isPlain ? undefined : visit(value, field);
    parts.push(part?.holds === true ? part : { value });
    key += `${field}=${part === undefined ? staticKey(value) : part.key};`;
  }
  const prototype = Object.getPrototypeOf(module) as object;
  return {
    children,
    names,
    key,
    rebuild: (given) => {
      let index = 0;
      const copy = Object.create(prototype) as Record<string, unknown>;
      for (const [position, field] of fields.entries()) {
        const part = parts[position]!;
        copy[field] = "take" in part ? part.take(() => given[index++]!) : part.value;
      }
      return copy;
    },
  };
}

/** Parts that can never be anything else: large plans are read once. */
const frozenParts = new WeakMap<object, Part>();

/** Whether a value holds only numbers, texts and the like in frozen arrays and plain objects. */
function isFrozenThroughout(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return typeof value !== "function";
  return (
    Object.isFrozen(value) &&
    (Array.isArray(value) || isPlainObject(value)) &&
    Object.values(value).every(
      (item) => frozenParts.has(item as object) || isFrozenThroughout(item),
    )
  );
}

/** A part that stays as it is. */
function still(key: string, value: unknown): Part {
  return { key, holds: false, take: () => value };
}

/** Mistakes that would otherwise train the wrong thing without a word. */
function refuse(value: unknown, path: string, module: Module): void {
  if (path === "forward" && typeof value === "function")
    throw new ArgumentError(
      complaint(
        `${module.constructor.name}.${path}`,
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
        `${module.constructor.name}.${path}`,
        "parameters in arrays, plain objects or modules",
        `a ${value.constructor.name} of them`,
        "Parameters are not looked for there.",
      ),
    );
}

/** Text that differs when the value does: functions and objects count by identity, since what they do cannot be read. */
export function staticKey(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function" || (typeof value === "object" && value !== null))
    return `${typeof value}#${identityOf(value)}`;
  return Object.is(value, -0) ? "-0" : String(value);
}
