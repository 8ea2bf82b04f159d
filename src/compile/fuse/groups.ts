/**
 * @file Fusion: nodes whose loops fit are put into one kernel, so that what they hand to each other stays in registers.
 * Greedy, in program order: a node joins the group that makes an operand (or shares one) if their loops agree up to the
 * order of axes, no operand is a fold of that group, and the groups stay free of circular waiting. Then groups are merged.
 */
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { accessOf, isComputed } from "../access.ts";
import { attachEpilogues } from "./epilogue.ts";
import { type Group, type Terms, fit, inOrder, maxNodes, standsAlone } from "./group.ts";
import { mergeGroups } from "./merge.ts";
import { Reach } from "./reach.ts";
import { type Space, spaceOf } from "./space.ts";

/** How many of the latest readers of a value are tried. */
const horizon = 8;

/** All groups of a graph, in an order in which they can run, and which of them makes each value. */
export function formGroups(
  graph: Graph,
  terms: Terms,
): {
  groups: Group[];
  makerOf: ReadonlyMap<Value, Group>;
} {
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
  return { groups: attachEpilogues(mergeGroups(inOrder(groups), formation), formation), makerOf };
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
