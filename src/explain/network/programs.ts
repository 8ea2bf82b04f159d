/** @file What is compiled for a network, kept as long as the network and no longer. */
import type { Tensor } from "../../ir/tensor.ts";
import type { Network } from "./pass.ts";

interface Kept {
  /** Programs read parameters once: others in their place are another network. */
  readonly parameters: readonly Tensor[];
  readonly programs: Map<string, unknown>;
}

/** How many passes and programs are kept for one network, the longest unused leaving first. */
const most = 32;

const networks = new WeakMap<Network, Kept>();

/** What `make` made for this network and key before, or makes now. */
export function kept<T>(network: Network, key: string, make: () => T): T {
  const parameters = network.parameters();
  let known = networks.get(network);
  if (
    known === undefined ||
    known.parameters.length !== parameters.length ||
    !known.parameters.every((parameter, index) => parameter === parameters[index])
  )
    networks.set(network, (known = { parameters, programs: new Map() }));
  const { programs } = known;
  const found = programs.has(key) ? (programs.get(key) as T) : make();
  programs.delete(key);
  programs.set(key, found);
  if (programs.size > most) programs.delete(programs.keys().next().value!);
  return found;
}
