/**
 * @file Butcher tableaus and their continuous extensions, with the order conditions that prove them: rooted trees
 * (Butcher 1963; Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, sections II.2 and II.6).
 * Published tableaus are proved by the tests; a user's own is proved when it is made.
 */

/** The coefficients a_ij, row by row; entries on and above the diagonal are left out. */
export type StageMatrix = readonly (readonly number[])[];

/** What the author of an explicit Runge-Kutta method writes down. */
export interface TableauCoefficients {
  /** Order of the solution that the method continues with. */
  readonly order: number;
  /** Row i holds a_i1 ... a_i,i-1 of stage i; the first row is empty. */
  readonly a: StageMatrix;
  /** Weights of the solution. */
  readonly b: readonly number[];
  /** Nodes: stage i is evaluated at t + c_i h. */
  readonly c: readonly number[];
  /** Weights and order of the embedded solution; absent if the method estimates no error. */
  readonly embedded?: { readonly b: readonly number[]; readonly order: number };
}

/** Coefficients with what follows from them. */
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

/** Completes coefficients; `tableauDefect` says whether they are right. */
export function tableauOf(coefficients: TableauCoefficients): Tableau {
  const { a, b, c, embedded } = coefficients;
  const stages = b.length;
  return {
    ...coefficients,
    stages,
    firstSameAsLast:
      stages > 1 &&
      c[stages - 1] === 1 &&
      b[stages - 1] === 0 &&
      a[stages - 1]!.every((entry, j) => entry === b[j]),
    errorWeights: embedded && b.map((weight, j) => weight - embedded.b[j]!),
  };
}

/**
 * The continuous extension of a step: y(t + theta h) = y + h sum_j b_j(theta) k_j with polynomials b_j and slopes k_j that the
 * method makes: its stages, mostly.
 */
export interface Interpolant {
  /** Uniform order: the error inside a step is O(h^(order + 1)). */
  readonly order: number;
  /** Row j holds the coefficients of b_j by ascending power of theta, from theta^1. */
  readonly coefficients: readonly (readonly number[])[];
}

/** b_j(theta) of every slope, written to `into`. */
export function interpolationWeights(
  { coefficients }: Interpolant,
  theta: number,
  into: Float64Array,
): void {
  for (let j = 0; j < coefficients.length; j++) {
    const row = coefficients[j]!;
    let sum = 0;
    for (let power = row.length - 1; power >= 0; power--) sum = (sum + row[power]!) * theta;
    into[j] = sum;
  }
}

/** b_j'(theta) of every slope: y'(t + theta h) = sum_j b_j'(theta) k_j. */
export function derivativeWeights(
  { coefficients }: Interpolant,
  theta: number,
  into: Float64Array,
): void {
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
 * b_j = theta^2 (3 - 2 theta) b_j; the first stage takes theta (1 - theta)^2 more, the end slope theta^2 (theta - 1). If the
 * method does not compute the end slope, it is one more slope behind the stages.
 */
export function hermiteInterpolant(tableau: Tableau): Interpolant {
  const rows = tableau.b.map((weight) => [0, 3 * weight, -2 * weight]);
  if (!tableau.firstSameAsLast) rows.push([0, 0, 0]);
  const add = (row: number[], terms: readonly number[]): void =>
    terms.forEach((term, power) => (row[power] = row[power]! + term));
  add(rows[0]!, [1, -2, 1]);
  add(rows.at(-1)!, [0, -1, 1]);
  return { order: Math.min(3, tableau.order), coefficients: rows };
}

/**
 * The quartic through y, y1 and a midpoint y + h * sum_j midpoint_j k_j with slopes at both ends (Shampine 1986),
 * for tableaus whose last stage is the end slope.
 */
export function quarticInterpolant(
  tableau: Tableau,
  order: number,
  midpoint: readonly number[],
): Interpolant {
  const last = tableau.stages - 1;
  const coefficients = tableau.b.map((weight, j) => {
    const middle = midpoint[j]!;
    const start = j === 0 ? 1 : 0;
    const end = j === last ? 1 : 0;
    return [
      start,
      end - 4 * start - 5 * weight + 16 * middle,
      5 * start - 3 * end + 14 * weight - 32 * middle,
      2 * (end - start) - 8 * weight + 16 * middle,
    ];
  });
  return { order, coefficients };
}

// Coefficients are doubles near 1 to 10^2, and conditions are sums of a few dozen of their products.
const tolerance = 1e-12;

/** What is wrong with a tableau - its shape, its row sums, or an order condition -, or undefined. */
export function tableauDefect({
  a,
  b,
  c,
  order,
  embedded,
}: TableauCoefficients): string | undefined {
  const stages = b.length;
  if (a.length !== stages || c.length !== stages)
    return `b has ${stages} weights, but there are ${a.length} rows of a and ${c.length} nodes c`;
  for (const [i, row] of a.entries()) {
    if (row.length !== i)
      return `row ${i + 1} of a has ${row.length} coefficients; an explicit method has ${i} there`;
    const sum = row.reduce((total, entry) => total + entry, 0);
    if (!(Math.abs(sum - c[i]!) <= tolerance))
      return `row ${i + 1} of a sums to ${sum}, but its node c is ${c[i]}`;
  }
  const missed = (weights: readonly number[], to: number, what: string): string | undefined => {
    const { defect, tree } = new OrderConditions(a, to).defect(weights, to);
    return defect <= tolerance
      ? undefined
      : `the ${what} misses an order ${to} condition by ${defect} at tree ${tree}`;
  };
  const solution = missed(b, order, "solution");
  if (solution !== undefined || embedded === undefined) return solution;
  if (embedded.b.length !== stages)
    return `there are ${embedded.b.length} embedded weights for ${stages} stages`;
  return missed(embedded.b, embedded.order, "embedded solution");
}

/** What is wrong with the continuous extension of a tableau, or undefined. */
export function interpolantDefect(tableau: Tableau, interpolant: Interpolant): string | undefined {
  const { order, coefficients } = interpolant;
  const hasEndSlope = coefficients.length === tableau.stages + 1;
  const a: StageMatrix = hasEndSlope ? [...tableau.a, tableau.b] : tableau.a;
  if (coefficients.length !== a.length)
    return `the interpolant has ${coefficients.length} polynomials for ${a.length} slopes`;
  const weights = new Float64Array(a.length);
  const conditions = new OrderConditions(a, order);
  for (const theta of [0.125, 0.25, 0.5, 0.75, 0.875, 1]) {
    interpolationWeights(interpolant, theta, weights);
    const { defect, tree } = conditions.defect(weights, order, theta);
    if (!(defect <= tolerance))
      return `the interpolant misses an order ${order} condition by ${defect} at tree ${tree} and theta ${theta}`;
  }
  const end = hasEndSlope ? [...tableau.b, 0] : tableau.b;
  return weights.every((weight, j) => Math.abs(weight - end[j]!) <= tolerance)
    ? undefined
    : "the interpolant does not end in the step's solution";
}

/** A rooted tree, given by the subtrees that hang from its root. */
export interface RootedTree {
  readonly children: readonly RootedTree[];
  /** Number of nodes. */
  readonly order: number;
  /** gamma: the product of the orders of all subtrees. */
  readonly density: number;
  /** Nested brackets, the same for equal trees. */
  readonly name: string;
}

function treeOf(children: readonly RootedTree[]): RootedTree {
  const sorted = [...children].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  let order = 1;
  let density = 1;
  for (const child of sorted) {
    order += child.order;
    density *= child.density;
  }
  const name = `[${sorted.map((child) => child.name).join("")}]`;
  return { children: sorted, order, density: density * order, name };
}

/** All rooted trees of at most `maxOrder` nodes: 1, 1, 2, 4, 9, 20, 48, ... of each order. */
export function rootedTrees(maxOrder: number): RootedTree[] {
  const leaf = treeOf([]);
  const found: RootedTree[][] = [[leaf]];
  while (found.length < maxOrder) {
    // A tree of one more node comes from hanging a leaf on any node of a smaller one.
    const next = new Map<string, RootedTree>();
    for (const tree of found.at(-1)!)
      for (const grown of withLeaf(tree, leaf)) next.set(grown.name, grown);
    found.push([...next.values()]);
  }
  return found.slice(0, maxOrder).flat();
}

function withLeaf(tree: RootedTree, leaf: RootedTree): RootedTree[] {
  const grown = [treeOf([...tree.children, leaf])];
  tree.children.forEach((child, index) => {
    const others = tree.children.filter((_, other) => other !== index);
    for (const branch of withLeaf(child, leaf)) grown.push(treeOf([...others, branch]));
  });
  return grown;
}

/**
 * The conditions on weights that go with stages `a`, up to an order: sum_j weights_j Phi_j(tree) = theta^order / gamma(tree)
 * (Hairer, Norsett and Wanner I, theorem II.2.13, for theta = 1).
 */
export class OrderConditions {
  readonly #conditions: readonly { readonly tree: RootedTree; readonly phi: readonly number[] }[];

  constructor(a: StageMatrix, order: number) {
    const known = new Map<string, readonly number[]>();
    this.#conditions = rootedTrees(order).map((tree) => ({ tree, phi: phiOf(a, tree, known) }));
  }

  /** The largest |sum_j weights_j phi_j - theta^order / density| over trees of at most `order` nodes, and the tree that has it. */
  defect(
    weights: ArrayLike<number>,
    order: number,
    theta: number = 1,
  ): { defect: number; tree: string } {
    let worst = { defect: 0, tree: "" };
    for (const { tree, phi } of this.#conditions) {
      if (tree.order > order) continue;
      let sum = 0;
      for (let j = 0; j < weights.length; j++) sum += weights[j]! * phi[j]!;
      let target = 1 / tree.density;
      for (let power = 0; power < tree.order; power++) target *= theta;
      const defect = Math.abs(sum - target);
      if (!(defect <= worst.defect)) worst = { defect, tree: tree.name };
    }
    return worst;
  }
}

/** Phi_j(tree) of every stage j: the product over the root's subtrees of sum_k a_jk Phi_k(subtree). */
function phiOf(
  a: StageMatrix,
  tree: RootedTree,
  known: Map<string, readonly number[]>,
): readonly number[] {
  let phi = known.get(tree.name);
  if (phi === undefined) {
    const branches = tree.children.map((child) => phiOf(a, child, known));
    phi = a.map((row) =>
      branches.reduce(
        (product, branch) => product * row.reduce((sum, ajk, k) => sum + ajk * branch[k]!, 0),
        1,
      ),
    );
    known.set(tree.name, phi);
  }
  return phi;
}
