/** @file JSON from files, read with distrust. */
import { complaint, describe } from "../base/errors.ts";
import { FormatError } from "./errors.ts";

/** An object of JSON whose fields are yet to be looked at. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Bytes as JSON. Throws FormatError naming `who`. */
export function parseJson(who: string, bytes: Uint8Array | string): unknown {
  try {
    const text =
      typeof bytes === "string" ? bytes : new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new FormatError(
      complaint(who, "JSON", "something else", "The file is damaged, or of another format."),
      { cause },
    );
  }
}

/** The value, if it is an object. Throws FormatError naming `who`. */
export function objectOf(who: string, value: unknown): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new FormatError(complaint(who, "an object", describe(value)));
  return value as JsonObject;
}

/** The value, if it is an array. Throws FormatError naming `who`. */
export function arrayOf(who: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new FormatError(complaint(who, "an array", describe(value)));
  return value;
}

/** The value, if it is a text. Throws FormatError naming `who`. */
export function textOf(who: string, value: unknown): string {
  if (typeof value !== "string") throw new FormatError(complaint(who, "a text", describe(value)));
  return value;
}

/** The value, if it is the shape of something that can exist. Throws FormatError naming `who`. */
export function shapeOf(who: string, value: unknown): readonly number[] {
  const shape = arrayOf(who, value);
  const isShape =
    shape.length <= 32 &&
    shape.every((extent) => Number.isSafeInteger(extent) && (extent as number) >= 0);
  const size = isShape
    ? (shape as number[]).reduce((product, extent) => product * extent, 1)
    : Infinity;
  if (size > Number.MAX_SAFE_INTEGER)
    throw new FormatError(
      complaint(who, "a shape", JSON.stringify(value).slice(0, 80), "The file is damaged."),
    );
  return shape as readonly number[];
}
