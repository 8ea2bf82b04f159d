/** @file Public exports are documented: every one has a docstring, and nearly all say what a reader has to know. */
import { relative } from "node:path";
import { describe, expect, test } from "vitest";
import { type Exported, entrances, exportsOf, root } from "./exports.ts";

const all = new Map(
  entrances.flatMap((entrance) => exportsOf(entrance)).map((one) => [one.place, one]),
);

/** The verb with which a docstring begins; one that begins with a noun says what is given back. */
const verb =
  /^(?!This|Its|Class|Axis|Loss|Always|Status|Cross|Bias|Gauss|Mass|Less|Pass|Adams|Names|Options|Values|Weights|Pixels|Settings|Maps|Results|Counts|Elements|Images|Numbers|Errors|Layers|Tensors)[A-Z][a-z]+(?:s|es)\b(?! of\b)/;
const given =
  /\b(?:gives?|returns?|is|are|as|promise|result|resolves|back|true|false|→|->|=)\b|->|→|=/i;

/** What a reader would miss in the documentation of an export. */
function missing({ doc, kind, throws, returns }: Exported): string[] {
  const text = doc.replace(/\s+/g, " ");
  const [, ...rest] = text.split(" ");
  return [
    // The members of options carry their own documentation.
    rest.length < 3 && !(kind === "type" && /^Options of\b/.test(text)) && "a sentence",
    throws && !/\bthrows?\b|\b\w+Error\b|refused/i.test(text) && "the errors that it throws",
    kind === "function" &&
      returns &&
      verb.test(text) &&
      !given.test(rest.join(" ")) &&
      "what it gives back",
  ].filter((lack) => lack !== false);
}

describe("public exports", () => {
  test.each(entrances.map((entrance) => [relative(root, entrance), entrance]))(
    "all of %s have a docstring",
    (_, entrance) => {
      const found = exportsOf(entrance);
      expect(found.length).toBeGreaterThan(5);
      expect(found.filter(({ doc }) => doc === "").map(({ place }) => place)).toEqual([]);
    },
  );

  test("nearly all say what they are, what they give and what they throw", () => {
    expect(all.size).toBeGreaterThan(400);
    const lacking = [...all.values()].flatMap((one) => {
      const lacks = missing(one);
      return lacks.length === 0 ? [] : [`${one.place}: ${lacks.join(", ")}`];
    });
    expect(lacking.length / all.size, lacking.join("\n")).toBeLessThanOrEqual(0.05);
  });

  test("a docstring without substance is seen", () => {
    const base = { place: "", kind: "function", throws: true, returns: true } as const;
    expect(missing({ ...base, doc: "Reads files." })).toHaveLength(3);
    expect(missing({ ...base, doc: "Reads a file and gives its rows. Throws RowError." })).toEqual(
      [],
    );
    expect(missing({ ...base, doc: "The rows of a file.", throws: false })).toEqual([]);
  });
});
