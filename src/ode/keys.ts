/** @file What tells operations apart: values by value, graphs by structure, functions and other objects by identity. */
import type { Graph } from "../ir/graph.ts";
import { graphKey } from "../compile/key.ts";
import { inlineCalls } from "../compile/passes/inline-calls.ts";

/** Equal for lists of equal values. */
export function keyOf(...parts: readonly unknown[]): string {
  return listKey(parts);
}

/** Every text is preceded by its length, so that no two lists read the same. */
function listKey(parts: readonly unknown[]): string {
  let key = `[${parts.length}`;
  for (const part of parts) key += `,${partKey(part)}`;
  return key;
}

function partKey(part: unknown): string {
  if (typeof part === "number") return Object.is(part, -0) ? "-0" : String(part);
  if (typeof part === "string") return `${part.length}:${part}`;
  if (Array.isArray(part)) return listKey(part);
  if ((typeof part !== "object" && typeof part !== "function") || part === null)
    return String(part);
  if ("nodes" in part) return partKey(graphKey(inlineCalls(part as Graph)));
  return `#${identityOf(part)}`;
}

const identities = new WeakMap<object, number>();
let nextIdentity = 1;

function identityOf(object: object): number {
  let known = identities.get(object);
  if (known === undefined) identities.set(object, (known = nextIdentity++));
  return known;
}
