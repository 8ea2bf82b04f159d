/** @file Which kernels compute from constants alone: they run once, before a program's first run. */
import type { Value } from "../ir/graph.ts";
import type { Kernel } from "../ir/kernel.ts";
import { bytesOf } from "./plan.ts";

/** Results may take so many times the memory of what they come from: Winograd's kernels take up to seven times. */
const growth = 8;
const always = 1 << 20;
/** All of them together may take so much of the constants' memory, and so much in any case: the rest is computed anew each time. */
const share = 0.5;
const allowance = 312 * 1024 * 1024;

/** The kernels that need to run once, and those of every run. `outputs` lie where the caller says, anew each time. */
export function settledKernels(
  kernels: readonly Kernel[],
  constants: ReadonlySet<Value>,
  outputs: ReadonlySet<Value>,
): { readonly once: Kernel[]; readonly every: Kernel[] } {
  const settled = new Set(constants);
  let left = Math.max(allowance, share * bytesOfAll([...constants]));
  const once: Kernel[] = [];
  const every: Kernel[] = [];
  for (const kernel of kernels) {
    const still =
      settled.size > 0 &&
      kernel.work.kind !== "host" &&
      kernel.inputs.length > 0 &&
      kernel.inputs.every((value) => settled.has(value)) &&
      !kernel.outputs.some((value) => outputs.has(value)) &&
      isWorthKeeping(kernel) &&
      bytesOfAll(kernel.outputs) <= left;
    (still ? once : every).push(kernel);
    if (!still) continue;
    left -= bytesOfAll(kernel.outputs);
    for (const value of kernel.outputs) settled.add(value);
  }
  return { once, every };
}

function isWorthKeeping({ inputs, outputs }: Kernel): boolean {
  return bytesOfAll(outputs) <= Math.max(always, growth * bytesOfAll(inputs));
}

function bytesOfAll(values: readonly Value[]): number {
  return values.reduce((sum, value) => sum + bytesOf(value), 0);
}
