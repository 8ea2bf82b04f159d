// Laws of clipping and chaining.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ArgumentError, type Tensor, jit, tensor } from "../../src/index.ts";
import {
  accumulateMomentum,
  chain,
  clipByGlobalNorm,
  clipByValue,
  globalNorm,
  scaleByLearningRate,
  sgd,
  type Transformation,
  stateful,
  stateless,
} from "../../src/optim/index.ts";

interface Golden {
  readonly start: readonly (readonly number[])[];
  readonly clipped: Readonly<
    Record<string, { readonly norm: number; readonly gradients: readonly (readonly number[])[] }>
  >;
}
const golden = JSON.parse(
  readFileSync(new URL("../golden/optim.json", import.meta.url), "utf8"),
) as Golden;

const step = tensor(0, { dtype: "int32" });
const norm = (...parts: Tensor[]): number =>
  Math.hypot(...parts.flatMap((part) => [...part.data()]));

const numbers = fc.array(
  fc.float({ noNaN: true, min: Math.fround(-1e18), max: Math.fround(1e18) }),
  {
    minLength: 5,
    maxLength: 5,
  },
);
const limit = fc.float({ min: Math.fround(1e-3), max: Math.fround(1e3), noNaN: true });

describe("clipByGlobalNorm", () => {
  const clip = jit((a: Tensor, b: Tensor) => {
    return clipByGlobalNorm(2.5).transform({ a, b }, [], { a, b }, step).updates;
  });

  test("no norm above the limit, no change below it, the same direction in any case", () => {
    fc.assert(
      fc.property(numbers, numbers, (x, y) => {
        const [a, b] = [tensor(x), tensor(y)];
        const clipped = clip(a, b);
        const before = norm(a, b);
        if (before <= 2.5) {
          expect(clipped.a.data()).toEqual(a.data());
          expect(clipped.b.data()).toEqual(b.data());
        } else {
          expect(norm(clipped.a, clipped.b)).toBeLessThanOrEqual(2.5 * (1 + 1e-6));
          clipped.a.data().forEach((value, i) => {
            const wanted = (a.data()[i]! * 2.5) / before;
            expect(Math.abs(value - wanted)).toBeLessThan(1e-6 * Math.abs(wanted) + 1e-30);
          });
        }
      }),
      { numRuns: 200 },
    );
  });

  test("PyTorch's numbers, but for the 1e-6 it adds to the norm", () => {
    for (const [maxNorm, expected] of Object.entries(golden.clipped)) {
      const gradients = golden.start.map((list) => tensor([...list]));
      expect(globalNorm(gradients).item()).toBeCloseTo(expected.norm, 5);
      const { updates } = clipByGlobalNorm(Number(maxNorm)).transform(
        gradients,
        [],
        gradients,
        step,
      );
      updates.forEach((update, index) =>
        update
          .data()
          .forEach((value, i) => expect(value).toBeCloseTo(expected.gradients[index]![i]!, 5)),
      );
    }
  });

  test("squares beyond float32 do not overflow", () => {
    const huge = tensor([3e30, 4e30]);
    const { updates } = clipByGlobalNorm(1).transform(huge, [], huge, step);
    expect(updates.data()[0]).toBeCloseTo(0.6, 6);
  });
});

test("clipByValue leaves nothing outside and changes nothing inside", () => {
  fc.assert(
    fc.property(numbers, limit, (x, bound) => {
      const before = tensor(x);
      const { updates } = clipByValue(bound).transform(before, [], before, step);
      const wanted = before.data().map((value) => Math.min(Math.max(value, -bound), bound));
      updates.data().forEach((value, i) => expect(value === wanted[i]).toBe(true));
    }),
    { numRuns: 50 },
  );
});

test("a chain is its members in order", () => {
  const params = { w: tensor([1, 2]) };
  const gradients = { w: tensor([30, -40]) };
  const chained = chain(clipByGlobalNorm(5), sgd({ learningRate: 0.1, momentum: 0.5 }));
  const { params: once, state } = chained.update(gradients, chained.init(params), params, step);
  once.w.data().forEach((value, i) => expect(value).toBeCloseTo([0.7, 2.4][i]!, 6));
  const { params: twice } = chained.update(gradients, state, once, step);
  twice.w.data().forEach((value, i) => expect(value).toBeCloseTo([0.25, 3][i]!, 6));
});

test("a transformation of one's own", () => {
  const signs = stateless("signs", (update) => update.sign());
  const optimizer = chain(signs, scaleByLearningRate(0.5));
  const params = tensor([1, 1, 1]);
  const after = optimizer.update(tensor([9, -3, 0]), optimizer.init(params), params, step).params;
  expect([...after.data()]).toEqual([0.5, 1.5, 1]);
});

test("limits that are none", () => {
  for (const wrong of [
    () => clipByGlobalNorm(0),
    () => clipByGlobalNorm(Number.NaN),
    () => clipByValue(-1),
    () => accumulateMomentum(1.5),
  ])
    expect(wrong).toThrow(ArgumentError);
});

describe("stateful", () => {
  const signum = (decay: number): Transformation =>
    stateful("signum", ["mean"], () => (update, { mean }) => {
      const next = mean.mul(decay).add(update.mul(1 - decay));
      return { update: next.sign(), mean: next };
    });

  test("keeps tensors by name, for every parameter of its own", () => {
    const optimizer = chain(signum(0.5), scaleByLearningRate(0.1));
    const params = { a: tensor([1, 2]), b: tensor([3]) };
    const gradients = { a: tensor([4, -2]), b: tensor([0]) };
    const first = optimizer.update(gradients, optimizer.init(params), params, step);
    expect(first.params.a.toArray()).toEqual([0.9, 2.1].map(Math.fround));
    expect(first.params.b.toArray()).toEqual([3]);
    const [{ mean }] = first.state as unknown as [{ mean: typeof params }];
    expect([mean.a.toArray(), mean.b.toArray()]).toEqual([[2, -1], [0]]);
    const again = optimizer.update(gradients, first.state, first.params, step.add(1));
    const [after] = again.state as unknown as [{ mean: typeof params }];
    expect(after.mean.a.toArray()).toEqual([3, -1.5]);
  });

  test("calls the rule once in a step, for what all parameters share", () => {
    let calls = 0;
    const counted = stateful("counted", [], (now) => {
      calls++;
      return (update) => ({ update: update.mul(now.cast("float32").add(1)) });
    });
    const tree = { a: tensor([1]), b: tensor([2]) };
    const { updates } = counted.transform(tree, counted.init(tree), tree, step);
    expect([calls, updates.b.item()]).toEqual([1, 2]);
  });
});
