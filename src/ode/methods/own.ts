/** @file Methods of a user's own: from a Butcher tableau, or from a step written with tensors. */
import { ArgumentError, complaint } from "../../base/errors.ts";
import { callback, finite, kind, listOf, text, whole } from "../../base/kinds.ts";
import { type OptionsOf, optional, required, schema } from "../../base/options.ts";
import { add, cast, div, sub } from "../../ops/elementwise.ts";
import type { Field } from "../field.ts";
import { type RungeKuttaMethod, explicitRungeKutta } from "../runge-kutta.ts";
import type { Method, StepEnd, StepStart } from "../stepper.ts";
import { type Interpolant, hermiteInterpolant, tableauDefect, tableauOf } from "../tableau.ts";

const tableauSchema = schema({
  name: required(text, "the name that errors call it by"),
  order: required(whole(1, 10), "order of the solution"),
  a: required(listOf(listOf(finite)), "row i holds a_i1 ... a_i,i-1; the first row is empty"),
  b: required(listOf(finite, { least: 1 }), "weights of the solution"),
  c: optional(listOf(finite), undefined, "nodes; the sums of the rows of a unless given"),
  embedded: optional(
    kind<{ readonly b: readonly number[]; readonly order: number }>(
      "{ b, order } with a list of numbers and a positive integer",
      (given) => {
        const { b, order } = (given ?? {}) as { b?: unknown; order?: unknown };
        return Array.isArray(b) && b.every(Number.isFinite) && Number(order) >= 1;
      },
    ),
    undefined,
    "weights and order of the embedded solution, whose difference estimates the error: steps are then chosen by tolerance",
  ),
});

/** A Butcher tableau: what `rungeKutta` takes. */
export type RungeKuttaOptions = OptionsOf<(typeof tableauSchema)["spec"]>;

/**
 * An explicit Runge-Kutta method of your own from its Butcher tableau, for `method` in every solve: adaptive with `embedded`, of fixed
 * steps without. Row sums and order conditions (Butcher 1963) are checked at once, to the orders that it claims; outputs inside steps come
 * from the Hermite cubic. Throws ArgumentError that names what is wrong.
 */
export function rungeKutta(options: RungeKuttaOptions): RungeKuttaMethod {
  const who = "rungeKutta";
  const { name, order, a, b, c, embedded } = tableauSchema.read(who, options);
  const coefficients = {
    order,
    a,
    b,
    c: c ?? a.map((row) => row.reduce((sum, entry) => sum + entry, 0)),
    ...(embedded && { embedded }),
  };
  const defect = tableauDefect(coefficients);
  if (defect !== undefined)
    throw new ArgumentError(
      complaint(`${who}: ${name}`, "a tableau of the orders it claims", defect),
    );
  const tableau = tableauOf(coefficients);
  return explicitRungeKutta(name, tableau, hermiteInterpolant(tableau));
}

/** The cubic through y and y1 with slopes f(t, y), f(t + h, y1) at both ends, and (y1 - y) / h as its third slope. */
function hermiteOfEnds(order: number): Interpolant {
  return {
    order: Math.min(3, order),
    coefficients: [
      [1, -2, 1],
      [0, -1, 1],
      [0, 3, -2],
    ],
  };
}

const oneStepSchema = schema({
  name: required(text, "the name that errors call it by"),
  order: required(whole(1), "order of the solution: errors after a fixed time are O(h^order)"),
  errorOrder: optional(
    whole(1),
    undefined,
    "q if `step` returns an error estimate O(h^q): steps are then chosen by tolerance; left out for fixed steps",
  ),
  step: required(
    callback<(start: StepStart, field: Field) => StepEnd>(),
    "writes one step from (t, y) of size h",
  ),
  begin: optional(
    callback<NonNullable<Method["begin"]>>(),
    undefined,
    "what is carried from step to step beside y, as it is at the first step",
  ),
  check: optional(
    callback<NonNullable<Method["check"]>>(),
    undefined,
    "throws ArgumentError if the method cannot solve a field; its paths name the leaves of y",
  ),
});

/** What the author of a method writes: see `oneStep`. */
export type OneStepOptions = OptionsOf<(typeof oneStepSchema)["spec"]>;

/**
 * A method of your own from its step, written with tensors: for `method` in every solve, with every gradient mode. `step` receives
 * `f(t, y)`, the start `t` and signed size `h` of the step (float64 scalars), `y` and `carried` as lists of tensors (the leaves of
 * the state, in order), and returns the leaves at t + h. `sum(weights, slopes)` is y + h * sum_j weights_j slopes_j. Outputs inside steps
 * come from the cubic through both ends. Throws ArgumentError for options that make no sense.
 */
export function oneStep(options: OneStepOptions): Method {
  const { name, order, errorOrder, step, begin, check } = oneStepSchema.read("oneStep", options);
  return {
    name,
    order,
    errorOrder,
    interpolant: hermiteOfEnds(order),
    ...(begin && { begin }),
    ...(check && { check }),
    step(start, field, inside) {
      const end = step(start, field);
      if (!inside) return end;
      const { f, t, h, y } = start;
      const mean = end.y.map((leaf, index) => div(sub(leaf, y[index]!), cast(h, leaf.dtype)));
      return { ...end, slopes: [f(t, y), f(add(t, h), end.y), mean] };
    },
  };
}
