// Wrong use of tensors, operations and derivatives: each a typed error that says who, what was expected, what came.

import { describe, expect, test } from "vitest";
import * as adjoint from "../../src/index.ts";
import {
  AdjointError,
  ArgumentError,
  DTypeError,
  ShapeError,
  type Tensor,
  TraceError,
  customVjp,
  grad,
  jit,
  jvp,
  tensor,
  valueAndGrad,
  vjp,
} from "../../src/index.ts";
import { bind } from "../../src/ops/bind.ts";

type Kind = new (...args: never[]) => Error;
const any = adjoint as unknown as Record<string, (...args: unknown[]) => unknown>;
const x = tensor([1, 2, 3]);
const m = tensor([
  [1, 2],
  [3, 4],
]);
const double = x.cast("float64");
const int = tensor([1, 2, 3], { dtype: "int32" });
const bool = tensor([true, false, true]);

function fails(kind: Kind, message: RegExp, run: () => unknown): void {
  let caught: unknown;
  try {
    run();
  } catch (error) {
    caught = error;
  }
  expect(caught, "an error").toBeInstanceOf(Error);
  expect(caught).toBeInstanceOf(kind);
  expect(caught).toBeInstanceOf(AdjointError);
  expect((caught as Error).message).toMatch(message);
  expect((caught as Error).name).toBe(kind.name);
}

const cases: [string, Kind, RegExp, () => unknown][] = [
  [
    "ragged nesting",
    ShapeError,
    /tensor: expected 2 elements at depth 1/,
    () => tensor([[1, 2], [3]]),
  ],
  ["nesting deeper in places", ShapeError, /tensor/, () => tensor([1, [2]] as never)],
  ["nesting shallower in places", ShapeError, /equally long/, () => tensor([[1], 2] as never)],
  ["strings", ArgumentError, /got "1"/, () => tensor(["1"] as never)],
  ["tensors as elements", ArgumentError, /stack/, () => tensor([x, x] as never)],
  ["a tensor of a tensor", ArgumentError, /one already/, () => tensor(x as never)],
  [
    "a typed array of another kind",
    DTypeError,
    /Uint16Array/,
    () => tensor(new Uint16Array(2) as never),
  ],
  [
    "elements that do not fill the shape",
    ShapeError,
    /6 elements for shape \[2, 3\], got 3/,
    () => tensor([1, 2, 3], { shape: [2, 3] }),
  ],
  ["a fraction as int32", DTypeError, /integer.*1\.5/, () => tensor([1.5], { dtype: "int32" })],
  [
    "an integer beyond 32 bits",
    DTypeError,
    /4294967296/,
    () => tensor([2 ** 32], { dtype: "int32" }),
  ],
  ["an unknown dtype", ArgumentError, /float16/, () => tensor([1], { dtype: "float16" as never })],
  ["a negative extent", ShapeError, /\[-1\]/, () => adjoint.zeros([-1])],
  ["a size beyond 2^31", ShapeError, /2\^31/, () => adjoint.zeros([2 ** 20, 2 ** 20])],
  ["arange without end", ArgumentError, /arange/, () => adjoint.arange(0, Infinity)],
  ["arange with step 0", ArgumentError, /step/, () => adjoint.arange(0, 1, 0)],
  [
    "linspace of integers",
    DTypeError,
    /arange/,
    () => adjoint.linspace(0, 1, 3, { dtype: "int32" }),
  ],
  [
    "a fraction in an int32 range",
    DTypeError,
    /0\.5/,
    () => adjoint.arange(0, 2, 0.5, { dtype: "int32" }),
  ],

  [
    "two dtypes",
    DTypeError,
    /add: expected operands of one dtype, got float32 and float64\. Use cast/,
    () => x.add(double),
  ],
  ["a fraction with int32", DTypeError, /mul.*0\.5.*cast/, () => int.mul(0.5)],
  ["a number with bool", DTypeError, /add/, () => bool.add(1)],
  ["division of integers", DTypeError, /div.*int32/, () => int.div(2)],
  ["sin of integers", DTypeError, /sin.*float32 or float64.*int32/, () => int.sin()],
  ["sigmoid of integers", DTypeError, /sigmoid/, () => int.sigmoid()],
  ["mean of integers", DTypeError, /mean.*cast/, () => int.mean()],
  ["sum of bool", DTypeError, /sum.*any/, () => bool.sum()],
  ["any of floats", DTypeError, /any.*float32/, () => x.any()],
  ["logic on floats", DTypeError, /and.*bool/, () => x.logicalAnd(x)],
  ["where on floats", DTypeError, /where.*bool condition/, () => adjoint.where(x, 1, 0)],
  ["matmul of integers", DTypeError, /matmul/, () => int.matmul(int)],
  ["float indices", DTypeError, /take.*int32 indices/, () => x.take(tensor([0]))],

  ["shapes that do not broadcast", ShapeError, /add.*\[3\] and \[2, 2\]/, () => x.add(m)],
  ["inner extents of matmul", ShapeError, /matmul.*\[3\].*\[2, 2\]/, () => x.matmul(m)],
  ["matmul of scalars", ShapeError, /Use mul/, () => tensor(1).matmul(x)],
  [
    "batches of matmul",
    ShapeError,
    /matmul/,
    () => adjoint.zeros([2, 1, 1]).matmul(adjoint.zeros([3, 1, 1])),
  ],
  ["dot of matrices", ShapeError, /Use matmul/, () => m.dot(m)],
  ["reshape to another size", ShapeError, /reshape.*3 elements.*\[2, 2\]/, () => x.reshape([2, 2])],
  ["reshape with two unknowns", ShapeError, /at most one -1/, () => m.reshape([-1, -1])],
  ["reshape that does not divide", ShapeError, /reshape/, () => x.reshape([2, -1])],
  ["transpose with a missing axis", ShapeError, /2 axes in perm/, () => m.transpose([0])],
  ["transpose with an axis twice", ArgumentError, /each axis once/, () => m.transpose([0, 0])],
  ["broadcastTo a smaller shape", ShapeError, /broadcastTo/, () => m.broadcastTo([2])],
  ["squeeze of a long axis", ShapeError, /extent 1 on axis 0/, () => m.squeeze(0)],
  ["an axis out of range", ArgumentError, /sum.*\[-2, 1\].*2/, () => m.sum(2)],
  ["an axis twice", ArgumentError, /distinct/, () => m.sum([0, -2])],
  ["an axis of a scalar", ArgumentError, /scalar/, () => tensor(1).sum(0)],
  ["max of nothing", ShapeError, /at least one element/, () => adjoint.zeros([0]).max()],
  ["argMax of nothing", ShapeError, /at least one element/, () => adjoint.zeros([0]).argMax()],
  ["an index out of range", ArgumentError, /at: expected an index in \[-3, 2\].*3/, () => x.at(3)],
  ["number indices out of range", ArgumentError, /take.*-4/, () => x.take([-4])],
  [
    "take from nothing",
    ShapeError,
    /gather/,
    () => adjoint.zeros([0]).take(tensor([0], { dtype: "int32" })),
  ],
  ["a slice with step 0", ArgumentError, /step other than 0/, () => x.slice(0, 3, 0)],
  ["a slice with a fraction", ArgumentError, /integers.*0\.5/, () => x.slice(0.5)],
  ["more bounds than axes", ArgumentError, /at most 1 bounds/, () => x.slice([0, 0])],
  ["negative padding", ShapeError, /pad.*slice/, () => x.pad(-1)],
  ["padding for another rank", ShapeError, /1 widths/, () => x.pad([1, 1])],
  [
    "concat of other shapes",
    ShapeError,
    /concat.*\[1, 2\] and \[2, 3\]/,
    () => adjoint.concat([adjoint.zeros([1, 2]), adjoint.zeros([2, 3])]),
  ],
  ["concat of nothing", ArgumentError, /at least one/, () => adjoint.concat([])],
  ["stack of other shapes", ShapeError, /stack.*\[3\].*\[2, 2\]/, () => adjoint.stack([x, m])],
  ["split into unequal parts", ShapeError, /2 equal parts/, () => x.split(2)],
  ["scatterAdd of other shapes", ShapeError, /scatterAdd/, () => m.scatterAdd(int, 3)],
  ["an unknown norm", ArgumentError, /order 1, 2 or Infinity/, () => x.norm(0, false, 3)],
  ["item of many", AdjointError, /one element/, () => x.item()],

  [
    "an array for a tensor",
    ArgumentError,
    /add.*array of 2.*tensor\(\)/,
    () => any["add"]!([1, 2], x),
  ],
  ["nothing for a tensor", ArgumentError, /add.*undefined/, () => any["add"]!(x)],
  ["a string for a tensor", ArgumentError, /"1"/, () => any["exp"]!("1")],
  ["nothing to sum", ArgumentError, /sum: expected a tensor, got undefined/, () => any["sum"]!()],
  ["null to reshape", ArgumentError, /reshape.*null/, () => any["reshape"]!(null, [1])],
  [
    "too many inputs of a primitive",
    ArgumentError,
    /sin: expected 1 input, got 2/,
    () => bind("sin", [x, x], {}),
  ],
  [
    "too few inputs of a primitive",
    ArgumentError,
    /add: expected 2 inputs, got 1/,
    () => bind("add", [x], {}),
  ],

  [
    "grad of what is no function",
    ArgumentError,
    /grad: expected a function, got 3/,
    () => grad(3 as never),
  ],
  [
    "grad of a vector function",
    ShapeError,
    /scalar.*\[3\].*sum/,
    () => grad((x: Tensor) => x.mul(2))(x),
  ],
  [
    "grad of an integer function",
    DTypeError,
    /float.*int32/,
    () => grad((x: Tensor) => x.cast("int32").sum())(x),
  ],
  [
    "grad of a function that returns a number",
    ArgumentError,
    /scalar tensor, got 3/,
    () => grad((() => 3) as never)(x as never),
  ],
  [
    "grad by integers",
    DTypeError,
    /float leaves.*int32 at argument 0/,
    () => grad((x: Tensor) => x.cast("float32").sum())(int),
  ],
  [
    "grad by an integer deep inside",
    DTypeError,
    /argument 0\.b\[0\]/,
    () => grad((p: { a: Tensor; b: Tensor[] }) => p.a.sum())({ a: x, b: [int] }),
  ],
  [
    "grad by an argument that is not there",
    ArgumentError,
    /1 arguments.*1.*left out/,
    () => grad((x: Tensor) => x.sum(), { argnums: 1 as never })(x),
  ],
  [
    "grad at a number",
    ArgumentError,
    /argument 0.*got 2.*tensor\(\)/,
    () => grad((x: Tensor) => x.sum())(2 as never),
  ],
  [
    "aux that is missing",
    ArgumentError,
    /\[value, aux\]/,
    () => valueAndGrad(((x: Tensor) => x.sum()) as never, { hasAux: true })(x as never),
  ],
  [
    "a cotangent of another shape",
    ShapeError,
    /cotangent.*\[3\].*\[2, 2\]/,
    () => vjp((x: Tensor) => x.mul(2), x)[1](m),
  ],
  [
    "a cotangent of another dtype",
    DTypeError,
    /cotangent.*float32.*float64/,
    () => vjp((x: Tensor) => x.mul(2), x)[1](double),
  ],
  [
    "a cotangent of another structure",
    ArgumentError,
    /cotangent.*structured/,
    () => vjp((x: Tensor) => x.mul(2), x)[1]([x] as never),
  ],
  [
    "a missing tangent",
    ArgumentError,
    /2 tangents.*1/,
    () => jvp((x: Tensor, y: Tensor) => x.add(y), [x, x], [x] as never),
  ],
  [
    "a tangent of another shape",
    ShapeError,
    /tangent of argument 0/,
    () => jvp((x: Tensor) => x, [x], [m]),
  ],
  [
    "customVjp without backward",
    ArgumentError,
    /function backward/,
    () => customVjp((x: Tensor) => x, { forward: (x: Tensor) => [x, x] } as never),
  ],
  [
    "forward without residuals",
    ArgumentError,
    /\[result, residuals\]/,
    () =>
      grad(
        customVjp((x: Tensor) => x, {
          forward: ((x: Tensor) => x) as never,
          backward: () => [undefined],
        }),
      )(tensor(1)),
  ],
  [
    "backward with too few gradients",
    ArgumentError,
    /1 gradients/,
    () =>
      grad(
        customVjp((x: Tensor) => x.mul(1), {
          forward: (x) => [x.mul(1), []],
          backward: (() => []) as never,
        }),
      )(tensor(1)),
  ],
  [
    "backward of another shape",
    ShapeError,
    /gradient of argument 0/,
    () =>
      grad(
        customVjp((x: Tensor) => x.mul(1), { forward: (x) => [x.mul(1), []], backward: () => [x] }),
      )(tensor(1)),
  ],
  [
    "checkGrad without floats",
    ArgumentError,
    /at least one float/,
    () => adjoint.checkGrad((i: Tensor) => i, [int]),
  ],
  [
    "checkGrad inside a trace",
    ArgumentError,
    /outside/,
    () => jit((x: Tensor) => tensor(adjoint.checkGrad((x: Tensor) => x, [x])))(x),
  ],
  ...(
    [
      ["jit", (f) => jit(f as never)(x as never)],
      ["grad", (f) => grad(f as never)(x as never)],
      ["valueAndGrad", (f) => valueAndGrad(f as never)(x as never)],
      ["vjp", (f) => vjp(f as never, x)],
      ["jvp", (f) => jvp(f as never, [x], [x])],
      ["checkGrad", (f) => adjoint.checkGrad(f as never, [x])],
      ["jit within jit", (f) => jit((x: Tensor) => jit(f as never)(x as never))(x)],
    ] as [string, (f: unknown) => unknown][]
  ).map(([name, run]): [string, Kind, RegExp, () => unknown] => [
    `an argument too few for ${name}`,
    ArgumentError,
    /expected 2 arguments, as the function declares, got 1/,
    () => run((x: Tensor, p: { w: Tensor }) => x.mul(p.w).sum()),
  ]),
  [
    "tangents that are missing",
    ArgumentError,
    /1 tangents.*undefined/,
    () => any["jvp"]!((x: Tensor) => x, [x]),
  ],
  [
    "arguments in no array",
    ArgumentError,
    /jvp: expected an array of arguments, got Tensor/,
    () => any["jvp"]!((x: Tensor) => x, x, x),
  ],
  [
    "argnums of another kind",
    ArgumentError,
    /argnums: expected a number or an array of numbers, got null/,
    () => grad((x: Tensor) => x.sum(), { argnums: null as never })(x),
  ],
  [
    "a tree that contains itself",
    ArgumentError,
    /at most 1000 levels.*Does it contain itself/,
    () => {
      const tree: Record<string, unknown> = { x };
      tree["tree"] = tree;
      return jit((t: never) => t)(tree as never);
    },
  ],
  [
    "a dtype for options",
    ArgumentError,
    /object of options/,
    () => tensor([1], "float64" as never),
  ],
  ...(
    [
      ["tensor", () => tensor([1], { dtyp: "float64" } as never), /"dtyp"/],
      ["zeros", () => adjoint.zeros([1], { type: "float64" } as never), /dtype, got "type"/],
      ["grad", () => grad((x: Tensor) => x.sum(), { argnum: 0 } as never), /"argnum"/],
      [
        "scan",
        () => adjoint.scan((c: Tensor, y: Tensor) => [c, y], x, m, { rev: 1 } as never),
        /"rev"/,
      ],
      ["checkGrad", () => adjoint.checkGrad((x: Tensor) => x, [x], { tol: 1 } as never), /"tol"/],
      [
        "random.normal",
        () => adjoint.random.normal(adjoint.random.key(0), [1], { sd: 2 } as never),
        /"sd"/,
      ],
    ] as [string, () => unknown, RegExp][]
  ).map(([name, run, message]): [string, Kind, RegExp, () => unknown] => [
    `an unknown option of ${name}`,
    ArgumentError,
    message,
    run,
  ]),
  [
    "a seed for a key",
    ArgumentError,
    /random: expected a key, got 0. Keys come from random.key/,
    () => adjoint.random.normal(0 as never, [2]),
  ],
  ["full of nothing", ArgumentError, /number or boolean, got undefined/, () => any["full"]!([2])],
  ["reshape by numbers", ArgumentError, /array of extents, got 3/, () => x.reshape(3 as never)],
  ["transpose by numbers", ArgumentError, /array of axes, got 1/, () => m.transpose(1 as never)],
  ["pad by nothing", ArgumentError, /pad.*undefined/, () => x.pad(undefined as never)],
  ["split by nothing", ArgumentError, /split.*undefined/, () => x.split(undefined as never)],
  ["no parts", ArgumentError, /positive number of parts, got 0/, () => adjoint.zeros([0]).split(0)],
  ["indices of text", ArgumentError, /take.*int32 tensor, got "a"/, () => x.take("a" as never)],
  ["jit of what is no function", ArgumentError, /jit/, () => jit(3 as never)],
  ["jit at a number", ArgumentError, /got 2/, () => jit((x: Tensor) => x)(2 as never)],
  [
    "jit of a function that returns a number",
    ArgumentError,
    /result/,
    () => jit((() => 3) as never)(),
  ],

  [
    "elements while tracing",
    TraceError,
    /data\(\).*being traced/,
    () => jit((x: Tensor) => tensor(Array.from(x.data())))(x),
  ],
  [
    "item while tracing",
    TraceError,
    /item\(\)/,
    () => grad((x: Tensor) => x.mul(x.item()))(tensor(1)),
  ],
];

describe("wrong use", () => {
  test.each(cases)("%s", (_, kind, message, run) => fails(kind, message, run));
});

describe("a traced tensor that has left its trace", () => {
  let leaked: Tensor | undefined;
  const leak = (x: Tensor): Tensor => {
    leaked = x.mul(2);
    return x.sum();
  };

  test.each<[string, (run: (x: Tensor) => Tensor) => unknown]>([
    ["jit", (run) => jit(run)(x)],
    ["grad", (run) => grad(run)(x)],
    ["jvp", (run) => jvp(run, [x], [x])],
    ["vjp", (run) => vjp(run, x)],
  ])("through %s", (_, run) => {
    leaked = undefined;
    run(leak);
    fails(TraceError, /left the function in which it was traced/, () => leaked!.add(1));
    fails(TraceError, /left the function/, () => jit((y: Tensor) => y.add(leaked!))(x));
    fails(TraceError, /left the function/, () => grad((y: Tensor) => y.mul(leaked!).sum())(x));
    fails(TraceError, /./, () => leaked!.data());
  });

  test("errors inside a traced function leave no trace open", () => {
    expect(() => jit((x: Tensor) => x.add(m))(x)).toThrow(ShapeError);
    expect(() => grad((x: Tensor) => x.reshape([7]).sum())(x)).toThrow(ShapeError);
    expect(Array.from(x.add(1).data())).toEqual([2, 3, 4]);
  });
});
