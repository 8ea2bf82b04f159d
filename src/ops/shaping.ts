/** @file Composites that rearrange: shapes, axes, slices, padding and joining. Negative axes count from the end. */
import { ArgumentError, ShapeError, complaint } from "../base/errors.ts";
import {
  type Shape,
  checkShape,
  formatShape,
  normalizeAxes,
  normalizeAxis,
  sameShape,
  sizeOf,
} from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { currentTrace } from "../ir/trace.ts";
import { bind1, requireList, requireTensor } from "./bind.ts";

/** `x` with the same elements in another shape; one extent may be -1 and is worked out. ShapeError where sizes differ. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  requireTensor("reshape", x);
  requireList("reshape", "a shape: an array of extents", shape);
  const target = [...shape];
  const unknown = target.indexOf(-1);
  if (unknown !== -1) {
    const rest = sizeOf(target.filter((_, axis) => axis !== unknown));
    target[unknown] = x.size / rest;
    if (!Number.isInteger(target[unknown]) || target.includes(-1))
      throw new ShapeError(
        complaint(
          "reshape",
          `a shape that ${x.size} elements fill, with at most one -1`,
          formatShape(shape),
        ),
      );
  }
  if (sameShape(x.shape, target)) return x;
  // Elements of a concrete tensor are never written to: another shape can share them.
  if (x.elements !== undefined && currentTrace() === undefined) {
    checkShape("reshape", target);
    if (sizeOf(target) === x.size) return new Tensor({ shape: target, dtype: x.dtype }, x.elements);
  }
  return bind1("reshape", [x], { shape: target });
}

/** Axes in another order: output axis i is input axis perm[i]. Without `perm` the axes are reversed. */
export function transpose(x: Tensor, perm?: readonly number[]): Tensor {
  requireTensor("transpose", x);
  if (perm !== undefined) requireList("transpose", "an array of axes", perm);
  const order =
    perm === undefined
      ? [...x.shape.keys()].reverse()
      : perm.map((axis) => normalizeAxis("transpose", axis, x.rank));
  if (order.length === x.rank && order.every((axis, i) => axis === i)) return x;
  return bind1("transpose", [x], { perm: order });
}

/** x with two of its axes exchanged; negative ones count from the end. Throws ArgumentError for axes that x lacks. */
export function swapAxes(x: Tensor, a: number, b: number): Tensor {
  requireTensor("swapAxes", x);
  const order = [...x.shape.keys()];
  const [i, j] = [normalizeAxis("swapAxes", a, x.rank), normalizeAxis("swapAxes", b, x.rank)];
  order[i] = j;
  order[j] = i;
  return transpose(x, order);
}

/** Without axes of extent 1: all of them, or those named (ShapeError where one is longer). */
export function squeeze(x: Tensor, axes?: number | readonly number[]): Tensor {
  requireTensor("squeeze", x);
  const gone =
    axes === undefined
      ? [...x.shape.keys()].filter((axis) => x.shape[axis] === 1)
      : normalizeAxes("squeeze", axes, x.rank);
  const long = gone.find((axis) => x.shape[axis] !== 1);
  if (long !== undefined)
    throw new ShapeError(complaint("squeeze", `extent 1 on axis ${long}`, formatShape(x.shape)));
  return reshape(
    x,
    x.shape.filter((_, axis) => !gone.includes(axis)),
  );
}

/** With new axes of extent 1 at the given places of the result. */
export function expandDims(x: Tensor, axes: number | readonly number[] = 0): Tensor {
  requireTensor("expandDims", x);
  const count = typeof axes === "number" ? 1 : axes.length;
  const places = normalizeAxes("expandDims", axes, x.rank + count);
  const shape = [...x.shape];
  for (const axis of places) shape.splice(axis, 0, 1);
  return reshape(x, shape);
}

/** All elements along one axis. */
export function flatten(x: Tensor): Tensor {
  return reshape(requireTensor("flatten", x), [x.size]);
}

/**
 * `x` repeated along axes of extent 1 (and new leading axes) until it has the shape. Throws ShapeError for a shape that it does
 * not broadcast to.
 */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  requireTensor("broadcastTo", x);
  requireList("broadcastTo", "a shape: an array of extents", shape);
  if (sameShape(x.shape, shape)) return x;
  const shift = shape.length - x.rank;
  const fits =
    shift >= 0 && x.shape.every((extent, axis) => extent === 1 || extent === shape[axis + shift]);
  if (!fits)
    throw new ShapeError(
      complaint(
        "broadcastTo",
        `a shape that ${formatShape(x.shape)} broadcasts to`,
        formatShape(shape),
      ),
    );
  return bind1("broadcast", [x], { shape: [...shape] });
}

/** A start, stop or step an axis; one number is for axis 0; what is missing or undefined is the whole axis. */
export type SliceBounds = number | readonly (number | undefined)[] | undefined;

/**
 * A part of `x` by Python's rules on every axis: negative starts and stops count from the end, bounds beyond it are
 * clamped, a negative step walks backwards. Axes not mentioned are taken whole. ArgumentError for a step of 0 or a fraction.
 */
export function slice(
  x: Tensor,
  starts?: SliceBounds,
  stops?: SliceBounds,
  steps?: SliceBounds,
): Tensor {
  requireTensor("slice", x);
  const of = (bounds: SliceBounds, axis: number): number | undefined => {
    const list = typeof bounds === "number" ? [bounds] : (bounds ?? []);
    if (list.length > x.rank)
      throw new ArgumentError(
        complaint("slice", `at most ${x.rank} bounds (one an axis)`, String(list.length)),
      );
    const bound = list[axis];
    if (bound !== undefined && !Number.isInteger(bound))
      throw new ArgumentError(complaint("slice", "integers", String(bound)));
    return bound;
  };
  for (const bounds of [starts, stops, steps]) of(bounds, 0);
  const start: number[] = [];
  const stop: number[] = [];
  const step: number[] = [];
  const flipped: number[] = [];
  for (const [axis, extent] of x.shape.entries()) {
    const by = of(steps, axis) ?? 1;
    if (by === 0)
      throw new ArgumentError(complaint("slice", "a step other than 0", `0 on axis ${axis}`));
    const resolve = (bound: number | undefined, missing: number): number => {
      if (bound === undefined) return missing;
      const from = bound < 0 ? bound + extent : bound;
      return by > 0
        ? Math.min(Math.max(from, 0), extent)
        : Math.min(Math.max(from, -1), extent - 1);
    };
    const first = resolve(of(starts, axis), by > 0 ? 0 : extent - 1);
    const end = resolve(of(stops, axis), by > 0 ? extent : -1);
    const count = Math.max(0, Math.ceil((end - first) / by));
    const low = count === 0 ? 0 : Math.min(first, first + (count - 1) * by);
    start.push(low);
    stop.push(count === 0 ? 0 : low + (count - 1) * Math.abs(by) + 1);
    step.push(count <= 1 ? 1 : Math.abs(by));
    if (by < 0 && count > 1) flipped.push(axis);
  }
  const whole = x.shape.every(
    (extent, axis) => start[axis] === 0 && stop[axis] === extent && step[axis] === 1,
  );
  const part = whole ? x : bind1("slice", [x], { start, stop, step });
  return flipped.length === 0 ? part : bind1("flip", [part], { axes: flipped });
}

/**
 * The element, row, ... at an index along an axis (negative counts from the end), without that axis. Throws ArgumentError for
 * an index outside.
 */
export function at(x: Tensor, index: number, axis = 0): Tensor {
  requireTensor("at", x);
  const along = normalizeAxis("at", axis, x.rank);
  const extent = x.shape[along]!;
  if (!Number.isInteger(index) || index < -extent || index >= extent)
    throw new ArgumentError(
      complaint("at", `an index in [${-extent}, ${extent - 1}] on axis ${along}`, String(index)),
    );
  const start = x.shape.map((_, i) => (i === along ? (index + extent) % extent : 0));
  const stop = x.shape.map((n, i) => (i === along ? start[along]! + 1 : n));
  const part = extent === 1 ? x : bind1("slice", [x], { start, stop, step: x.shape.map(() => 1) });
  return reshape(
    part,
    x.shape.filter((_, i) => i !== along),
  );
}

/** Elements in reverse order along the axes (all by default). */
export function flip(x: Tensor, axes?: number | readonly number[]): Tensor {
  requireTensor("flip", x);
  const list = normalizeAxes("flip", axes, x.rank);
  return list.length === 0 ? x : bind1("flip", [x], { axes: list });
}

/** Elements to add on an axis: the same number on both sides, or [before, after], or [before, after, between neighbours]. */
export type PadWidth =
  | number
  | readonly [number, number]
  | readonly [number, number, number]
  | readonly number[];

/** `x` with `value` around it: one width for every axis, or a list with one an axis. ShapeError for negative widths. */
export function pad(x: Tensor, widths: number | readonly PadWidth[], value = 0): Tensor {
  requireTensor("pad", x);
  if (typeof widths !== "number") requireList("pad", "a width, or an array of widths", widths);
  const list = typeof widths === "number" ? x.shape.map(() => widths) : widths;
  if (list.length !== x.rank)
    throw new ShapeError(complaint("pad", `${x.rank} widths (one an axis)`, String(list.length)));
  const part = (index: number): number[] =>
    list.map((width) =>
      typeof width === "number" ? (index < 2 ? width : 0) : (width[index] ?? 0),
    );
  const [low, high, interior] = [part(0), part(1), part(2)];
  if ([...low, ...high, ...interior].every((width) => width === 0)) return x;
  return bind1("pad", [x], { low, high, interior, value });
}

/**
 * Tensors joined along an axis that they have: its extents add up. Throws ShapeError where other extents differ, DTypeError for
 * different dtypes, ArgumentError for an empty list.
 */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  if (!Array.isArray(tensors) || tensors.length === 0)
    throw new ArgumentError(complaint("concat", "an array of at least one tensor", "none"));
  for (const tensor of tensors) requireTensor("concat", tensor);
  const along = normalizeAxis("concat", axis, tensors[0]!.rank);
  return tensors.length === 1 ? tensors[0]! : bind1("concat", tensors, { axis: along });
}

/**
 * Tensors of one shape joined along a new axis, whose extent is their number. Throws ShapeError where shapes differ, DTypeError
 * for different dtypes, ArgumentError for an empty list.
 */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  if (!Array.isArray(tensors) || tensors.length === 0)
    throw new ArgumentError(complaint("stack", "an array of at least one tensor", "none"));
  const along = normalizeAxis("stack", axis, requireTensor("stack", tensors[0]).rank + 1);
  const different = tensors.find(
    (tensor) => !sameShape(requireTensor("stack", tensor).shape, tensors[0]!.shape),
  );
  if (different !== undefined)
    throw new ShapeError(
      complaint(
        "stack",
        `tensors of one shape ${formatShape(tensors[0]!.shape)}`,
        formatShape(different.shape),
      ),
    );
  return concat(
    tensors.map((tensor) => expandDims(tensor, along)),
    along,
  );
}

/**
 * The parts of x along an axis as a list: a number of equal parts, or parts of the given extents. Throws ShapeError unless the
 * parts make up the whole axis, ArgumentError for a number that is not a positive integer.
 */
export function split(x: Tensor, parts: number | readonly number[], axis = 0): Tensor[] {
  requireTensor("split", x);
  const along = normalizeAxis("split", axis, x.rank);
  const extent = x.shape[along]!;
  if (typeof parts !== "number")
    requireList("split", "a number of parts, or an array of extents", parts);
  else if (!Number.isInteger(parts) || parts < 1)
    throw new ArgumentError(complaint("split", "a positive number of parts", String(parts)));
  const extents =
    typeof parts === "number"
      ? new Array<number>(Math.max(1, Math.floor(parts))).fill(extent / parts)
      : parts;
  const fits =
    extents.every((n) => Number.isInteger(n) && n >= 0) &&
    extents.reduce((sum, n) => sum + n, 0) === extent;
  if (!fits)
    throw new ShapeError(
      complaint(
        "split",
        `parts that make up the ${extent} elements of axis ${along}`,
        typeof parts === "number" ? `${parts} equal parts` : formatShape(parts),
      ),
    );
  let from = 0;
  return extents.map((n) => {
    const bounds = (value: number): (number | undefined)[] =>
      x.shape.map((_, i) => (i === along ? value : undefined));
    const part = slice(x, bounds(from), bounds(from + n));
    from += n;
    return part;
  });
}

/** `x` laid side by side so often along each axis; fewer repetitions than axes are for the last axes, more add axes in front. */
export function tile(x: Tensor, repetitions: number | readonly number[]): Tensor {
  requireTensor("tile", x);
  const given = typeof repetitions === "number" ? [repetitions] : repetitions;
  checkShape("tile", given);
  const rank = Math.max(given.length, x.rank);
  const times = [...new Array<number>(rank - given.length).fill(1), ...given];
  const shape = [...new Array<number>(rank - x.rank).fill(1), ...x.shape];
  const spread = broadcastTo(
    reshape(
      x,
      shape.flatMap((n) => [1, n]),
    ),
    shape.flatMap((n, axis) => [times[axis]!, n]),
  );
  return reshape(
    spread,
    shape.map((n, axis) => n * times[axis]!),
  );
}

/** Each element so often in a row along an axis. */
export function repeat(x: Tensor, times: number, axis = 0): Tensor {
  requireTensor("repeat", x);
  checkShape("repeat", [times]);
  const along = normalizeAxis("repeat", axis, x.rank);
  const shape = [...x.shape];
  shape.splice(along + 1, 0, times);
  return reshape(
    broadcastTo(expandDims(x, along + 1), shape),
    x.shape.map((n, i) => (i === along ? n * times : n)),
  );
}
