// Reading JSON that others may have written: every step checks, every complaint names the place.
import { WorkError } from "../errors.ts";

/** A value of a JSON file and the path to it. */
export interface Place {
  readonly value: unknown;
  readonly path: string;
  /** A field of an object. */
  readonly at: (key: string) => Place;
  readonly text: () => string;
  readonly number: () => number;
  readonly positive: () => number;
  readonly whole: (low: number, high: number) => number;
  readonly oneOf: <const T extends string>(words: readonly T[]) => T;
  /** Between `low` and `high` elements. */
  readonly list: (low: number, high: number) => Place[];
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}

function place(value: unknown, path: string, source: string): Place {
  const fail = (expected: string): never => {
    throw new WorkError(
      `${source}: ${path || "the file"}: expected ${expected}, got ${shown(value)}`,
    );
  };
  const number = (): number =>
    typeof value === "number" && Number.isFinite(value) ? value : fail("a number");
  return {
    value,
    path,
    number,
    at: (key) => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) fail("an object");
      const own = Object.hasOwn(value as object, key);
      const inner = own ? (value as Record<string, unknown>)[key] : undefined;
      return place(inner, path === "" ? key : `${path}.${key}`, source);
    },
    text: () => (typeof value === "string" ? value : fail("a text")),
    positive: () => (number() > 0 ? number() : fail("a number above 0")),
    whole: (low, high) =>
      Number.isInteger(value) && number() >= low && number() <= high
        ? number()
        : fail(`a whole number from ${low} to ${high}`),
    oneOf: (words) => words.find((w) => w === value) ?? fail(`one of ${words.join(", ")}`),
    list: (low, high) => {
      if (!Array.isArray(value)) return fail("a list");
      const size = low === high ? `${low}` : `${low} to ${high}`;
      if (value.length < low || value.length > high) {
        throw new WorkError(`${source}: ${path}: expected ${size} elements, got ${value.length}`);
      }
      return value.map((v, i) => place(v, `${path}[${i}]`, source));
    },
  };
}

/** Parses JSON text. Throws WorkError where it is none. */
export function parse(text: string, source: string): Place {
  try {
    return place(JSON.parse(text), "", source);
  } catch {
    throw new WorkError(`${source}: not JSON, or cut short`);
  }
}
