/** @file Butcher tableaus: the coefficients of explicit Runge-Kutta methods, which prove their order when they are made. */
import { InternalError } from "../base/errors.ts";
import { OrderConditions, type StageMatrix } from "./order-conditions.ts";

/** What a method's author writes down. */
export interface TableauCoefficients {
  /** Order of the solution the method continues with. */
  readonly order: number;
  /** Row i holds a_i1 ... a_i,i-1 of stage i; the first row is empty. */
  readonly a: StageMatrix;
  /** Weights of the solution. */
  readonly b: readonly number[];
  /** Nodes: stage i is evaluated at t + c_i h. */
  readonly c: readonly number[];
  /** Weights and order of the embedded solution; absent where the method estimates no error. */
  readonly embedded?: { readonly b: readonly number[]; readonly order: number };
}

/** A checked tableau. */
export interface Tableau extends TableauCoefficients {
  readonly stages: number;
  /** b - b^: the error estimate is h times the sum of errorWeights_j k_j. */
  readonly errorWeights: readonly number[] | undefined;
  /**
   * "First same as last": the last stage is f(t + h, y1), so it serves as the first stage of the next step.
   * A property of the coefficients (last row equal to b, last node 1), not of the method's name.
   */
  readonly firstSameAsLast: boolean;
}

// Coefficients are doubles near 1 to 10^2, and conditions are sums of a few dozen of their products.
const tolerance = 1e-12;

/** Checks shape, row sums and order conditions; throws InternalError naming the method and what fails. */
export function makeTableau(name: string, coefficients: TableauCoefficients): Tableau {
  const { a, b, c, order, embedded } = coefficients;
  const stages = b.length;
  const fail = (what: string): never => {
    throw new InternalError(`tableau ${name}: ${what}`);
  };
  if (a.length !== stages || c.length !== stages)
    fail(`expected ${stages} rows and nodes, got ${a.length} and ${c.length}`);
  a.forEach((row, i) => {
    if (row.length !== i)
      fail(`expected ${i} coefficients in row ${i + 1} of an explicit method, got ${row.length}`);
    const sum = row.reduce((total, entry) => total + entry, 0);
    if (!(Math.abs(sum - c[i]!) <= tolerance))
      fail(`row ${i + 1} sums to ${sum}, its node is ${c[i]}`);
  });
  const conditions = new OrderConditions(a, order);
  const solution = conditions.defect(b, order);
  if (!(solution.defect <= tolerance))
    fail(
      `the solution misses an order ${order} condition by ${solution.defect} at tree ${solution.tree}`,
    );
  if (embedded !== undefined) {
    if (embedded.b.length !== stages)
      fail(`expected ${stages} embedded weights, got ${embedded.b.length}`);
    const lower = new OrderConditions(a, embedded.order).defect(embedded.b, embedded.order);
    if (!(lower.defect <= tolerance))
      fail(
        `the embedded solution misses an order ${embedded.order} condition by ${lower.defect} at tree ${lower.tree}`,
      );
  }
  const last = a[stages - 1]!;
  const firstSameAsLast =
    stages > 1 &&
    c[stages - 1] === 1 &&
    b[stages - 1] === 0 &&
    last.every((entry, j) => entry === b[j]);
  return {
    ...coefficients,
    stages,
    firstSameAsLast,
    errorWeights: embedded && b.map((weight, j) => weight - embedded.b[j]!),
  };
}
