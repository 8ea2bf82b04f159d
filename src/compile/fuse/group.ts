/** @file A group of nodes that will be one kernel, and when a loop fits into it. */
import type { Node, Value } from "../../ir/graph.ts";
import type { View } from "../../ir/kernel.ts";
import { isTranscendental } from "../../ir/prim.ts";
import { sizeOf } from "../../ir/shape.ts";
import type { Target } from "../../backend/backend.ts";
import type { Space } from "./space.ts";

/** Above this many nodes a kernel gains nothing and its registers overflow. */
export const maxNodes = 160;

/** For whom kernels are formed, and whether a row's sums must have the same bits however many rows there are. */
export interface Terms {
  readonly target: Target;
  readonly invariant: boolean;
}

/** A node in a group: axis i of its space is axis `axes[i]` of the group. */
export interface Member {
  readonly space: Space;
  readonly axes: readonly number[];
}

/** A kernel in the making. Groups of nodes that are no loops have one node and no members. */
export interface Group {
  /** Whether nothing joins it: see `standsAlone`. */
  readonly closed: boolean;
  /** Its number in order of creation. */
  readonly index: number;
  readonly nodes: Node[];
  /** The convolution whose results the loops work on while they are at hand: see epilogue.ts. */
  readonly convolution?: Node;
  readonly extents: readonly number[];
  readonly members: Member[];
  /** Groups whose results this one reads. */
  readonly needs: Set<Group>;
  /** Values computed at every index, with their strides over the group's axes. */
  readonly maps: Map<Value, readonly number[]>;
  readonly bases: Set<Value>;
}

/** Whether the loop of a transcendental function is to stay alone. */
export function standsAlone({ node, extents }: Space, { target, invariant }: Terms): boolean {
  // What depends on the size would depend on the batch, and with it the loops that sums are part of.
  return !invariant && isTranscendental(node.prim) && target.wantsOwnLoop(sizeOf(extents));
}

/** The axes of the group that the axes of the space run along, or undefined if the loops do not agree. */
export function fit(
  space: Space,
  group: Group,
  makerOf: ReadonlyMap<Value, Group>,
): readonly number[] | undefined {
  if (space.extents.length !== group.extents.length) return undefined;
  let found: readonly number[] | undefined;
  for (const read of space.reads) {
    if (makerOf.get(read.base) !== group) continue;
    const strides = group.maps.get(read.base);
    // A fold is finished only after the loop.
    if (strides === undefined || read.offset !== 0) return undefined;
    const axes = match(space.extents, read.strides, group.extents, strides);
    if (
      axes === undefined ||
      (found !== undefined && found.some((axis, index) => axis !== axes[index]))
    )
      return undefined;
    found = axes;
  }
  if (found !== undefined) return found;
  return space.extents.every((extent, axis) => extent === group.extents[axis])
    ? space.extents.map((_, axis) => axis)
    : undefined;
}

/** Strides of a map over its whole loop are distinct, so they tell which axis is which. */
function match(
  extents: readonly number[],
  strides: readonly number[],
  groupExtents: readonly number[],
  groupStrides: readonly number[],
): number[] | undefined {
  const axes: number[] = [];
  for (let index = 0; index < extents.length; index++) {
    const axis = groupStrides.indexOf(strides[index]!);
    if (axis < 0 || groupExtents[axis] !== extents[index] || axes.includes(axis)) return undefined;
    axes.push(axis);
  }
  return axes;
}

/** A view along the member's axes as one along the group's. */
export function onGroup(group: Group, member: Member, view: View): View {
  const strides = new Array<number>(group.extents.length).fill(0);
  member.axes.forEach((axis, index) => (strides[axis] = view.strides[index]!));
  return { offset: view.offset, strides };
}

/** Topological order, stable: groups as early as they were begun. */
export function inOrder(groups: readonly Group[]): Group[] {
  const done = new Set<Group>();
  const order: Group[] = [];
  const visit = (group: Group): void => {
    if (done.has(group)) return;
    done.add(group);
    for (const need of group.needs) visit(need);
    order.push(group);
  };
  groups.forEach(visit);
  return order;
}
