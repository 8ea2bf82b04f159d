// Schedules at points worked out by hand, inside a compiled step, and refused when they make no sense.
import { describe, expect, test } from "vitest";
import { ArgumentError, type Tensor, jit, tensor } from "../../src/index.ts";
import { type Schedule, schedules, sgd, trainer } from "../../src/optim/index.ts";

const { constant, cosine, exponential, linear, piecewise, warmup } = schedules;

const cases: Readonly<Record<string, readonly [Schedule, Readonly<Record<number, number>>]>> = {
  constant: [constant(0.3), { 0: 0.3, 1000: 0.3 }],
  linear: [linear({ from: 1, to: 0.2, steps: 4 }), { 0: 1, 1: 0.8, 3: 0.4, 4: 0.2, 9: 0.2 }],
  cosine: [cosine({ from: 2, to: 1, steps: 6 }), { 0: 2, 2: 1.75, 3: 1.5, 4: 1.25, 6: 1, 100: 1 }],
  "cosine to 0": [cosine({ from: 1, steps: 2 }), { 0: 1, 1: 0.5, 2: 0 }],
  exponential: [exponential({ from: 8, rate: 0.25, steps: 2 }), { 0: 8, 1: 4, 2: 2, 6: 0.125 }],
  staircase: [
    exponential({ from: 8, rate: 0.5, steps: 3, staircase: true }),
    { 0: 8, 2: 8, 3: 4, 5: 4, 6: 2 },
  ],
  piecewise: [
    piecewise({ boundaries: [2, 5], values: [1, 0.1, 0.01] }),
    { 0: 1, 1: 1, 2: 0.1, 4: 0.1, 5: 0.01, 50: 0.01 },
  ],
  warmup: [
    warmup({ steps: 4, to: linear({ from: 1, to: 0, steps: 10 }) }),
    { 0: 0, 1: 0.25, 3: 0.75, 4: 1, 9: 0.5, 14: 0 },
  ],
  "warmup to a number": [warmup({ steps: 2, from: 0.5, to: 1 }), { 0: 0.5, 1: 0.75, 2: 1, 7: 1 }],
};

describe("known points", () => {
  for (const [name, [schedule, points]] of Object.entries(cases))
    test(name, () => {
      const compiled = jit(schedule);
      for (const [step, value] of Object.entries(points)) {
        const result = compiled(tensor(Number(step), { dtype: "float64" }));
        expect(result.dtype).toBe("float64");
        expect(result.item(), `step ${step}`).toBeCloseTo(value, 14);
      }
    });
});

test("a schedule moves the step of a trainer without a new program", () => {
  const rate = piecewise({ boundaries: [1, 2], values: [1, 0.5, 0.25] });
  let traced = 0;
  const t = trainer(
    { w: tensor([0]) },
    (model) => {
      traced++;
      return model.w.sum();
    },
    sgd({ learningRate: rate }),
  );
  const weights = Array.from({ length: 4 }, () => {
    t.step([]);
    return t.model.w.item();
  });
  expect(weights).toEqual([-1, -1.5, -1.75, -2]);
  expect(traced).toBe(1);
});

test("a schedule of one's own", () => {
  const own: Schedule = (step: Tensor) => step.add(1).reciprocal();
  const t = trainer({ w: tensor([0]) }, (model) => model.w.sum(), sgd({ learningRate: own }));
  for (let i = 0; i < 3; i++) t.step([]);
  expect(t.model.w.item()).toBeCloseTo(-(1 + 1 / 2 + 1 / 3), 6);
});

describe("wrong use", () => {
  const wrong: Readonly<Record<string, () => unknown>> = {
    "steps of 0": () => linear({ from: 1, to: 0, steps: 0 }),
    "half a step": () => cosine({ from: 1, steps: 2.5 }),
    "no options": () => cosine(undefined as never),
    "a misspelt option": () => linear({ from: 1, to: 0, steps: 3, step: 1 } as never),
    "NaN value": () => constant(Number.NaN),
    "negative rate": () => exponential({ from: 1, rate: -0.5 }),
    "a value too few": () => piecewise({ boundaries: [1, 2], values: [1, 2] }),
    "falling boundaries": () => piecewise({ boundaries: [2, 1], values: [1, 2, 3] }),
    "warmup to nothing": () => warmup({ steps: 2, to: -1 }),
  };
  for (const [name, run] of Object.entries(wrong))
    test(name, () => expect(run).toThrow(ArgumentError));
});
