/**
 * @file Keys of what programs are kept under: values count by value, graphs by structure, functions and other objects by identity.
 * A key is text only so that a map can hold it: lists carry their length and texts theirs, so no two differing tuples read the same.
 */
import { identityOf } from "../base/identity.ts";
import { type AnyGraph, type AnyNode, type TensorType, type Value } from "./value.ts";

/** Equal for tuples of equal parts. */
export function keyOf(...parts: readonly unknown[]): string {
  return partKey(parts);
}

/** The parameters of a node as a key: -0 and NaN keep their identity, graphs count by structure, operations by their own key. */
export function paramsKey({ params }: AnyNode): string {
  let key = "";
  for (const name in params) key += `;${partKey((params as Record<string, unknown>)[name])}`;
  return key;
}

function partKey(part: unknown): string {
  if (typeof part === "number") return Object.is(part, -0) ? "-0" : String(part);
  if (typeof part === "string") return `${part.length}:${part}`;
  if (Array.isArray(part)) {
    let key = `[${part.length}`;
    for (const item of part) key += `,${partKey(item)}`;
    return key;
  }
  if (typeof part === "function") return `#${identityOf(part)}`;
  if (typeof part !== "object" || part === null) return String(part);
  if (isGraph(part)) return graphKey(part);
  if (isOperation(part)) return `{${part.key}}`;
  if (Object.getPrototypeOf(part) !== Object.prototype) return `#${identityOf(part)}`;
  const names = Object.keys(part).sort();
  return `{${partKey(names.flatMap((name) => [name, (part as Record<string, unknown>)[name]]))}`;
}

function isGraph(part: object): part is AnyGraph {
  return "nodes" in part;
}

/** Host operations say themselves what tells them apart. */
function isOperation(part: object): part is { readonly key: string } {
  return "prepare" in part;
}

/** A type as a key. */
export function typeKey({ dtype, shape }: TensorType): string {
  return `${dtype}[${shape.join(",")}]`;
}

/** Primitives whose parameters tell the type of the result. */
const typed: ReadonlySet<string> = new Set(["constant", "iota", "reshape", "broadcast"]);

function graphKey({ inputs, nodes, outputs }: AnyGraph): string {
  const numbers = new Map<Value, number>();
  const number = (value: Value): void => void numbers.set(value, numbers.size);
  inputs.forEach(number);
  const lines = [inputs.map(typeKey).join(" ")];
  for (const node of nodes) {
    node.outputs.forEach(number);
    const made = typed.has(node.prim) ? "" : node.outputs.map(typeKey).join(" ");
    const operands = node.inputs.map((input) => numbers.get(input)).join(",");
    const again = node.recomputed === true ? "recomputed " : "";
    lines.push(`${again}${node.prim} ${operands} ${paramsKey(node)} ${made}`);
  }
  lines.push(outputs.map((output) => numbers.get(output)).join(","));
  return lines.join("\n");
}
