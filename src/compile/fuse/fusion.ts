/**
 * @file Fusion: nodes whose loops agree become one kernel, so that what they pass to each other stays in registers. Greedy, in program
 * order: a node joins the group that makes an operand (or that reads the same) if their loops agree up to the order of axes, no operand
 * is a fold of that group, and no group comes to wait for itself. Then whole groups are merged.
 */
import type { Node, Value, Graph } from "../../ir/graph.ts";
import type { View } from "../../ir/kernel.ts";
import { isTranscendental } from "../../ir/prim.ts";
import { sizeOf } from "../../ir/shape.ts";
import type { Target } from "../../backend/backend.ts";
import { type Space, spaceOf } from "./space.ts";
import { accessOf, isComputed } from "../access.ts";
import { Reach } from "./reach.ts";

/** Above this many nodes a kernel gains nothing and its registers overflow. */
const maxNodes = 160;

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

/** A kernel under construction. The group of a node that is not a loop has that one node and no members. */
export interface Group {
  /** Whether nothing joins it: see `standsAlone`. */
  readonly closed: boolean;
  /** Its number in order of creation. */
  readonly index: number;
  readonly nodes: Node[];
  /** The convolution whose results the loops work on while they are still in registers: see epilogue.ts. */
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
function standsAlone({ node, extents }: Space, { target, invariant }: Terms): boolean {
  // What depends on the size would depend on the batch, and with it the loops that sums are part of.
  return !invariant && isTranscendental(node.prim) && target.wantsOwnLoop(sizeOf(extents));
}

/** The axes of the group that the axes of the space run along, or undefined if the loops do not agree. */
function fit(
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

/** How many of the latest readers of a value are tried. */
const horizon = 8;

/** The groups of a graph, in an order in which they can run, and what is known of them. */
export function formGroups(
  graph: Graph,
  terms: Terms,
): { readonly groups: Group[]; readonly formation: Formation } {
  const groups: Group[] = [];
  const makerOf = new Map<Value, Group>();
  const readersOf = new Map<Value, Group[]>();
  const reach = new Reach<Group>();
  const position = new Map<Node, number>();
  for (const node of graph.nodes) {
    if (!node.outputs.some(isComputed)) continue;
    position.set(node, position.size);
    const space = spaceOf(node, terms.target);
    const bases = new Set<Value>();
    if (space === undefined) for (const input of node.inputs) bases.add(accessOf(input).base);
    else for (const read of space.reads) bases.add(read.base);
    const makers = new Set<Group>();
    for (const base of bases) {
      const maker = makerOf.get(base);
      if (maker !== undefined) makers.add(maker);
    }
    let group =
      space === undefined || node.recomputed === true
        ? undefined
        : join(space, candidates(bases, makers, readersOf), makers, makerOf, reach, terms);
    if (group === undefined) groups.push((group = start(node, space, groups.length, terms)));
    for (const base of bases) {
      if (group.bases.has(base)) continue;
      group.bases.add(base);
      const readers = readersOf.get(base);
      if (readers === undefined) readersOf.set(base, [group]);
      else readers.push(group);
    }
    for (const maker of makers) {
      if (maker === group) continue;
      group.needs.add(maker);
      reach.add(group, maker);
    }
    for (const output of node.outputs) makerOf.set(output, group);
  }
  const formation = { makerOf, readersOf, reach, position };
  return { groups: mergeGroups(inOrder(groups), formation), formation };
}

/** Groups worth trying: makers of operands, latest first, then the latest readers of the same values. */
function candidates(
  bases: ReadonlySet<Value>,
  makers: ReadonlySet<Group>,
  readersOf: ReadonlyMap<Value, readonly Group[]>,
): Set<Group> {
  const found = new Set([...makers].sort((a, b) => b.index - a.index));
  for (const base of bases)
    for (const reader of (readersOf.get(base) ?? []).slice(-horizon).reverse()) found.add(reader);
  return found;
}

function start(node: Node, space: Space | undefined, index: number, terms: Terms): Group {
  const group: Group = {
    index,
    closed: space === undefined || standsAlone(space, terms),
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

/** Adds the node to the first candidate that takes it. */
function join(
  space: Space,
  tried: ReadonlySet<Group>,
  makers: ReadonlySet<Group>,
  makerOf: ReadonlyMap<Value, Group>,
  reach: Reach<Group>,
  terms: Terms,
): Group | undefined {
  if (standsAlone(space, terms)) return undefined;
  for (const group of tried) {
    if (group.closed || group.nodes.length >= maxNodes) continue;
    const axes = fit(space, group, makerOf);
    if (axes === undefined) continue;
    let waiting = false;
    for (const maker of makers) if (maker !== group && reach.waits(maker, group)) waiting = true;
    if (waiting) continue;
    group.nodes.push(space.node);
    add(group, space, axes);
    return group;
  }
  return undefined;
}

/** What is known of groups while they form. */
export interface Formation {
  readonly makerOf: Map<Value, Group>;
  readonly readersOf: ReadonlyMap<Value, readonly Group[]>;
  readonly reach: Reach<Group>;
  /** Nodes in program order. */
  readonly position: ReadonlyMap<Node, number>;
}

/**
 * Merges groups where one reads what the other makes, or both read the same; takes and gives them in an order in which they can run.
 * Program order hides such neighbours: each term of a long sum begins a group of its own, for example.
 */
function mergeGroups(groups: readonly Group[], formation: Formation): Group[] {
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
