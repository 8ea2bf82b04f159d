/** @file `adjoint/series` as a library: fits in process, with progress, signals and checkpoints in a store of one's own. */
import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../src/index.ts";
import {
  CheckpointError,
  type CheckpointStore,
  SeriesError,
  decodeSeriesModel,
  encodeSeriesModel,
  fitSeries,
  forecast,
  seriesFrom,
} from "../../src/series/index.ts";

const t = Array.from({ length: 40 }, (_, i) => i / 4);
const columns = { t, x: t.map(Math.cos), y: t.map(Math.sin) };
const circle = seriesFrom(columns);
const small = { hidden: [8], window: 8, iterations: 60 };

function memory(): CheckpointStore & { bytes: Uint8Array | undefined } {
  const store = {
    bytes: undefined as Uint8Array | undefined,
    read: () => Promise.resolve(store.bytes),
    write: (bytes: Uint8Array) => Promise.resolve(void (store.bytes = bytes)),
  };
  return store;
}

describe("fitSeries", () => {
  test("gives a model that forecasts, and the course of the fit", async () => {
    const seen: number[] = [];
    const { model, stopped, training, held, stages } = await fitSeries(circle, {
      ...small,
      onProgress: ({ iteration }) => seen.push(iteration),
    });
    expect(stopped).toBe("finished");
    expect(seen).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    expect([training.length, stages[0]]).toEqual([60, 0]);
    expect(held.at(-1)!.loss).toBeGreaterThan(0);
    const { values, times, failure } = forecast(model, [-1, 0, 5, 12]);
    expect([values.length, times.length, failure]).toEqual([8, 4, undefined]);
    expect(values.every(Number.isFinite)).toBe(true);
    expect(decodeSeriesModel(encodeSeriesModel(model))).toEqual(model);
  });

  test("ends at once when it is stopped, and continues to the same model", async () => {
    const { model } = await fitSeries(circle, small);
    const path = memory();
    const controller = new AbortController();
    const stopped = await fitSeries(circle, {
      ...small,
      checkpoint: { path },
      signal: controller.signal,
      onProgress: ({ iteration }) => void (iteration === 33 && controller.abort()),
    });
    expect(stopped.stopped).toBe("aborted");
    let from = 0;
    const resumed = await fitSeries(circle, {
      ...small,
      checkpoint: { path, resume: true },
      onResume: (iteration) => void (from = iteration),
    });
    expect(from).toBe(33);
    expect(encodeSeriesModel(resumed.model)).toBe(encodeSeriesModel(model));
    const other = fitSeries(circle, { ...small, seed: 1, checkpoint: { path, resume: true } });
    await expect(other).rejects.toThrow(CheckpointError);
    await expect(other).rejects.toThrow("a checkpoint of another fit");
  });

  test("refuses wrong use and data that cannot be used", async () => {
    await expect(fitSeries(circle, { iteration: 5 } as never)).rejects.toThrow(ArgumentError);
    await expect(fitSeries(circle, { scale: "log" })).rejects.toThrow(/scale log: column "x"/);
    const short = seriesFrom({ t: [0, 1, 2], x: [1, 2, 3] });
    await expect(fitSeries(short)).rejects.toThrow(SeriesError);
    expect(() => seriesFrom({ t: [0, 1], x: [1] })).toThrow(/columns of equal length/);
    expect(() => seriesFrom({ t: [1, 0], x: [1, 2] })).toThrow(/times must increase/);
    expect(() => seriesFrom(columns, { time: "year" })).toThrow(/no column "year"/);
    const { model } = await fitSeries(circle, { ...small, iterations: 2 });
    expect(() => forecast(model, [1, 1])).toThrow(/finite times that increase, got 1 at 1/);
  });

  test("reads columns in any order of time, with values missing", () => {
    const series = seriesFrom({ x: [3, NaN, 1], when: [2, 1, 0] }, { time: "when", sort: true });
    expect([...series.times]).toEqual([0, 1, 2]);
    expect([...series.values]).toEqual([1, NaN, 3]);
  });
});
