// Interpreter rules of the primitives that only rearrange elements, and of those that make them from nothing.
import type { ViewPrim } from "../../ir/prim.ts";
import { type Shape, sizeOf, stridesOf } from "../../ir/shape.ts";
import { type Elements, makeElements, type Operand, type Rules } from "./rule.ts";

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

export const viewRules: Rules<ViewPrim | "pad" | "concat" | "constant" | "iota"> = {
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
