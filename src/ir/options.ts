/** @file Checks of objects of options: a misspelt name is an error, never a default. */
import { ArgumentError, complaint, describe } from "./errors.ts";
import { likelyName } from "./near-names.ts";

/** Throws ArgumentError naming `who` unless `options` is an object whose names are all among `known`, which it lists. */
export function checkOptions(who: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw new ArgumentError(complaint(who, "an object of options", describe(options)));
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const likely = likelyName(name, known);
    throw new ArgumentError(
      complaint(
        who,
        `options among ${known.join(", ")}`,
        describe(name),
        likely === undefined ? undefined : `Did you mean ${likely}?`,
      ),
    );
  }
}

/** Throws ArgumentError naming `who` unless the value is one of the names, which it lists. */
export function checkChoice(who: string, value: unknown, known: readonly string[]): void {
  if (known.includes(value as string)) return;
  const likely = typeof value === "string" ? likelyName(value, known) : undefined;
  throw new ArgumentError(
    complaint(
      who,
      `one of ${known.join(", ")}`,
      describe(value),
      likely === undefined ? undefined : `Did you mean ${likely}?`,
    ),
  );
}
