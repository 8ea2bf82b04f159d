/**
 * @file Laws of whole programs: on programs over all dtypes, whose results are exact, the fast backend equals the plain one to
 * the bit; derivatives of random programs equal each other in both modes and on both backends, and differences.
 */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { jvp, valueAndGrad } from "../../src/autodiff/index.ts";
import { gatherStrided, schedule } from "../../src/backend/wasm/loops/schedule.ts";
import { signatureOf } from "../../src/backend/wasm/signature.ts";
import { type BackendName, setBackend } from "../../src/compile/engine.ts";
import { Executable } from "../../src/compile/evaluate.ts";
import { accessOf } from "../../src/compile/access.ts";
import { formKernels } from "../../src/compile/fuse/kernels.ts";
import { optimize } from "../../src/compile/passes/index.ts";
import { paddedBytes, planMemory } from "../../src/compile/plan.ts";
import type { Value } from "../../src/ir/graph.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { trace } from "../../src/ir/trace.ts";
import { verifyGraph } from "../../src/ir/verify.ts";
import { logicalNot, tensor } from "../../src/ops/index.ts";
import { exactInputs, exactProgram, exactSteps } from "../support/exact-program.ts";
import { smoothInputs, smoothProgram } from "../support/smooth-program.ts";
import { mergeAxes } from "../../src/backend/wasm/loops/nests.ts";

type Program = (...inputs: Tensor[]) => readonly Tensor[];

const programs = {
  numbers: fc.array(fc.nat(1e6), { minLength: 40, maxLength: 90 }),
  length: fc.integer({ min: 1, max: 25 }),
};

afterEach(() => setBackend("wasm"));

const other = (x: Tensor): Tensor =>
  x.dtype === "bool" ? logicalNot(x) : x.dtype === "int32" ? x.sub(3) : x.neg().add(1);

function run(backend: BackendName, program: Program, inputs: readonly Tensor[]): Tensor[] {
  setBackend(backend);
  const { graph, captured } = trace(program, inputs);
  const executable = new Executable(graph, "program");
  try {
    // The second call counts: it finds what the first one, on other numbers, has left in memory.
    executable.call([...inputs.map(other), ...captured]);
    return executable.call([...inputs, ...captured]);
  } finally {
    executable.release();
  }
}

describe("exact programs are the same on both backends", () => {
  const compare = (
    program: Program,
    inputs: readonly Tensor[],
    wanted: readonly Tensor[] = run("interp", program, inputs),
  ): void => {
    const found = run("wasm", program, inputs);
    const hasProducts = trace(program, inputs).graph.nodes.some(({ prim }) => prim === "matmul");
    found.forEach((result, index) => {
      expect(result.shape).toEqual(wanted[index]!.shape);
      expect(result.dtype).toBe(wanted[index]!.dtype);
      const [x, y] = [result.data(), wanted[index]!.data()];
      // A sum of products that are all -0 is -0 or 0, depending on what it starts from.
      const same = hasProducts ? (a: number, b: number) => a === b || Object.is(a, b) : Object.is;
      const differing = x.findIndex((element, at) => !same(element, y[at]!));
      expect([differing, x[differing]]).toEqual([-1, y[differing]]);
    });
  };

  it("small", () => {
    const inputs = exactInputs();
    fc.assert(
      fc.property(programs.numbers, programs.length, (numbers, length) =>
        compare(exactProgram(numbers, length), inputs),
      ),
      { numRuns: 150 },
    );
  });

  it("large: beyond the first-level cache, unrolled", () => {
    const inputs = exactInputs(true);
    fc.assert(
      fc.property(programs.numbers, programs.length, (numbers, length) =>
        compare(exactProgram(numbers, length, 40_000), inputs),
      ),
      { numRuns: 60 },
    );
  });

  it("as wholes and operation by operation: passes keep what is computed", () => {
    const inputs = exactInputs();
    fc.assert(
      fc.property(programs.numbers, programs.length, (numbers, length) => {
        const program = exactProgram(numbers, length);
        compare(program, inputs, program(...inputs));
      }),
      { numRuns: 60 },
    );
  });

  for (const step of exactSteps)
    it(`of ${step} alone`, () => {
      const inputs = exactInputs();
      fc.assert(
        fc.property(programs.numbers, (numbers) =>
          compare(exactProgram(numbers, 4, 4000, [step]), inputs),
        ),
        { numRuns: 5 },
      );
    });

  it("and every pass leaves a well-formed graph", () => {
    const inputs = exactInputs();
    fc.assert(
      fc.property(programs.numbers, programs.length, (numbers, length) => {
        const { graph } = trace(exactProgram(numbers, length), inputs);
        optimize(verifyGraph(graph, "trace"), true);
      }),
      { numRuns: 60 },
    );
  });

  it("and never let two values that are alive share memory", () => {
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
            expect(p + paddedBytes(a) <= q || q + paddedBytes(b) <= p).toBe(true);
          }
      }),
      { numRuns: 60 },
    );
  });

  it("and reach every way of running", () => {
    const reached = new Set<string>();
    const inputs = exactInputs(true);
    for (const numbers of fc.sample(programs.numbers, { numRuns: 150, seed: 7 })) {
      const { graph } = trace(exactProgram(numbers, 25, 40_000), inputs);
      const signatures = new Set<string>();
      for (const kernel of formKernels(optimize(graph))) {
        const { key } = signatureOf(kernel);
        if (signatures.has(key)) reached.add(`shared ${kernel.work.kind}`);
        signatures.add(key);
        reached.add(kernel.work.kind);
        if (kernel.work.kind !== "loops") continue;
        if (kernel.nodes.length > 40) reached.add("many nodes");
        for (const nest of kernel.work.nests) {
          if (nest.extents.includes(0)) {
            reached.add("empty");
            continue;
          }
          const planned = schedule(mergeAxes(nest));
          const elements = nest.extents.reduce((size, extent) => size * extent, 1);
          if (4 * elements > 48 * 1024) reached.add("large");
          for (const { accumulation } of planned.reductions) reached.add(accumulation.kind);
          if (gatherStrided(planned).copies.length > 0) reached.add("gathered");
          if (planned.lanes === 2 && planned.body.some(({ dtype }) => dtype === "float32"))
            reached.add("float32 in two lanes");
        }
      }
    }
    for (const way of [
      "shared loops",
      "shared direct",
      "loops",
      "direct",
      "matmul",
      "many nodes",
      "empty",
      "large",
      "register",
      "output",
      "lanes",
      "gathered",
      "float32 in two lanes",
    ])
      expect(reached).toContain(way);
  });
});

describe("derivatives of random programs", () => {
  const inputs = smoothInputs();
  const directions = inputs.map(({ size, shape }, seed) =>
    tensor(
      Array.from({ length: size }, (_, index) => Math.cos(index * 2.3 + seed)),
      { shape, dtype: "float64" },
    ),
  );
  const argnums = [...inputs.keys()];
  const elements = (tensors: readonly Tensor[]): number[] =>
    tensors.flatMap((found) => [...found.data()]);
  const shortest = fc.integer({ min: 1, max: 12 });

  it("are the same on both backends, in both modes, and as differences", () => {
    const runs = 60;
    /** Programs whose derivatives were compared on both backends, and those that differences could judge too. */
    const judged = { derivatives: 0, differences: 0 };
    fc.assert(
      fc.property(programs.numbers, shortest, (numbers, length) => {
        const fn = smoothProgram(numbers, length);
        const backward: Program = (...xs) => {
          const [value, gradients] = valueAndGrad(fn as (...args: Tensor[]) => Tensor, {
            argnums,
          })(...xs);
          return [value, ...(gradients as Tensor[])];
        };
        const forward: Program = (...xs) =>
          jvp(
            fn as (...args: Tensor[]) => Tensor,
            xs.slice(0, inputs.length),
            xs.slice(inputs.length),
          );
        const wanted = run("interp", backward, inputs);
        const found = run("wasm", backward, inputs);
        const scale = Math.max(1, ...elements(wanted).map(Math.abs));
        // Steep programs amplify the rounding that the backends differ in.
        if (!(scale < 1e4)) return;
        judged.derivatives++;
        const far = elements(found).findIndex(
          (x, at) => !(Math.abs(x - elements(wanted)[at]!) <= 1e-9 * scale),
        );
        expect(far).toBe(-1);

        const [, tangent] = run("wasm", forward, [...inputs, ...directions]);
        const along = elements(directions);
        const product = elements(found.slice(1)).reduce((sum, x, at) => sum + x * along[at]!, 0);
        expect(Math.abs(tangent!.item() - product)).toBeLessThan(1e-8 * scale);

        const at = (step: number): number => {
          const moved = inputs.map((x, index) =>
            tensor(
              Array.from(x.data(), (element, i) => element + step * directions[index]!.data()[i]!),
              { shape: x.shape, dtype: "float64" },
            ),
          );
          return run("wasm", (...xs) => [fn(...xs)], moved)[0]!.item();
        };
        const slope = (step: number): number => (at(step) - at(-step)) / (2 * step);
        const [coarse, fine] = [slope(2e-5), slope(1e-5)];
        // Where differences do not settle they tell nothing.
        if (Math.abs(coarse - fine) > 1e-5 * scale) return;
        judged.differences++;
        expect(Math.abs((4 * fine - coarse) / 3 - product)).toBeLessThan(1e-5 * scale);
      }),
      { numRuns: runs },
    );
    expect(judged.derivatives).toBeGreaterThan(0.9 * runs);
    expect(judged.differences).toBeGreaterThan(0.9 * runs);
  });
});
