/**
 * @file Order conditions of Runge-Kutta methods by rooted trees (Butcher 1963; Hairer, Norsett and Wanner,
 * Solving Ordinary Differential Equations I, section II.2, theorem 2.13). A method has order p when
 * sum_j b_j Phi_j(tree) = 1 / gamma(tree) for every rooted tree of at most p nodes.
 */

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

function makeTree(children: readonly RootedTree[]): RootedTree {
  const sorted = [...children].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  let order = 1;
  let density = 1;
  for (const child of sorted) {
    order += child.order;
    density *= child.density;
  }
  return {
    children: sorted,
    order,
    density: density * order,
    name: `[${sorted.map((child) => child.name).join("")}]`,
  };
}

/** Trees found so far, a list an order. */
const found: RootedTree[][] = [[makeTree([])]];

/** All rooted trees of at most `maxOrder` nodes: 1, 1, 2, 4, 9, 20, 48, ... of each order. */
export function rootedTrees(maxOrder: number): RootedTree[] {
  while (found.length < maxOrder) {
    // A tree with one node more comes from hanging a leaf on any node of a smaller one.
    const next = new Map<string, RootedTree>();
    for (const tree of found.at(-1)!)
      for (const grown of withLeaf(tree, found[0]![0]!)) next.set(grown.name, grown);
    found.push([...next.values()]);
  }
  return found.slice(0, maxOrder).flat();
}

function withLeaf(tree: RootedTree, leaf: RootedTree): RootedTree[] {
  const grown = [makeTree([...tree.children, leaf])];
  tree.children.forEach((child, index) => {
    const others = tree.children.filter((_, other) => other !== index);
    for (const branch of withLeaf(child, leaf)) grown.push(makeTree([...others, branch]));
  });
  return grown;
}

/** The coefficients a_ij, one row a stage; entries on and above the diagonal may be left out. */
export type StageMatrix = readonly (readonly number[])[];

/** One condition on weights: sum_j weights_j phi_j = theta^order / density. */
interface OrderCondition {
  readonly tree: RootedTree;
  /** Phi_j of every stage j. */
  readonly phi: readonly number[];
}

/** Conditions on the weights that go with stages `a`, up to an order: made once, asked for many weights. */
export class OrderConditions {
  private readonly conditions: readonly OrderCondition[];

  constructor(a: StageMatrix, order: number) {
    const known = new Map<string, readonly number[]>();
    this.conditions = rootedTrees(order).map((tree) => ({
      tree,
      phi: stageWeights(a, tree, known),
    }));
  }

  /** The largest |sum_j weights_j phi_j - theta^order / density| over trees of at most `order` nodes, and the tree that has it. */
  defect(
    weights: ArrayLike<number>,
    order: number,
    theta: number = 1,
  ): { defect: number; tree: string } {
    let worst = { defect: 0, tree: "" };
    for (const { tree, phi } of this.conditions) {
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
function stageWeights(
  a: StageMatrix,
  tree: RootedTree,
  known: Map<string, readonly number[]>,
): readonly number[] {
  let weights = known.get(tree.name);
  if (weights === undefined) {
    const branches = tree.children.map((child) => stageWeights(a, child, known));
    weights = a.map((row) =>
      branches.reduce(
        (product, branch) => product * row.reduce((sum, ajk, k) => sum + ajk * branch[k]!, 0),
        1,
      ),
    );
    known.set(tree.name, weights);
  }
  return weights;
}
