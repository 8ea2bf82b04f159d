/**
 * @file Last part of fusion: elementwise work on the result of a convolution (bias, activation, the mask of a backward pass, a
 * residual) is done while the sums are in registers, instead of in a pass over memory of its own.
 */
import { type Value, isPrim } from "../../ir/graph.ts";
import { isTranscendental } from "../../ir/prim.ts";
import type { Access } from "../../ir/value.ts";
import { isVirtual } from "../access.ts";
import { type Fusion, type Group, type Member, inOrder, onGroup } from "./fusion.ts";

/** Gives each convolution the first group of loops that can be its epilogue. Gives all groups in an order in which they can run. */
export function attachEpilogues(fusion: Fusion): Group[] {
  const { groups } = fusion;
  const alive = new Set(groups);
  const instead = new Map<Group, readonly Group[]>();
  let next = groups.reduce((most, { index }) => Math.max(most, index), -1) + 1;
  for (const conv of groups) {
    const node = conv.nodes[0]!;
    if (!isPrim(node, "preparedConv")) continue;
    const out = node.outputs[0]!;
    for (const loops of groups) {
      if (!alive.has(loops)) continue;
      const maps = mapsOf(loops);
      if (!isEpilogue(maps, out, fusion) || !fusion.mayMerge(loops, conv)) continue;
      const fused: Group = {
        ...maps,
        convolution: node,
        nodes: [node, ...maps.nodes],
        needs: new Set([...conv.needs, ...loops.needs].filter((need) => need !== conv)),
        maps: new Map([...maps.maps, [out, placesOf(maps, out)!]]),
        bases: new Set([...conv.bases, ...maps.bases]),
      };
      const made = [fused];
      if (maps !== loops) {
        const folds = foldsOf(loops, next++);
        made.push(folds);
        folds.needs.add(fused);
        for (const need of loops.needs) if (need !== conv) folds.needs.add(need);
      }
      fusion.replace(loops, conv, made, alive);
      instead.set(loops, made);
      break;
    }
  }
  const placed = groups.flatMap((group) => instead.get(group) ?? (alive.has(group) ? [group] : []));
  return prepareLate(inOrder(placed));
}

/** Kernels of convolutions are prepared just before they are used: prepared, they are large. */
function prepareLate(groups: readonly Group[]): Group[] {
  const isPrepared = ({ nodes }: Group): boolean => nodes[0]!.prim === "prepareKernel";
  const order = new Set<Group>();
  for (const group of groups) {
    if (isPrepared(group)) continue;
    for (const need of group.needs) if (isPrepared(need)) order.add(need);
    order.add(group);
  }
  // Those that nobody here needs are results.
  for (const group of groups) order.add(group);
  return [...order];
}

const folds = ({ space }: Member): boolean =>
  space.terms.some(({ result }) => result.fold !== undefined);

/** The group without its folds (a bias' gradient, say): they read what the epilogue stores. The group itself if it has none. */
function mapsOf(group: Group): Group {
  if (!group.members.some(folds)) return group;
  return partOf(group, group.index, (member) => !folds(member), group.maps);
}

function foldsOf(group: Group, index: number): Group {
  return partOf(group, index, folds, new Map());
}

function partOf(
  group: Group,
  index: number,
  belongs: (member: Member) => boolean,
  maps: Group["maps"],
): Group {
  const members = group.members.filter(belongs);
  const reads = members.flatMap(({ space }) => space.reads.map(({ base }) => base));
  return {
    ...group,
    index,
    members,
    nodes: members.map(({ space }) => space.node),
    needs: new Set(),
    maps,
    bases: new Set(reads),
  };
}

/** How the group's loop walks through the whole of `out`, element by element, if it does. */
function placesOf(group: Group, out: Value): readonly number[] | undefined {
  for (const member of group.members)
    for (const read of member.space.reads)
      if (read.base === out && read.offset === 0) return onGroup(group, member, read).strides;
  return undefined;
}

/**
 * Whether the group only maps: every result lies as `out` does, and whatever else is read does too, or is the same at all
 * pixels (a bias), or everywhere. Dear functions are left out: they want registers of their own.
 */
function isEpilogue(group: Group, out: Value, fusion: Fusion): boolean {
  if (!group.bases.has(out) || group.members.length === 0 || group.convolution !== undefined)
    return false;
  const places = placesOf(group, out);
  const filter = places?.indexOf(1) ?? -1;
  if (places === undefined || filter < 0 || group.extents[filter] !== out.shape.at(-1))
    return false;
  const total = group.extents.reduce((product, extent) => product * extent, 1);
  if (total !== out.shape.reduce((product, extent) => product * extent, 1)) return false;
  const fits = ({ base, offset }: Access, strides: readonly number[]): boolean => {
    if (offset === 0 && strides.every((stride, axis) => stride === places[axis])) return true;
    // Only the current sum is in a register: another pixel's, used as a bias, has to come from memory.
    if (base === out) return false;
    return (
      strides.every((stride, axis) => stride === (axis === filter ? 1 : 0)) ||
      strides.every((stride) => stride === 0)
    );
  };
  return group.members.every((member) => {
    const { node, terms, reads } = member.space;
    if (isTranscendental(node.prim)) return false;
    return (
      terms.every(({ result }) => {
        const { strides } = onGroup(group, member, result.view);
        return (
          result.fold === undefined &&
          result.view.offset === 0 &&
          strides.every((stride, axis) => stride === places[axis]) &&
          isAsWide(result.value, out)
        );
      }) &&
      reads.every((read) => {
        if (fusion.makerOf(read.base) === group) return true;
        if (isVirtual(read.base)) return read.base.node!.prim === "constant";
        return isAsWide(read.base, out) && fits(read, onGroup(group, member, read).strides);
      })
    );
  });
}

/** Whether a vector holds as many elements of one value as of the other. */
function isAsWide(value: Value, out: Value): boolean {
  return value.dtype === out.dtype || (value.dtype === "bool" && out.dtype === "float32");
}
