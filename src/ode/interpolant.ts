/**
 * @file Continuous extensions: y(t + theta h) = y + h * sum_j b_j(theta) k_j with polynomials b_j
 * (Hairer, Norsett and Wanner I, section II.6). They satisfy order conditions as tableaus do, and are checked as they are.
 */
import { InternalError } from "../base/errors.ts";
import { OrderConditions, type StageMatrix } from "./order-conditions.ts";
import type { Tableau } from "./tableau.ts";

/** The continuous extension of a Runge-Kutta method. */
export interface Interpolant {
  /** Uniform order: the error inside a step is O(h^(order + 1)). */
  readonly order: number;
  /** Row j holds the coefficients of b_j by ascending power of theta, from theta^1. */
  readonly coefficients: readonly (readonly number[])[];
  /** Stages combined: the tableau's, and f(t + h, y1) behind them where `endStage` is true. */
  readonly stages: number;
  /** Whether f(t + h, y1) is needed although the method does not compute it. */
  readonly endStage: boolean;
}

/** An interpolant from its polynomials; throws InternalError naming the method if it does not have the order it claims. */
export function makeInterpolant(
  name: string,
  tableau: Tableau,
  order: number,
  coefficients: readonly (readonly number[])[],
): Interpolant {
  const endStage = coefficients.length === tableau.stages + 1;
  const a: StageMatrix = endStage ? [...tableau.a, tableau.b] : tableau.a;
  if (coefficients.length !== a.length)
    throw new InternalError(
      `interpolant ${name}: expected ${a.length} polynomials, got ${coefficients.length}`,
    );
  const interpolant: Interpolant = { order, coefficients, stages: a.length, endStage };
  const weights = new Float64Array(a.length);
  const conditions = new OrderConditions(a, order);
  for (const theta of [0.125, 0.25, 0.5, 0.75, 0.875, 1]) {
    interpolationWeights(interpolant, theta, weights);
    const { defect, tree } = conditions.defect(weights, order, theta);
    if (!(defect <= 1e-12))
      throw new InternalError(
        `interpolant ${name}: misses an order ${order} condition by ${defect} at tree ${tree} and theta ${theta}`,
      );
  }
  const atEnd = [...weights];
  const expected = endStage ? [...tableau.b, 0] : tableau.b;
  if (atEnd.some((weight, j) => !(Math.abs(weight - expected[j]!) <= 1e-12)))
    throw new InternalError(`interpolant ${name}: does not end in the step's solution`);
  return interpolant;
}

/** b_j(theta) of every stage, written to `into`. */
export function interpolationWeights(
  interpolant: Interpolant,
  theta: number,
  into: Float64Array,
): void {
  const { coefficients } = interpolant;
  for (let j = 0; j < coefficients.length; j++) {
    const row = coefficients[j]!;
    let sum = 0;
    for (let power = row.length - 1; power >= 0; power--) sum = (sum + row[power]!) * theta;
    into[j] = sum;
  }
}

/** b_j'(theta) of every stage: y'(t + theta h) = sum_j b_j'(theta) k_j. */
export function derivativeWeights(
  interpolant: Interpolant,
  theta: number,
  into: Float64Array,
): void {
  const { coefficients } = interpolant;
  for (let j = 0; j < coefficients.length; j++) {
    const row = coefficients[j]!;
    let sum = 0;
    for (let power = row.length - 1; power >= 0; power--)
      sum = sum * theta + (power + 1) * row[power]!;
    into[j] = sum;
  }
}

/**
 * The cubic through y and y1 with slopes f(t, y) and f(t + h, y1). Its uniform order is at most 3, and at most the method's.
 * b_j = theta^2 (3 - 2 theta) b_j; the first stage takes theta (1 - theta)^2 more, the end slope theta^2 (theta - 1).
 */
export function hermiteInterpolant(name: string, tableau: Tableau): Interpolant {
  const rows = tableau.b.map((weight) => [0, 3 * weight, -2 * weight]);
  if (!tableau.firstSameAsLast) rows.push([0, 0, 0]);
  const add = (row: number[], terms: readonly number[]): void =>
    terms.forEach((term, power) => (row[power] = row[power]! + term));
  add(rows[0]!, [1, -2, 1]);
  add(rows.at(-1)!, [0, -1, 1]);
  return makeInterpolant(name, tableau, Math.min(3, tableau.order), rows);
}

/**
 * The quartic through y, y1 and a midpoint y + h * sum_j midpoint_j k_j with slopes at both ends (Shampine 1986),
 * for tableaus whose last stage is the end slope.
 */
export function quarticInterpolant(
  name: string,
  tableau: Tableau,
  order: number,
  midpoint: readonly number[],
): Interpolant {
  const first = 0;
  const last = tableau.stages - 1;
  const rows = tableau.b.map((weight, j) => {
    const middle = midpoint[j]!;
    const start = j === first ? 1 : 0;
    const end = j === last ? 1 : 0;
    return [
      start,
      end - 4 * start - 5 * weight + 16 * middle,
      5 * start - 3 * end + 14 * weight - 32 * middle,
      2 * (end - start) - 8 * weight + 16 * middle,
    ];
  });
  return makeInterpolant(name, tableau, order, rows);
}
