// A backend with a kernel of its own for a composite: the composite reaches it as one node, and as primitives where it does not want it.
import { expect, test } from "vitest";
import type { Backend } from "../../src/backend/backend.ts";
import { createInterpBackend } from "../../src/backend/interp/index.ts";
import { Holdings } from "../../src/compile/holdings.ts";
import { Program } from "../../src/compile/program.ts";
import { tensor } from "../../src/index.ts";
import { isPrim } from "../../src/ir/graph.ts";
import type { Kernel, Segment } from "../../src/ir/kernel.ts";
import { sizeOf } from "../../src/ir/shape.ts";
import { trace } from "../../src/ir/trace.ts";

/** The plain backend with a kernel for the softmax of rows, which counts its runs. */
function toyBackend(): Backend & { runs: number } {
  const plain = createInterpBackend();
  const toy: Backend & { runs: number } = {
    name: "toy",
    target: plain.target,
    memory: plain.memory,
    threads: 1,
    runs: 0,
    setThreads: () => undefined,
    claims: ({ params, inputs: [x] }) =>
      params.name === "softmax" && String(params.attributes["axes"]) === `${x!.shape.length - 1}`,
    compile: (segments, allocate) =>
      segments.map((segment) => {
        const steps = segment.kernels.map((kernel) =>
          kernel.work.kind === "direct" && isPrim(kernel.work.node, "composite")
            ? softmaxOf(segment, kernel)
            : plain.compile([{ ...segment, kernels: [kernel] }], allocate)[0]!,
        );
        return () => steps.forEach((step) => step());
      }),
  };
  const softmaxOf =
    ({ place, slots }: Segment, { inputs: [x], outputs: [out] }: Kernel) =>
    () => {
      toy.runs++;
      const { f32, i32 } = plain.memory;
      const startOf = (value: typeof x): number => {
        const at = place(value!);
        return (at.kind === "address" ? at.address : i32[slots / 4 + at.slot]!) / 4;
      };
      const width = x!.shape.at(-1)!;
      for (let row = 0; row < sizeOf(x!.shape); row += width) {
        const powers = f32.subarray(startOf(x) + row, startOf(x) + row + width).map(Math.exp);
        const total = powers.reduce((sum, power) => sum + power, 0);
        f32.set(
          powers.map((power) => power / total),
          startOf(out) + row,
        );
      }
    };
  return toy;
}

const x = tensor([
  [1, 2, 4],
  [0, -1, 3],
]);

/** Runs a program of x on the backend. */
function run(backend: Backend, f: (a: typeof x) => typeof x): { program: Program; out: number[] } {
  const holdings = new Holdings(backend);
  const program = new Program(trace((a) => [f(a)], [x]).graph, "toy", holdings);
  const { inputs, outputs } = program.bindOwn();
  backend.memory.f32.set(x.data(), inputs[0]! / 4);
  program.run();
  const start = outputs[0]! / 4;
  return { program, out: [...backend.memory.f32.subarray(start, start + 6)] };
}

const near = (out: readonly number[], expected: typeof x): void =>
  expected.data().forEach((value, i) => expect(out[i]).toBeCloseTo(value, 5));

test("a claimed composite is one kernel between others, of contiguous operands", () => {
  const toy = toyBackend();
  const f = (a: typeof x): typeof x =>
    a.transpose().mul(2).transpose().flip([1]).softmax(-1).add(1);
  const { program, out } = run(toy, f);
  expect(program.kernels.filter(({ work }) => work.kind === "direct")).toHaveLength(1);
  near(out, f(x));
  expect(toy.runs).toBe(1);
});

test("what a backend does not claim gives way to primitives", () => {
  const toy = toyBackend();
  const f = (a: typeof x): typeof x => a.softmax(0).add(a.sigmoid());
  const { program, out } = run(toy, f);
  expect(program.graph.nodes.some(({ prim }) => prim === "composite")).toBe(false);
  near(out, f(x));
  expect(toy.runs).toBe(0);
});
