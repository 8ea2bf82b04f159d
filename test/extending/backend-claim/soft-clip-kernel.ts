/** @file A backend that brings a kernel of its own for a composite, `softClip`, and leaves the rest to another backend. */
import type { Backend } from "../../../src/backend/backend.ts";
import { createInterpBackend } from "../../../src/backend/interp/index.ts";
import { isPrim } from "../../../src/ir/graph.ts";
import type { Kernel, Segment } from "../../../src/ir/kernel.ts";
import { sizeOf } from "../../../src/ir/shape.ts";

export function clippingBackend(onRun: () => void): Backend {
  const plain = createInterpBackend();

  function softClip(
    { place, slots }: Segment,
    { inputs: [x], outputs: [y] }: Kernel,
    limit: number,
  ) {
    const startOf = (value: typeof y): number => {
      const at = place(value!);
      return (at.kind === "address" ? at.address : plain.memory.i32[slots / 4 + at.slot]!) / 4;
    };
    return () => {
      onRun();
      const { f32 } = plain.memory;
      const [from, to] = [startOf(x), startOf(y)];
      for (let i = 0; i < sizeOf(x!.shape); i++)
        f32[to + i] = limit * Math.tanh(f32[from + i]! / limit);
    };
  }

  return {
    name: "clipping",
    target: plain.target,
    memory: plain.memory,
    threads: 1,
    setThreads: () => undefined,
    claims: ({ params, inputs: [x] }) => params.name === "softClip" && x!.dtype === "float32",
    compile: (segments, allocate) =>
      segments.map((segment) => {
        const steps = segment.kernels.map((kernel) => {
          const { work } = kernel;
          return work.kind === "direct" && isPrim(work.node, "composite")
            ? softClip(segment, kernel, Number(work.node.params.attributes["limit"]))
            : plain.compile([{ ...segment, kernels: [kernel] }], allocate)[0]!;
        });
        return () => steps.forEach((step) => step());
      }),
  };
}
