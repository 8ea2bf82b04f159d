/** @file Interpreter rules of views, literals, gather and scatter, reductions and running sums. */
import type { ViewPrim, ReducePrim } from "../../ir/prim.ts";
import { type Shape, sizeOf, stridesOf } from "../../ir/shape.ts";
import { type Elements, makeElements, type Operand, type Rules, type Rule } from "./rule.ts";
import type { DType } from "../../ir/dtype.ts";

/** Calls `visit` with the row-major position and offset + sum of index * stride, for every index of `shape`. */
export function walk(
  shape: Shape,
  offset: number,
  strides: readonly number[],
  visit: (position: number, strided: number) => void,
): void {
  const size = sizeOf(shape);
  const dense = stridesOf(shape);
  for (let position = 0; position < size; position++) {
    let strided = offset;
    for (let axis = 0; axis < shape.length; axis++) {
      strided += (Math.floor(position / dense[axis]!) % shape[axis]!) * strides[axis]!;
    }
    visit(position, strided);
  }
}

/** Copies the elements that a strided view of `x` sees. */
function read(x: Operand, shape: Shape, offset: number, strides: readonly number[]): Elements {
  const out = makeElements(x.dtype, sizeOf(shape));
  walk(shape, offset, strides, (position, strided) => {
    out[position] = x.elements[strided]!;
  });
  return out;
}

/** Writes the elements of `x` where a strided view of `out` puts them. */
function write(x: Operand, out: Elements, offset: number, strides: readonly number[]): void {
  walk(x.shape, offset, strides, (position, strided) => {
    out[strided] = x.elements[position]!;
  });
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, x, i) => sum + x * b[i]!, 0);

export const viewRules: Rules<ViewPrim | "copy" | "pad" | "concat" | "constant" | "iota"> = {
  copy: (_params, [x]) => x!.elements.slice(),
  reshape: (_params, [x]) => x!.elements.slice(),
  transpose: ({ perm }, [x], { shape }) => {
    const strides = stridesOf(x!.shape);
    return read(
      x!,
      shape,
      0,
      perm.map((axis) => strides[axis]!),
    );
  },
  broadcast: (_params, [x], { shape }) =>
    read(x!, shape, 0, [
      ...new Array<number>(shape.length - x!.shape.length).fill(0),
      ...stridesOf(x!.shape).map((stride, axis) => (x!.shape[axis] === 1 ? 0 : stride)),
    ]),
  slice: ({ start, step }, [x], { shape }) => {
    const strides = stridesOf(x!.shape);
    return read(
      x!,
      shape,
      dot(start, strides),
      strides.map((stride, axis) => stride * step[axis]!),
    );
  },
  flip: ({ axes }, [x], { shape }) => {
    const strides = stridesOf(shape);
    const last = shape.map((extent, axis) => (axes.includes(axis) ? extent - 1 : 0));
    return read(
      x!,
      shape,
      dot(last, strides),
      strides.map((stride, axis) => (axes.includes(axis) ? -stride : stride)),
    );
  },
  pad: ({ low, interior, value }, [x], { shape, dtype }) => {
    const out = makeElements(dtype, sizeOf(shape)).fill(value);
    const strides = stridesOf(shape);
    write(
      x!,
      out,
      dot(low, strides),
      strides.map((stride, axis) => stride * (interior[axis]! + 1)),
    );
    return out;
  },
  concat: ({ axis }, inputs, { shape, dtype }) => {
    const out = makeElements(dtype, sizeOf(shape));
    const strides = stridesOf(shape);
    let start = 0;
    for (const x of inputs) {
      write(x, out, start * strides[axis]!, strides);
      start += x.shape[axis]!;
    }
    return out;
  },
  constant: ({ value, shape, dtype }) =>
    makeElements(dtype, sizeOf(shape)).fill(dtype === "bool" ? Number(value !== 0) : value),
  iota: ({ axis }, _inputs, { shape, dtype }) => {
    const out = makeElements(dtype, sizeOf(shape));
    walk(
      shape,
      0,
      shape.map((_extent, i) => (i === axis ? 1 : 0)),
      (position, index) => {
        out[position] = dtype === "bool" ? Number(index !== 0) : index;
      },
    );
    return out;
  },
};

// Interpreter rules of gather and scatterAdd: indices into an axis, clamped to its ends.

const clamp = (index: number, size: number): number => Math.min(Math.max(index, 0), size - 1);

export const indexingRules: Rules<"gather" | "scatterAdd"> = {
  gather: ({ axis }, [x, indices], { shape, dtype }) => {
    const out = makeElements(dtype, sizeOf(shape));
    const outer = sizeOf(x!.shape.slice(0, axis));
    const inner = sizeOf(x!.shape.slice(axis + 1));
    const size = x!.shape[axis]!;
    const count = indices!.elements.length;
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < count; i++) {
        const from = (o * size + clamp(indices!.elements[i]!, size)) * inner;
        for (let k = 0; k < inner; k++) out[(o * count + i) * inner + k] = x!.elements[from + k]!;
      }
    }
    return out;
  },
  scatterAdd: ({ axis, size }, [updates, indices], { shape, dtype }) => {
    const totals = makeElements(dtype === "float32" ? "float64" : dtype, sizeOf(shape));
    const outer = sizeOf(shape.slice(0, axis));
    const inner = sizeOf(shape.slice(axis + 1));
    const count = indices!.elements.length;
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < count; i++) {
        const to = (o * size + clamp(indices!.elements[i]!, size)) * inner;
        for (let k = 0; k < inner; k++)
          totals[to + k]! += updates!.elements[(o * count + i) * inner + k]!;
      }
    }
    const out = makeElements(dtype, totals.length);
    out.set(totals);
    return out;
  },
};

// Interpreter rules of reductions, arg-reductions and running sums.

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
