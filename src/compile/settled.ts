/** @file Which kernels compute from constants alone: they run once, before a program's first run. */
import type { Value } from "../ir/graph.ts";
import type { Kernel } from "../ir/kernel.ts";
import { bytesOf } from "./plan.ts";

/** Results may take so many times the memory of what they come from: Winograd's kernels take four times. */
const growth = 5;
const always = 1 << 20;

/** The kernels that need to run once, and those of every run. `outputs` lie where the caller says, anew each time. */
export function settledKernels(
  kernels: readonly Kernel[],
  constants: ReadonlySet<Value>,
  outputs: ReadonlySet<Value>,
): { readonly once: Kernel[]; readonly every: Kernel[] } {
  const settled = new Set(constants);
  const once: Kernel[] = [];
  const every: Kernel[] = [];
  for (const kernel of kernels) {
    const still =
      settled.size > 0 &&
      kernel.work.kind !== "host" &&
      kernel.inputs.length > 0 &&
      kernel.inputs.every((value) => settled.has(value)) &&
      !kernel.outputs.some((value) => outputs.has(value)) &&
      isWorthKeeping(kernel);
    (still ? once : every).push(kernel);
    if (still) for (const value of kernel.outputs) settled.add(value);
  }
  return { once, every };
}

function isWorthKeeping({ inputs, outputs }: Kernel): boolean {
  const bytes = (values: readonly Value[]): number =>
    values.reduce((sum, value) => sum + bytesOf(value), 0);
  return bytes(outputs) <= Math.max(always, growth * bytes(inputs));
}
