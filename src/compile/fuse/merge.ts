/**
 * @file Second half of fusion: whole groups are merged where one reads what the other makes, or both read the same.
 * Program order hides such neighbours: the terms of a long sum, for one, each begin a group of their own.
 */
import type { Node, Value } from "../../ir/graph.ts";
import { type Group, fit, inOrder, maxNodes, readsOf, waitsFor } from "./group.ts";

/** Groups in an order in which they can run, given so. */
export function mergeGroups(
  groups: readonly Group[],
  makerOf: Map<Value, Group>,
  position: ReadonlyMap<Node, number>,
): Group[] {
  const alive = new Set(groups);
  for (const group of groups)
    for (const other of [...alive]) {
      if (other === group) break;
      if (!neighbours(other, group)) continue;
      const axes = axesWithin(group, other, makerOf);
      if (axes === undefined || !mayMerge(group, other)) continue;
      absorb(group, other, axes, makerOf, position);
      alive.delete(other);
      for (const reader of alive)
        if (reader !== group && reader.needs.delete(other)) reader.needs.add(group);
    }
  return inOrder([...alive]);
}

function neighbours(earlier: Group, later: Group): boolean {
  if (earlier.members.length === 0 || later.members.length === 0) return false;
  if (earlier.extents.length !== later.extents.length) return false;
  if (earlier.nodes.length + later.nodes.length > maxNodes) return false;
  if (later.needs.has(earlier)) return true;
  for (const base of later.bases) if (earlier.bases.has(base)) return true;
  return false;
}

/** No third group may have to run between the two. */
function mayMerge(later: Group, earlier: Group): boolean {
  for (const need of later.needs) if (need !== earlier && waitsFor(need, earlier)) return false;
  for (const need of earlier.needs) if (waitsFor(need, later)) return false;
  return true;
}

/** For each axis of the later group the axis of the earlier one, or undefined if their loops do not agree. */
function axesWithin(
  later: Group,
  earlier: Group,
  makerOf: ReadonlyMap<Value, Group>,
): number[] | undefined {
  let found: number[] | undefined;
  for (const { space, axes } of later.members) {
    const reads = readsOf(space).some((read) => makerOf.get(read.base) === earlier);
    if (!reads) continue;
    const fitting = fit(space, earlier, makerOf);
    if (fitting === undefined) return undefined;
    const mapping = new Array<number>(later.extents.length);
    axes.forEach((axis, index) => (mapping[axis] = fitting[index]!));
    if (found !== undefined && found.some((axis, index) => axis !== mapping[index]))
      return undefined;
    found = mapping;
  }
  if (found !== undefined) return found;
  const same = later.extents.every((extent, axis) => extent === earlier.extents[axis]);
  return same ? later.extents.map((_, axis) => axis) : undefined;
}

/** The later group takes over the earlier one, whose axes are turned to its own. */
function absorb(
  later: Group,
  earlier: Group,
  axes: readonly number[],
  makerOf: Map<Value, Group>,
  position: ReadonlyMap<Node, number>,
): void {
  const at = (node: Node): number => position.get(node)!;
  for (const { space, axes: own } of earlier.members)
    later.members.push({ space, axes: own.map((axis) => axes.indexOf(axis)) });
  for (const [value, strides] of earlier.maps)
    later.maps.set(
      value,
      axes.map((axis) => strides[axis]!),
    );
  for (const node of earlier.nodes) {
    later.nodes.push(node);
    for (const output of node.outputs) makerOf.set(output, later);
  }
  for (const base of earlier.bases) later.bases.add(base);
  for (const need of earlier.needs) later.needs.add(need);
  later.needs.delete(earlier);
  later.needs.delete(later);
  later.nodes.sort((a, b) => at(a) - at(b));
  later.members.sort((a, b) => at(a.space.node) - at(b.space.node));
}
