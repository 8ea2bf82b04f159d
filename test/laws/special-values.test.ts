/** @file Laws at the ends of the number range: the fast backend does with NaN, infinities, zeros, halves and overflow what the plain one does. */
import { afterAll, describe, expect, it } from "vitest";
import { type BackendName, setBackend } from "../../src/compile/engine.ts";
import { Executable } from "../../src/compile/evaluate.ts";
import type { DType } from "../../src/ir/dtype.ts";
import { binaryPrims, comparePrims, unaryPrims } from "../../src/ir/prim.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { apply, trace } from "../../src/ir/trace.ts";
import { bind1 } from "../../src/ops/bind.ts";
import {
  argMax,
  argMin,
  broadcastTo,
  cast,
  max,
  maximum,
  min,
  minimum,
  reshape,
  tensor,
} from "../../src/ops/index.ts";

const floats = [
  [NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, 0.1, 100, -7],
  [1e30, -1e30, 2 ** 31, -(2 ** 31) - 1, 2 ** 31 - 1, 2 ** 53, 1e308],
  [1e-40, -1e-40, 5e-324, 1e-310, 8388609, -8388607.5, 2251799813685249.5],
].flat();
const integers = [0, 1, -1, 2, -2, 7, -7, 2 ** 31 - 1, -(2 ** 31), 1 - 2 ** 31, 65536, 31, 3];
const exact: readonly string[] = ["neg", "abs", "sign", "floor", "ceil", "round", "sqrt"];

afterAll(() => setBackend("wasm"));

function run(backend: BackendName, fn: (...xs: Tensor[]) => Tensor, inputs: Tensor[]): number[] {
  setBackend(backend);
  const executable = new Executable(trace((...xs) => [fn(...xs)], inputs).graph, "values");
  const [result] = executable.call(inputs);
  executable.release();
  return [...result!.data()];
}

/** The first operands for which the backends differ: by more than `tolerance` of the larger, by anything at 0. */
function differing(fn: (...xs: Tensor[]) => Tensor, inputs: Tensor[], tolerance = 0): unknown {
  const [x, y] = [run("wasm", fn, inputs), run("interp", fn, inputs)];
  const at = x.findIndex((a, index) => {
    const b = y[index]!;
    return (
      !Object.is(a, b) &&
      !(Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b), 1e-37))
    );
  });
  return at < 0
    ? undefined
    : { operands: inputs.map((input) => input.data()[at]), wasm: x[at], interp: y[at] };
}

describe.each<DType>(["float32", "float64", "int32"])("%s", (dtype) => {
  const list = dtype === "int32" ? integers : floats;
  const count = list.length;
  const x = tensor(list, { dtype });
  const pairs = [
    [count, 1],
    [1, count],
  ].map((shape) => reshape(broadcastTo(reshape(x, shape), [count, count]), [count * count]));
  const rounding = dtype === "float32" ? 5e-7 : 2e-15;

  it.each(
    dtype === "int32"
      ? unaryPrims.filter((prim) => ["neg", "abs", "sign"].includes(prim))
      : [...unaryPrims],
  )("%s", (prim) => {
    expect(
      differing((a) => bind1(prim, [a], {}), [x], exact.includes(prim) ? 0 : rounding),
    ).toBeUndefined();
  });

  it.each(binaryPrims.filter((prim) => prim !== "pow" || dtype !== "int32"))("%s", (prim) => {
    const found = differing(
      (a, b) => apply(prim, {}, [a, b], [a])[0]!,
      pairs,
      prim === "pow" ? rounding : 0,
    );
    expect(found).toBeUndefined();
  });

  it.each([maximum, minimum])(
    "by a constant, either first, with the sign of zeros: %o",
    (extreme) => {
      for (const bound of list)
        for (const fn of [(a: Tensor) => extreme(a, bound), (a: Tensor) => extreme(bound, a)])
          expect(run("wasm", fn, [x])).toEqual(run("interp", fn, [x]));
    },
  );

  it.each([...comparePrims])("%s", (prim) => {
    expect(differing((a, b) => bind1(prim, [a, b], {}), pairs)).toBeUndefined();
  });

  it.each<DType>(["float32", "float64", "int32", "bool"])("cast to %s", (to) => {
    expect(differing((a) => cast(a, to), [x])).toBeUndefined();
  });

  it.each([max, min, argMax, argMin])("extrema of rows: %o", (fold) => {
    const rows = (a: Tensor, b: Tensor): Tensor =>
      fold(reshape(apply("add", {}, [a, b], [a])[0]!, [count, count]), 1);
    expect(differing(rows, pairs)).toBeUndefined();
  });
});
