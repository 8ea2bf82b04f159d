/** @file A network's parameters filled with the arrays of a file. */
import { complaint } from "../base/errors.ts";
import { formatShape, sameShape, sizeOf } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { flatten } from "../ir/tree.ts";
import { parameterElements } from "../nn/large.ts";
import { FormatError } from "./errors.ts";
import type { ReadOptions } from "./format.ts";
import { type Slot, slotsOf } from "./slots.ts";
import { checkSwelling } from "./swelling.ts";
import type { StoredArray, Weights } from "./weights.ts";

/**
 * The network with the arrays of a file in place of its parameters; the network itself stays as it was. Throws FormatError naming
 * the layers whose parameters are missing or of another shape (expected, got), and the arrays that no parameter wants.
 */
export async function fillParameters<T extends object>(
  model: T,
  weights: Weights,
  { signal, onProgress }: ReadOptions,
): Promise<T> {
  const slots = slotsOf(model);
  const arrays = matched(slots, weights);
  const total = slots.reduce((sum, { tensor }) => sum + bytesOf(tensor), 0);
  checkSwelling(`${weights.name}: parameters`, total, weights.bytes);
  const filled = new Map<Tensor, Tensor>();
  const leaves: Tensor[] = [];
  let done = 0;
  for (const [index, { tensor }] of slots.entries()) {
    signal?.throwIfAborted();
    let now = filled.get(tensor);
    if (now === undefined) {
      const array = arrays[index]!;
      const elements = roomFor(weights.name, array.name, tensor);
      await array.readInto(elements);
      filled.set(
        tensor,
        (now = new Tensor({ shape: tensor.shape, dtype: tensor.dtype }, elements)),
      );
    }
    leaves.push(now);
    onProgress?.((done += bytesOf(tensor)), total);
  }
  return flatten(weights.name, model).def.rebuild(leaves) as T;
}

/**
 * The network with the parameters of another one of the same structure, in their order: files in which layers have names of their
 * own. Throws FormatError naming the first that does not fit.
 */
export function takeParameters<T extends object>(file: string, model: T, other: object): T {
  const [slots, given] = [slotsOf(model), slotsOf(other)];
  const at = slots.findIndex(
    ({ field, tensor }, index) =>
      field !== given[index]?.field || !sameShape(tensor.shape, given[index].tensor.shape),
  );
  const said = (slot: Slot | undefined): string =>
    slot === undefined ? "none" : `${slot.place} of shape ${formatShape(slot.tensor.shape)}`;
  const first = at < 0 && given.length > slots.length ? slots.length : at;
  if (first >= 0)
    throw new FormatError(
      complaint(
        `${file}: parameter ${first + 1} of ${given.length}`,
        said(slots[first]),
        said(given[first]),
        "The file holds another network.",
      ),
    );
  return flatten(file, model).def.rebuild(
    given.map(({ tensor }, index) => tensor.cast(slots[index]!.tensor.dtype)),
  ) as T;
}

function bytesOf({ shape, dtype }: Tensor): number {
  return sizeOf(shape) * (dtype === "float64" ? 8 : 4);
}

function roomFor(file: string, array: string, tensor: Tensor): Float32Array | Float64Array {
  try {
    return parameterElements(tensor.dtype as "float32" | "float64", tensor.size);
  } catch (cause) {
    throw new FormatError(
      `${file}: ${array}: there is no memory for ${bytesOf(tensor)} bytes, shape ${formatShape(tensor.shape)}.`,
      { cause },
    );
  }
}

/** The array for each parameter, each fitting. */
function matched(slots: readonly Slot[], weights: Weights): readonly StoredArray[] {
  const found = weights.match(slots);
  const missing = slots.filter((_, index) => found[index] === undefined);
  const wanted = new Set(found);
  const extra = weights.arrays.filter((array) => !wanted.has(array)).map(({ name }) => name);
  if (missing.length > 0)
    throw new FormatError(
      complaint(
        weights.name,
        `arrays for all ${slots.length} parameters`,
        `none for ${listed(missing.map(({ place }) => place))}`,
        extra.length === 0
          ? "The file is of another network, or incomplete."
          : `Arrays that no parameter wants: ${listed(extra)}.`,
      ),
    );
  if (extra.length > 0)
    throw new FormatError(
      complaint(
        weights.name,
        `arrays for the network's ${slots.length} parameters alone`,
        `also ${listed(extra)}`,
        "The file is of another network.",
      ),
    );
  const takers = new Map<StoredArray, Slot>();
  for (const [index, slot] of slots.entries()) {
    const { place, tensor } = slot;
    const array = found[index]!;
    const { name, shape } = array;
    const other = takers.get(array);
    if (other !== undefined && other.tensor !== tensor)
      throw new FormatError(
        complaint(
          `${weights.name}: array ${name}`,
          "one parameter that it is for",
          `${other.place} and ${place}`,
          "The file is of another network.",
        ),
      );
    takers.set(array, slot);
    if (!sameShape(shape, tensor.shape))
      throw new FormatError(
        complaint(
          `${weights.name}: ${place}`,
          `shape ${formatShape(tensor.shape)}`,
          `${formatShape(shape)} (${name})`,
        ),
      );
  }
  return found as readonly StoredArray[];
}

/** The first few names, and how many more there are. */
export function listed(names: readonly string[], most = 4): string {
  const shown = names.slice(0, most).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
