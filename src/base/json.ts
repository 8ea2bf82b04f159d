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

/** Text or UTF-8 bytes as JSON. Throws `Fails`, whose message begins with `source`, for anything else. */
export function parseJson(source: string, content: string | Uint8Array, Fails: Failure): JsonPlace {
  let value: unknown;
  try {
    const text =
      typeof content === "string"
        ? content
        : new TextDecoder("utf-8", { fatal: true }).decode(content);
    value = JSON.parse(text);
  } catch {
    throw new Fails(
      complaint(source, "JSON", "something else", "The file is cut short or of another format."),
    );
  }
  return new JsonPlace(value, source, Fails);
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value !== "object" || value === null) return describe(value);
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}
