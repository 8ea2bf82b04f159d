/** @file Laws of the compiler: the fast backend equals the plain one, every pass leaves a well-formed graph, and memory plans never overlap. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import "../../src/compile/evaluate.ts";
import { accessOf } from "../../src/compile/access.ts";
import { setBackend } from "../../src/compile/engine.ts";
import { formKernels } from "../../src/compile/fuse/kernels.ts";
import { jit } from "../../src/compile/jit.ts";
import { optimize } from "../../src/compile/passes/index.ts";
import { bytesOf, planMemory } from "../../src/compile/plan.ts";
import type { DType } from "../../src/ir/dtype.ts";
import type { Value } from "../../src/ir/graph.ts";
import { Tensor } from "../../src/ir/tensor.ts";
import { trace } from "../../src/ir/trace.ts";
import { verifyGraph } from "../../src/ir/verify.ts";
import { exactInputs, exactProgram } from "../support/exact-program.ts";
import { randomProgram, sampleInputs } from "../support/random-program.ts";

const programs = {
  numbers: fc.array(fc.nat(1e6), { minLength: 20, maxLength: 60 }),
  length: fc.integer({ min: 1, max: 25 }),
};

afterEach(() => setBackend("wasm"));

/** |a - b| against the size of the data, in units of the type's precision. */
function distance(a: Tensor, b: Tensor): number {
  const [x, y] = [a.data(), b.data()];
  let scale = 1;
  for (const value of y) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
  let worst = 0;
  for (let index = 0; index < y.length; index++) {
    const [p, q] = [x[index]!, y[index]!];
    if (Object.is(p, q) || p === q || (Number.isNaN(p) && Number.isNaN(q))) continue;
    const gap = Math.abs(p - q) / scale;
    if (!(gap <= worst)) worst = gap;
  }
  return worst;
}

describe("wasm equals interp", () => {
  for (const [dtype, tolerance] of [
    ["float32", 2e-4],
    ["float64", 1e-11],
  ] as [DType, number][])
    it(`on random ${dtype} programs`, () => {
      const inputs = sampleInputs(dtype);
      fc.assert(
        fc.property(programs.numbers, programs.length, (numbers, length) => {
          const compiled = jit(randomProgram(numbers, length));
          setBackend("interp");
          const expected = compiled(...inputs);
          setBackend("wasm");
          const found = compiled(...inputs);
          expect(found.map((tensor) => tensor.shape)).toEqual(
            expected.map((tensor) => tensor.shape),
          );
          found.forEach((tensor, index) =>
            expect(distance(tensor, expected[index]!)).toBeLessThan(tolerance),
          );
        }),
        { numRuns: 150 },
      );
    });
});

describe("the compiler", () => {
  it("keeps graphs well formed in every pass", () => {
    fc.assert(
      fc.property(programs.numbers, programs.length, (numbers, length) => {
        const { graph } = trace(randomProgram(numbers, length), sampleInputs("float32"));
        optimize(verifyGraph(graph, "trace"), true);
      }),
      { numRuns: 100 },
    );
  });

  it("never lets two values that are alive share memory", () => {
    fc.assert(
      fc.property(programs.numbers, programs.length, (numbers, length) => {
        const inputs = exactInputs();
        const graph = optimize(trace(exactProgram(numbers, 2 * length), inputs).graph);
        const kernels = formKernels(graph);
        const given = new Set([
          ...graph.inputs,
          ...graph.outputs.map((output) => accessOf(output).base),
        ]);
        const { offsets, bytes, unshared } = planMemory(kernels, given);
        for (const { inputs: read, outputs: written } of kernels)
          for (const value of [...read, ...written])
            expect(offsets.has(value)).toBe(!given.has(value));
        expect(bytes).toBeLessThanOrEqual(unshared);
        const lives = new Map<Value, [number, number]>();
        kernels.forEach((kernel, index) => {
          for (const value of kernel.outputs)
            if (offsets.has(value) && !lives.has(value)) lives.set(value, [index, index]);
          for (const value of kernel.inputs) if (lives.has(value)) lives.get(value)![1] = index;
        });
        const all = [...lives];
        for (const [a, [aStart, aEnd]] of all)
          for (const [b, [bStart, bEnd]] of all) {
            if (a === b || aEnd < bStart || bEnd < aStart) continue;
            const [p, q] = [offsets.get(a)!, offsets.get(b)!];
            expect(p + bytesOf(a) <= q || q + bytesOf(b) <= p).toBe(true);
          }
      }),
      { numRuns: 60 },
    );
  });

  it("explains what it made", () => {
    const text = jit((x: Tensor) => [x]).explain(sampleInputs("float32")[0]!);
    expect(text).toContain("graph (optimised)");
    expect(text).toContain("kernels (1)");
    expect(text).toContain("memory");
  });
});
