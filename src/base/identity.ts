/** @file Identity of objects and functions: what they do cannot be read, so keys tell them apart by which they are. */

const identities = new WeakMap<object, number>();
let next = 1;

/** A number that belongs to one object (a class, a function) for the life of the process. */
export function identityOf(object: object): number {
  let identity = identities.get(object);
  if (identity === undefined) identities.set(object, (identity = next++));
  return identity;
}
