/** @file Figures: what they say and where, that scales are shared or not, and that SVG and PNG are what they should be. */
import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import {
  type FigureOptions,
  type HeatMap,
  type Panel,
  colourise,
  figure,
  overlay,
  svgToPng,
} from "../../src/explain/index.ts";
import { type Picture, decodeImage, resize } from "../../src/models/index.ts";
import { stripes, wave } from "../support/figure-golden.ts";

const picture = resize(stripes(28), 224, 224);
const map = (scale: number): HeatMap => {
  const { values, shape } = wave(7, 7);
  return { values: Array.from(values, (value) => (value + 9) * scale), shape };
};

interface Drawn {
  readonly text: string;
  readonly root: Element;
  readonly words: readonly string[];
  /** What the panels and bars hold, by width and height. */
  readonly pictures: readonly Picture[];
}

function drawn(panels: readonly Panel[], options: FigureOptions): Drawn {
  const text = figure(panels, options);
  const root = parseHTML(`<html><body>${text}</body></html>`).document.querySelector("svg")!;
  const pictures = [...root.querySelectorAll("image")].map((part) =>
    decodeImage(new Uint8Array(Buffer.from(part.getAttribute("href")!.split(",")[1]!, "base64"))),
  );
  return {
    text,
    root,
    words: [...root.querySelectorAll("text")].map((t) => t.textContent!),
    pictures,
  };
}

/** Far quicker than an assertion on a hundred thousand numbers. */
const isSame = (a: Picture | undefined, b: Picture | undefined): boolean =>
  a?.width === b?.width && Buffer.compare(a!.data, b!.data) === 0;

const isBar = ({ width, height }: Picture): boolean => Math.min(width, height) === 1;

describe("a figure", () => {
  test("says its titles, whatever they contain, and the numbers of its colour bar", () => {
    const { words, root } = drawn(
      [{ title: 'a < b & "c"', subtitle: "p = 0.9\u0000\uFFFF", map: map(0.1) }],
      {
        picture,
        title: "Was <es> sieht",
        subtitle: "Ψηφία",
      },
    );
    expect(words).toEqual(["Was <es> sieht", "Ψηφία", 'a < b & "c"', "p = 0.9  ", "0", "2.2"]);
    expect(root.querySelector("title")!.textContent).toBe("Was <es> sieht");
  });

  test("on a shared scale has one bar, and equal colours for equal values", () => {
    const { pictures, words } = drawn(
      [1, 3].map((scale) => ({ title: `${scale}`, map: map(scale) })),
      { picture, upsample: "nearest" },
    );
    expect(pictures.filter(isBar)).toHaveLength(1);
    expect(words.slice(-2)).toEqual(["0", "66"]);
    const range = [0, 66] as const;
    for (const [panel, scale] of [1, 3].entries()) {
      const wanted = overlay(picture, map(scale), { upsample: "nearest", range });
      expect(isSame(pictures[panel], wanted)).toBe(true);
    }
  });

  test("on scales of their own has a bar below each panel with a map", () => {
    const panels = [{ title: "photo" }, ...[1, 3].map((s) => ({ title: `${s}`, map: map(s) }))];
    const { pictures, words } = drawn(panels, { picture, scale: "own", upsample: "nearest" });
    expect(pictures.filter(isBar)).toHaveLength(2);
    expect(words.filter((w) => /\d\d/.test(w))).toEqual(["22", "66"]);
    expect(isSame(pictures[0], picture)).toBe(true);
    expect(isSame(pictures[1], pictures[3])).toBe(true);
    expect(isSame(pictures[0], pictures[1])).toBe(false);
  });

  test("on scales of their own has colours that suit each map", () => {
    const signed = wave(7, 7);
    const { pictures, words } = drawn(
      [
        { title: "unsigned", map: map(1) },
        { title: "signed", map: signed },
      ],
      { scale: "own" },
    );
    const bars = pictures.filter(isBar).map(({ data }) => [...data.subarray(0, 3)]);
    expect(bars[0]).not.toEqual(bars[1]);
    expect(words).toEqual(["unsigned", "0", "22", "signed", "−13", "13", "0"]);
  });

  test("shows a map alone where there is no picture", () => {
    const { pictures } = drawn([{ title: "map", map: map(1) }], {});
    expect([pictures[0]!.width, pictures[0]!.height]).toEqual([224, 224]);
    const step = colourise(map(1));
    expect([...pictures[0]!.data.subarray(0, 3)]).toEqual([...step.data.subarray(0, 3)]);
  });

  test("says that a map without positive values has none", () => {
    const empty: HeatMap = { values: new Array(49).fill(0), shape: [7, 7], allNonPositive: true };
    const { words } = drawn(
      [
        { title: "cat", map: empty },
        { title: "dog", map: map(1) },
      ],
      { picture },
    );
    expect(words.join()).toContain("No positive evidence,every value of the map was 0 or less");
    expect(words.slice(-2)).toEqual(["0", "22"]);
  });

  test("shows a map without positive values whose negative ones were kept", () => {
    const negative = Array.from({ length: 49 }, (_, i) => -i);
    const kept: HeatMap = { values: negative, shape: [7, 7], allNonPositive: true };
    const { words } = drawn([{ title: "cat", map: kept }], { picture });
    expect(words).toEqual(["cat", "−48", "48", "0"]);
  });

  test("of a picture that is far taller than wide stays a figure", () => {
    const thin = { width: 1, height: 3000, data: new Uint8Array(9000) };
    const wide = { width: 3000, height: 1, data: new Uint8Array(9000) };
    const { root } = drawn(
      [thin, wide].map((one) => ({ title: "thin", picture: one, map: map(1) })),
      {},
    );
    expect(Number(root.getAttribute("height"))).toBeLessThan(1000);
    const [width, height] = ["width", "height"].map((name) =>
      Number(root.querySelector("image")!.getAttribute(name)),
    );
    expect(width! / height!).toBeLessThan(1 / 100);
  });

  test("puts panels in rows without one touching another", () => {
    const panels = Array.from({ length: 7 }, (_, i) => ({ title: `panel ${i}`, map: map(1) }));
    const { root } = drawn(panels, { picture, columns: 3 });
    const places = [...root.querySelectorAll("image")].map((part) =>
      ["x", "y", "width", "height"].map((name) => Number(part.getAttribute(name))),
    );
    expect(new Set(places.map(([x]) => x)).size).toBe(4);
    const [width, height] = ["width", "height"].map((n) => Number(root.getAttribute(n)));
    for (const [i, [x, y, w, h]] of places.entries()) {
      expect(x! + w!).toBeLessThan(width!);
      expect(y! + h!).toBeLessThan(height!);
      for (const [u, v, s, t] of places.slice(i + 1))
        expect(x! + w! < u! || u! + s! < x! || y! + h! < v! || v! + t! < y!).toBe(true);
    }
  });

  test("is the same text for the same input, and a PNG of twice its size", async () => {
    const panels = [{ title: "one", map: map(1) }];
    const { text, root } = drawn(panels, { picture });
    expect(figure(panels, { picture })).toBe(text);
    expect(text.replace(/base64,[^"]*/g, "")).not.toMatch(/NaN|undefined|Infinity/);
    const png = decodeImage(await svgToPng(text));
    expect(png.width).toBe(2 * Number(root.getAttribute("width")));
    expect([...png.data.subarray(0, 3)]).toEqual([255, 255, 255]);
    expect(decodeImage(await svgToPng(text, { zoom: 1 })).width * 2).toBe(png.width);
  });

  test("shortens what does not fit", () => {
    const long = "features/very/deep/and/long/name/of/a/layer/block5_conv4/concatenated";
    const { words } = drawn([{ title: long, map: map(1) }], { picture });
    expect(words[0]).toMatch(/^features\/very.*….*concatenated$/);
    expect(words[0]!.length).toBeLessThan(42);
  });

  test("says what it cannot draw", async () => {
    expect(() => figure([])).toThrow("one panel or more, got none");
    expect(() => figure([{ title: "x" }])).toThrow(
      "figure: x: expected a picture or a map, got neither",
    );
    expect(() => figure([{ title: "x", map: { values: [1], shape: [2, 2] } }])).toThrow(
      "figure: x",
    );
    expect(() => figure([{ title: "x", map: map(1) }], { columns: 0 })).toThrow("columns");
    expect(() => figure([{ title: "x", map: map(1) }], { scale: "all" as "own" })).toThrow(
      "one of shared, own",
    );
    await expect(svgToPng("<svg")).rejects.toThrow("svgToPng: expected SVG text");
    await expect(svgToPng("<svg/>", { zoom: 0 })).rejects.toThrow("zoom");
  });
});
