/**
 * @file Laws that every layer obeys: declared shapes are real ones, both backends agree, derivatives are those of finite
 * differences, samples do not depend on one another, and parameters are as many as Keras'.
 */
import { afterEach, describe, expect, test } from "vitest";
import { type Tensor, checkGrad, jit, setBackend, valueAndGrad } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import * as layers from "../../src/nn/layers/index.ts";
import { distance, drawn, spread } from "../support/layers.ts";
import { type LayerCase, layerCases } from "./layer-cases.ts";

/** A layer of several inputs within a network of one: x, and a function of x that crosses it and is never 0. */
function merging(merge: () => nn.AnyLayer, channels = 3): LayerCase {
  const make = ({ dtype = "float32" }: nn.LayerOptions): nn.Layer => {
    const x = nn.input({ shape: [4, 3], dtype });
    const other = nn.lambda((t: Tensor) => t.mul(1.5).sin().add(1.2));
    return nn.model({
      inputs: x,
      outputs: merge().apply([x, other.apply(x)]),
    } as never) as nn.Layer;
  };
  return { make, sample: [4, 3], output: [4, channels], parameters: 0 };
}

const merges: Readonly<Record<string, readonly LayerCase[]>> = {
  add: [merging(nn.add)],
  average: [merging(nn.average)],
  concatenate: [merging(nn.concatenate, 6)],
  divide: [merging(nn.divide)],
  maximum: [merging(nn.maximum)],
  minimum: [merging(nn.minimum)],
  multiply: [merging(nn.multiply)],
  subtract: [merging(nn.subtract)],
};

/** Cases of this file alone: what cannot be made with the options of all layers, and a solve of fixed steps. */
const ownCases: Readonly<Record<string, readonly LayerCase[]>> = {
  ...merges,
  odeBlock: [
    {
      make: (base) =>
        nn.odeBlock(nn.dense({ units: 3, activation: "tanh" }), {
          method: "rk4",
          steps: 3,
          gradient: "direct",
          ...base,
        }),
      sample: [3],
      output: [3],
      parameters: 12,
    },
  ],
};

afterEach(() => setBackend("wasm"));

type DType = "float32" | "float64";

const made = ({ make, sample }: LayerCase, dtype: DType): nn.Layer =>
  drawn(make({ inputShape: sample, dtype }));

/** Output, and gradients of a fixed combination of it by the parameters and the input. */
function derived(layer: nn.Layer, x: Tensor): Tensor[] {
  const fn = jit((layer: nn.Layer, x: Tensor) => {
    const [, [byLayer, byInput]] = valueAndGrad(
      (layer: nn.Layer, x: Tensor) => {
        const y = layer.forward(x);
        return y.mul(spread(y.shape, y.dtype as DType, 3)).sum();
      },
      { argnums: [0, 1] },
    )(layer, x);
    return [layer.forward(x), byInput, ...byLayer.parameters()] as Tensor[];
  });
  return fn(layer, x);
}

test("every layer has cases", () => {
  const kinds = Object.keys(layers).filter((name) => /^[a-z]/.test(name));
  const cases = { ...layerCases, ...ownCases };
  expect(Object.keys(cases).toSorted()).toEqual(kinds.toSorted());
});

for (const [kind, cases] of Object.entries({ ...layerCases, ...ownCases }))
  describe(kind, () => {
    for (const [index, current] of cases.entries()) {
      const { make, sample, output, parameters } = current;
      const name = `case ${index}, [${sample.join(", ")}]`;

      test.skipIf(kind in merges)(`${name}: shapes, names and parameter counts`, () => {
        const layer = make({ inputShape: sample });
        expect(layer.kind).toBe(kind);
        expect(layer.outputShape).toEqual(output);
        expect(layer.forward(spread([2, ...sample], "float32")).shape).toEqual([2, ...output]);
        expect(layer.parameterCount).toBe(parameters);
        const ungrown = make({});
        expect(ungrown.computeOutputShape(sample)).toEqual(output);
        expect(ungrown.parameters()).toEqual([]);
        const net = nn.sequential([make({ name: "it" })], { inputShape: sample });
        expect(net.outputShape).toEqual(output);
        expect(net.parameterCount).toBe(parameters);
      });

      for (const [dtype, tolerance] of [
        ["float32", 2e-5],
        ["float64", 1e-13],
      ] as const)
        test(`${name}: both backends agree in ${dtype}`, () => {
          const layer = made(current, dtype);
          const x = spread([3, ...sample], dtype);
          setBackend("interp");
          const expected = derived(layer, x);
          setBackend("wasm");
          const found = derived(layer, x);
          expect(found).toHaveLength(expected.length);
          for (const [i, tensor] of found.entries()) {
            expect(tensor.dtype).toBe(dtype);
            expect(distance(tensor, expected[i]!)).toBeLessThan(tolerance);
          }
        });

      test(`${name}: derivatives are those of finite differences`, () => {
        checkGrad(
          (layer: nn.Layer, x: Tensor) => layer.forward(x),
          [made(current, "float64"), spread([2, ...sample], "float64")],
          { step: 1e-3, maxElements: 12 },
        );
      });

      test(`${name}: samples do not depend on one another`, () => {
        const layer = made(current, "float32");
        const x = spread([3, ...sample], "float32");
        const others = x.slice([0], [1]).concat([x.slice([1], [3]).mul(-2).add(0.3)]);
        const y = layer.forward(x).at(0).data();
        expect(layer.forward(others).at(0).data()).toEqual(y);
        const alone = layer.forward(x.slice([0], [1])).at(0);
        expect(distance(alone, layer.forward(x).at(0))).toBeLessThan(2e-6);
      });
    }
  });
