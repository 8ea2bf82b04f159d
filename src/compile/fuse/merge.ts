/**
 * @file Second half of fusion: whole groups are merged where one reads what the other makes, or both read the same.
 * Program order hides such neighbours: the terms of a long sum, for one, each begin a group of their own.
 */
import type { Node, Value } from "../../ir/graph.ts";
import { type Group, fit, inOrder, maxNodes } from "./group.ts";
import type { Reach } from "./reach.ts";

/** What is known of groups while they form. */
export interface Formation {
  readonly makerOf: Map<Value, Group>;
  readonly readersOf: ReadonlyMap<Value, readonly Group[]>;
  readonly reach: Reach<Group>;
  /** Nodes in program order. */
  readonly position: ReadonlyMap<Node, number>;
}

/** Groups in an order in which they can run, given so. */
export function mergeGroups(groups: readonly Group[], formation: Formation): Group[] {
  const alive = new Set(groups);
  const rank = new Map(groups.map((group, index) => [group, index]));
  for (const group of groups) {
    if (group.closed) continue;
    for (const other of neighbours(group, formation)) {
      if (!alive.has(other) || rank.get(other)! >= rank.get(group)!) continue;
      if (other.closed || other.extents.length !== group.extents.length) continue;
      if (other.nodes.length + group.nodes.length > maxNodes) continue;
      const axes = axesWithin(group, other, formation.makerOf);
      if (axes === undefined || !mayMerge(group, other, formation.reach)) continue;
      absorb(group, other, axes, formation);
      alive.delete(other);
      for (const reader of alive)
        if (reader !== group && reader.needs.delete(other)) reader.needs.add(group);
    }
  }
  return inOrder([...alive]);
}

/** Groups that the group reads from, and those that read what it reads, in order of creation. */
function neighbours(group: Group, { readersOf }: Formation): Group[] {
  const found = new Set(group.needs);
  for (const base of group.bases) for (const reader of readersOf.get(base) ?? []) found.add(reader);
  found.delete(group);
  return [...found].sort((a, b) => a.index - b.index);
}

/** Whether no third group has to run between the two. */
export function mayMerge(later: Group, earlier: Group, reach: Reach<Group>): boolean {
  for (const need of later.needs) if (need !== earlier && reach.waits(need, earlier)) return false;
  for (const need of earlier.needs) if (need === later || reach.waits(need, later)) return false;
  return true;
}

/** For each axis of the later group the axis of the earlier one, or undefined if their loops do not agree. */
function axesWithin(
  later: Group,
  earlier: Group,
  makerOf: ReadonlyMap<Value, Group>,
): number[] | undefined {
  let found: number[] | undefined;
  for (const { space, axes } of later.needs.has(earlier) ? later.members : []) {
    const reads = space.reads.some((read) => makerOf.get(read.base) === earlier);
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
  { makerOf, position, reach }: Formation,
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
  reach.join(later, earlier);
  later.needs.delete(earlier);
  later.needs.delete(later);
  later.nodes.sort((a, b) => at(a) - at(b));
  later.members.sort((a, b) => at(a.space.node) - at(b.space.node));
}
