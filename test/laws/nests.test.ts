/** @file Laws of the loop emitter: random nests do what their definition says, wherever values lie, and nothing else. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TypedArray } from "../../src/ir/dtype.ts";
import type { Value } from "../../src/ir/graph.ts";
import type { Kernel, Place } from "../../src/ir/kernel.ts";
import { gatherStrided, schedule, partialBytes } from "../../src/backend/wasm/loops/schedule.ts";
import { splitNest } from "../../src/backend/wasm/loops/split.ts";
import { createWasmBackend } from "../../src/backend/wasm/index.ts";
import { paddedBytes } from "../../src/compile/plan.ts";
import { type NestCase, evaluateNest, randomNest } from "../support/random-nest.ts";
import { mergeAxes } from "../../src/backend/wasm/loops/nests.ts";

const backend = createWasmBackend();
const untouched = 77;
/** Elements behind a value that must stay as they are. */
const margin = 8;

/** Runs the cases as one program, and compares every element of every output, and those behind it. */
function check(cases: readonly NestCase[], place: "slots" | "addresses"): void {
  const { memory } = backend;
  const values = cases.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
  const pointers = new Map<Value, number>();
  const blocks: [pointer: number, bytes: number][] = [];
  const allocate = (bytes: number): number => {
    const pointer = memory.allocate(bytes);
    blocks.push([pointer, bytes]);
    return pointer;
  };
  const elements = (value: Value): TypedArray => {
    const all = { float32: memory.f32, float64: memory.f64, int32: memory.i32, bool: memory.i32 };
    const start = pointers.get(value)! / (value.dtype === "float64" ? 8 : 4);
    return all[value.dtype].subarray(start, start + value.shape[0]! + margin);
  };
  const slots = allocate(4 * values.length);
  for (const value of values) pointers.set(value, allocate(paddedBytes(value) + 8 * margin));
  values.forEach((value, index) => (memory.i32[slots / 4 + index] = pointers.get(value)!));
  for (const { inputs, outputs } of cases) {
    for (const value of inputs) {
      const filled = elements(value);
      for (let index = 0; index < filled.length; index++) {
        const noise = ((index + 1) * 2_654_435_761) >>> 13;
        filled[index] = value.dtype === "bool" ? noise % 2 : (noise % 7) - 3;
      }
    }
    for (const value of outputs) elements(value).fill(untouched);
  }
  const kernels = cases.map(({ nest, inputs, outputs }, index): Kernel => ({
    name: `nest${index}`,
    nodes: [],
    inputs,
    outputs,
    work: { kind: "loops", nests: [nest] },
  }));
  const placeOf = (value: Value): Place =>
    place === "slots"
      ? { kind: "slot", slot: values.indexOf(value) }
      : { kind: "address", address: pointers.get(value)! };
  backend.compile([{ name: "nests", kernels, place: placeOf, slots }])[0]!();
  for (const { nest, outputs } of cases) {
    const wanted = new Map(
      outputs.map((value) => [value, elements(value).slice().fill(untouched)]),
    );
    evaluateNest(
      nest,
      (value, index) => elements(value)[index]!,
      (value, index, element) => (wanted.get(value)![index] = element),
    );
    for (const value of outputs) expect([...elements(value)]).toEqual([...wanted.get(value)!]);
  }
  for (const [pointer, bytes] of blocks) memory.free(pointer, bytes);
}

const largest = 40_000;
const numbers = fc.array(fc.nat(1e6), { minLength: 40, maxLength: 90 });

describe("emitted loops equal their definition", () => {
  it("at fixed addresses", () => {
    fc.assert(
      fc.property(numbers, (drawn) => check([randomNest(drawn, 2000)], "addresses")),
      { numRuns: 500 },
    );
  });

  it("found through slots, two of one signature sharing a function", () => {
    fc.assert(
      fc.property(numbers, (drawn) =>
        check([randomNest(drawn, 1000), randomNest(drawn, 1000)], "slots"),
      ),
      { numRuns: 250 },
    );
  });

  it("when they are large", () => {
    fc.assert(
      fc.property(numbers, (drawn) => check([randomNest(drawn, largest)], "addresses")),
      { numRuns: 60 },
    );
  });
});

it("random nests reach all ways of emitting loops", () => {
  const reached = new Set<string>();
  for (const drawn of fc.sample(numbers, { numRuns: 2000, seed: 1 })) {
    const { nest } = randomNest(drawn);
    const { extents, lanes, vector, body, stores, reductions } = schedule(mergeAxes(nest));
    for (const { accumulation, value } of reductions)
      reached.add(`${accumulation.kind} ${lanes} ${value.dtype === "float64" ? 8 : 4}`);
    if (gatherStrided(schedule(mergeAxes(nest))).copies.length > 0) reached.add("gathered");
    if (lanes === 2 && stores.some(({ value }) => value.dtype !== "float64"))
      reached.add("2 lanes, 4 bytes");
    if (body.some((load) => load.kind === "load" && load.view.strides[vector]! < 0))
      reached.add("backwards");
    if (vector < 0) reached.add("no loop");
    else {
      const full = Math.floor(extents[vector]! / lanes);
      if (extents[vector]! % lanes > 0) reached.add(full > 0 ? "tail" : "only a tail");
      if (vector === extents.length - 1 && full >= 16) reached.add("unrolled");
      if (vector < extents.length - 1) reached.add("loops inside");
      if (
        vector < extents.length - 1 &&
        full >= 4 &&
        reductions.some(({ accumulation }) => accumulation.kind === "lanes")
      )
        reached.add("jammed");
    }
  }
  const kinds = ["register", "output", "lanes"].flatMap((kind) =>
    ["4 4", "2 8", "2 4"].map((lanes) => `${kind} ${lanes}`),
  );
  expect([...reached].sort()).toEqual(
    [
      ...kinds,
      "gathered",
      "2 lanes, 4 bytes",
      "backwards",
      "no loop",
      "tail",
      "only a tail",
      "unrolled",
      "loops inside",
      "jammed",
    ].sort(),
  );
});

it("large ones reach all ways of cutting them", () => {
  const reached = new Set<string>();
  for (const drawn of fc.sample(numbers, { numRuns: 2000, seed: 1 })) {
    const nest = mergeAxes(randomNest(drawn, largest).nest);
    const split = splitNest(nest);
    if (split === undefined) continue;
    const { chunks, total, partials } = split;
    const way = partials.folds.length > 0 ? "folded" : "free";
    reached.add(way);
    if (total % chunks.size > 0) reached.add(`${way}, the last shorter`);
    const gathered = gatherStrided(schedule(split.nestOf(chunks.size)));
    if (gathered.bytes > 0) reached.add("gathered");
    if (partialBytes(gathered.schedule) > 0) reached.add("lanes");
    if (way === "free") continue;
    for (const { reductions } of partials.folds)
      for (const { op, value } of reductions) reached.add(`${op} ${value.dtype}`);
    if (nest.stores.length > 0) reached.add("stores beside");
    if (partials.folds.length > 1) reached.add("several");
    if (partials.folds.length < nest.reductions.length) reached.add("folds that keep the axis");
    if (partials.folds.some(({ extents }) => extents.length === 1)) reached.add("of everything");
  }
  const folds = ["sum", "prod", "max", "min"].flatMap((op) =>
    ["float32", "float64", "int32"].map((dtype) => `${op} ${dtype}`),
  );
  expect([...reached].sort()).toEqual(
    [
      ...folds,
      "free",
      "folded",
      "free, the last shorter",
      "folded, the last shorter",
      "gathered",
      "lanes",
      "stores beside",
      "several",
      "folds that keep the axis",
      "of everything",
    ].sort(),
  );
});
