/**
 * @file Weights in Keras' HDF5 files: the older ones have a group for each layer, which lists its arrays in order; those of Keras 3
 * number the classes of layers, `layers/conv2d_1/vars/0`.
 */
import { complaint, describe } from "../../base/errors.ts";
import { FormatError } from "../errors.ts";
import { listed, type Slot, type StoredArray, type Weights } from "../weights.ts";
import type { Hdf5Object } from "../hdf5/object.ts";
import type { ByteSource } from "../source.ts";

/** A layer's arrays. */
interface Group {
  readonly name: string;
  readonly arrays: readonly StoredArray[];
}

/** More layers than any network has. */
const most = 100_000;

/** The weights of a file whose root, or model_weights, is given; undefined for files of another kind. */
export async function layerWeights(
  source: ByteSource,
  root: Hdf5Object,
): Promise<Weights | undefined> {
  const names = await textsInParts(root, "layer_names");
  if (names === undefined) return undefined;
  const groups: Group[] = [];
  for (const name of names.slice(0, most)) {
    // One after another, as they lie in the file.
    // oxlint-disable-next-line no-await-in-loop
    const arrays = await arraysOf(source, root, name);
    if (arrays.length > 0) groups.push({ name, arrays });
  }
  return {
    name: source.name,
    bytes: source.size,
    arrays: groups.flatMap(({ arrays }) => arrays),
    match: (slots) => matchByLayer(source.name, slots, groups),
  };
}

/** An attribute that Keras cuts into parts where it is longer than HDF5 allows: name0, name1, ... */
async function textsInParts(
  object: Hdf5Object,
  name: string,
): Promise<readonly string[] | undefined> {
  const whole = await object.texts(name);
  if (whole !== undefined) return whole;
  const parts: string[] = [];
  for (let number = 0; ; number++) {
    // oxlint-disable-next-line no-await-in-loop
    const part = await object.texts(`${name}${number}`);
    if (part === undefined) return number === 0 ? undefined : parts;
    parts.push(...part);
  }
}

async function arraysOf(
  source: ByteSource,
  root: Hdf5Object,
  layer: string,
): Promise<readonly StoredArray[]> {
  const place = `${source.name}: layer ${describe(layer)}`;
  const group = await root.find(layer);
  if (group === undefined)
    throw new FormatError(complaint(place, "a group of this name", "none", "The file is damaged."));
  const arrays: StoredArray[] = [];
  for (const name of (await textsInParts(group, "weight_names")) ?? []) {
    // oxlint-disable-next-line no-await-in-loop
    const found = await group.find(name);
    if (found === undefined)
      throw new FormatError(
        complaint(place, `a dataset ${describe(name)}`, "none", "The file is damaged."),
      );
    // oxlint-disable-next-line no-await-in-loop
    const { shape, readInto } = await found.dataset();
    arrays.push({ name: `${layer}/${name}`, shape, readInto });
  }
  return arrays;
}

/**
 * Layers by name, or in their order where names differ, as Keras does it; a layer's arrays in their order, the trained ones first.
 * A network within a network is one layer here.
 */
function matchByLayer(
  file: string,
  slots: readonly Slot[],
  groups: readonly Group[],
): (StoredArray | undefined)[] {
  const layers = new Map<string, Slot[]>();
  for (const slot of slots) {
    const name = slot.layers[0] ?? "";
    layers.set(name, [...(layers.get(name) ?? []), slot]);
  }
  const byName = new Map(groups.map((group) => [group.name, group]));
  const isNamed = [...layers.keys()].every((name) => byName.has(name));
  if (!isNamed && layers.size !== groups.length)
    throw new FormatError(
      complaint(
        file,
        `weights of ${layers.size} layers`,
        `of ${groups.length}`,
        `None for ${listed([...layers.keys()].filter((name) => !byName.has(name)))}.`,
      ),
    );
  const arrays = new Map<Slot, StoredArray>();
  for (const [index, [name, own]] of [...layers].entries()) {
    const group = isNamed ? byName.get(name)! : groups[index]!;
    const ordered = [
      ...own.filter(({ isTrained }) => isTrained),
      ...own.filter(({ isTrained }) => !isTrained),
    ];
    if (ordered.length !== group.arrays.length)
      throw new FormatError(
        complaint(
          `${file}: layer ${describe(group.name)}`,
          `${ordered.length} arrays for ${listed(ordered.map(({ place }) => place))}`,
          `${group.arrays.length}`,
        ),
      );
    for (const [position, slot] of ordered.entries()) arrays.set(slot, group.arrays[position]!);
  }
  return slots.map((slot) => arrays.get(slot));
}

// Weights as Keras 3 stores them.

/** Groups deeper, or more of them, than any network has. */
const deepest = 100;
const mostGroups = 200_000;
/** What else is stored: the state of training. */
const others = new Set(["optimizer", "seed_generator", "metrics", "compile_metrics"]);

/** The weights of a file whose root is given. */
export async function storeWeights(source: ByteSource, root: Hdf5Object): Promise<Weights> {
  const arrays = new Map<string, StoredArray>();
  let count = 0;
  const visit = async (group: Hdf5Object, path: readonly string[]): Promise<void> => {
    for (const name of await group.names()) {
      if (others.has(name)) continue;
      if (path.length > deepest || ++count > mostGroups)
        throw new FormatError(
          complaint(source.name, `at most ${mostGroups} groups, ${deepest} deep`, "more"),
        );
      // One after another, as they lie in the file.
      // oxlint-disable-next-line no-await-in-loop
      const child = await group.find(name);
      if (child === undefined) continue;
      // An older name of the same.
      const own = [...path, name === "_layer_checkpoint_dependencies" ? "layers" : name];
      // oxlint-disable-next-line no-await-in-loop
      if (!child.isDataset) await visit(child, own);
      else {
        // oxlint-disable-next-line no-await-in-loop
        const { shape, readInto } = await child.dataset();
        arrays.set(own.join("/"), { name: own.join("/"), shape, readInto });
      }
    }
  };
  await visit(root, []);
  return {
    name: source.name,
    bytes: source.size,
    arrays: [...arrays.values()],
    match: (slots) =>
      slots.map(({ classes, index }) =>
        arrays.get([...classes.map((name) => `layers/${name}`), "vars", index].join("/")),
      ),
  };
}
