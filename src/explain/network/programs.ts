/** @file What is compiled for a network, kept as long as the network and no longer. */
import { Module } from "../../nn/module.ts";
import type { Network } from "./pass.ts";

/** How many passes and programs are kept for one network, the longest unused leaving first. */
const most = 32;

/** A place in a network and what was there: a field of a module, or an element of an array or plain object in one. */
type Place = readonly [holder: Record<string, unknown>, key: string, value: unknown];

interface Kept {
  /** Programs read parameters once: a network with others in their place is another one. */
  readonly places: readonly Place[];
  readonly programs: Map<string, unknown>;
}

const networks = new WeakMap<Network, Kept>();

/** What `make` made for this network and key before, or makes now. */
export function kept<T>(network: Network, key: string, make: () => T): T {
  let known = networks.get(network);
  if (known === undefined || known.places.some(([holder, at, value]) => holder[at] !== value))
    networks.set(network, (known = { places: placesIn(network), programs: new Map() }));
  const { programs } = known;
  const found = programs.has(key) ? (programs.get(key) as T) : make();
  programs.delete(key);
  programs.set(key, found);
  if (programs.size > most) programs.delete(programs.keys().next().value!);
  return found;
}

function placesIn(network: Network): Place[] {
  const places: Place[] = [];
  const seen = new Set<object>();
  const walk = (holder: object): void => {
    if (seen.has(holder) || (Object.isFrozen(holder) && !(holder instanceof Module))) return;
    seen.add(holder);
    for (const [key, value] of Object.entries(holder) as [string, unknown][]) {
      places.push([holder as Record<string, unknown>, key, value]);
      if (isHolder(value)) walk(value);
    }
  };
  walk(network);
  return places;
}

function isHolder(value: unknown): value is object {
  return (
    value instanceof Module ||
    Array.isArray(value) ||
    (typeof value === "object" &&
      value !== null &&
      Object.getPrototypeOf(value) === Object.prototype)
  );
}
