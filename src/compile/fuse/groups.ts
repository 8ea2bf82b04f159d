/**
 * @file Fusion: nodes whose loops fit are put into one kernel, so that what they hand to each other stays in registers.
 * Greedy, in program order: a node joins the group that makes an operand (or shares one) if their loops agree up to the
 * order of axes, no operand is a fold of that group, and the groups stay free of circular waiting.
 */
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { type Access, accessOf, isComputed } from "../access.ts";
import { type Space, spaceOf } from "./space.ts";

/** A node in a group: axis i of its space is axis `axes[i]` of the group. */
export interface Member {
  readonly space: Space;
  readonly axes: readonly number[];
}

/** A kernel in the making. Groups of nodes that are no loops have one node and no members. */
export interface Group {
  readonly nodes: Node[];
  readonly extents: readonly number[];
  readonly members: Member[];
  /** Groups whose results this one reads. */
  readonly needs: Set<Group>;
  /** Values computed at every index, with their strides over the group's axes. */
  readonly maps: Map<Value, readonly number[]>;
  readonly bases: Set<Value>;
}

/** Above this many nodes a kernel gains nothing and its registers overflow. */
const maxNodes = 160;
/** How many recent groups are tried. */
const horizon = 24;

/** All groups of a graph, in an order in which they can run. */
export function formGroups(graph: Graph): Group[] {
  const groups: Group[] = [];
  const makerOf = new Map<Value, Group>();
  for (const node of graph.nodes) {
    if (!node.outputs.some(isComputed)) continue;
    const space = spaceOf(node);
    const bases = new Set<Value>(
      space === undefined
        ? node.inputs.map((input) => accessOf(input).base)
        : readsOf(space).map((read) => read.base),
    );
    const makers = new Set([...bases].flatMap((base) => makerOf.get(base) ?? []));
    const joined = space === undefined ? undefined : join(space, bases, makers, groups, makerOf);
    const group = joined ?? start(node, space);
    if (joined === undefined) groups.push(group);
    for (const base of bases) group.bases.add(base);
    for (const maker of makers) if (maker !== group) group.needs.add(maker);
    for (const output of node.outputs) makerOf.set(output, group);
  }
  return inOrder(groups);
}

const readsOf = (space: Space): readonly Access[] => space.terms.flatMap((term) => term.reads);

function start(node: Node, space: Space | undefined): Group {
  const group: Group = {
    nodes: [node],
    extents: space?.extents ?? [],
    members: [],
    needs: new Set(),
    maps: new Map(),
    bases: new Set(),
  };
  if (space !== undefined)
    add(
      group,
      space,
      space.extents.map((_, axis) => axis),
    );
  return group;
}

function add(group: Group, space: Space, axes: readonly number[]): void {
  group.members.push({ space, axes });
  for (const { result } of space.terms) {
    if (result.fold !== undefined) continue;
    const strides = new Array<number>(group.extents.length).fill(0);
    axes.forEach((axis, index) => (strides[axis] = result.view.strides[index]!));
    group.maps.set(result.value, strides);
  }
}

/** Joins the node to a group that takes it, makers of its operands first, then recent groups that read the same values. */
function join(
  space: Space,
  bases: ReadonlySet<Value>,
  makers: ReadonlySet<Group>,
  groups: readonly Group[],
  makerOf: ReadonlyMap<Value, Group>,
): Group | undefined {
  const recent = groups.slice(-horizon).reverse();
  const sharing = recent.filter(
    (group) => !makers.has(group) && [...bases].some((base) => group.bases.has(base)),
  );
  for (const group of [...recent.filter((candidate) => makers.has(candidate)), ...sharing]) {
    if (group.members.length === 0 || group.nodes.length >= maxNodes) continue;
    const axes = fit(space, group, makerOf);
    if (axes === undefined) continue;
    if ([...makers].some((maker) => maker !== group && waitsFor(maker, group))) continue;
    group.nodes.push(space.node);
    add(group, space, axes);
    return group;
  }
  return undefined;
}

/** The axes of the group that the axes of the space run along, or undefined if the loops do not agree. */
function fit(
  space: Space,
  group: Group,
  makerOf: ReadonlyMap<Value, Group>,
): readonly number[] | undefined {
  if (space.extents.length !== group.extents.length) return undefined;
  let found: readonly number[] | undefined;
  for (const read of readsOf(space)) {
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

/** Whether `group` must run after `other`. */
function waitsFor(group: Group, other: Group): boolean {
  const seen = new Set<Group>();
  const stack = [group];
  while (stack.length > 0) {
    const next = stack.pop()!;
    if (next === other) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    for (const need of next.needs) stack.push(need);
  }
  return false;
}

/** Topological order, stable: groups as early as they were begun. */
function inOrder(groups: readonly Group[]): Group[] {
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
