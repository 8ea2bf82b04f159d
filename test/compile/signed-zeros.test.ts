// What simplification leaves out changes nothing, not even the sign of a zero: compiled and eager results agree to the bit.
import { describe, expect, test } from "vitest";
import { type Tensor, jit, tensor } from "../../src/index.ts";

const functions: Record<string, (x: Tensor) => Tensor> = {
  "x + 0": (x) => x.add(0),
  "x + -0": (x) => x.add(-0),
  "0 + x": (x) => x.zerosLike().add(x),
  "x - 0": (x) => x.sub(0),
  "x - -0": (x) => x.sub(-0),
  "0 - x": (x) => x.zerosLike().sub(x),
  "-x + 0": (x) => x.neg().add(0),
  "x + -x": (x) => x.add(x.neg()),
  "x - -x": (x) => x.sub(x.neg()),
  "x * 1": (x) => x.mul(1),
  "x * -1": (x) => x.mul(-1),
  "x / 1": (x) => x.div(1),
  "- -x": (x) => x.neg().neg(),
  "x ** 1": (x) => x.pow(1),
  "x ** 3": (x) => x.pow(3),
  "max(x, 0)": (x) => x.maximum(0),
  "max(0, x)": (x) => x.relu(),
  "min(x, 0)": (x) => x.minimum(0),
  "sum over one": (x) => x.reshape([4, 1]).sum(1),
};

describe.each(["float32", "float64"] as const)("%s", (dtype) => {
  const x = tensor([-0, 0, -1, 1], { dtype });
  test.each(Object.keys(functions))("%s", (name) => {
    const f = functions[name]!;
    expect([...jit(f)(x).data()]).toEqual([...f(x).data()]);
  });

  test("adding 0 makes 0 of -0", () => {
    expect([...jit((y: Tensor) => y.add(0))(x).data()].map((y) => Object.is(y, -0))).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});
