/**
 * @file Fusion: nodes whose loops fit are put into one kernel, so that what they hand to each other stays in registers.
 * Greedy, in program order: a node joins the group that makes an operand (or shares one) if their loops agree up to the
 * order of axes, no operand is a fold of that group, and the groups stay free of circular waiting. Then groups are merged.
 */
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { accessOf, isComputed } from "../access.ts";
import { type Group, fit, inOrder, maxNodes, readsOf, waitsFor } from "./group.ts";
import { mergeGroups } from "./merge.ts";
import { type Space, spaceOf } from "./space.ts";

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
  return mergeGroups(inOrder(groups), makerOf, new Map(graph.nodes.map((node, at) => [node, at])));
}

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
