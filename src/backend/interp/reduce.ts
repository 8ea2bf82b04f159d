// Interpreter rules of reductions, arg-reductions and running sums.
import type { DType } from "../../ir/dtype.ts";
import type { ReducePrim } from "../../ir/prim.ts";
import { sizeOf, stridesOf } from "../../ir/shape.ts";
import { makeElements, type Operand, type Rule, type Rules } from "./rule.ts";
import { walk } from "./views.ts";

/** Folds over the axes in double precision (int32: modulo 2^32) and rounds once, at the end. */
function fold(
  identity: (dtype: DType) => number,
  float: (x: number, y: number) => number,
  int: (x: number, y: number) => number = float,
): Rule<ReducePrim> {
  return ({ axes }, [x], { shape, dtype }) => {
    const combine = dtype === "int32" ? int : float;
    const totals = new Float64Array(sizeOf(shape)).fill(identity(dtype));
    const kept = stridesOf(shape);
    let axisOfOutput = 0;
    const strides = x!.shape.map((_extent, axis) =>
      axes.includes(axis) ? 0 : kept[axisOfOutput++]!,
    );
    walk(x!.shape, 0, strides, (position, target) => {
      totals[target] = combine(totals[target]!, x!.elements[position]!);
    });
    const out = makeElements(dtype, totals.length);
    out.set(totals);
    return out;
  };
}

/** Visits every line of `x` along an axis: where it starts, and how far apart its elements lie. */
function lines(
  x: Operand,
  axis: number,
  visit: (line: number, start: number, stride: number) => void,
): void {
  const stride = sizeOf(x.shape.slice(axis + 1));
  const outer = sizeOf(x.shape.slice(0, axis));
  for (let line = 0; line < outer * stride; line++) {
    visit(line, Math.floor(line / stride) * stride * x.shape[axis]! + (line % stride), stride);
  }
}

/** Index of the first element along the axis that no other one beats; NaN beats everything. */
function arg(beats: (x: number, best: number) => boolean): Rule<"argMax" | "argMin"> {
  return ({ axis }, [x], { shape }) => {
    const out = new Int32Array(sizeOf(shape));
    lines(x!, axis, (line, start, stride) => {
      let best = 0;
      for (let i = 1; i < x!.shape[axis]!; i++) {
        const element = x!.elements[start + i * stride]!;
        const champion = x!.elements[start + best * stride]!;
        if (!Number.isNaN(champion) && (Number.isNaN(element) || beats(element, champion)))
          best = i;
      }
      out[line] = best;
    });
    return out;
  };
}

const lowest = (dtype: DType): number => (dtype === "int32" ? -(2 ** 31) : -Infinity);
const highest = (dtype: DType): number => (dtype === "int32" ? 2 ** 31 - 1 : Infinity);

export const reduceRules: Rules<ReducePrim | "argMax" | "argMin" | "cumSum"> = {
  reduceSum: fold(
    () => 0,
    (x, y) => x + y,
    (x, y) => (x + y) | 0,
  ),
  reduceProd: fold(
    () => 1,
    (x, y) => x * y,
    Math.imul,
  ),
  reduceMax: fold(lowest, Math.max),
  reduceMin: fold(highest, Math.min),
  argMax: arg((x, best) => x > best),
  argMin: arg((x, best) => x < best),
  cumSum: ({ axis, reverse }, [x], { dtype }) => {
    const out = makeElements(dtype, x!.elements.length);
    const extent = x!.shape[axis]!;
    lines(x!, axis, (_line, start, stride) => {
      let sum = 0;
      for (let step = 0; step < extent; step++) {
        const at = start + (reverse ? extent - 1 - step : step) * stride;
        sum = dtype === "int32" ? (sum + x!.elements[at]!) | 0 : sum + x!.elements[at]!;
        out[at] = sum;
      }
    });
    return out;
  },
};
