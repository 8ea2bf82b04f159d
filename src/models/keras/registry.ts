/** @file All classes of layers that are read and written. A class is an entry in classes.ts or own.ts. */
import { complaint } from "../../base/errors.ts";
import { nearNames } from "../../base/near-names.ts";
import { FormatError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { KerasClass } from "./class.ts";
import { classes } from "./classes.ts";
import { ownClasses } from "./own.ts";

const all: readonly KerasClass[] = [...classes, ...ownClasses];

const byName = new Map(
  all.flatMap((entry) => [entry.className, ...(entry.aliases ?? [])].map((name) => [name, entry])),
);
const byKind = new Map(
  all.flatMap((entry) => (entry.kind === undefined ? [] : [[entry.kind, entry]])),
);

/** Classes that a model is made of, which `topology.ts` reads itself. */
const structure = ["Functional", "Sequential", "InputLayer"];

/** The classes that are read, sorted. */
export const classNames: readonly string[] = [
  ...all.map(({ className }) => className),
  ...structure,
].sort();

/** Classes that are code, not data. */
const code = ["Lambda", "TFOpLambda", "SlicingOpLambda"];

/** The class of a name. Throws FormatError naming the place, the classes most like it and all. */
export function classOf(place: string, className: string): KerasClass {
  const entry = byName.get(className);
  if (entry !== undefined) return entry;
  throw new FormatError(
    complaint(
      place,
      `one of the layers ${classNames.join(", ")}`,
      className,
      code.includes(className)
        ? "Such layers are code, which is never run: replace it by layers."
        : `Most like it: ${nearNames(className, classNames).join(", ")}.`,
    ),
  );
}

/** The class that writes a kind of our layers, or undefined. */
export function classOfKind(kind: string): KerasClass | undefined {
  return byKind.get(kind);
}

/** Settings that say nothing about what a network computes. */
const training =
  /_(initializer|regularizer|constraint)$|^(name|aliases|trainable|dtype|batch_input_shape|batch_shape|batch_size|input_shape|input_dtype|autocast|sparse|ragged|implementation|fused|renorm_momentum|virtual_batch_size|momentum|seed|build_input_shape|synchronized|supports_masking|gradient_checkpoint)$/;

/** Throws FormatError for a setting that a class does not know, unless it is left empty: it would be ignored in silence. */
export function checkSettings(place: string, entry: KerasClass, config: JsonObject): void {
  for (const [name, value] of Object.entries(config)) {
    const isEmpty = value === null || value === false || value === "channels_last";
    if (isEmpty || entry.settings.includes(name) || training.test(name)) continue;
    throw new FormatError(
      complaint(
        `${place}: ${entry.className}`,
        `settings among ${entry.settings.join(", ")}`,
        `"${name.slice(0, 60)}"`,
      ),
    );
  }
}
