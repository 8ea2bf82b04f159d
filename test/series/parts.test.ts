/** @file The parts of a fit that need no training: scaling, windows, first guesses, stages, the model file. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Series,
  type SeriesModel,
  decodeSeriesModel,
  encodeSeriesModel,
} from "../../src/series/index.ts";
import { decode, decodeSlope, encode, learnScaling, scale } from "../../src/series/scaling.ts";
import { guessStarts, planStages, windowsOf } from "../../src/series/windows.ts";

const series = (times: number[], columns: number[][]): Series => ({
  timeName: "t",
  names: columns.map((_, c) => `c${c}`),
  times: Float64Array.from(times),
  values: Float64Array.from(times.flatMap((_, r) => columns.map((column) => column[r]!))),
});

const regular = (rows: number, columns: number): Series =>
  series(
    Array.from({ length: rows }, (_, i) => 5 + 2 * i),
    Array.from({ length: columns }, (_, c) =>
      Array.from({ length: rows }, (_, i) => Math.sin(i + c) + 3 * c),
    ),
  );

describe("scaling", () => {
  test("standardises the training part, whose median interval is the unit of time", () => {
    const data = regular(30, 2);
    const scaling = learnScaling(data, 20, "auto");
    expect(scaling.unit).toBe(2);
    const { z, tau } = scale(data, scaling, 0, 20);
    expect(tau.slice(0, 3)).toEqual(Float64Array.of(0, 1, 2));
    for (const c of [0, 1]) {
      const column = [...z].filter((_, i) => i % 2 === c);
      const mean = column.reduce((sum, x) => sum + x / 20, 0);
      expect(mean).toBeCloseTo(0, 6);
      expect(column.reduce((sum, x) => sum + (x - mean) ** 2 / 20, 0)).toBeCloseTo(1, 5);
    }
  });

  test("takes the logarithm of positive values over a wide range, unless told otherwise", () => {
    const data = series(
      [0, 1, 2, 3],
      [
        [1, 10, 100, 5],
        [10, 11, 12, 11],
        [-1, 10, 100, 5],
      ],
    );
    expect(learnScaling(data, 4, "auto").columns.map((c) => c.kind)).toEqual([
      "log",
      "linear",
      "linear",
    ]);
    expect(learnScaling(data, 4, "linear").columns[0]!.kind).toBe("linear");
    expect(() => learnScaling(data, 4, "log")).toThrow(
      'column "c2" has values that are not above 0',
    );
    // A held-out value without a logarithm counts too.
    expect(learnScaling(series([0, 1, 2, 3], [[1, 10, 100, 0]]), 3, "auto").columns[0]!.kind).toBe(
      "linear",
    );
  });

  test("survives constant columns and missing values", () => {
    const data = series(
      [0, 1, 2, 3],
      [
        [7, 7, 7, 7],
        [1, Number.NaN, 2, 3],
      ],
    );
    const scaled = scale(data, learnScaling(data, 4, "auto"), 0, 4);
    expect([...scaled.z].every(Number.isFinite)).toBe(true);
    expect([...scaled.seen]).toEqual([1, 1, 1, 0, 1, 1, 1, 1]);
  });

  test("decode undoes encode, and slopes follow the chain rule", () => {
    for (const kind of ["linear", "log"] as const) {
      const column = { kind, mean: 1.5, deviation: 0.4 };
      expect(decode(encode([3.7], column), column)[0]).toBeCloseTo(3.7, 12);
      const h = 1e-6;
      const [ahead, behind] = decode([0.3 + h, 0.3 - h], column);
      const numeric = (ahead! - behind!) / (2 * h);
      expect(decodeSlope([0.3], [2], column, 5)[0]).toBeCloseTo((numeric * 2) / 5, 6);
    }
  });
});

describe("windows", () => {
  const gaps = fc.array(fc.double({ min: 0.01, max: 50, noNaN: true }), {
    minLength: 3,
    maxLength: 40,
  });

  test("time inside a window is exact at the observations, continuous in slope, and never runs back", () => {
    fc.assert(
      fc.property(gaps, fc.integer({ min: 2, max: 12 }), (steps, length) => {
        const times = [0];
        for (const gap of steps) times.push(times.at(-1)! + gap);
        const data = series(times, [times.map(() => 1)]);
        const train = scale(data, learnScaling(data, times.length, "linear"), 0, times.length);
        const windows = windowsOf(train, length);
        for (let k = 0; k < windows.count; k++) {
          expect(windows.nodes[k]).toBe(train.tau[k * length]);
          for (let j = 0; j < length; j++) {
            const row = k * length + j;
            const [a, b] = [0, 1].map((e) => windows.slopes[k * (length + 1) + j + e]!);
            const bubble = windows.bubbles[k * length + j]!;
            // Slopes and the bubble above their line: none is negative, so neither is dtau/ds.
            expect(Math.min(a!, b!, bubble)).toBeGreaterThanOrEqual(-1e-5);
            // The integral over the interval: trapezoid of the slopes plus the bubble's area, 1.
            const gap = row + 1 < times.length ? train.tau[row + 1]! - train.tau[row]! : Number.NaN;
            if (!Number.isNaN(gap)) expect((a! + b!) / 2 + bubble).toBeCloseTo(gap, 3);
          }
        }
      }),
    );
  });

  test("every observation is in a window; regular series need no warping", () => {
    const data = regular(21, 2);
    const train = scale(data, learnScaling(data, 21, "linear"), 0, 21);
    const windows = windowsOf(train, 5);
    expect([windows.count, windows.regular]).toEqual([4, true]);
    expect(windows.seen.every((x) => x === 1)).toBe(true);
    expect(windows.targets.slice(0, 12)).toEqual(train.z.slice(0, 12));
    expect(windowsOf(train, 20).count).toBe(1);
    const padded = windowsOf(train, 8);
    expect([padded.count, padded.regular]).toEqual([3, false]);
    expect(padded.seen.reduce((sum, x) => sum + x, 0)).toBe(2 * (21 + 2));
  });
});

describe("first guesses", () => {
  test("are observations, lines between them where some are missing, slopes for hidden dimensions", () => {
    const data = series([0, 1, 2, 3, 4], [[0, 2, Number.NaN, 6, 8]]);
    const scaling = {
      origin: 0,
      unit: 1,
      columns: [{ kind: "linear", mean: 0, deviation: 1 } as const],
    };
    const train = scale(data, scaling, 0, 5);
    const starts = guessStarts(train, Float64Array.of(0, 2, 4), 2);
    expect([...starts]).toEqual([0, 1, 0, 4, 2, 0, 8, 1, 0]);
  });
});

describe("stages", () => {
  test("cover all iterations; windows double, so that every start was one before", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5000 }),
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 2, max: 200 }),
        (intervals, iterations, longest) => {
          const stages = planStages(intervals, iterations, longest);
          expect(stages[0]!.from).toBe(0);
          expect(stages.at(-1)!.to).toBe(iterations);
          stages.forEach((stage, i) => {
            expect(stage.to).toBeGreaterThan(stage.from);
            expect(stage.length).toBeLessThanOrEqual(intervals);
            if (i === 0) return;
            const before = stages[i - 1]!;
            expect(stage.from).toBe(before.to);
            const nested = stage.length % before.length === 0 || stage.length === intervals;
            expect(nested).toBe(true);
          });
        },
      ),
    );
    expect(planStages(16, 2000, 64).map((s) => s.length)).toEqual([4, 8, 16]);
  });
});

describe("the model file", () => {
  test("gives back exactly what was written", () => {
    const model: SeriesModel = {
      timeName: "t",
      names: ["a", "b"],
      scaling: {
        origin: 0.1,
        unit: 1 / 3,
        columns: [
          { kind: "linear", mean: 1e-300, deviation: 2 },
          { kind: "log", mean: -1, deviation: 0.1 },
        ],
      },
      architecture: { hidden: [3], activation: "tanh", hiddenStates: 1 },
      weights: [[3, 3], [3], [3, 3], [3]].map((shape, i) => ({
        name: `w${i}`,
        shape,
        data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, j) =>
          Math.fround(Math.sin(i + j) / 3),
        ),
      })),
      nodeTimes: [0.1, 7],
      nodeStates: Float32Array.of(1, -0, 3, 1e-40, 5, 6),
      span: { first: 0.1, trainEnd: 8, last: 9 },
      training: { seed: 1, iterations: 10, kept: 5, loss: 0.5, validation: null, evaluations: 99 },
    };
    expect(decodeSeriesModel(encodeSeriesModel(model), "m.json")).toEqual(model);
  });

  test("any change of a byte is refused in one line or gives a model of sound numbers", () => {
    const text =
      '{"format": "adjoint time series model", "version": 1, "columns": [{"name": "a", "kind": "log", "mean": 0, "deviation": 1}]}';
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.constantFrom("", "0", '"', "{", "]", "-", "e9", "null"),
        (at, piece) => {
          expect(() =>
            decodeSeriesModel(text.slice(0, at) + piece + text.slice(at + 1), "m.json"),
          ).toThrow(/^m\.json: /);
        },
      ),
    );
  });
});
