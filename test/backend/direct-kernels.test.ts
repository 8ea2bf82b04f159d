// Kernels of single primitives against the plain backend: all dtypes, shapes, axes; nothing written beside the result.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { evaluateNode } from "../../src/backend/interp/index.ts";
import {
  type DirectPrim,
  type DirectWork,
  directEmitters,
} from "../../src/backend/wasm/kernels/index.ts";
import { type DType, dtypes } from "../../src/ir/dtype.ts";
import { makeInput, makeNode, type Node, type TensorType } from "../../src/ir/graph.ts";
import type { ParamsOf } from "../../src/ir/prim.ts";
import { type Shape, sizeOf } from "../../src/ir/shape.ts";
import { Bench, type Elements } from "../support/kernel-bench.ts";

interface Input extends TensorType {
  readonly elements: Elements;
}

function elementsOf(dtype: DType, data: readonly number[]): Elements {
  if (dtype === "float32") return new Float32Array(data);
  return dtype === "float64" ? new Float64Array(data) : new Int32Array(data);
}

/** Runs a primitive both ways and expects the same elements, one by one (NaN equals NaN, -0 is not 0). */
function check<P extends DirectPrim>(
  prim: P,
  params: ParamsOf<P>,
  inputs: readonly Input[],
  output: TensorType,
): Elements {
  const bench = new Bench();
  const values = inputs.map((input) => {
    const value = makeInput(input);
    bench.put(value, input.elements);
    return value;
  });
  const node = makeNode(prim, params, values, [output]) as unknown as Node;
  const out = node.outputs[0]!;
  const work: DirectWork = { kind: "direct", node, inputs: values, out };
  bench.run([(context, fn) => directEmitters[prim](context, fn, work)], [out]);
  const found = bench.get(out);
  expect([...found]).toEqual([...evaluateNode(node, inputs)]);
  return found;
}

const numbers: Record<DType, fc.Arbitrary<number>> = {
  float32: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -9, max: 9 }) },
    { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity, -0, 2.5) },
  ),
  float64: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -9, max: 9 }) },
    { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity, -0, 2.5) },
  ),
  int32: fc.oneof(fc.integer({ min: -9, max: 9 }), fc.integer()),
  bool: fc.constantFrom(0, 1),
};

/** Numbers whose sums are exact in any order. */
const whole: Record<DType, fc.Arbitrary<number>> = {
  ...numbers,
  float32: fc.integer({ min: -1000, max: 1000 }),
  float64: fc.integer({ min: -1000, max: 1000 }),
};

const shapes: fc.Arbitrary<number[]> = fc.array(fc.integer({ min: 1, max: 11 }), {
  minLength: 1,
  maxLength: 3,
});

/** A tensor with an axis of it. */
function tensor(of: readonly DType[], values = numbers): fc.Arbitrary<Input & { axis: number }> {
  return fc.tuple(fc.constantFrom(...of), shapes, fc.nat(2)).chain(([dtype, shape, axis]) =>
    fc.array(values[dtype], { minLength: sizeOf(shape), maxLength: sizeOf(shape) }).map((data) => ({
      dtype,
      shape,
      axis: axis % shape.length,
      elements: elementsOf(dtype, data),
    })),
  );
}

const indexTensor: fc.Arbitrary<Input> = fc
  .array(fc.integer({ min: 0, max: 4 }), { maxLength: 2 })
  .chain((shape) =>
    fc
      .array(fc.oneof(fc.integer({ min: -3, max: 14 }), fc.integer()), {
        minLength: sizeOf(shape),
        maxLength: sizeOf(shape),
      })
      .map((data) => ({ dtype: "int32" as const, shape, elements: new Int32Array(data) })),
  );

const replaced = (shape: Shape, axis: number, by: Shape): number[] => [
  ...shape.slice(0, axis),
  ...by,
  ...shape.slice(axis + 1),
];

describe("direct kernels", () => {
  test("gather", () => {
    fc.assert(
      fc.property(tensor(dtypes), indexTensor, (x, indices) => {
        check("gather", { axis: x.axis }, [x, indices], {
          dtype: x.dtype,
          shape: replaced(x.shape, x.axis, indices.shape),
        });
      }),
      { numRuns: 300 },
    );
  });

  test("gather of rows long and short, whole vectors or not", () => {
    for (const dtype of ["float32", "float64"] as const) {
      for (const inner of [1, 2, 3, 4, 5, 15, 31, 64, 65, 67, 300]) {
        const elements = elementsOf(
          dtype,
          Array.from({ length: 3 * inner }, (_, i) => i),
        );
        const indices = {
          dtype: "int32" as const,
          shape: [4],
          elements: new Int32Array([2, 0, -1, 7]),
        };
        check("gather", { axis: 0 }, [{ dtype, shape: [3, inner], elements }, indices], {
          dtype,
          shape: [4, inner],
        });
      }
    }
  });

  test("scatterAdd", () => {
    const size = fc.integer({ min: 1, max: 6 });
    fc.assert(
      fc.property(
        tensor(["float32", "float64", "int32"], whole),
        size,
        fc.infiniteStream(fc.integer({ min: -2, max: 8 })),
        (updates, size, stream) => {
          const count = updates.shape[updates.axis]!;
          const indices = {
            dtype: "int32" as const,
            shape: [count],
            elements: new Int32Array(stream.take(count)),
          };
          const output = {
            dtype: updates.dtype,
            shape: replaced(updates.shape, updates.axis, [size]),
          };
          check("scatterAdd", { axis: updates.axis, size }, [updates, indices], output);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("scatterAdd starts from zero even where memory does not, and takes indices of any rank", () => {
    const updates = {
      dtype: "float32" as const,
      shape: [2, 2, 1],
      elements: new Float32Array([1, 2, 4, 8]),
    };
    const indices = {
      dtype: "int32" as const,
      shape: [2, 2],
      elements: new Int32Array([0, 2, 0, 2]),
    };
    const found = check("scatterAdd", { axis: 0, size: 4 }, [updates, indices], {
      dtype: "float32",
      shape: [4, 1],
    });
    expect([...found]).toEqual([5, 0, 10, 0]);
  });

  test.each(["argMax", "argMin"] as const)("%s", (prim) => {
    fc.assert(
      fc.property(tensor(dtypes), (x) => {
        check(prim, { axis: x.axis }, [x], {
          dtype: "int32",
          shape: replaced(x.shape, x.axis, []),
        });
      }),
      { numRuns: 300 },
    );
  });

  test("cumSum, float32 rounded once an element", () => {
    fc.assert(
      fc.property(tensor(["float32", "float64", "int32"]), fc.boolean(), (x, reverse) => {
        check("cumSum", { axis: x.axis, reverse }, [x], { dtype: x.dtype, shape: x.shape });
      }),
      { numRuns: 300 },
    );
    const elements = new Float32Array(10000).fill(0.1);
    const sums = check(
      "cumSum",
      { axis: 0, reverse: false },
      [{ dtype: "float32", shape: [10000], elements }],
      { dtype: "float32", shape: [10000] },
    );
    expect(sums[9999]).toBe(Math.fround(10000 * Math.fround(0.1)));
  });

  test("randomBits", () => {
    const key = fc.tuple(fc.integer(), fc.integer());
    fc.assert(
      fc.property(key, fc.array(fc.nat(9), { maxLength: 3 }), (words, shape) => {
        const elements = new Int32Array(words);
        check("randomBits", { shape }, [{ dtype: "int32", shape: [2], elements }], {
          dtype: "int32",
          shape,
        });
      }),
      { numRuns: 200 },
    );
  });

  test("a prefix of more bits is the bits of less", () => {
    const key = { dtype: "int32" as const, shape: [2], elements: new Int32Array([1, -2]) };
    const many = check("randomBits", { shape: [1000] }, [key], { dtype: "int32", shape: [1000] });
    const few = check("randomBits", { shape: [77] }, [key], { dtype: "int32", shape: [77] });
    expect([...few]).toEqual([...many].slice(0, 77));
    expect(new Set(many).size).toBeGreaterThan(990);
  });

  test("empty tensors", () => {
    const none = { dtype: "float32" as const, shape: [0, 3], elements: new Float32Array(0) };
    check("cumSum", { axis: 0, reverse: false }, [none], none);
    check("argMax", { axis: 1 }, [none], { dtype: "int32", shape: [0] });
    check("argMin", { axis: 0 }, [none], { dtype: "int32", shape: [3] });
    const nowhere = { dtype: "int32" as const, shape: [0], elements: new Int32Array(0) };
    check("scatterAdd", { axis: 0, size: 2 }, [none, nowhere], { dtype: "float32", shape: [2, 3] });
  });
});
