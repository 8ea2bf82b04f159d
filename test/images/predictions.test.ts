// Pictures to tensors, and class names: arguments, order, errors.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tensor } from "../../src/index.ts";
import {
  FormatError,
  type Picture,
  decodePredictions,
  parseClassNames,
  preprocess,
  resize,
} from "../../src/models/index.ts";
import { noise } from "../support/noise-picture.ts";

describe("preprocess", () => {
  const red: Picture = { width: 2, height: 1, data: Uint8Array.of(255, 0, 51, 0, 102, 255) };

  test("orders and scales", () => {
    const of = (mode: "raw" | "raw-bgr" | "unit"): number[] =>
      [...preprocess(red, { mode }).data()] as number[];
    expect(of("raw")).toEqual([255, 0, 51, 0, 102, 255]);
    expect(of("raw-bgr")).toEqual([51, 0, 255, 255, 102, 0]);
    expect(of("unit")).toEqual([1, 0, 51 / 255, 0, 102 / 255, 1].map(Math.fround));
  });

  test("a batch is its pictures one after another, resized each", () => {
    const pictures = [noise(7, 9, 1), noise(12, 5, 2)];
    const batch = preprocess(pictures, { mode: "caffe", size: [4, 6], interpolation: "bicubic" });
    expect(batch.shape).toEqual([2, 4, 6, 3]);
    const single = pictures.map((p) => preprocess(resize(p, 6, 4, "bicubic"), { mode: "caffe" }));
    expect([...batch.data()]).toEqual(single.flatMap((t) => [...t.data()]));
    expect(preprocess(pictures, { mode: "tf", size: 8 }).shape).toEqual([2, 8, 8, 3]);
  });

  test("says what it cannot do", () => {
    expect(() => preprocess([], { mode: "tf" })).toThrow("got none");
    expect(() => preprocess(red, { mode: "cafe" as "caffe" })).toThrow("Did you mean caffe?");
    expect(() => preprocess([red, noise(3, 3, 1)], { mode: "tf" })).toThrow(
      "got 3 x 3. Give a size",
    );
    expect(() => preprocess(red, { mode: "tf", size: 0 })).toThrow("got 0");
    expect(() =>
      preprocess(red, { mode: "tf", size: 8, interpolation: "linear" as "bilinear" }),
    ).toThrow("Did you mean bilinear?");
    const rgba = { width: 1, height: 1, data: new Uint8Array(4) };
    expect(() => preprocess(rgba, { mode: "tf" })).toThrow("Leave out the alpha samples");
    expect(() => resize(red, 2 ** 20, 2 ** 20)).toThrow("at most 67108864 pixels");
  });
});

describe("decodePredictions", () => {
  test("the likeliest first, of equal ones the lower index", () => {
    const best = decodePredictions([0.1, 0.4, 0.1, 0.4], {
      top: 3,
      classNames: ["a", "b", "c", "d"],
    });
    expect(best).toEqual([
      { classIndex: 1, className: "b", probability: 0.4 },
      { classIndex: 3, className: "d", probability: 0.4 },
      { classIndex: 0, className: "a", probability: 0.1 },
    ]);
    expect(decodePredictions(tensor([[0.25, 0.75]]))).toEqual([
      { classIndex: 1, className: "class 1", probability: 0.75 },
      { classIndex: 0, className: "class 0", probability: 0.25 },
    ]);
  });

  test("is the beginning of all classes in order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true }), { minLength: 1 }),
        fc.integer({ min: 1, max: 9 }),
        (values, top) => {
          const all = decodePredictions(values, { top: values.length });
          expect(all.map((p) => p.classIndex).sort((a, b) => a - b)).toEqual(
            values.map((_, i) => i),
          );
          for (const [i, p] of all.entries()) {
            expect(p.probability).toBe(values[p.classIndex]);
            if (i > 0) expect(p.probability).toBeLessThanOrEqual(all[i - 1]!.probability);
          }
          expect(decodePredictions(values, { top })).toEqual(all.slice(0, top));
        },
      ),
    );
  });

  test("says what it cannot do", () => {
    expect(() => decodePredictions([0.5, Number.NaN])).toThrow(
      "class 1: expected a probability, got NaN",
    );
    expect(() => decodePredictions([1], { top: 0 })).toThrow("top");
    expect(() => decodePredictions([1, 0], { classNames: ["a"] })).toThrow(
      "2 names, one for each class, got 1",
    );
    expect(() =>
      decodePredictions(
        tensor([
          [1, 0],
          [0, 1],
        ]),
      ),
    ).toThrow("[C] or [1, C], got [2, 2]");
  });
});

describe("names of classes", () => {
  test("in an array, in an object, with identifiers", () => {
    for (const json of [
      '["cat", "dog"]',
      '{"1": "dog", "0": "cat"}',
      '\uFEFF["cat", "dog"]',
      '{"0": ["n1", "cat"], "1": ["n2", "dog"]}',
    ])
      expect(parseClassNames(json)).toEqual(["cat", "dog"]);
  });

  test.each([
    ["{", "expected JSON"],
    ["3", "an array of names"],
    [
      '{"0": "cat", "2": "dog"}',
      "class 1 of 2: expected a name, or an identifier and a name, got no entry",
    ],
    ['["cat", 7]', "class 1 of 2: expected a name, or an identifier and a name, got 7"],
    ['{"0": ["n1"]}', "class 0 of 1"],
  ])("%s is none", (json, wanted) => {
    expect(() => parseClassNames(json, "names.json")).toThrow(FormatError);
    expect(() => parseClassNames(json, "names.json")).toThrow(wanted);
    expect(() => parseClassNames(json, "names.json")).toThrow("names.json");
  });
});
