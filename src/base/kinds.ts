/** @file The kinds of values that options take. A room adds its own (an initialiser, a controller) with `kind`. */
import { complaint, describe } from "./errors.ts";
import {
  type Failure,
  type Kind,
  type OptionsOf,
  type Schema,
  type SettingsOf,
  type Spec,
  checkChoice,
} from "./options.ts";

/**
 * A kind from its description and a test. Reading a value that fails the test throws the reader's error, which names what was
 * `expected` and, as the way out, `hint`; `parse` makes a value of a command line's text.
 */
export function kind<Value>(
  expected: string,
  accepts: (given: unknown) => boolean,
  { hint, parse }: { readonly hint?: string; readonly parse?: (text: string) => unknown } = {},
): Kind<Value> {
  return {
    expected,
    read(who, given, Fails) {
      if (!accepts(given)) throw new Fails(complaint(who, expected, describe(given), hint));
      return given as Value;
    },
    ...(parse && { parse }),
  };
}

/** A finite number written in decimal; other text stays text, and no kind of number accepts it. */
function parseNumber(text: string): unknown {
  const isDecimal = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text);
  return isDecimal && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** A whole number written in digits alone. */
function parseDigits(text: string): unknown {
  return /^\s*[+-]?\d+\s*$/.test(text) ? Number(text) : text;
}

function numberKind(
  expected: string,
  accepts: (value: number) => boolean,
  parse: (text: string) => unknown = parseNumber,
): Kind<number> {
  return kind(expected, (given) => typeof given === "number" && accepts(given), { parse });
}

/** A finite number, of either sign. */
export const finite: Kind<number> = numberKind("a number", Number.isFinite);

/** A number above zero; infinity is one. */
export const positive: Kind<number> = numberKind("a positive number", (value) => value > 0);

/** A finite number above zero. */
export const finitePositive: Kind<number> = numberKind(
  "a finite number above 0",
  (value) => value > 0 && value < Infinity,
);

/** A positive integer that a float64 holds exactly (at most 2^53 - 1). */
export const count: Kind<number> = numberKind(
  "a positive integer",
  (value) => Number.isSafeInteger(value) && value > 0,
  parseDigits,
);

/** A number from `low` to `high`, both included. */
export function between(low: number, high: number): Kind<number> {
  const expected =
    high === Infinity ? `a number of at least ${low}` : `a number from ${low} to ${high}`;
  return numberKind(expected, (value) => value >= low && value <= high && Number.isFinite(value));
}

/** A number between `low` and `high`, both excluded. */
export function within(low: number, high: number): Kind<number> {
  return numberKind(
    `a number above ${low} and below ${high}`,
    (value) => value > low && value < high,
  );
}

/** A number from 0 up to, but not including, 1: how much of a running mean stays. */
export const decay: Kind<number> = numberKind(
  "a number of at least 0 and below 1",
  (value) => value >= 0 && value < 1,
);

/** A whole number from `low` to `high`, both included. */
export function whole(low: number, high: number = Number.MAX_SAFE_INTEGER): Kind<number> {
  const expected =
    high === Number.MAX_SAFE_INTEGER
      ? `a whole number of at least ${low}`
      : `a whole number from ${low} to ${high}`;
  return numberKind(
    expected,
    (value) => Number.isSafeInteger(value) && value >= low && value <= high,
    parseDigits,
  );
}

/** True or false; numbers and text are refused. */
export const flag: Kind<boolean> = kind("true or false", (given) => typeof given === "boolean");

/** A text that is not empty. */
export const text: Kind<string> = kind(
  "a text that is not empty",
  (given) => typeof given === "string" && given !== "",
  { parse: (typed) => typed },
);

/** One of some words. */
export function oneOf<const Word extends string>(words: readonly Word[]): Kind<Word> {
  return {
    expected: `one of ${words.join(", ")}`,
    read(who, given, Fails) {
      checkChoice(who, given, words, Fails);
      return given as Word;
    },
    parse: (typed) => typed,
  };
}

/**
 * A name from a table, read as the value there, or a value of the user's own, which `accepts` tests and `own` describes.
 * Reading anything else throws the reader's error with the known names.
 */
export function nameOr<Value, Name extends string = string>(
  table: Readonly<Record<Name, Value>>,
  own: string,
  accepts: (given: unknown) => boolean,
): Kind<Name | Value, Value> {
  const names = Object.keys(table);
  const expected = `one of ${names.join(", ")}, or ${own}`;
  return {
    expected,
    read(who, given, Fails) {
      if (accepts(given)) return given as Value;
      if (typeof given !== "string") throw new Fails(complaint(who, expected, describe(given)));
      checkChoice(who, given, names, Fails);
      return table[given as Name];
    },
    parse: (typed) => typed,
  };
}

/** A function. `Signature` is its type, which a check at run time cannot see. */
export function callback<Signature>(): Kind<Signature> {
  return kind("a function", (given) => typeof given === "function");
}

/** What `AbortController.signal` gives: an object with a flag `aborted`. */
export const abortSignal: Kind<AbortSignal> = kind(
  "an AbortSignal",
  (given) => typeof (given as Partial<AbortSignal> | null)?.aborted === "boolean",
  { hint: "Of an AbortController give its .signal." },
);

/**
 * A list of values of a kind, its length between `least` and `most`. On a command line they are separated by commas. Reading
 * throws the reader's error for other lengths, and for the first value that the kind refuses, by its index.
 */
export function listOf<Given, Value>(
  item: Kind<Given, Value>,
  { least = 0, most = Infinity }: { readonly least?: number; readonly most?: number } = {},
): Kind<readonly Given[], readonly Value[]> {
  const size = least === most ? `${least} values` : lengths(least, most);
  const expected = `a list of ${size}, each ${item.expected}`;
  const parseItem = item.parse;
  return {
    expected,
    read(who, given, Fails) {
      if (!Array.isArray(given) || given.length < least || given.length > most)
        throw new Fails(complaint(who, expected, describe(given)));
      return given.map((value, index) => item.read(`${who}[${index}]`, value, Fails));
    },
    ...(parseItem && { parse: (typed) => typed.split(",").map((part) => parseItem(part.trim())) }),
  };
}

function lengths(least: number, most: number): string {
  if (most === Infinity) return least === 0 ? "values" : `at least ${least} values`;
  return `${least} to ${most} values`;
}

/** Options within options, which a schema of their own declares. */
export function group<const S extends Spec>(options: Schema<S>): Kind<OptionsOf<S>, SettingsOf<S>> {
  return {
    expected: `an object of options among ${options.names.join(", ")}`,
    read: (who, given, Fails) => options.read(who, given, Fails),
  };
}

/** Distinct names. On a command line they are separated by commas, and a name with a comma is put in double quotes. */
export const names: Kind<readonly string[]> = {
  expected: "names separated by commas",
  read(who, given, Fails) {
    const list: readonly unknown[] = Array.isArray(given) ? given : [];
    if (list.length === 0 || !list.every((name) => typeof name === "string" && name !== ""))
      throw new Fails(complaint(who, "a list of names, none of them empty", describe(given)));
    const twice = list.find((name, index) => list.indexOf(name) !== index);
    if (twice !== undefined)
      throw new Fails(complaint(who, "distinct names", `${describe(twice)} twice`));
    return list as readonly string[];
  },
  parse: (typed) =>
    (typed.match(/"(?:[^"]|"")*"|[^,]+|(?<=,|^)(?=,|$)/g) ?? []).map((part) => {
      const bare = part.trim();
      return bare.length > 1 && bare.startsWith('"') && bare.endsWith('"')
        ? bare.slice(1, -1).replaceAll('""', '"')
        : bare;
    }),
};

/** What either kind accepts, the first one if both do. */
export function either<A, ValueA, B, ValueB>(
  first: Kind<A, ValueA>,
  second: Kind<B, ValueB>,
): Kind<A | B, ValueA | ValueB> {
  const expected = `${first.expected}, or ${second.expected}`;
  return {
    expected,
    read(who, given, Fails) {
      return (
        attempt(() => first.read(who, given, Mismatch)) ??
        attempt(() => second.read(who, given, Mismatch)) ??
        refuse(who, expected, given, Fails)
      );
    },
  };
}

class Mismatch extends Error {}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Mismatch) return undefined;
    throw error;
  }
}

function refuse(who: string, expected: string, given: unknown, Fails: Failure): never {
  throw new Fails(complaint(who, expected, describe(given)));
}
