// Optimisers against PyTorch's numbers, and on problems whose solution is known.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ArgumentError, type Tensor, jit, tensor } from "../../src/index.ts";
import {
  type Optimizer,
  adam,
  adamw,
  addDecayedWeights,
  chain,
  rmsprop,
  schedules,
  sgd,
} from "../../src/optim/index.ts";

interface Golden {
  readonly start: readonly (readonly number[])[];
  readonly cases: Readonly<
    Record<string, Readonly<Record<string, readonly (readonly number[])[]>>>
  >;
}
const golden = JSON.parse(
  readFileSync(new URL("../golden/optim.json", import.meta.url), "utf8"),
) as Golden;

const cases: Readonly<Record<string, Optimizer>> = {
  sgd: sgd({ learningRate: 0.1 }),
  "sgd momentum": sgd({ learningRate: 0.1, momentum: 0.9 }),
  "sgd nesterov": sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }),
  "sgd weight decay": chain(addDecayedWeights(0.1), sgd({ learningRate: 0.1 })),
  adam: adam({ learningRate: 0.01 }),
  "adam betas": adam({ learningRate: 0.05, beta1: 0.8, beta2: 0.99, epsilon: 1e-4 }),
  adamw: adamw({ learningRate: 0.01 }),
  "adamw decay": adamw({ learningRate: 0.02, weightDecay: 0.3 }),
  rmsprop: rmsprop({ learningRate: 0.01 }),
  "rmsprop alpha": rmsprop({ learningRate: 0.02, decay: 0.9, epsilon: 1e-3 }),
  "rmsprop momentum": rmsprop({ learningRate: 0.01, momentum: 0.9 }),
  "rmsprop centered": rmsprop({ learningRate: 0.01, centered: true }),
  "rmsprop centered momentum": rmsprop({ learningRate: 0.01, centered: true, momentum: 0.5 }),
};

interface Params {
  readonly a: Tensor;
  readonly b: Tensor;
}

const startParams = (dtype: "float32" | "float64"): Params => ({
  a: tensor([...golden.start[0]!], { shape: [2, 3], dtype }),
  b: tensor([...golden.start[1]!], { dtype }),
});

/** The gradient that make-optim.py uses at step t. */
function gradient(param: Tensor, t: number): Tensor {
  const wave = Float64Array.from({ length: param.size }, (_, i) => Math.sin(i + 1.7 * t));
  return param.mul(0.5).add(tensor(wave, { shape: param.shape, dtype: param.dtype }));
}

/** Parameters after each of `steps` steps. */
function run(optimizer: Optimizer, dtype: "float32" | "float64", steps: number): Params[] {
  let params = startParams(dtype);
  let state = optimizer.init(params);
  const update = jit((g: Params, s: typeof state, p: Params, step: Tensor) =>
    optimizer.update(g, s, p, step),
  );
  return Array.from({ length: steps }, (_, t) => {
    const gradients = { a: gradient(params.a, t), b: gradient(params.b, t) };
    ({ params, state } = update(gradients, state, params, tensor(t, { dtype: "int32" })));
    return params;
  });
}

describe("PyTorch's numbers", () => {
  test("every golden case has an optimiser here", () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(golden.cases).sort());
  });

  for (const [name, optimizer] of Object.entries(cases))
    test(name, () => {
      const after = run(optimizer, "float32", 12);
      for (const [step, expected] of Object.entries(golden.cases[name]!)) {
        const params = after[Number(step) - 1]!;
        for (const [index, leaf] of [params.a, params.b].entries())
          leaf.data().forEach((value, i) => {
            const wanted = expected[index]![i]!;
            // A few roundings of numbers of size 1: gradients at which both sides differ by an ulp feed on one another.
            expect(Math.abs(value - wanted), `step ${step}, ${index}[${i}]`).toBeLessThan(
              1e-6 * Math.max(1, Math.abs(wanted)),
            );
          });
      }
    });
});

test("float64 parameters stay float64, and agree with float32 to its precision", () => {
  for (const optimizer of Object.values(cases)) {
    const wide = run(optimizer, "float64", 3)[2]!.b;
    const narrow = run(optimizer, "float32", 3)[2]!.b.data();
    expect(wide.dtype).toBe("float64");
    wide.data().forEach((value, i) => expect(value).toBeCloseTo(narrow[i]!, 5));
  }
});

describe("convex problems", () => {
  const target = [1, -2, 0.5, 3];
  const curvature = [1, 4, 0.5, 2];
  const optimisers: Readonly<Record<string, Optimizer>> = {
    sgd: sgd({ learningRate: 0.2 }),
    momentum: sgd({ learningRate: 0.05, momentum: 0.8 }),
    nesterov: sgd({ learningRate: 0.05, momentum: 0.8, nesterov: true }),
    adam: adam({ learningRate: schedules.cosine({ from: 0.3, steps: 300 }) }),
    adamw: adamw({
      learningRate: schedules.cosine({ from: 0.3, steps: 300 }),
      weightDecay: 0,
    }),
    rmsprop: rmsprop({ learningRate: schedules.cosine({ from: 0.1, steps: 300 }), decay: 0.9 }),
  };
  for (const [name, optimizer] of Object.entries(optimisers))
    test(`${name} finds the bottom of a bowl`, () => {
      let params = tensor([0, 0, 0, 0]);
      let state = optimizer.init(params);
      const update = jit((p: Tensor, s: typeof state, step: Tensor) =>
        optimizer.update(p.sub(tensor(target)).mul(tensor(curvature)), s, p, step),
      );
      for (let t = 0; t < 300; t++)
        ({ params, state } = update(params, state, tensor(t, { dtype: "int32" })));
      params.data().forEach((value, i) => expect(value).toBeCloseTo(target[i]!, 2));
    });
});

describe("wrong use", () => {
  const wrong: Readonly<Record<string, () => unknown>> = {
    "negative rate": () => sgd({ learningRate: -1 }),
    "rate that is no number": () => adam({ learningRate: Number.NaN }),
    "momentum of 1": () => sgd({ learningRate: 1, momentum: 1 }),
    "nesterov without momentum": () => sgd({ learningRate: 1, nesterov: true }),
    "beta of 1": () => adam({ beta2: 1 }),
    "a misspelt option of sgd": () => sgd({ learningRate: 1, lr: 1 } as never),
    "a misspelt option of adam": () => adam({ beta: 0.9 } as never),
    "a misspelt option of adamw": () => adamw({ decay: 0.9 } as never),
    "a misspelt option of rmsprop": () => rmsprop({ rho: 0.9 } as never),
    "a rate in place of options": () => adam(1e-3 as never),
    "negative epsilon": () => rmsprop({ epsilon: -1 }),
    "negative decay": () => adamw({ weightDecay: -0.1 }),
    "chain of something else": () => chain({} as Optimizer),
    "state of other parameters": () => {
      const optimizer = adam();
      const x = tensor([1]);
      optimizer.update({ x, y: x }, optimizer.init({ x }), { x, y: x }, tensor(0));
    },
  };
  for (const [name, run] of Object.entries(wrong))
    test(name, () => expect(run).toThrow(ArgumentError));
});
