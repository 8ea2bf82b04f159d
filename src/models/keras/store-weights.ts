/** @file Weights as Keras 3 stores them: `layers/conv2d_1/vars/0`, by the classes of layers, each numbered among its like. */
import { complaint } from "../../base/errors.ts";
import { FormatError } from "../errors.ts";
import type { Hdf5Object } from "../hdf5/object.ts";
import type { ByteSource } from "../source.ts";
import type { StoredArray, Weights } from "../weights.ts";

/** Groups deeper, or more of them, than any network has. */
const deepest = 100;
const most = 200_000;
/** What else is stored: the state of training. */
const others = new Set(["optimizer", "seed_generator", "metrics", "compile_metrics"]);

/** The weights of a file whose root is given. */
export async function storeWeights(source: ByteSource, root: Hdf5Object): Promise<Weights> {
  const arrays = new Map<string, StoredArray>();
  let count = 0;
  const visit = async (group: Hdf5Object, path: readonly string[]): Promise<void> => {
    for (const name of await group.names()) {
      if (others.has(name)) continue;
      if (path.length > deepest || ++count > most)
        throw new FormatError(
          complaint(source.name, `at most ${most} groups, ${deepest} deep`, "more"),
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
