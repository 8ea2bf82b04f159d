/** @file Which array belongs to which parameter, where arrays have names: `conv1/kernel:0`, `block/conv1/kernel`, `conv1.kernel`. */
import { complaint, describe } from "../base/errors.ts";
import { FormatError } from "./errors.ts";
import { snakeName } from "./names.ts";
import type { Slot } from "./slots.ts";
import type { StoredArray } from "./weights.ts";

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
      throw new FormatError(
        complaint(file, "a name of its own for each array", `two arrays ${describe(array.name)}`),
      );
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
