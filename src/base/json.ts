/** @file JSON that others may have written, read with distrust: every step checks, and every complaint names the place. */
import { complaint, describe } from "./errors.ts";
import type { Failure, Kind } from "./options.ts";

/** An object of JSON whose fields are yet to be checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A value in JSON, and where it is. */
export class JsonPlace {
  readonly value: unknown;
  readonly #source: string;
  readonly #path: string;
  readonly #Fails: Failure;

  /** `source` is what complaints begin with (a file's name), `Fails` their class. */
  constructor(value: unknown, source: string, Fails: Failure, path = "") {
    this.value = value;
    this.#source = source;
    this.#path = path;
    this.#Fails = Fails;
  }

  /** The source and the path in it, as complaints say it: `model.json: columns[0].kind`. */
  get where(): string {
    return this.#path === "" ? this.#source : `${this.#source}: ${this.#path}`;
  }

  /** Throws the complaint that something else was expected here. */
  refuse(expected: string, got: string = shown(this.value), hint?: string): never {
    throw new this.#Fails(complaint(this.where, expected, got, hint));
  }

  /** The value as an object. */
  object(): JsonObject {
    const { value } = this;
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return this.refuse("an object");
    return value as JsonObject;
  }

  /** A field of an object; its value is undefined where the object has none of its own. */
  at(key: string): JsonPlace {
    const fields = this.object();
    const path = this.#path === "" ? key : `${this.#path}.${key}`;
    const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
    return new JsonPlace(value, this.#source, this.#Fails, path);
  }

  /** The elements of a list, of which there are at least `least` and at most `most`. */
  list(least = 0, most = Infinity): JsonPlace[] {
    const { value } = this;
    if (!Array.isArray(value)) return this.refuse("a list");
    if (value.length < least || value.length > most)
      this.refuse(`${least === most ? least : `${least} to ${most}`} elements`, `${value.length}`);
    return value.map(
      (element, index) =>
        new JsonPlace(element, this.#source, this.#Fails, `${this.#path}[${index}]`),
    );
  }

  /** The value as a text, which may be empty. */
  text(): string {
    return typeof this.value === "string" ? this.value : this.refuse("a text");
  }

  /** The shape of an array that can exist: at most 32 whole numbers of at least 0, whose product is a safe integer. */
  shape(): readonly number[] {
    const shape = this.list().map(({ value }) => value as number);
    const size = shape.reduce((product, extent) => product * extent, 1);
    const isShape = shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0);
    if (!isShape || shape.length > 32 || size > Number.MAX_SAFE_INTEGER) this.refuse("a shape");
    return shape;
  }

  /** The value as a kind accepts it. */
  read<Given, Value>(kind: Kind<Given, Value>): Value {
    if (this.value === undefined) this.refuse(kind.expected);
    return kind.read(this.where, this.value, this.#Fails);
  }
}

/** Levels of objects and lists. What walks through a value calls itself once per level, and hostile files nest without end. */
const deepest = 5000;

/** Text or UTF-8 bytes as JSON of at most 5000 levels. Throws `Fails`, whose message begins with `source`, for anything else. */
export function parseJson(source: string, content: string | Uint8Array, Fails: Failure): JsonPlace {
  let text: string;
  let value: unknown;
  try {
    text =
      typeof content === "string"
        ? content
        : new TextDecoder("utf-8", { fatal: true }).decode(content);
    value = JSON.parse(text);
  } catch (cause) {
    throw new Fails(
      complaint(source, "JSON", "something else", "The file is cut short or of another format."),
      { cause },
    );
  }
  if (depthOf(text) > deepest)
    throw new Fails(complaint(source, `JSON of at most ${deepest} levels`, "more"));
  return new JsonPlace(value, source, Fails);
}

/** How deep a valid text in JSON is nested. */
function depthOf(text: string): number {
  let [depth, most] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfText(text, at);
    else if (code === 0x5b || code === 0x7b) most = Math.max(most, ++depth);
    else if (code === 0x5d || code === 0x7d) depth--;
  }
  return most;
}

/** Where the text that begins at a quotation mark ends: at the next one behind an even number of backslashes. */
function endOfText(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === 0x5c) before--;
    if ((end - before) % 2 === 1) return end;
  }
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value !== "object" || value === null) return describe(value);
  const text = textOf(value);
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}

/** A value as JSON, or what it is where it is nested more deeply than `JSON.stringify` can follow. */
function textOf(value: object): string {
  try {
    return JSON.stringify(value);
  } catch {
    return describe(value);
  }
}
