// The demo as `npm start` runs it: what it prints, what it leaves, and whether the models are any good.
import { readFileSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Outcome, folder, run } from "./run-cli.ts";

const here = folder();
afterAll(here.remove);

describe("demo", () => {
  let outcome: Outcome;
  let seconds = 0;
  beforeAll(async () => {
    const began = performance.now();
    outcome = await run(["demo", "-o", "deep/out"], here.path);
    seconds = (performance.now() - began) / 1000;
  });

  test("succeeds in less than 30 seconds", () => {
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(seconds).toBeLessThan(30);
  });

  test("prints speed, loss and evaluations of both trainings", () => {
    const speeds = outcome.stdout.match(
      /\d+ iterations in [\d.]+ s \(\d+ a second\), \d+ evaluations/g,
    );
    expect(speeds).toHaveLength(2);
    expect(outcome.stdout).toMatch(/^kept iteration \d+: loss [\d.]+, validation [\d.]+$/m);
    for (const title of ["fit", "spiral"]) {
      const lines = outcome.stderr.split("\n").filter((line) => line.startsWith(`${title} `));
      expect(lines.length).toBeGreaterThanOrEqual(5);
      expect(lines.at(-1)).toMatch(
        /\d+\/2000 \| loss \S+ \| validation \S+ \| \S+ evaluations \| \S+ it\/s/,
      );
    }
  });

  test("leaves data, model and pictures", () => {
    const pictures = ["hare-lynx", "hare-lynx-loss", "hare-lynx-phase", "spiral", "spiral-loss"];
    expect(readdirSync(here.at("deep/out")).sort()).toEqual(
      [
        "hare-lynx.csv",
        "hare-lynx.json",
        "shapes.png",
        ...pictures.map((name) => `${name}.png`),
      ].sort(),
    );
    for (const name of pictures) {
      const png = readFileSync(here.at(`deep/out/${name}.png`));
      expect(png.readUInt32BE(16)).toBe(1600);
    }
  });

  test("the hare and lynx cycle on: as high and as long as before, the lynx after the hare", async () => {
    const span = ["--from", "1900", "--to", "1940", "--points", "401"];
    const { stdout, code } = await run(["predict", "deep/out/hare-lynx.json", ...span], here.path);
    expect(code).toBe(0);
    const rows = stdout
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => line.split(",").map(Number));
    const peaks = (column: number): number[][] =>
      rows.filter((row, i) => {
        const [before, after] = [rows[i - 1], rows[i + 1]];
        return before && after && row[column]! > before[column]! && row[column]! >= after[column]!;
      });
    const [hares, lynxes] = [peaks(1), peaks(2)];
    expect([hares.length, lynxes.length]).toEqual([4, 4]);
    hares.forEach((hare, i) => {
      const [time, height] = hare as [number, number];
      const lynx = lynxes[i]!;
      expect(height).toBeGreaterThan(50);
      expect(height).toBeLessThan(110);
      expect(lynx[0]! - time).toBeGreaterThan(1);
      expect(lynx[0]! - time).toBeLessThan(3);
      if (i > 0) expect(time - hares[i - 1]![0]!).toBeCloseTo(10.5, -0.5);
    });
  });

  test("a picture is explained: the class is right, and the map points at the shape", () => {
    expect(outcome.stdout).toMatch(
      /it says crescent, \d+\.\d%; the peak of Grad-CAM's map lies on the crescent/,
    );
    expect(readFileSync(here.at("deep/out/shapes.png")).readUInt32BE(16)).toBeGreaterThan(1500);
  });

  test("the spiral is learned: its whole trajectory from the start alone", () => {
    const error = /mean absolute error over the whole trajectory ([\d.]+)/.exec(
      outcome.stdout,
    )?.[1];
    expect(Number(error)).toBeLessThan(0.3);
  });
});
