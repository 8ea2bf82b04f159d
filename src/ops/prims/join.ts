/** @file pad and concat: larger tensors out of smaller ones. Both are linear; their transposes slice. */
import { ArgumentError, ShapeError, complaint } from "../../base/errors.ts";
import { formatShape } from "../../ir/shape.ts";
import { arity, requireAxis, requireRank, requireSameDType } from "../infer.ts";
import { type Rules, linear } from "../rules.ts";

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
