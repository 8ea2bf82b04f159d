/** @file Names of classes from JSON. */
import { complaint, describe } from "../../base/errors.ts";
import { FormatError } from "../errors.ts";

/**
 * The names of classes in the text of a JSON file: an array of names, or an object from each index to its name, or to an identifier
 * and a name, as in Keras' imagenet_class_index.json (`{"0": ["n01440764", "tench"], ...}`). `name` is what errors call the file.
 * Throws FormatError naming the entry that is none or missing.
 */
export function parseClassNames(json: string, name = "parseClassNames"): string[] {
  let parsed: unknown;
  try {
    // Some editors begin a text with a mark of its byte order, which is no JSON.
    parsed = JSON.parse(json.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new FormatError(complaint(name, "JSON", `"${(cause as Error).message}"`), { cause });
  }
  if (typeof parsed !== "object" || parsed === null)
    throw new FormatError(
      complaint(name, "an array of names, or an object of indices and names", describe(parsed)),
    );
  const entries = new Map(Object.entries(parsed));
  return Array.from({ length: entries.size }, (_, index) => {
    const entry: unknown = entries.get(String(index));
    const className: unknown = Array.isArray(entry) ? entry[1] : entry;
    if (typeof className !== "string")
      throw new FormatError(
        complaint(
          `${name}: class ${index} of ${entries.size}`,
          "a name, or an identifier and a name",
          entry === undefined ? "no entry" : describe(className),
        ),
      );
    return className;
  });
}
