/** @file A solver from a step: Heun's method, iterated to the trapezoidal rule (Hairer, Norsett and Wanner I, section II.1). */
import { oneStep } from "../../../src/ode/index.ts";

const corrections = 12;

export const trapezoidal = oneStep({
  name: "trapezoidal",
  order: 2,
  step({ f, t, h, y, sum }) {
    const first = f(t, y);
    let end = sum([1], [first]);
    for (let i = 0; i < corrections; i++) end = sum([1 / 2, 1 / 2], [first, f(t.add(h), end)]);
    return { y: end };
  },
});
