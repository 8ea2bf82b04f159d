/** @file `scan`: a loop over a carry and slices, compiled once and differentiable in both modes to any order. */
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../base/errors.ts";
import { checkOptions } from "../base/options.ts";
import { formatShape, sameShape } from "../ir/shape.ts";
import { type TreeDef, flatten } from "../ir/tree.ts";
import { nameOf } from "./arguments.ts";
import { scanLeaves } from "./scan-op.ts";

/** Options of `scan`. */
export interface ScanOptions {
  /** Number of steps: needed if there are no xs. */
  readonly length?: number;
  /** From the last slice to the first; ys stay in the order of xs. */
  readonly reverse?: boolean;
}

/**
 * Loops `[carry, y] = fn(carry, x)` over the slices of `xs` along their first axis, from `init` on. Returns the last carry and
 * the ys stacked along a new first axis. Carry, xs and ys are trees; xs may be undefined (then give `length`), and so may y.
 * Throws ArgumentError if lengths disagree, the carry changes its structure or `fn` does not return a pair; ShapeError or DTypeError
 * if a leaf of the carry changes its type.
 */
export function scan<C, X, Y>(
  fn: (carry: C, x: X) => [C, Y],
  init: C,
  xs: X,
  options: ScanOptions = {},
): [C, Y] {
  const who = nameOf(fn, "scan");
  checkOptions(who, options, ["length", "reverse"]);
  const carry = flatten(`${who}: init`, init);
  const slices = flatten(`${who}: xs`, xs ?? []);
  const length = lengthOf(who, slices, options.length);
  let ysDef: TreeDef | undefined;
  const out = scanLeaves(
    (carried, given) => {
      const x = xs === undefined || xs === null ? xs : (slices.def.rebuild(given) as X);
      const pair = fn(carry.def.rebuild(carried) as C, x) as unknown;
      if (!Array.isArray(pair) || pair.length !== 2)
        throw new ArgumentError(
          complaint(who, "a function that returns [carry, y]", describe(pair)),
        );
      const next = flatten(`${who}: carry`, pair[0]);
      checkCarry(who, carry, next);
      const y =
        pair[1] === undefined || pair[1] === null ? undefined : flatten(`${who}: y`, pair[1]);
      ysDef = y?.def;
      return { carry: next.leaves, ys: y?.leaves ?? [] };
    },
    carry.leaves,
    slices.leaves,
    length,
    options.reverse ?? false,
  );
  return [carry.def.rebuild(out.carry) as C, ysDef?.rebuild(out.ys) as Y];
}

type Flat = ReturnType<typeof flatten>;

function lengthOf(who: string, { leaves, def }: Flat, given: number | undefined): number {
  if (given !== undefined && (!Number.isInteger(given) || given < 0))
    throw new ArgumentError(complaint(who, "a length that is an integer >= 0", describe(given)));
  const length = given ?? leaves[0]?.shape[0];
  if (length === undefined)
    throw new ArgumentError(complaint(who, "xs with a first axis, or a length", "neither"));
  leaves.forEach((leaf, i) => {
    if (leaf.shape[0] !== length)
      throw new ArgumentError(
        complaint(
          who,
          `${length} slices along the first axis of xs${def.paths[i]}`,
          `shape ${formatShape(leaf.shape)}`,
        ),
      );
  });
  return length;
}

function checkCarry(who: string, before: Flat, after: Flat): void {
  if (before.def.key !== after.def.key)
    throw new ArgumentError(
      complaint(who, `a carry structured as init (${before.def.key})`, after.def.key),
    );
  before.leaves.forEach((leaf, i) => {
    const next = after.leaves[i]!;
    const place = `carry${before.def.paths[i]}`;
    if (!sameShape(leaf.shape, next.shape))
      throw new ShapeError(
        complaint(who, `${place} to stay ${formatShape(leaf.shape)}`, formatShape(next.shape)),
      );
    if (leaf.dtype !== next.dtype)
      throw new DTypeError(
        complaint(who, `${place} to stay ${leaf.dtype}`, next.dtype, "Use cast."),
      );
  });
}
