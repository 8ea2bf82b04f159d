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
  const member = { space, axes };
  group.members.push(member);
  for (const { result } of space.terms)
    if (result.fold === undefined)
      group.maps.set(result.value, onGroup(group, member, result.view).strides);
}

/** Forms the groups of a graph, and knows at any time which group makes a value, which ones read it, and which wait for which. */
export class Fusion {
  /** In an order in which they can run. */
  groups: readonly Group[] = [];
  readonly #terms: Terms;
  readonly #makerOf = new Map<Value, Group>();
  readonly #readersOf = new Map<Value, Group[]>();
  readonly #reach = new Reach<Group>();
  /** Nodes in program order. */
  readonly #position = new Map<Node, number>();

  constructor(graph: Graph, terms: Terms) {
    this.#terms = terms;
    const groups: Group[] = [];
    for (const node of graph.nodes) {
      if (!node.outputs.some(isComputed)) continue;
      this.#position.set(node, this.#position.size);
      const group = this.#place(node, groups.length);
      if (group.index === groups.length) groups.push(group);
    }
    this.#mergeNeighbours(inOrder(groups));
  }

  /** The group that computes a value. */
  makerOf(value: Value): Group | undefined {
    return this.#makerOf.get(value);
  }

  /** Whether no third group has to run between the two. */
  mayMerge(later: Group, earlier: Group): boolean {
    const { needs } = earlier;
    for (const need of later.needs)
      if (need !== earlier && this.#reach.waits(need, earlier)) return false;
    for (const need of needs) if (need === later || this.#reach.waits(need, later)) return false;
    return true;
  }

  /** The later group takes over the earlier one, whose axes are turned to its own; `alive` are all groups. */
  merge(later: Group, earlier: Group, axes: readonly number[], alive: Set<Group>): void {
    const at = (node: Node): number => this.#position.get(node)!;
    for (const { space, axes: own } of earlier.members)
      later.members.push({ space, axes: own.map((axis) => axes.indexOf(axis)) });
    for (const [value, strides] of earlier.maps)
      later.maps.set(
        value,
        axes.map((axis) => strides[axis]!),
      );
    later.nodes.push(...earlier.nodes);
    for (const base of earlier.bases) later.bases.add(base);
    for (const need of earlier.needs) later.needs.add(need);
    later.needs.delete(earlier);
    later.needs.delete(later);
    later.nodes.sort((a, b) => at(a) - at(b));
    later.members.sort((a, b) => at(a.space.node) - at(b.space.node));
    this.#reach.join(later, earlier);
    this.#makes(later);
    alive.delete(earlier);
    for (const reader of alive)
      if (reader !== later && reader.needs.delete(earlier)) reader.needs.add(later);
  }

  /** Two groups give way to `made`, each of which waits for the one before it; `alive` are all groups. */
  replace(later: Group, earlier: Group, made: readonly Group[], alive: Set<Group>): void {
    this.#reach.join(later, earlier);
    made.forEach((group, index) => {
      if (index > 0) this.#reach.add(group, made[index - 1]!);
      this.#makes(group);
    });
    alive.delete(earlier);
    alive.delete(later);
    for (const reader of alive)
      if ([earlier, later].filter((old) => reader.needs.delete(old)).length > 0)
        for (const group of made) {
          reader.needs.add(group);
          this.#reach.add(reader, group);
        }
    for (const group of made) alive.add(group);
  }

  #makes(group: Group): void {
    for (const { outputs } of group.nodes)
      for (const output of outputs) this.#makerOf.set(output, group);
  }

  /** Puts a node into the first group that takes it, or into one of its own. */
  #place(node: Node, index: number): Group {
    const space = spaceOf(node, this.#terms.target);
    const bases = new Set(
      space === undefined
        ? node.inputs.map((input) => accessOf(input).base)
        : space.reads.map(({ base }) => base),
    );
    const makers = new Set<Group>();
    for (const base of bases) {
      const maker = this.#makerOf.get(base);
      if (maker !== undefined) makers.add(maker);
    }
    const joined =
      space === undefined || node.recomputed === true
        ? undefined
        : this.#join(space, this.#candidates(bases, makers), makers);
    const group = joined ?? start(node, space, index, this.#terms);
    for (const base of bases) {
      if (group.bases.has(base)) continue;
      group.bases.add(base);
      const readers = this.#readersOf.get(base);
      if (readers === undefined) this.#readersOf.set(base, [group]);
      else readers.push(group);
    }
    for (const maker of makers) {
      if (maker === group) continue;
      group.needs.add(maker);
      this.#reach.add(group, maker);
    }
    for (const output of node.outputs) this.#makerOf.set(output, group);
    return group;
  }

  /** Groups worth trying: makers of operands, latest first, then the latest readers of the same values. */
  #candidates(bases: ReadonlySet<Value>, makers: ReadonlySet<Group>): Set<Group> {
    const found = new Set([...makers].sort((a, b) => b.index - a.index));
    for (const base of bases)
      for (const reader of (this.#readersOf.get(base) ?? []).slice(-horizon).reverse())
        found.add(reader);
    return found;
  }

  /** Adds the node to the first candidate that takes it. */
  #join(space: Space, tried: ReadonlySet<Group>, makers: ReadonlySet<Group>): Group | undefined {
    if (standsAlone(space, this.#terms)) return undefined;
    for (const group of tried) {
      if (group.closed || group.nodes.length >= maxNodes) continue;
      const axes = this.#axesOf(space, group);
      if (axes === undefined) continue;
      if ([...makers].some((maker) => maker !== group && this.#reach.waits(maker, group))) continue;
      group.nodes.push(space.node);
      add(group, space, axes);
      return group;
    }
    return undefined;
  }

  /**
   * Merges groups where one reads what the other makes, or both read the same. Program order hides such neighbours: each term of
   * a long sum begins a group of its own, for example.
   */
  #mergeNeighbours(groups: readonly Group[]): void {
    const alive = new Set(groups);
    const rank = new Map(groups.map((group, index) => [group, index]));
    for (const group of groups) {
      if (group.closed) continue;
      for (const other of this.#neighbours(group)) {
        if (!alive.has(other) || rank.get(other)! >= rank.get(group)!) continue;
        if (other.closed || other.extents.length !== group.extents.length) continue;
        if (other.nodes.length + group.nodes.length > maxNodes) continue;
        const axes = this.#axesWithin(group, other);
        if (axes !== undefined && this.mayMerge(group, other))
          this.merge(group, other, axes, alive);
      }
    }
    this.groups = inOrder([...alive]);
  }

  /** Groups that the group reads from, and those that read what it reads, in order of creation. */
  #neighbours(group: Group): Group[] {
    const found = new Set(group.needs);
    for (const base of group.bases)
      for (const reader of this.#readersOf.get(base) ?? []) found.add(reader);
    found.delete(group);
    return [...found].sort((a, b) => a.index - b.index);
  }

  /** The axes of the group that the axes of the space run along, or undefined if the loops do not agree. */
  #axesOf(space: Space, group: Group): readonly number[] | undefined {
    if (space.extents.length !== group.extents.length) return undefined;
    let found: readonly number[] | undefined;
    for (const read of space.reads) {
      if (this.#makerOf.get(read.base) !== group) continue;
      const strides = group.maps.get(read.base);
      // A fold is finished only after the loop.
      if (strides === undefined || read.offset !== 0) return undefined;
      const axes = match(space.extents, read.strides, group.extents, strides);
      if (axes === undefined || (found !== undefined && !sameAxes(found, axes))) return undefined;
      found = axes;
    }
    return found ?? unturned(space.extents, group.extents);
  }

  /** For each axis of the later group the axis of the earlier one, or undefined if their loops do not agree. */
  #axesWithin(later: Group, earlier: Group): readonly number[] | undefined {
    let found: number[] | undefined;
    for (const { space, axes } of later.needs.has(earlier) ? later.members : []) {
      if (!space.reads.some((read) => this.#makerOf.get(read.base) === earlier)) continue;
      const turned = this.#axesOf(space, earlier);
      if (turned === undefined) return undefined;
      const mapping = new Array<number>(later.extents.length);
      axes.forEach((axis, index) => (mapping[axis] = turned[index]!));
      if (found !== undefined && !sameAxes(found, mapping)) return undefined;
      found = mapping;
    }
    return found ?? unturned(later.extents, earlier.extents);
  }
}

function sameAxes(some: readonly number[], others: readonly number[]): boolean {
  return some.every((axis, index) => axis === others[index]);
}

/** Axes as they are, if the extents agree. */
function unturned(some: readonly number[], others: readonly number[]): number[] | undefined {
  return some.every((extent, axis) => extent === others[axis])
    ? some.map((_, axis) => axis)
    : undefined;
}
