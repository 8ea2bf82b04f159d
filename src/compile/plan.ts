/** @file Memory plan: which kernels run only once, and where each value between kernels is stored; dead values give up their memory. */
import { kernelBytes } from "../ir/dtype.ts";
import type { TensorType, Value } from "../ir/graph.ts";
import type { Kernel } from "../ir/kernel.ts";
import { sizeOf } from "../ir/shape.ts";

/** Blocks start at cache lines. */
export const alignment = 64;

/**
 * Large blocks are this many bytes longer than their values, so that blocks that follow each other begin at different lines of a page.
 * Extents are mostly round numbers: without the stagger all blocks begin at the same line, a loop over several values finds all of
 * its streams in the same sets of the caches, and runs at a third of the speed.
 */
const stagger = 13 * alignment;
const large = 1 << 16;

/** Bytes a tensor takes in kernel memory: whole cache lines, and a little more for large ones. */
export function paddedBytes(type: TensorType): number {
  const bytes = sizeOf(type.shape) * kernelBytes[type.dtype];
  const lines = Math.max(1, Math.ceil(bytes / alignment)) * alignment;
  return lines < large ? lines : lines + stagger;
}

/** Offsets into one arena, or several one behind the other, for the values between kernels. */
export interface MemoryPlan {
  readonly offsets: ReadonlyMap<Value, number>;
  readonly bytes: number;
  /** Bytes that the values would take without sharing memory. */
  readonly unshared: number;
}

/** A value between kernels, and the first and the last kernel that touch it. */
interface Span {
  readonly value: Value;
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

/** A span, or the end of a block. */
interface Placed {
  readonly span: Span | undefined;
  readonly start: number;
  readonly end: number;
}

/**
 * Plans values written by kernels, except those in `elsewhere` (inputs and outputs of the program): the largest first, each in the
 * tightest gap between those placed already that are alive while it is. A kernel never writes over what it reads, as both
 * are alive then. No value crosses the end of a block: the arena begins with blocks of the sizes in `blocks`, and the rest is one block.
 */
export function planMemory(
  kernels: readonly Kernel[],
  elsewhere: ReadonlySet<Value>,
  blocks: readonly number[] = [],
): MemoryPlan {
  const spans = spansOf(kernels, elsewhere);
  const offsets = new Map<Value, number>();
  /** In order of their starts, the ends of blocks among them. */
  const placed: Placed[] = [];
  let known = 0;
  for (const bytes of blocks) {
    known += bytes;
    placed.push({ span: undefined, start: known, end: known });
  }
  for (const span of [...spans].sort((a, b) => b.bytes - a.bytes || a.from - b.from)) {
    const around = placed.filter(
      ({ span: other }) => other === undefined || (other.from <= span.to && span.from <= other.to),
    );
    const start = tightest(around, span.bytes);
    offsets.set(span.value, start);
    const after = placed.findIndex((other) => other.start > start);
    placed.splice(after < 0 ? placed.length : after, 0, { span, start, end: start + span.bytes });
  }
  return {
    offsets,
    bytes: placed.reduce((most, { span, end }) => (span ? Math.max(most, end) : most), 0),
    unshared: spans.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function spansOf(kernels: readonly Kernel[], elsewhere: ReadonlySet<Value>): Span[] {
  const last = new Map<Value, number>();
  kernels.forEach(({ inputs, outputs }, index) => {
    for (const value of [...inputs, ...outputs]) last.set(value, index);
  });
  return kernels.flatMap(({ outputs }, from) =>
    outputs
      .filter((value) => !elsewhere.has(value))
      .map((value) => ({ value, bytes: paddedBytes(value), from, to: last.get(value)! })),
  );
}

/** Where a block of this size fits most tightly between intervals sorted by their start, or behind them all. */
function tightest(
  intervals: readonly { readonly start: number; readonly end: number }[],
  bytes: number,
): number {
  let [best, least] = [-1, Infinity];
  let end = 0;
  for (const interval of intervals) {
    const gap = interval.start - end;
    if (gap >= bytes && gap < least) [best, least] = [end, gap];
    end = Math.max(end, interval.end);
  }
  return best < 0 ? end : best;
}

/** A result may take up to 8 times the memory of what it comes from (Winograd's kernels take up to 7), and a megabyte in any case. */
const growth = 8;
const always = 1 << 20;
/** All results together may take half of the constants' memory, and 312 MB in any case; the rest is computed anew in each run. */
const share = 0.5;
const allowance = 312 * 1024 * 1024;

/**
 * The kernels that compute from constants alone, which run once, before a program's first run; and those of every run. `outputs` are
 * stored where the caller says, anew each time.
 */
export function settledKernels(
  kernels: readonly Kernel[],
  constants: ReadonlySet<Value>,
  outputs: ReadonlySet<Value>,
): { readonly once: Kernel[]; readonly every: Kernel[] } {
  const settled = new Set(constants);
  let left = Math.max(allowance, share * paddedBytesOf([...constants]));
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
      paddedBytesOf(kernel.outputs) <= left;
    (still ? once : every).push(kernel);
    if (!still) continue;
    left -= paddedBytesOf(kernel.outputs);
    for (const value of kernel.outputs) settled.add(value);
  }
  return { once, every };
}

function isWorthKeeping({ inputs, outputs }: Kernel): boolean {
  return paddedBytesOf(outputs) <= Math.max(always, growth * paddedBytesOf(inputs));
}

function paddedBytesOf(values: readonly Value[]): number {
  return values.reduce((sum, value) => sum + paddedBytes(value), 0);
}
