// Laws over every primitive and every composite: values and shapes against plain JavaScript, both directions of
// differentiation against finite differences and against each other, second derivatives.

import { describe, expect, test } from "vitest";
import "../../src/index.ts";
import { checkGrad, jvp, vjp } from "../../src/autodiff/index.ts";
import { isFloat } from "../../src/ir/dtype.ts";
import type { PrimName } from "../../src/ir/prim.ts";
import type { Nested, Tensor } from "../../src/ir/tensor.ts";
import { trace } from "../../src/ir/trace.ts";
import { registry } from "../../src/ops/registry.ts";
import { type Case, spread } from "./cases.ts";
import { elementwiseCases } from "./elementwise-cases.ts";
import { imageCases } from "./image-cases.ts";
import { primCases } from "./prim-cases.ts";
import { tensorCases } from "./tensor-cases.ts";
import * as ops from "../../src/ops/index.ts";

/** Equal structure, numbers within `tolerance` relative; zeros with their sign, infinities and NaN as they are. */
export function expectNear(actual: Nested, expected: Nested, tolerance: number, path = ""): void {
  if (Array.isArray(expected)) {
    expect(Array.isArray(actual) && actual.length, `length at ${path}`).toBe(expected.length);
    expected.forEach((part, i) =>
      expectNear((actual as Nested[])[i]!, part, tolerance, `${path}[${i}]`),
    );
  } else if (
    typeof expected === "number" &&
    typeof actual === "number" &&
    Number.isFinite(expected) &&
    expected !== 0
  ) {
    const error = Math.abs(actual - expected) / Math.abs(expected);
    expect(error, `${actual} for ${expected} at ${path}`).toBeLessThanOrEqual(tolerance);
  } else expect(actual, path).toBe(expected);
}

const dot = (a: readonly Tensor[], b: readonly Tensor[]): number =>
  a.reduce((sum, x, i) => sum + (isFloat(x.dtype) ? x.mul(b[i]!).sum().item() : 0), 0);

const like = (tensors: readonly Tensor[], seed: number): Tensor[] =>
  tensors.map((x, i) =>
    isFloat(x.dtype) ? spread(x.shape, -1, 1, seed + i).cast(x.dtype) : x.zerosLike(),
  );

function checkCase({ args, f, expected, differentiate, step }: Case, tolerance: number): void {
  const outputs = f(...args);
  expect(outputs.length).toBe(expected.length);
  outputs.forEach((output, i) => expectNear(output.toArray(), expected[i]!, tolerance));
  const g = (...given: Tensor[]): Tensor[] => [...f(...given)];
  const inferred = trace((...given) => f(...given), args).graph.outputs;
  expect(inferred.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
    outputs.map(({ shape, dtype }) => ({ shape, dtype })),
  );
  if (!differentiate) return;
  checkGrad(g, [...args], { order: 2, ...(step === undefined ? {} : { step }) });
  const v = like(args, 20);
  const u = like(outputs, 30);
  const [, along] = jvp(g, [...args], v);
  const back = vjp(g, ...args)[1](u);
  const [left, right] = [dot(u, along), dot(back, v)];
  expect(Math.abs(left - right)).toBeLessThanOrEqual(1e-11 * Math.max(1e-3, Math.abs(left)));
}

describe("primitives", () => {
  test.each(Object.keys(registry) as PrimName[])("%s", (prim) => {
    expect(primCases[prim].length).toBeGreaterThan(0);
    for (const one of primCases[prim]) {
      const { nodes } = trace((...given) => one.f(...given), one.args).graph;
      expect(nodes.map((node) => node.prim)).toContain(prim);
      checkCase(one, 1e-14);
    }
  });

  test("those said to be without derivative have none", () => {
    for (const [prim, rules] of Object.entries(registry))
      if (!rules.differentiable)
        expect(primCases[prim as PrimName].some(({ differentiate }) => differentiate)).toBe(false);
      else
        expect(
          primCases[prim as PrimName].some(({ differentiate }) => differentiate),
          prim,
        ).toBe(true);
  });
});

const compositeCases = { ...elementwiseCases, ...tensorCases, ...imageCases };
/** Makers of constants: test/ops-properties.test.ts. */
const compositesWithoutCase = [
  "arange",
  "eye",
  "full",
  "iota",
  "linspace",
  "ones",
  "onesLike",
  "scalar",
  "tensor",
  "zeros",
  "zerosLike",
];

describe("composites", () => {
  test("every function of the room has a case", () => {
    const functions = Object.entries(ops)
      .filter(([, value]) => typeof value === "function")
      .map(([name]) => name);
    const covered = new Set([...Object.keys(compositeCases), ...compositesWithoutCase]);
    expect(functions.filter((name) => !covered.has(name))).toEqual([]);
  });

  test.each(Object.keys(compositeCases))("%s", (name) => {
    for (const one of compositeCases[name]!) checkCase(one, 4e-15);
  });
});
