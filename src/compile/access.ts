/** @file How a value is read from memory: views resolved to a base value with offset and strides. */
import { type Node, type Value, isPrim } from "../ir/graph.ts";
import type { Access } from "../ir/value.ts";
import { isView } from "../ir/prim.ts";
import { type Shape, sizeOf, stridesOf } from "../ir/shape.ts";

/** Values that are written out as literals or indices where they are used. */
export function isVirtual(value: Value): boolean {
  return value.node !== null && (value.node.prim === "constant" || value.node.prim === "iota");
}

/** The access of a value: found once, and kept with it. */
export function accessOf(value: Value): Access {
  if (value.access !== undefined) return value.access;
  // From the far end: chains of views may be longer than the call stack is deep.
  const chain: Value[] = [];
  for (
    let next: Value | undefined = value;
    next !== undefined && next.access === undefined;
    next = operandOfView(next)
  )
    chain.push(next);
  for (const link of chain.reverse()) link.access = resolve(link);
  return value.access!;
}

function operandOfView({ node }: Value): Value | undefined {
  return node !== null && isView((node as Node).prim) ? node.inputs[0] : undefined;
}

/** Whether the value is computed into memory of its own, rather than a view or virtual. */
export function isComputed(value: Value): boolean {
  return accessOf(value).base === value && !isVirtual(value);
}

/** Whether reading the value is reading its base from the start, element by element. */
export function isWhole(value: Value): boolean {
  const { base, offset, strides } = accessOf(value);
  return (
    !isVirtual(base) &&
    offset === 0 &&
    sizeOf(base.shape) === sizeOf(value.shape) &&
    isContiguous(value.shape, strides)
  );
}

function isContiguous(shape: Shape, strides: readonly number[]): boolean {
  const plain = stridesOf(shape);
  return shape.every((extent, axis) => extent === 1 || strides[axis] === plain[axis]);
}

function resolve(value: Value): Access {
  const node = value.node;
  const own: Access = { base: value, offset: 0, strides: stridesOf(value.shape) };
  if (node === null) return own;
  if (isPrim(node, "constant"))
    return { base: value, offset: 0, strides: value.shape.map(() => 0) };
  if (isPrim(node, "iota"))
    return {
      base: value,
      offset: 0,
      strides: value.shape.map((_, axis) => (axis === node.params.axis ? 1 : 0)),
    };
  const inner = (): Access => accessOf(node.inputs[0]!);
  if (isPrim(node, "transpose")) {
    const { base, offset, strides } = inner();
    return { base, offset, strides: node.params.perm.map((axis) => strides[axis]!) };
  }
  if (isPrim(node, "broadcast")) {
    const { base, offset, strides } = inner();
    const from = node.inputs[0]!.shape;
    const shift = value.shape.length - from.length;
    return {
      base,
      offset,
      strides: value.shape.map((extent, axis) =>
        axis < shift || (from[axis - shift] === 1 && extent !== 1) ? 0 : strides[axis - shift]!,
      ),
    };
  }
  if (isPrim(node, "slice")) {
    const { base, offset, strides } = inner();
    const { start, step } = node.params;
    return {
      base,
      offset: start.reduce((sum, first, axis) => sum + first * strides[axis]!, offset),
      strides: strides.map((stride, axis) => stride * step[axis]!),
    };
  }
  if (isPrim(node, "flip")) {
    const { base, offset, strides } = inner();
    const flipped = new Set(node.params.axes);
    return {
      base,
      offset: value.shape.reduce(
        (sum, extent, axis) => (flipped.has(axis) ? sum + (extent - 1) * strides[axis]! : sum),
        offset,
      ),
      strides: strides.map((stride, axis) => (flipped.has(axis) ? -stride : stride)),
    };
  }
  if (isPrim(node, "reshape")) {
    const { base, offset, strides } = inner();
    const reshaped = reshapeStrides(node.inputs[0]!.shape, strides, value.shape);
    return reshaped === undefined ? own : { base, offset, strides: reshaped };
  }
  return own;
}

/** Strides under which `shape` walks the elements in the order that `from` with `strides` does, if there are such. */
export function reshapeStrides(
  from: Shape,
  strides: readonly number[],
  shape: Shape,
): number[] | undefined {
  const result = new Array<number>(shape.length).fill(0);
  if (sizeOf(shape) === 0) return stridesOf(shape);
  // Runs of source axes that walk memory evenly, innermost first.
  const axes = from
    .map((extent, axis) => ({ extent, stride: strides[axis]! }))
    .filter(({ extent }) => extent !== 1);
  const runs: { extent: number; stride: number }[] = [];
  for (const { extent, stride } of axes.reverse()) {
    const last = runs.at(-1);
    if (last !== undefined && stride === last.stride * last.extent) last.extent *= extent;
    else runs.push({ extent, stride });
  }
  let run = 0;
  let left = runs[0]?.extent ?? 1;
  let stride = runs[0]?.stride ?? 0;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis]!;
    if (extent === 1) {
      result[axis] = 0;
      continue;
    }
    if (left === 1) {
      run++;
      left = runs[run]!.extent;
      stride = runs[run]!.stride;
    }
    if (left % extent !== 0) return undefined;
    result[axis] = stride;
    stride *= extent;
    left /= extent;
  }
  return result;
}
