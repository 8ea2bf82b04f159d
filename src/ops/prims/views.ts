/** @file Primitives that move elements: views, padding and joining, picking and placing by index. All are linear, and the transpose of each is made of others. */
import { ArgumentError, ShapeError, complaint } from "../../base/errors.ts";
import type { ViewPrim } from "../../ir/prim.ts";
import { checkShape, formatShape, sizeOf, sameShape } from "../../ir/shape.ts";
import {
  arity,
  requireAxis,
  requireRank,
  requireSameDType,
  numbers,
  requireDType,
} from "../infer.ts";
import { type Rules, linear } from "../rules.ts";
import type { TensorType } from "../../ir/graph.ts";

const isCount = (n: number): boolean => Number.isInteger(n) && n >= 0;

/** Rules of views, and of the copy that a compiler makes of one. */
export const viewRules: { [P in ViewPrim | "copy"]: Rules<P> } = {
  copy: linear(
    ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
    (g) => g,
  ),
  reshape: linear(
    (inputs, { shape }) => {
      arity("reshape", inputs, 1);
      checkShape("reshape", shape);
      const from = inputs[0]!;
      if (sizeOf(from.shape) !== sizeOf(shape))
        throw new ShapeError(
          complaint(
            "reshape",
            `a shape of ${sizeOf(from.shape)} elements for ${formatShape(from.shape)}`,
            formatShape(shape),
          ),
        );
      return [{ shape, dtype: from.dtype }];
    },
    (g, { inputs }) => g.reshape(inputs[0]!.shape),
  ),
  transpose: linear(
    (inputs, { perm }) => {
      arity("transpose", inputs, 1);
      const { shape, dtype } = inputs[0]!;
      requireRank("transpose", "axes in perm", perm, shape.length);
      for (const axis of perm) requireAxis("transpose", axis, shape.length);
      if (new Set(perm).size !== perm.length)
        throw new ArgumentError(complaint("transpose", "each axis once", formatShape(perm)));
      return [{ shape: perm.map((axis) => shape[axis]!), dtype }];
    },
    (g, { params: { perm } }) => g.transpose(perm.map((_, axis) => perm.indexOf(axis))),
  ),
  broadcast: linear(
    (inputs, { shape }) => {
      arity("broadcast", inputs, 1);
      checkShape("broadcast", shape);
      const from = inputs[0]!;
      const shift = shape.length - from.shape.length;
      const fits =
        shift >= 0 &&
        from.shape.every((extent, axis) => extent === shape[axis + shift] || extent === 1);
      if (!fits)
        throw new ShapeError(
          complaint(
            "broadcast",
            "extents of 1 or the target's",
            `${formatShape(from.shape)} to ${formatShape(shape)}`,
          ),
        );
      return [{ shape, dtype: from.dtype }];
    },
    (g, { inputs }) => {
      const { shape } = inputs[0]!;
      const shift = g.rank - shape.length;
      const repeated = [...g.shape.keys()].filter(
        (axis) => axis < shift || (shape[axis - shift] === 1 && g.shape[axis] !== 1),
      );
      return g.sum(repeated, true).reshape(shape);
    },
  ),
  slice: linear(
    (inputs, { start, stop, step }) => {
      arity("slice", inputs, 1);
      const { shape, dtype } = inputs[0]!;
      for (const list of [start, stop, step])
        requireRank("slice", "starts, stops and steps", list, shape.length);
      const extents = shape.map((extent, axis) => {
        const [from, to, by] = [start[axis]!, stop[axis]!, step[axis]!];
        if (
          !isCount(from) ||
          !isCount(to) ||
          from > to ||
          to > extent ||
          !(Number.isInteger(by) && by >= 1)
        )
          throw new ShapeError(
            complaint(
              "slice",
              `0 <= start <= stop <= ${extent} and step >= 1 on axis ${axis}`,
              `start ${from}, stop ${to}, step ${by}`,
            ),
          );
        return Math.ceil((to - from) / by);
      });
      return [{ shape: extents, dtype }];
    },
    (g, { inputs, params: { start, step } }) => {
      const widths = inputs[0]!.shape.map((extent, axis): [number, number, number] => {
        const count = g.shape[axis]!;
        if (count === 0) return [extent, 0, 0];
        return [
          start[axis]!,
          extent - start[axis]! - (count - 1) * step[axis]! - 1,
          step[axis]! - 1,
        ];
      });
      return g.pad(widths);
    },
  ),
  flip: linear(
    (inputs, { axes }) => {
      arity("flip", inputs, 1);
      for (const axis of axes) requireAxis("flip", axis, inputs[0]!.shape.length);
      return [inputs[0]!];
    },
    (g, { params }) => g.flip([...params.axes]),
  ),
};

// pad and concat make larger tensors of smaller ones; their transposes slice.

/** Rules of padding and joining. */
export const joinRules: { [P in "pad" | "concat"]: Rules<P> } = {
  pad: linear(
    (inputs, { low, high, interior }) => {
      arity("pad", inputs, 1);
      const { shape, dtype } = inputs[0]!;
      for (const list of [low, high, interior]) {
        requireRank("pad", "widths", list, shape.length);
        if (!list.every((width) => Number.isInteger(width) && width >= 0))
          throw new ShapeError(
            complaint(
              "pad",
              "widths that are integers >= 0",
              formatShape(list),
              "Use slice to cut.",
            ),
          );
      }
      const extents = shape.map(
        (extent, axis) =>
          low[axis]! + high[axis]! + extent + Math.max(0, extent - 1) * interior[axis]!,
      );
      return [{ shape: extents, dtype }];
    },
    (g, { inputs, params: { low, interior } }) => {
      const { shape } = inputs[0]!;
      const stops = shape.map(
        (extent, axis) =>
          low[axis]! + (extent === 0 ? 0 : (extent - 1) * (interior[axis]! + 1) + 1),
      );
      return g.slice(
        [...low],
        stops,
        interior.map((width) => width + 1),
      );
    },
    (t, { params, again }) => again([t], { ...params, value: 0 })[0],
  ),
  concat: {
    infer(inputs, { axis }) {
      if (inputs.length === 0)
        throw new ArgumentError(complaint("concat", "at least one tensor", "none"));
      const first = inputs[0]!;
      requireAxis("concat", axis, first.shape.length);
      let extent = 0;
      for (const input of inputs) {
        requireSameDType("concat", first, input);
        const fits =
          input.shape.length === first.shape.length &&
          input.shape.every((n, i) => i === axis || n === first.shape[i]);
        if (!fits)
          throw new ShapeError(
            complaint(
              "concat",
              `shapes equal but for axis ${axis}`,
              inputs.map(({ shape }) => formatShape(shape)).join(" and "),
            ),
          );
        extent += input.shape[axis]!;
      }
      return [{ shape: first.shape.map((n, i) => (i === axis ? extent : n)), dtype: first.dtype }];
    },
    differentiable: true,
    vjp({ inputs, params: { axis }, cotangents, wrt }) {
      const parts = cotangents[0]!.split(
        inputs.map(({ shape }) => shape[axis]!),
        axis,
      );
      return parts.map((part, i) => (wrt[i] ? part : undefined));
    },
    jvp: ({ inputs, tangents, again }) =>
      again(tangents.map((t, i) => t ?? inputs[i]!.zerosLike())),
  },
};

// gather and scatterAdd are each other's transpose; both clamp indices to the nearest end.

/** Rules of picking and placing by index. */
export const gatherRules: { [P in "gather" | "scatterAdd"]: Rules<P> } = {
  gather: linear(
    (inputs, { axis }) => {
      arity("gather", inputs, 2);
      const [x, indices] = inputs as [TensorType, TensorType];
      requireDType("gather", indices, ["int32"]);
      requireAxis("gather", axis, x.shape.length);
      const size = indices.shape.reduce((product, extent) => product * extent, 1);
      if (x.shape[axis] === 0 && size > 0)
        throw new ShapeError(
          complaint("gather", `at least one element along axis ${axis}`, formatShape(x.shape)),
        );
      return [
        {
          shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)],
          dtype: x.dtype,
        },
      ];
    },
    (g, { inputs, params: { axis } }) => g.scatterAdd(inputs[1]!, inputs[0]!.shape[axis]!, axis),
  ),
  scatterAdd: linear(
    (inputs, { axis, size }) => {
      arity("scatterAdd", inputs, 2);
      const [updates, indices] = inputs as [TensorType, TensorType];
      requireDType("scatterAdd", updates, numbers);
      requireDType("scatterAdd", indices, ["int32"]);
      const inner = updates.shape.slice(axis, axis + indices.shape.length);
      if (!sameShape(inner, indices.shape))
        throw new ShapeError(
          complaint(
            "scatterAdd",
            `updates whose axes from ${axis} are the indices' ${formatShape(indices.shape)}`,
            formatShape(updates.shape),
          ),
        );
      if (
        !Number.isInteger(size) ||
        size < 0 ||
        (size === 0 && inner.every((extent) => extent > 0))
      )
        throw new ShapeError(complaint("scatterAdd", "an extent >= 1", String(size)));
      const shape = [
        ...updates.shape.slice(0, axis),
        size,
        ...updates.shape.slice(axis + indices.shape.length),
      ];
      requireAxis("scatterAdd", axis, shape.length);
      return [{ shape, dtype: updates.dtype }];
    },
    (g, { inputs, params: { axis } }) => g.gather(inputs[1]!, axis),
  ),
};
