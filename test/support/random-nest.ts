/**
 * @file Random loop nests for the emitter of loops, and what they mean, spelt out. Values are small integers, so that sums
 * are exact in any order and in any dtype.
 */
import type { DType } from "../../src/ir/dtype.ts";
import { type Value, makeInput } from "../../src/ir/graph.ts";
import type {
  Instruction,
  LoopNest,
  ReduceOp,
  Reduction,
  Store,
  View,
} from "../../src/ir/kernel.ts";
import { sizeOf, stridesOf } from "../../src/ir/shape.ts";
import { Choices, permutation } from "./choices.ts";

/** A nest, with the values it reads and writes. */
export interface NestCase {
  readonly nest: LoopNest;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

const dtypes: readonly DType[] = ["float32", "float64", "int32", "bool"];
const size = (extents: readonly number[], { offset, strides }: View): number =>
  1 +
  offset +
  extents.reduce((sum, extent, axis) => sum + Math.max(0, (extent - 1) * strides[axis]!), 0);

/** One that stays within `extents`' kinds: a vector of numbers, a few loops, long or short. */
export function randomNest(numbers: readonly number[], largest = 6000): NestCase {
  const draw = new Choices(numbers);
  const lengths = draw.of([
    [2, 3, 4, 5, 6, 7, 8, 9],
    [2, 3, 16, 17, 33, 64],
    [2, 70, 131, 40],
  ]);
  let extents = Array.from({ length: draw.below(5) }, () => draw.of(lengths));
  while (sizeOf(extents) > largest) extents = extents.slice(1);
  const rank = extents.length;
  const type = draw.of(dtypes);
  const pickType = (): DType => (draw.below(3) === 0 ? draw.of(dtypes) : type);
  const inputs: Value[] = [];
  const body: Instruction[] = [];
  const add = (instruction: Instruction): number => body.push(instruction) - 1;
  const ofType = (dtype: DType): number => {
    const found = body.flatMap((instruction, index) =>
      instruction.dtype === dtype ? [index] : [],
    );
    if (found.length > 0) return draw.of(found);
    return add({
      kind: "literal",
      literal: dtype === "bool" ? draw.below(2) : draw.below(5) - 2,
      dtype,
    });
  };
  /** Back to between -3 and 3. */
  const tame = (x: number, dtype: DType): number => {
    if (dtype === "bool") return x;
    const [low, high] = [-3, 3].map((literal) => add({ kind: "literal", literal, dtype }));
    const above = add({ kind: "binary", op: "max", x, y: low!, dtype });
    return add({ kind: "binary", op: "min", x: above, y: high!, dtype });
  };
  const loads = 1 + draw.below(3);
  for (let count = 0; count < loads; count++) {
    const dtype = pickType();
    const strides = viewStrides(draw, extents);
    // Walks that go backwards begin where they can.
    const offset =
      draw.below(3) +
      extents.reduce((sum, n, axis) => sum + Math.max(0, -(n - 1) * strides[axis]!), 0);
    const view = { offset, strides };
    const value = makeInput({ shape: [size(extents, view)], dtype });
    inputs.push(value);
    add({ kind: "load", value, view, dtype });
  }
  for (let count = draw.below(8); count > 0; count--) {
    const dtype = pickType();
    const x = ofType(dtype);
    switch (draw.below(8)) {
      case 0: {
        const strides = extents.map(() => draw.below(3) - 1);
        const view = { offset: draw.below(3), strides };
        if (dtype !== "bool") tame(add({ kind: "index", view, dtype }), dtype);
        break;
      }
      case 1:
        if (dtype === "bool") add({ kind: "unary", op: "not", x, dtype });
        else add({ kind: "unary", op: draw.of(["neg", "abs", "sign"] as const), x, dtype });
        break;
      case 2:
        add({
          kind: "compare",
          op: draw.of(
            dtype === "bool" ? ["eq", "ne"] : (["eq", "lt", "ge", "ne", "gt", "le"] as const),
          ),
          x,
          y: ofType(dtype),
          dtype: "bool",
        });
        break;
      case 3:
        add({ kind: "select", condition: ofType("bool"), x, y: ofType(dtype), dtype });
        break;
      case 4:
        add({ kind: "cast", x, dtype: draw.of(dtypes) });
        break;
      case 5:
        if (dtype === "int32") {
          const [a, b] = [x, ofType("int32")];
          tame(
            add({ kind: "binary", op: draw.of(["div", "rem"] as const), x: a, y: b, dtype }),
            dtype,
          );
        }
        break;
      default:
        if (dtype === "bool")
          add({ kind: "binary", op: draw.of(["and", "or"] as const), x, y: ofType(dtype), dtype });
        else
          tame(
            add({
              kind: "binary",
              op: draw.of(["add", "sub", "mul", "max", "min"] as const),
              x,
              y: ofType(dtype),
              dtype,
            }),
            dtype,
          );
    }
  }
  const stores: Store[] = [];
  const reductions: Reduction[] = [];
  const outputs: Value[] = [];
  const results = 1 + draw.below(4);
  for (let count = 0; count < results; count++) {
    const numeric = body.flatMap((instruction, index) =>
      instruction.dtype === "bool" ? [] : [index],
    );
    const axes = extents.flatMap((_, axis) => (draw.below(2) === 0 ? [axis] : []));
    const kept = extents.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
    const fold = axes.length > 0 && numeric.length > 0 && draw.below(3) > 0;
    const walked = fold ? kept : extents.map((_, axis) => axis);
    const instruction = fold ? draw.of(numeric) : draw.below(body.length);
    const spread = draw.of([1, 1, 1, 2]);
    const order = permutation(draw, walked.length).map((place) => walked[place]!);
    const dense = stridesOf(order.map((axis) => extents[axis]!));
    const strides = new Array<number>(rank).fill(0);
    order.forEach((axis, place) => (strides[axis] = dense[place]! * spread));
    const view = { offset: draw.below(2), strides };
    const { dtype } = body[instruction]!;
    const value = makeInput({ shape: [size(extents, view)], dtype });
    outputs.push(value);
    if (!fold) stores.push({ instruction, value, view });
    else {
      const op = draw.of<ReduceOp>(["sum", "sum", "max", "min", "prod"]);
      // Products grow: only of signs.
      const of =
        op === "prod" ? add({ kind: "unary", op: "sign", x: instruction, dtype }) : instruction;
      reductions.push({ instruction: of, value, view, op, axes });
    }
  }
  return { nest: { extents, body, stores, reductions }, inputs, outputs };
}

function viewStrides(draw: Choices, extents: readonly number[]): number[] {
  const order = permutation(draw, extents.length);
  const dense = stridesOf(order.map((axis) => extents[axis]!));
  const strides = new Array<number>(extents.length).fill(0);
  order.forEach((axis, place) => (strides[axis] = dense[place]!));
  switch (draw.below(4)) {
    case 0:
      return strides;
    case 1: // Broadcast along some axes.
      return strides.map((stride) => (draw.below(2) === 0 ? 0 : stride));
    case 2: // Overlapping windows, steps, and walks backwards.
      return extents.map(() => draw.below(7) - 2);
    default:
      return strides.map((stride) => stride * draw.of([1, 1, -1, 2, 0]));
  }
}

/** What a nest writes, straight from its definition; `read` and `write` reach elements of values (bool as 0 and 1). */
export function evaluateNest(
  { extents, body, stores, reductions }: LoopNest,
  read: (value: Value, index: number) => number,
  write: (value: Value, index: number, element: number) => void,
): void {
  const neutral: Record<ReduceOp, number> = { sum: 0, prod: 1, max: -Infinity, min: Infinity };
  const folded = reductions.map(() => new Map<number, number>());
  const total = sizeOf(extents);
  const dense = stridesOf(extents);
  for (let position = 0; position < total; position++) {
    const at = ({ offset, strides }: View): number =>
      extents.reduce(
        (sum, extent, axis) =>
          sum + (Math.floor(position / dense[axis]!) % extent) * strides[axis]!,
        offset,
      );
    const results: number[] = [];
    for (const instruction of body) {
      const result = evaluate(instruction, results, at, read);
      // Integers have no negative zero.
      results.push(instruction.dtype === "int32" ? result | 0 : result);
    }
    for (const { value, view, instruction } of stores)
      write(value, at(view), results[instruction]!);
    reductions.forEach(({ view, op, instruction }, index) => {
      const x = results[instruction]!;
      const before = folded[index]!.get(at(view)) ?? neutral[op];
      const after = op === "sum" ? before + x : op === "prod" ? before * x : Math[op](before, x);
      folded[index]!.set(at(view), after);
    });
  }
  reductions.forEach(({ value }, index) => {
    for (const [at, element] of folded[index]!) write(value, at, element);
  });
}

function evaluate(
  instruction: Instruction,
  results: readonly number[],
  at: (view: View) => number,
  read: (value: Value, index: number) => number,
): number {
  const of = (index: number): number => results[index]!;
  switch (instruction.kind) {
    case "load":
      return read(instruction.value, at(instruction.view));
    case "literal":
      return instruction.literal;
    case "index":
      return at(instruction.view);
    case "select":
      return of(instruction.condition) === 0 ? of(instruction.y) : of(instruction.x);
    case "cast":
      return instruction.dtype === "bool" ? Number(of(instruction.x) !== 0) : of(instruction.x);
    case "unary": {
      const x = of(instruction.x);
      if (instruction.op === "not") return 1 - x;
      return instruction.op === "neg" ? -x : instruction.op === "abs" ? Math.abs(x) : Math.sign(x);
    }
    case "binary":
    case "compare": {
      const [x, y] = [of(instruction.x), of(instruction.y)];
      switch (instruction.op) {
        case "add":
          return x + y;
        case "sub":
          return x - y;
        case "mul":
          return x * y;
        case "div":
          return y === 0 ? 0 : Math.trunc(x / y);
        case "rem":
          return y === 0 ? 0 : x % y;
        case "and":
          return x & y;
        case "or":
          return x | y;
        case "max":
          return Math.max(x, y);
        case "min":
          return Math.min(x, y);
        case "eq":
          return Number(x === y);
        case "ne":
          return Number(x !== y);
        case "lt":
          return Number(x < y);
        case "le":
          return Number(x <= y);
        case "gt":
          return Number(x > y);
        case "ge":
          return Number(x >= y);
      }
    }
  }
  throw new Error(`the plain evaluation knows no ${instruction.kind}`);
}
