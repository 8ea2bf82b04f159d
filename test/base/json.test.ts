/** @file JSON read with distrust: values of the right kind come through, everything else is refused with its place. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AdjointError } from "../../src/base/errors.ts";
import { JsonPlace, parseJson } from "../../src/base/json.ts";
import { finite, oneOf, whole } from "../../src/base/kinds.ts";

class FileError extends AdjointError {}

const content = '{"name": "a", "sizes": [2, 3], "deep": [{"kind": "log"}], "none": null}';
const file = parseJson("m.json", content, FileError);

describe("places of a JSON file", () => {
  test("give their values", () => {
    expect(file.at("name").text()).toBe("a");
    expect(file.at("sizes").shape()).toEqual([2, 3]);
    expect(
      file
        .at("sizes")
        .list(2, 2)
        .map((size) => size.read(whole(1))),
    ).toEqual([2, 3]);
    expect(
      file
        .at("deep")
        .list()[0]!
        .at("kind")
        .read(oneOf(["log", "linear"])),
    ).toBe("log");
    expect(file.at("none").value).toBe(null);
    expect(parseJson("m", new TextEncoder().encode("[1]"), FileError).value).toEqual([1]);
  });

  test.each<[string, () => unknown, string]>([
    ["a text", () => file.at("sizes").text(), "m.json: sizes: expected a text, got [2,3]."],
    ["an object", () => file.at("name").at("x"), 'm.json: name: expected an object, got "a".'],
    ["a list", () => file.at("name").list(), 'm.json: name: expected a list, got "a".'],
    [
      "elements",
      () => file.at("sizes").list(3, 4),
      "m.json: sizes: expected 3 to 4 elements, got 2.",
    ],
    [
      "a field",
      () => file.at("depth").read(finite),
      "m.json: depth: expected a number, got nothing.",
    ],
    [
      "own fields",
      () => file.at("toString").text(),
      "m.json: toString: expected a text, got nothing.",
    ],
    ["a shape", () => parseJson("m", "[-1]", FileError).shape(), "m: expected a shape, got [-1]."],
    ["a size", () => parseJson("m", "[9e15, 9e15]", FileError).shape(), "expected a shape"],
    [
      "a kind",
      () => file.at("deep").list()[0]!.at("kind").read(finite),
      "m.json: deep[0].kind: expected a number",
    ],
    ["JSON", () => parseJson("m.json", content.slice(0, -1), FileError), "m.json: expected JSON"],
    [
      "UTF-8",
      () => parseJson("m.json", Uint8Array.of(34, 255, 34), FileError),
      "m.json: expected JSON",
    ],
  ])("refuse what is not %s", (_, read, message) => {
    expect(read).toThrow(FileError);
    expect(read).toThrow(message);
  });

  test("refuse any value of another type, whatever it is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const place = new JsonPlace(value, "m", FileError);
        if (typeof value !== "string") expect(() => place.text()).toThrow(/^m: expected a text/);
        if (!Array.isArray(value)) expect(() => place.list()).toThrow(/^m: expected a list/);
        if (typeof value !== "number") expect(() => place.read(finite)).toThrow(/^m: expected/);
      }),
    );
  });
});
