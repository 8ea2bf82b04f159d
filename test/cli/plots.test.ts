// Figures: their parts, their determinism, and text in pictures on machines without a single font.
import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Series } from "../../src/series/index.ts";
import { range, tick, palette } from "../../src/cli/plot/axes.ts";
import { lossCurve } from "../../src/cli/plot/loss.ts";
import { phasePortrait } from "../../src/cli/plot/phase.ts";
import { beside, picture } from "../../src/cli/plot/save.ts";
import { type Timeline, timeline } from "../../src/cli/plot/timeline.ts";
import { svgToPng } from "../../src/explain/index.ts";

const observed = (names: string[], value: (t: number, c: number) => number): Series => {
  const times = Float64Array.from({ length: 21 }, (_, i) => 1900 + i);
  const values = Float64Array.from({ length: 21 * names.length }, (_, i) =>
    value(Math.floor(i / names.length), i % names.length),
  );
  return { timeName: "year", names, times, values };
};

function input(names: string[], value: (t: number, c: number) => number): Timeline {
  const times = Float64Array.from({ length: 61 }, (_, i) => 1900 + i / 2);
  const values = Float64Array.from({ length: 61 * names.length }, (_, i) =>
    value(Math.floor(i / names.length) / 2, i % names.length),
  );
  return {
    title: "Hare & lynx <pelts>",
    observed: observed(names, value),
    curve: { times, values },
    trainEnd: 1916,
  };
}

const waves = (t: number, c: number): number => 10 + 5 * Math.sin(t / 2 + c);
const count = (text: string, part: string): number => text.split(part).length - 1;

describe("data, fit and forecast", () => {
  const svg = timeline(input(["hare", "lynx"], waves));

  test("is a well-formed drawing with title, axes, legend and regions", () => {
    expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(svg).toContain("Hare &amp; lynx &lt;pelts&gt;");
    for (const word of [
      "year",
      "hare",
      "lynx",
      "held out",
      "fit",
      "training",
      "validation",
      "forecast",
    ]) {
      expect(svg).toContain(`>${word}</text>`);
    }
    expect(svg).toContain(">1910</text>");
    expect(svg).not.toMatch(/NaN|undefined|currentColor|<style/);
  });

  test("draws every observation, those held out as rings", () => {
    expect(count(svg, "<circle")).toBe(2 * 21 + 3);
    for (const colour of palette.slice(0, 2)) {
      expect(count(svg, `stroke="${colour}"`)).toBeGreaterThan(0);
    }
  });

  test("dashes what was not trained on", () => {
    expect(count(svg, 'stroke-dasharray="6 4"')).toBe(2);
  });

  test("gives columns of other magnitudes their own panels", () => {
    const own = timeline(input(["a", "b", "c"], (t, c) => waves(t, c) * 1000 ** c));
    expect(count(own, "<svg")).toBe(4);
    expect(count(svg, "<svg")).toBe(2);
  });

  test("says when there are more columns than it shows", () => {
    const names = Array.from({ length: 12 }, (_, i) => `c${i}`);
    expect(timeline(input(names, waves))).toContain("first 8 of 12 columns");
  });

  test("leaves missing observations out", () => {
    const gaps = input(["hare", "lynx"], waves);
    gaps.observed.values[5] = Number.NaN;
    gaps.observed.values[8] = Number.NaN;
    const drawn = timeline(gaps);
    expect(count(drawn, "<circle")).toBe(2 * 21 - 2 + 3);
    expect(drawn).not.toContain("NaN");
  });

  test("stays readable when the forecast runs away", async () => {
    const wild = input(["x"], waves);
    wild.curve.values.fill(1e9, 50);
    wild.curve.values[60] = Number.NaN;
    const svg = timeline(wild);
    expect(svg).toContain(">15</text>");
    expect(look(await svgToPng(svg)).width).toBe(1600);
  });

  test("is the same each time", () => {
    expect(timeline(input(["hare", "lynx"], waves)) === svg).toBe(true);
  });
});

describe("phase portrait", () => {
  const turn = Array.from({ length: 40 }, (_, i) => i / 4);
  const path = { x: turn.map((t) => Math.cos(t)), y: turn.map((t) => Math.sin(t)) };
  const svg = phasePortrait({
    title: "Turning",
    xName: "hare",
    yName: "lynx",
    field: ({ x, y }) => ({ x: Array.from(y, (v) => -v), y: Array.from(x) }),
    observed: path,
    fit: path,
    forecast: path,
  });

  test("shows the field, the trajectory, the data and where it starts", () => {
    for (const word of ["observed", "fit", "forecast", "start", "hare", "lynx"]) {
      expect(svg).toContain(`>${word}</text>`);
    }
    expect(count(svg, "rotate(")).toBeGreaterThanOrEqual(25 * 17);
    expect(count(svg, "<circle")).toBe(40 + 1 + 2);
    expect(svg).not.toMatch(/NaN|undefined/);
  });

  test("its arrows point along the field as seen on paper", () => {
    const right = phasePortrait({
      title: "Right",
      xName: "x",
      yName: "y",
      field: ({ x }) => ({ x: Array.from(x, () => 1), y: Array.from(x, () => 0) }),
      observed: path,
      fit: path,
    });
    expect(count(right, "rotate(90")).toBeGreaterThanOrEqual(25 * 17);
  });
});

describe("loss curve", () => {
  const training = Array.from({ length: 500 }, (_, i) => ({
    iteration: i + 1,
    loss: Math.exp(-i / 60),
  }));
  const validation = training.filter((p) => p.iteration % 50 === 0);
  const svg = lossCurve({ title: "Loss", training, validation, best: 450, stages: [0, 100] });

  test("has a logarithmic axis, both curves and the iteration kept", () => {
    for (const word of [
      "1",
      "0.1",
      "0.01",
      "iteration",
      "training",
      "validation",
      "kept: iteration 450",
      "longer windows",
    ]) {
      expect(svg).toContain(`>${word}</text>`);
    }
  });

  test("copes with losses that cannot be drawn on it", () => {
    const odd = [0, Number.NaN, Number.POSITIVE_INFINITY, -1].map((loss, i) => ({
      iteration: i + 1,
      loss,
    }));
    expect(lossCurve({ title: "Loss", training: odd })).not.toContain("NaN");
    expect(lossCurve({ title: "Loss", training: [{ iteration: 1, loss: 2 }] })).toContain(
      ">2</text>",
    );
  });
});

/** Width, and whether any pixel is dark, of an RGBA PNG. */
function look(png: Uint8Array): {
  readonly width: number;
  readonly height: number;
  readonly inflated: Buffer;
} {
  const bytes = Buffer.from(png);
  expect(bytes.subarray(1, 4).toString()).toBe("PNG");
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  const parts: Buffer[] = [];
  for (let at = 8; at < bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    const length = bytes.readUInt32BE(at);
    if (bytes.subarray(at + 4, at + 8).toString() === "IDAT")
      parts.push(bytes.subarray(at + 8, at + 8 + length));
  }
  return { width, height, inflated: inflateSync(Buffer.concat(parts)) };
}

describe("PNG", () => {
  const page = (text: string): string =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="20" font-family="Inter, system-ui, sans-serif"><text x="4" y="15" font-size="13">${text}</text></svg>`;

  test("shows text without any font on the machine: none but the package's own is ever read", async () => {
    const [empty, words, others, bold] = await Promise.all(
      [page(""), page("lynx"), page("hare"), page('<tspan font-weight="600">lynx</tspan>')].map(
        (svg) => svgToPng(svg),
      ),
    );
    expect(look(empty!).width).toBe(160);
    expect(look(words!).inflated).not.toEqual(look(empty!).inflated);
    expect(look(words!).inflated).not.toEqual(look(others!).inflated);
    expect(look(words!).inflated).not.toEqual(look(bold!).inflated);
  });

  test("has letters for what titles and columns are likely to hold", async () => {
    const missing = look(await svgToPng(page("\uE000"))).inflated;
    for (const letter of ["é", "ß", "Ж", "θ", "−", "²", "₁", "′", "’", "°", "µ"]) {
      expect(look(await svgToPng(page(letter))).inflated, letter).not.toEqual(missing);
    }
  });

  test("is 1600 pixels wide and the same each time", async () => {
    const svg = timeline(input(["hare", "lynx"], waves));
    const [one, two] = [await svgToPng(svg), await svgToPng(svg)];
    expect(look(one).width).toBe(1600);
    expect(Buffer.compare(one, two)).toBe(0);
  });
});

describe("small parts", () => {
  test("ticks: years without separators, real minus signs, powers for extremes", () => {
    expect([1900, -0.5, 0.1 + 0.2, 0, 2e-7, 3e6, 3 * 1e-7].map(tick)).toEqual([
      "1900",
      "−0.5",
      "0.3",
      "0",
      "2e−7",
      "3e6",
      "3e−7",
    ]);
  });

  test("the range keeps what cannot be negative above zero", () => {
    expect(range([1, 10], [0.5, 9])[0]).toBe(0);
    expect(range([-1, 10], [0.5, 9])[0]).toBeLessThan(-1);
    expect(range([3], [3])[1]).toBeGreaterThan(3);
  });

  test("paths of pictures", () => {
    expect(picture.read("--plot", "a/b.PNG", Error)).toBe("a/b.PNG");
    expect(beside("a.b/fit.svg", "phase")).toBe("a.b/fit-phase.svg");
    expect(() => picture.read("--plot", "fit", Error)).toThrow("ending in .svg or .png");
  });
});
