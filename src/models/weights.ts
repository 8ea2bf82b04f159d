/**
 * @file A network's parameters and the arrays of a file: which array belongs to which parameter, and parameters filled with them.
 */
/** How somebody follows the work on a large file. */
export interface Following {
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes of parameters read so far, and in all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** An array of a file, not yet read. */
export interface StoredArray {
  /** As the file has it. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Reads all elements as floats, a few megabytes at a time. FormatError naming file and array. */
  readInto(elements: Float32Array | Float64Array): Promise<void>;
}

/** The arrays of a file, and which parameters they belong to. */
export interface Weights {
  /** The file, for messages. */
  readonly name: string;
  /** Bytes that the arrays take in the file. */
  readonly bytes: number;
  readonly arrays: readonly StoredArray[];
  /** The array for each parameter, undefined if there is none. */
  match(slots: readonly Slot[]): readonly (StoredArray | undefined)[];
}

import { Tensor } from "../ir/tensor.ts";
import { treeProtocol, flatten } from "../ir/tree.ts";
import { Layer } from "../nn/layer.ts";
import { Module, rolesOf } from "../nn/module.ts";
import { snakeCase } from "../nn/names.ts";
import { describe } from "../base/errors.ts";
import { FormatError, refuse } from "./errors.ts";
import { snakeName } from "./names.ts";
import { formatShape, sameShape, sizeOf } from "../ir/shape.ts";
import { parameterElements } from "../nn/large.ts";
import { checkSwelling } from "./zip.ts";

/** The place of one parameter. */
export interface Slot {
  /** As `namedParameters` has it: `layers[3].kernel`. */
  readonly path: string;
  /** The names of the layers that lead to it, from a layer of the network down to the one that has it. */
  readonly layers: readonly string[];
  /** The same in Keras' names of classes, each numbered among its like: `conv2d_1`. */
  readonly classes: readonly string[];
  /** What that layer calls it: `kernel`, `movingMean`. */
  readonly field: string;
  /** Which of the layer's own parameters it is, in Keras' order. */
  readonly index: number;
  /** Whether training changes it along its gradient: Keras lists these first. */
  readonly isTrained: boolean;
  /** For messages: `conv2d "conv1": kernel`. */
  readonly place: string;
  readonly tensor: Tensor;
}

/** The places of all parameters, in the order of `flatten`. */
export function slotsOf(model: object): Slot[] {
  const roles = rolesOf(model);
  const slots: Slot[] = [];
  const visit = (module: Module, path: string, at: Where): void => {
    const { children, names } = module[treeProtocol]();
    const numbered = numberer();
    let index = 0;
    for (const [position, child] of children.entries()) {
      const name = names[position]!;
      const below = path === "" ? name : `${path}.${name}`;
      if (child instanceof Tensor)
        slots.push({
          ...at,
          path: below,
          field: name,
          index: index++,
          isTrained: roles.get(below) === "trained",
          place: `${at.label}: ${name}`,
          tensor: child,
        });
      else if (child instanceof Module) {
        const isLayer = child instanceof Layer;
        visit(child, below, {
          layers: [...at.layers, isLayer ? (child.name ?? name) : name],
          classes: [
            ...at.classes,
            numbered(snakeCase(isLayer ? child.className : child.constructor.name)),
          ],
          label: isLayer ? child.label : `${at.label}.${name}`,
        });
      }
    }
  };
  if (model instanceof Module)
    visit(model, "", {
      layers: [],
      classes: [],
      label: model instanceof Layer ? model.label : "model",
    });
  return slots;
}

type Where = Pick<Slot, "layers" | "classes"> & { readonly label: string };

/** Numbers names as Keras does within one model: conv2d, conv2d_1, ... */
function numberer(): (name: string) => string {
  const counts = new Map<string, number>();
  return (name) => {
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    return count === 0 ? name : `${name}_${count}`;
  };
}

/** Names that Keras has given a parameter of ours in one version or another. */
const otherFields: Readonly<Record<string, readonly string[]>> = { kernel: ["depthwise_kernel"] };

/** A name in one spelling: parts between slashes, without the number of an output. */
function normal(name: string): string {
  return name.replace(/:\d+$/, "").replaceAll(".", "/");
}

/**
 * The array of each parameter by the names of the layers that lead to it; where networks are nested, the innermost names may do.
 * Throws FormatError for names that two arrays have.
 */
export function matchByName(
  file: string,
  slots: readonly Slot[],
  arrays: readonly StoredArray[],
): (StoredArray | undefined)[] {
  const byName = new Map<string, StoredArray>();
  for (const array of arrays) {
    const name = normal(array.name);
    if (byName.has(name))
      refuse(file, "a name of its own for each array", `two arrays ${describe(array.name)}`);
    byName.set(name, array);
  }
  return slots.map(({ path, layers, field }) => {
    const direct = byName.get(normal(path));
    if (direct !== undefined) return direct;
    for (let start = 0; start < layers.length; start++)
      for (const last of [snakeName(field), ...(otherFields[field] ?? [])]) {
        const found = byName.get(normal([...layers.slice(start), last].join("/")));
        if (found !== undefined) return found;
      }
    return undefined;
  });
}

/**
 * The network with the arrays of a file in place of its parameters; the network itself stays as it was. Throws FormatError naming
 * the layers whose parameters are missing or of another shape (expected, got), and the arrays that no parameter wants.
 */
export async function fillParameters<T extends object>(
  model: T,
  weights: Weights,
  { signal, onProgress }: Following,
): Promise<T> {
  const slots = slotsOf(model);
  const arrays = matched(slots, weights);
  const total = slots.reduce((sum, { tensor }) => sum + byteSize(tensor), 0);
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
    onProgress?.((done += byteSize(tensor)), total);
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
    refuse(
      `${file}: parameter ${first + 1} of ${given.length}`,
      said(slots[first]),
      said(given[first]),
      "The file holds another network.",
    );
  return flatten(file, model).def.rebuild(
    given.map(({ tensor }, index) => tensor.cast(slots[index]!.tensor.dtype)),
  ) as T;
}

function byteSize({ shape, dtype }: Tensor): number {
  return sizeOf(shape) * (dtype === "float64" ? 8 : 4);
}

function roomFor(file: string, array: string, tensor: Tensor): Float32Array | Float64Array {
  try {
    return parameterElements(tensor.dtype as "float32" | "float64", tensor.size);
  } catch (cause) {
    throw new FormatError(
      `${file}: ${array}: there is no memory for ${byteSize(tensor)} bytes, shape ${formatShape(tensor.shape)}.`,
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
    refuse(
      weights.name,
      `arrays for all ${slots.length} parameters`,
      `none for ${listed(missing.map(({ place }) => place))}`,
      extra.length === 0
        ? "The file is of another network, or incomplete."
        : `Arrays that no parameter wants: ${listed(extra)}.`,
    );
  if (extra.length > 0)
    refuse(
      weights.name,
      `arrays for the network's ${slots.length} parameters alone`,
      `also ${listed(extra)}`,
      "The file is of another network.",
    );
  const takers = new Map<StoredArray, Slot>();
  for (const [index, slot] of slots.entries()) {
    const { place, tensor } = slot;
    const array = found[index]!;
    const { name, shape } = array;
    const other = takers.get(array);
    if (other !== undefined && other.tensor !== tensor)
      refuse(
        `${weights.name}: array ${name}`,
        "one parameter that it is for",
        `${other.place} and ${place}`,
        "The file is of another network.",
      );
    takers.set(array, slot);
    if (!sameShape(shape, tensor.shape))
      refuse(
        `${weights.name}: ${place}`,
        `shape ${formatShape(tensor.shape)}`,
        `${formatShape(shape)} (${name})`,
      );
  }
  return found as readonly StoredArray[];
}

/** The first few names, and how many more there are. */
export function listed(names: readonly string[], most = 4): string {
  const shown = names.slice(0, most).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
