/** @file The likeliest classes by name, and names of classes from JSON. */
import { complaint, describe, ArgumentError, ShapeError } from "../../base/errors.ts";
import { FormatError, refuse } from "../errors.ts";
import { kind, listOf } from "../../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../../base/options.ts";
import { top } from "../options.ts";
import { formatShape, sizeOf } from "../../ir/shape.ts";
import { Tensor } from "../../ir/tensor.ts";

/**
 * The names of classes in the text of a JSON file: an array of names, or an object from each index to its name, or to an identifier
 * and a name, as in Keras' imagenet_class_index.json (`{"0": ["n01440764", "tench"], ...}`). `name` is what errors call the file.
 * Throws FormatError naming the entry that is not a name or is missing.
 */
export function parseClassNames(json: string, name = "parseClassNames"): string[] {
  let parsed: unknown;
  try {
    // Some editors begin a text with a byte order mark, which is not JSON.
    parsed = JSON.parse(json.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new FormatError(complaint(name, "JSON", `"${(cause as Error).message}"`), { cause });
  }
  if (typeof parsed !== "object" || parsed === null)
    refuse(name, "an array of names, or an object of indices and names", describe(parsed));
  const entries = new Map(Object.entries(parsed));
  return Array.from({ length: entries.size }, (_, index) => {
    const entry: unknown = entries.get(String(index));
    const className: unknown = Array.isArray(entry) ? entry[1] : entry;
    if (typeof className !== "string")
      refuse(
        `${name}: class ${index} of ${entries.size}`,
        "a name, or an identifier and a name",
        entry === undefined ? "no entry" : describe(className),
      );
    return className;
  });
}

/** A class and how likely it is. */
export interface Prediction {
  readonly classIndex: number;
  readonly className: string;
  readonly probability: number;
}

const options = schema({
  top,
  classNames: optional(
    listOf(kind<string>("a name", (given) => typeof given === "string")),
    undefined,
    "A name for every class, from parseClassNames or anywhere else; class 7 and the like unless given.",
  ),
});

/** Options of `decodePredictions`. */
export type DecodePredictionsOptions = OptionsOf<typeof options.spec>;

/**
 * The `top` classes of one picture, the likeliest first; of equal ones the lower index. `probabilities` is what the network gave for it:
 * numbers, or a tensor [C] or [1, C]. Throws ShapeError for other shapes, ArgumentError for NaN, or names that are not as many as the classes.
 */
export function decodePredictions(
  probabilities: Tensor | ArrayLike<number>,
  given: DecodePredictionsOptions = {},
): Prediction[] {
  const { top, classNames } = options.read("decodePredictions", given);
  const values = probabilities instanceof Tensor ? rowOf(probabilities) : probabilities;
  if (classNames !== undefined && classNames.length !== values.length)
    throw new ArgumentError(
      complaint(
        "decodePredictions: classNames",
        `${values.length} names, one for each class`,
        `${classNames.length}`,
      ),
    );
  const classes = Array.from({ length: values.length }, (_, classIndex) => classIndex);
  const unknown = classes.find((c) => Number.isNaN(values[c]!));
  if (unknown !== undefined)
    throw new ArgumentError(
      complaint(
        `decodePredictions: class ${unknown}`,
        "a probability",
        "NaN",
        "Are the weights and the picture finite?",
      ),
    );
  return classes
    .sort((a, b) => values[b]! - values[a]! || a - b)
    .slice(0, top)
    .map((classIndex) => ({
      classIndex,
      className: classNames?.[classIndex] ?? `class ${classIndex}`,
      probability: values[classIndex]!,
    }));
}

function rowOf(probabilities: Tensor): ArrayLike<number> {
  const { shape } = probabilities;
  if (shape.length < 1 || sizeOf(shape) !== shape.at(-1))
    throw new ShapeError(
      complaint(
        "decodePredictions",
        "the probabilities of one picture, [C] or [1, C]",
        formatShape(shape),
        "Take one row of a batch at a time.",
      ),
    );
  return probabilities.data();
}
