/** @file JSON in files of models: what `base/json.ts` reads, with FormatErrors that begin with `who`. */
import { type JsonObject, JsonPlace, parseJson as parsePlace } from "../base/json.ts";
import { FormatError } from "./errors.ts";

export type { JsonObject } from "../base/json.ts";

const placeOf = (who: string, value: unknown): JsonPlace => new JsonPlace(value, who, FormatError);

/** Bytes or a text as JSON. */
export function parseJson(who: string, content: Uint8Array | string): unknown {
  return parsePlace(who, content, FormatError).value;
}

/** The value, if it is an object. */
export function objectOf(who: string, value: unknown): JsonObject {
  return placeOf(who, value).object();
}

/** The value, if it is a list. */
export function arrayOf(who: string, value: unknown): readonly unknown[] {
  return placeOf(who, value)
    .list()
    .map((item) => item.value);
}

/** The value, if it is a text. */
export function textOf(who: string, value: unknown): string {
  return placeOf(who, value).text();
}

/** The value, if it is the shape of an array that can exist. */
export function shapeOf(who: string, value: unknown): readonly number[] {
  return placeOf(who, value).shape();
}
