/** @file Primitives that only change the indexing; each is linear and its transpose is another of them. */
import { ArgumentError, ShapeError, complaint } from "../../base/errors.ts";
import type { ViewPrim } from "../../ir/prim.ts";
import { checkShape, formatShape, sizeOf } from "../../ir/shape.ts";
import { arity, requireAxis, requireRank } from "../infer.ts";
import { type Rules, linear } from "../rules.ts";

const isCount = (n: number): boolean => Number.isInteger(n) && n >= 0;

/** Rules of views. */
export const viewRules: { [P in ViewPrim]: Rules<P> } = {
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
