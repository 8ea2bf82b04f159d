// Parsers from the text of a command-line value to what it means. Each throws what commander reports.
import { UsageError } from "./errors.ts";

/** A parser for an option that may be absent, so that its value may be undefined. */
export const optional = <T>(parse: (text: string) => T): ((text: string) => T | undefined) => parse;

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A finite number written in decimal. */
export function number(text: string): number {
  const value = decimal.test(text.trim()) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw new UsageError(`expected a number, got "${text}"`);
  return value;
}

/** A number above zero. */
export function positive(text: string): number {
  const value = number(text);
  if (value <= 0) throw new UsageError(`expected a number above 0, got "${text}"`);
  return value;
}

/** A number in [low, high]. */
export function within(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = number(text);
    if (value >= low && value <= high) return value;
    throw new UsageError(`expected a number from ${low} to ${high}, got "${text}"`);
  };
}

/** A whole number in [low, high]. */
export function whole(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\+?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (value >= low && value <= high) return value;
    throw new UsageError(`expected a whole number from ${low} to ${high}, got "${text}"`);
  };
}

/** Words separated by commas; none empty, none twice. A name with a comma is put in double quotes. */
export function names(text: string): string[] {
  const parts = (text.match(/"(?:[^"]|"")*"|[^,]+|(?<=,|^)(?=,|$)/g) ?? []).map((part) => {
    const bare = part.trim();
    return bare.startsWith('"') && bare.endsWith('"') && bare.length > 1
      ? bare.slice(1, -1).replaceAll('""', '"')
      : bare;
  });
  if (parts.length === 0 || parts.includes("")) {
    throw new UsageError(`expected names separated by commas, got "${text}"`);
  }
  const twice = parts.find((part, i) => parts.indexOf(part) !== i);
  if (twice !== undefined) throw new UsageError(`"${twice}" is named twice in "${text}"`);
  return parts;
}

/** Whole numbers separated by commas, each in [low, high], at most `most` of them. */
export function wholes(low: number, high: number, most: number): (text: string) => number[] {
  const one = whole(low, high);
  return (text) => {
    const parts = text.split(",").map(one);
    if (parts.length <= most) return parts;
    throw new UsageError(`expected at most ${most} numbers, got ${parts.length}`);
  };
}

/** One of the words. */
export function oneOf<const T extends string>(words: readonly T[]): (text: string) => T {
  return (text) => {
    const word = words.find((w) => w === text);
    if (word !== undefined) return word;
    throw new UsageError(`expected one of ${words.join(", ")}, got "${text}"`);
  };
}

/** A path as typed; only the empty one is refused. */
export function path(text: string): string {
  if (text !== "") return text;
  throw new UsageError("expected a path, got an empty one");
}
