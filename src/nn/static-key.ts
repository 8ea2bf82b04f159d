/** @file Stable text for what a module holds besides tensors: two modules of equal text trace to the same program. */

const identities = new WeakMap<object, number>();
let nextIdentity = 1;

/** A number that belongs to one object (a class, a function) for the life of the process. */
export function identityOf(object: object): number {
  let identity = identities.get(object);
  if (identity === undefined) identities.set(object, (identity = nextIdentity++));
  return identity;
}

/**
 * Text that differs when the configuration differs. Numbers, strings, arrays and plain objects count by content;
 * functions and objects of other classes by identity, since what they do cannot be read.
 */
export function staticKey(value: unknown, above: readonly object[] = []): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "symbol") return String(value);
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "function") return `function#${identityOf(value)}`;
  if (typeof value !== "object" || value === null) return String(value);
  const turn = above.indexOf(value);
  if (turn >= 0) return `^${above.length - turn}`;
  const path = [...above, value];
  if (Array.isArray(value)) return `[${value.map((item) => staticKey(item, path)).join(",")}]`;
  const prototype = Object.getPrototypeOf(value) as unknown;
  if (prototype !== Object.prototype && prototype !== null) return `object#${identityOf(value)}`;
  const entries = Object.entries(value).map(
    ([name, item]) => `${JSON.stringify(name)}:${staticKey(item, path)}`,
  );
  return `{${entries.join(",")}}`;
}
