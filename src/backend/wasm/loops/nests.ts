/**
 * @file What is asked of loop nests: the views and operands of their instructions, axes that walk as one, and the order in
 * which folds add their elements.
 */
import type { Instruction, LoopNest, Reduction, View } from "../../../ir/kernel.ts";
import { isTranscendental } from "../../../ir/prim.ts";

/** How an instruction walks, if it does. */
export const viewOf = (instruction: Instruction): View | undefined =>
  instruction.kind === "load" || instruction.kind === "index" ? instruction.view : undefined;

/** Instructions that an instruction takes its operands from. */
export function operandsOf(instruction: Instruction): readonly number[] {
  switch (instruction.kind) {
    case "load":
    case "index":
    case "literal":
      return [];
    case "unary":
    case "cast":
    case "shiftRight":
      return [instruction.x];
    case "select":
      return [instruction.condition, instruction.x, instruction.y];
    case "binary":
    case "compare":
      return [instruction.x, instruction.y];
  }
}

/** Machine instructions for one vector, roughly. */
export function workOf(instruction: Instruction): number {
  const dear =
    (instruction.kind === "unary" || instruction.kind === "binary") &&
    isTranscendental(instruction.op);
  return dear ? 20 : 1;
}

/** Rewrites every view of a nest. */
export function mapViews(
  nest: LoopNest,
  extents: readonly number[],
  view: (view: View) => View,
  axes: (axes: readonly number[]) => number[],
): LoopNest {
  return {
    extents,
    body: nest.body.map((instruction) =>
      instruction.kind === "load" || instruction.kind === "index"
        ? { ...instruction, view: view(instruction.view) }
        : instruction,
    ),
    stores: nest.stores.map((store) => ({ ...store, view: view(store.view) })),
    reductions: nest.reductions.map((reduction) => ({
      ...reduction,
      view: view(reduction.view),
      axes: axes(reduction.axes),
    })),
  };
}

/** Two neighbouring axes that every view walks as one become one. */
export function mergeAxes(nest: LoopNest): LoopNest {
  for (let axis = 0; axis + 1 < nest.extents.length; axis++) {
    const inner = nest.extents[axis + 1]!;
    const even = ({ strides }: View): boolean => strides[axis] === strides[axis + 1]! * inner;
    const together = (reduction: Reduction): boolean =>
      reduction.axes.includes(axis) === reduction.axes.includes(axis + 1);
    const views = [
      ...nest.body.flatMap((instruction) => viewOf(instruction) ?? []),
      ...nest.stores.map((store) => store.view),
      ...nest.reductions.map((reduction) => reduction.view),
    ];
    if (!views.every(even) || !nest.reductions.every(together)) continue;
    const without = (list: readonly number[]): number[] =>
      list.filter((_, index) => index !== axis);
    const extents = without(nest.extents);
    extents[axis] = nest.extents[axis]! * inner;
    return mergeAxes(
      mapViews(
        nest,
        extents,
        (view) => ({ ...view, strides: without(view.strides) }),
        (axes) => [...new Set(axes.map((reduced) => (reduced > axis ? reduced - 1 : reduced)))],
      ),
    );
  }
  return nest;
}

/**
 * In which order the elements of a sum are added. `lanes`: element i of axis `axis` goes to partial sum i modulo the lanes
 * (times the chains, see `chainsOf`), axes before it one after another; partial sums are added at the end. `serial`: one
 * after another. `any`: it makes no difference.
 */
type FoldOrder =
  | { readonly kind: "lanes"; readonly axis: number }
  | { readonly kind: "serial" }
  | { readonly kind: "any" };

/** Folds of at most this many elements are serial. */
const shortest = 4;

/** Instructions that an instruction depends on, itself included. */
export function sourcesOf(body: readonly Instruction[], roots: readonly number[]): Set<number> {
  const found = new Set<number>();
  const visit = (index: number): void => {
    if (found.has(index)) return;
    found.add(index);
    operandsOf(body[index]!).forEach(visit);
  };
  roots.forEach(visit);
  return found;
}

/**
 * The order of a fold follows from the axes that it folds and from how its operands walk along them, and from nothing else:
 * a sample's sums have the same bits whatever the batch. Lanes run along an axis whose elements all lie side by side.
 */
export function foldOrder(
  nest: LoopNest,
  { op, axes, value, invariant, instruction }: Reduction,
): FoldOrder {
  const float = value.dtype === "float32" || value.dtype === "float64";
  if (invariant === undefined || !float || op === "max" || op === "min") return { kind: "any" };
  if (invariant.serial) return { kind: "serial" };
  const reads = [...sourcesOf(nest.body, [instruction])].flatMap(
    (index) => viewOf(nest.body[index]!) ?? [],
  );
  for (const axis of axes.toReversed()) {
    const strides = reads.map((view) => view.strides[axis]!);
    if (
      nest.extents[axis]! > shortest &&
      strides.includes(1) &&
      strides.every((stride) => stride === 0 || stride === 1)
    )
      return { kind: "lanes", axis };
  }
  return { kind: "serial" };
}

/** The axis that lanes have to run along, if any, and those that they must not; undefined if folds contradict each other. */
export function lanesOfFolds(
  nest: LoopNest,
): { along: number | undefined; never: ReadonlySet<number> } | undefined {
  let along: number | undefined;
  const never = new Set<number>();
  for (const reduction of nest.reductions) {
    const order = foldOrder(nest, reduction);
    if (order.kind === "serial") for (const axis of reduction.axes) never.add(axis);
    if (order.kind !== "lanes") continue;
    if (along !== undefined && along !== order.axis) return undefined;
    along = order.axis;
    for (const axis of reduction.axes) if (axis !== along) never.add(axis);
  }
  const none = along === undefined && nest.extents.every((_, axis) => never.has(axis));
  // Lanes along no axis at all are for a single fold of everything.
  if (none && nest.reductions.length > 1) return undefined;
  return along !== undefined && never.has(along) ? undefined : { along, never };
}

/** The nest as several, if no direction of the lanes suits the orders of all its folds: each has those that go together. */
export function withoutContradictions(nest: LoopNest): LoopNest[] {
  if (lanesOfFolds(nest) !== undefined) return [nest];
  const parts: Reduction[][] = [];
  for (const reduction of nest.reductions) {
    const fitting = parts.find(
      (part) => lanesOfFolds({ ...nest, reductions: [...part, reduction] }) !== undefined,
    );
    if (fitting === undefined) parts.push([reduction]);
    else fitting.push(reduction);
  }
  return parts.map((reductions, index) =>
    onlyNeeded({ ...nest, stores: index === 0 ? nest.stores : [], reductions }),
  );
}

/** The nest without instructions that nothing needs. */
function onlyNeeded(nest: LoopNest): LoopNest {
  const { body, stores, reductions } = nest;
  const needed = sourcesOf(
    body,
    [...stores, ...reductions].map(({ instruction }) => instruction),
  );
  const kept = [...body.keys()].filter((index) => needed.has(index));
  const moved = new Map(kept.map((index, place) => [index, place]));
  const at = <T extends { readonly instruction: number }>(place: T): T => ({
    ...place,
    instruction: moved.get(place.instruction)!,
  });
  return {
    ...nest,
    body: kept.map((index) => withOperands(body[index]!, (operand) => moved.get(operand)!)),
    stores: stores.map(at),
    reductions: reductions.map(at),
  };
}

function withOperands(instruction: Instruction, moved: (operand: number) => number): Instruction {
  switch (instruction.kind) {
    case "load":
    case "index":
    case "literal":
      return instruction;
    case "unary":
    case "cast":
    case "shiftRight":
      return { ...instruction, x: moved(instruction.x) };
    case "binary":
    case "compare":
      return { ...instruction, x: moved(instruction.x), y: moved(instruction.y) };
    case "select":
      return {
        ...instruction,
        condition: moved(instruction.condition),
        x: moved(instruction.x),
        y: moved(instruction.y),
      };
  }
}
