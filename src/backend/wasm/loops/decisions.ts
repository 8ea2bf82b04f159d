/**
 * @file What is decided about a schedule before it is emitted: what stays on the stack, how many vectors go together, and
 * where partial results lie.
 */
import { type Schedule, type ScheduledReduction, operandsOf, workOf } from "./schedule.ts";

/** Which instructions give different results in different lanes. */
export function variesOf({ body, vector }: Schedule): boolean[] {
  const varies: boolean[] = [];
  for (const instruction of body)
    varies.push(
      instruction.kind === "load" || instruction.kind === "index"
        ? vector >= 0 && instruction.view.strides[vector] !== 0
        : operandsOf(instruction).some((operand) => varies[operand]),
    );
  return varies;
}

/**
 * Which instructions have one use, as often and as deep inside the loops as they are made: half of the moves between
 * stack and locals go with them. With `varies`, results that differ from vector to vector are made more often than others.
 */
export function inlinedOf(
  { extents, body, depth, stores, reductions }: Schedule,
  varies: readonly boolean[] | undefined,
): boolean[] {
  const uses = body.map(() => 0);
  const inlined = body.map(() => false);
  const use = (index: number, at: number, varied: boolean): void => {
    uses[index]! += 1;
    inlined[index] =
      uses[index] === 1 &&
      depth[index] === at &&
      (varies === undefined || varies[index] === varied);
  };
  body.forEach((instruction, index) => {
    for (const operand of operandsOf(instruction))
      use(operand, depth[index]!, varies?.[index] === true);
  });
  for (const { instruction } of [...stores, ...reductions]) use(instruction, extents.length, true);
  return inlined;
}

/**
 * How many vectors go through the loops together. Around short bodies this hides the latency of their results; around inner
 * loops it shares what does not depend on the lanes, above all partial vectors in memory.
 */
export function copiesOf({ extents, vector, lanes, body, depth, reductions }: Schedule): number {
  if (vector < 0) return 1;
  const vectors = Math.floor(extents[vector]! / lanes);
  if (vector !== extents.length - 1)
    return vectors >= 4 && reductions.some(({ accumulation }) => accumulation.kind === "lanes")
      ? 2
      : 1;
  const work = body.reduce(
    (sum, instruction, index) =>
      depth[index] === extents.length ? sum + workOf(instruction) : sum,
    0,
  );
  const copies = work <= 10 ? 4 : work <= 40 ? 2 : 1;
  return vectors >= 4 * copies ? copies : 1;
}

export function outputsOf(schedule: Schedule, reduction: ScheduledReduction): number {
  return schedule.extents.reduce(
    (product, extent, axis) => (reduction.axes.includes(axis) ? product : product * extent),
    1,
  );
}

/** Scratch memory that partial vectors of a schedule's reductions take. */
export function partialBytes(schedule: Schedule): number {
  return schedule.reductions.reduce(
    (sum, reduction) =>
      reduction.accumulation.kind === "lanes" ? sum + 16 * outputsOf(schedule, reduction) : sum,
    0,
  );
}

/** Bytes between partial vectors: one for each index of the axes that stay. */
export function partialStrides(schedule: Schedule, reduction: ScheduledReduction): number[] {
  const strides = new Array<number>(schedule.extents.length).fill(0);
  let stride = 16;
  for (let axis = schedule.extents.length - 1; axis >= 0; axis--) {
    if (reduction.axes.includes(axis)) continue;
    strides[axis] = stride;
    stride *= schedule.extents[axis]!;
  }
  return strides;
}
