// Cases for every primitive. The table is complete by its type: a primitive without a case does not compile.

import { customVjp, scan } from "../../src/autodiff/index.ts";
import type { PrimName } from "../../src/ir/prim.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { composite } from "../../src/ops/composite.ts";
import { random } from "../../src/ops/index.ts";
import { type Case, bools, build, doubles, erfReference, ints, pick, spread } from "./cases.ts";
import { imagePrimCases } from "./image-cases.ts";
import { binary, one, reduceCases, unary } from "./prim-makers.ts";

const x34 = spread([3, 4], -2, 2, 1);
const d34 = x34.toArray();

export const primCases: { readonly [P in PrimName]: readonly Case[] } = {
  neg: unary("neg", (x) => -x),
  abs: unary("abs", Math.abs),
  sign: unary("sign", Math.sign, -2, 2, false),
  floor: unary("floor", Math.floor, -2, 2, false),
  ceil: unary("ceil", Math.ceil, -2, 2, false),
  round: [
    ...unary("round", Math.round, -2, 2, false),
    one("round", [doubles([0.5, 1.5, 2.5, -0.5, -1.5])], {}, [0, 2, 2, -0, -2], false),
  ],
  sqrt: unary("sqrt", Math.sqrt, 0.1, 4),
  exp: unary("exp", Math.exp),
  expm1: unary("expm1", Math.expm1),
  log: unary("log", Math.log, 0.1, 4),
  log1p: unary("log1p", Math.log1p, -0.8, 4),
  sin: unary("sin", Math.sin),
  cos: unary("cos", Math.cos),
  tan: unary("tan", Math.tan, -1.2, 1.2),
  atan: unary("atan", Math.atan),
  tanh: unary("tanh", Math.tanh),
  erf: unary("erf", erfReference),
  add: [
    ...binary("add", (x, y) => x + y),
    ...binary("add", (x, y) => x + y, { dtype: "int32", low: -9, high: 9, differentiate: false }),
  ],
  sub: binary("sub", (x, y) => x - y),
  mul: binary("mul", (x, y) => x * y),
  div: binary("div", (x, y) => x / y, { low: 0.5, high: 2 }),
  rem: binary("rem", (x, y) => x % y, { low: 0.5, high: 2 }),
  pow: [
    ...binary("pow", (x, y) => x ** y, { low: 0.3, high: 2 }),
    one("pow", [doubles([0, 0, 2, -2]), doubles([0, 2, 0, 3])], {}, [1, 0, 1, -8], false),
  ],
  max: binary("max", Math.max),
  min: binary("min", Math.min),
  eq: binary("eq", (x, y) => x === y, { differentiate: false, dtype: "int32" }),
  ne: binary("ne", (x, y) => x !== y, { differentiate: false, dtype: "int32" }),
  lt: binary("lt", (x, y) => x < y, { differentiate: false }),
  le: binary("le", (x, y) => x <= y, { differentiate: false, dtype: "int32" }),
  gt: binary("gt", (x, y) => x > y, { differentiate: false }),
  ge: binary("ge", (x, y) => x >= y, { differentiate: false, dtype: "int32" }),
  and: [
    one(
      "and",
      [bools([true, true, false, false]), bools([true, false, true, false])],
      {},
      [true, false, false, false],
      false,
    ),
  ],
  or: [
    one(
      "or",
      [bools([true, true, false, false]), bools([true, false, true, false])],
      {},
      [true, true, true, false],
      false,
    ),
  ],
  not: [one("not", [bools([true, false])], {}, [false, true], false)],
  constant: [
    one("constant", [], { value: 2.5, shape: [], dtype: "float64" }, 2.5, false),
    one("constant", [], { value: 3, shape: [2, 1], dtype: "int32" }, [[3], [3]], false),
    one("constant", [], { value: 1, shape: [], dtype: "bool" }, true, false),
  ],
  iota: [
    one(
      "iota",
      [],
      { shape: [2, 3], axis: 1, dtype: "int32" },
      [
        [0, 1, 2],
        [0, 1, 2],
      ],
      false,
    ),
    one(
      "iota",
      [],
      { shape: [2, 3], axis: 0, dtype: "float64" },
      [
        [0, 0, 0],
        [1, 1, 1],
      ],
      false,
    ),
  ],
  cast: [
    one("cast", [x34], { dtype: "float64" }, d34),
    one(
      "cast",
      [x34],
      { dtype: "int32" },
      build([3, 4], (i, j) => Math.trunc(pick(d34, i, j)) + 0), // int32 has no -0
      false,
    ),
    one(
      "cast",
      [doubles([3e9, -3e9, -1.9])],
      { dtype: "int32" },
      [2147483647, -2147483648, -1],
      false,
    ),
    one("cast", [doubles([0, -0, 0.5, NaN])], { dtype: "bool" }, [false, false, true, true], false),
    one("cast", [bools([true, false])], { dtype: "float64" }, [1, 0], false),
    one("cast", [ints([3, -4])], { dtype: "float64" }, [3, -4], false),
  ],
  shiftRight: [one("shiftRight", [ints([-1, 1024, 5])], { bits: 8 }, [0xffffff, 4, 0], false)],
  stopGradient: [one("stopGradient", [x34], {}, d34, false)],
  select: [
    {
      ...one(
        "select",
        [bools([true, false, true]), spread([3]), spread([3], -2, 2, 4)],
        {},
        [0, 1, 2].map((i) => pick(spread([3], -2, 2, i === 1 ? 4 : 0).toArray(), i)),
      ),
    },
  ],
  reduceSum: reduceCases("reduceSum", (list) => list.reduce((a, b) => a + b, 0)),
  reduceProd: [
    ...reduceCases("reduceProd", (list) => list.reduce((a, b) => a * b, 1)),
    // Zeros: one, and two in a row, where dividing by the element would fail.
    one(
      "reduceProd",
      [
        doubles([
          [2, 0, 3],
          [0, 4, 0],
          [1, 2, 3],
        ]),
      ],
      { axes: [1] },
      [0, 0, 6],
    ),
  ],
  reduceMax: reduceCases("reduceMax", (list) => Math.max(...list)),
  reduceMin: reduceCases("reduceMin", (list) => Math.min(...list)),
  argMax: [
    one(
      "argMax",
      [
        doubles([
          [1, 3, 3],
          [5, 2, 1],
        ]),
      ],
      { axis: 1 },
      [1, 0],
      false,
    ),
    one("argMax", [doubles([1, NaN, 3])], { axis: 0 }, 1, false),
  ],
  argMin: [
    one(
      "argMin",
      [
        doubles([
          [1, 3, 1],
          [5, 2, 1],
        ]),
      ],
      { axis: 0 },
      [0, 1, 0],
      false,
    ),
  ],
  cumSum: [
    one(
      "cumSum",
      [x34],
      { axis: 1, reverse: false },
      build([3, 4], (i, j) =>
        Array.from({ length: j + 1 }, (_, k) => pick(d34, i, k)).reduce((a, b) => a + b),
      ),
    ),
    one(
      "cumSum",
      [
        doubles([
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
      ],
      { axis: 0, reverse: true },
      [
        [9, 12],
        [8, 10],
        [5, 6],
      ],
    ),
  ],
  ...imagePrimCases,
  matmul: [
    one(
      "matmul",
      [x34, spread([4, 2])],
      {},
      build([3, 2], (i, j) =>
        [0, 1, 2, 3].reduce(
          (s, k) => s + pick(d34, i, k) * pick(spread([4, 2]).toArray(), k, j),
          0,
        ),
      ),
    ),
    one(
      "matmul",
      [
        doubles([[[1, 2]], [[3, 4]]]),
        doubles([
          [[1], [2]],
          [[3], [4]],
        ]),
      ],
      {},
      [[[5]], [[25]]],
    ),
    one("matmul", [spread([2, 0]), spread([0, 3])], {}, [
      [0, 0, 0],
      [0, 0, 0],
    ]),
  ],
  reshape: [
    one(
      "reshape",
      [
        doubles([
          [1, 2, 3],
          [4, 5, 6],
        ]),
      ],
      { shape: [3, 2] },
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ),
    one("reshape", [doubles([[7]])], { shape: [] }, 7),
  ],
  transpose: [
    one(
      "transpose",
      [x34],
      { perm: [1, 0] },
      build([4, 3], (i, j) => pick(d34, j, i)),
    ),
    one(
      "transpose",
      [spread([2, 3, 4])],
      { perm: [2, 0, 1] },
      build([4, 2, 3], (i, j, k) => pick(spread([2, 3, 4]).toArray(), j, k, i)),
    ),
  ],
  broadcast: [
    one(
      "broadcast",
      [spread([3, 1])],
      { shape: [3, 2] },
      build([3, 2], (i) => pick(spread([3, 1]).toArray(), i, 0)),
    ),
    one(
      "broadcast",
      [spread([1, 2, 1])],
      { shape: [2, 2, 2] },
      build([2, 2, 2], (_, j) => pick(spread([1, 2, 1]).toArray(), 0, j, 0)),
    ),
    one(
      "broadcast",
      [spread([2, 1])],
      { shape: [3, 2, 2] },
      build([3, 2, 2], (_, j) => pick(spread([2, 1]).toArray(), j, 0)),
    ),
    one(
      "broadcast",
      [spread([])],
      { shape: [2] },
      build([2], () => spread([]).item()),
    ),
    one("broadcast", [spread([1])], { shape: [0] }, []),
  ],
  slice: [
    one(
      "slice",
      [x34],
      { start: [1, 0], stop: [3, 4], step: [1, 3] },
      build([2, 2], (i, j) => pick(d34, i + 1, 3 * j)),
    ),
    one(
      "slice",
      [spread([7])],
      { start: [1], stop: [6], step: [2] },
      build([3], (i) => pick(spread([7]).toArray(), 1 + 2 * i)),
    ),
    one("slice", [spread([3])], { start: [2], stop: [2], step: [1] }, []),
  ],
  flip: [
    one(
      "flip",
      [x34],
      { axes: [1] },
      build([3, 4], (i, j) => pick(d34, i, 3 - j)),
    ),
    one(
      "flip",
      [x34],
      { axes: [0, 1] },
      build([3, 4], (i, j) => pick(d34, 2 - i, 3 - j)),
    ),
  ],
  pad: [
    one(
      "pad",
      [doubles([1, 2, 3])],
      { low: [1], high: [2], interior: [1], value: 9 },
      [9, 1, 9, 2, 9, 3, 9, 9],
    ),
    one("pad", [doubles([[1, 2]])], { low: [1, 0], high: [0, 1], interior: [0, 0], value: 0 }, [
      [0, 0, 0],
      [1, 2, 0],
    ]),
    one("pad", [spread([0])], { low: [1], high: [1], interior: [3], value: 4 }, [4, 4]),
  ],
  concat: [
    one(
      "concat",
      [
        doubles([[1], [2]]),
        doubles([
          [3, 4],
          [5, 6],
        ]),
      ],
      { axis: 1 },
      [
        [1, 3, 4],
        [2, 5, 6],
      ],
    ),
    one("concat", [doubles([1]), spread([0]), doubles([2, 3])], { axis: 0 }, [1, 2, 3]),
  ],
  gather: [
    one(
      "gather",
      [
        doubles([
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
        ints([2, 0, 2]),
      ],
      { axis: 0 },
      [
        [5, 6],
        [1, 2],
        [5, 6],
      ],
    ),
    one(
      "gather",
      [
        doubles([
          [1, 2],
          [3, 4],
        ]),
        ints([[1], [0]]),
      ],
      { axis: 1 },
      [
        [[2], [1]],
        [[4], [3]],
      ],
    ),
    one("gather", [doubles([1, 2, 3]), ints([-5, 9])], { axis: 0 }, [1, 3]),
    one("gather", [doubles([1, 2, 3]), ints(1)], { axis: 0 }, 2),
  ],
  scatterAdd: [
    one("scatterAdd", [doubles([1, 2, 3]), ints([2, 0, 2])], { axis: 0, size: 4 }, [2, 0, 4, 0]),
    one(
      "scatterAdd",
      [
        doubles([
          [1, 2],
          [3, 4],
        ]),
        ints([1, 1]),
      ],
      { axis: 1, size: 2 },
      [
        [0, 3],
        [0, 7],
      ],
    ),
    one("scatterAdd", [doubles([1, 2]), ints([-3, 7])], { axis: 0, size: 3 }, [1, 0, 2]),
  ],
  randomBits: [
    one("randomBits", [random.key(0)], { shape: [2] }, [0x6b200159, 0x99ba4efe | 0], false),
  ],
  copy: [one("copy", [x34], {}, d34)],
  composite: [
    {
      args: [x34, x34],
      f: (x, y) => [composite("sumOfSines", {}, [x!, y!], (a, b) => a!.sin().add(b!.sin()))],
      expected: [build([3, 4], (i, j) => 2 * Math.sin(pick(d34, i, j)))],
      differentiate: true,
    },
  ],
  call: [
    {
      args: [x34],
      f: (x) => [
        customVjp((x: Tensor) => x.sin(), {
          forward: (x) => [x.sin(), x],
          backward: (x, g) => [x.cos().mul(g)],
        })(x!),
      ],
      expected: [build([3, 4], (i, j) => Math.sin(pick(d34, i, j)))],
      differentiate: true,
    },
  ],
  host: [
    {
      args: [
        doubles([0.5, -1]),
        doubles([
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
      ],
      f: (init, xs) => scan((c: Tensor, x: Tensor) => [c.mul(x), c.add(x)], init!, xs!),
      expected: [
        [7.5, -48],
        [
          [1.5, 1],
          [3.5, 2],
          [6.5, -2],
        ],
      ],
      differentiate: true,
    },
  ],
};
