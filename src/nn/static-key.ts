/** @file Stable text for what a module holds besides tensors: two modules of equal text trace to the same program. */

const identities = new WeakMap<object, number>();
let nextIdentity = 1;

/** A number that belongs to one object (a class, a function) for the life of the process. */
export function identityOf(object: object): number {
  let identity = identities.get(object);
  if (identity === undefined) identities.set(object, (identity = nextIdentity++));
  return identity;
}

/** Text that differs when the value does: functions and objects count by identity, since what they do cannot be read. */
export function staticKey(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function" || (typeof value === "object" && value !== null))
    return `${typeof value}#${identityOf(value)}`;
  return Object.is(value, -0) ? "-0" : String(value);
}
