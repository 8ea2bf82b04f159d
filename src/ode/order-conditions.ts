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

/** All rooted trees of at most `maxOrder` nodes: 1, 1, 2, 4, 9, 20, 48, ... of each order. */
export function rootedTrees(maxOrder: number): RootedTree[] {
  // A tree with one node more comes from hanging a leaf on any node of a smaller one.
  const known = new Map<string, RootedTree>();
  const leaf = makeTree([]);
  known.set(leaf.name, leaf);
  let level = [leaf];
  for (let order = 2; order <= maxOrder; order++) {
    const next = new Map<string, RootedTree>();
    for (const tree of level) for (const grown of withLeaf(tree, leaf)) next.set(grown.name, grown);
    level = [...next.values()];
    for (const tree of level) known.set(tree.name, tree);
  }
  return [...known.values()];
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

/** Phi_j(tree) of every stage j: the product over the root's subtrees of sum_k a_jk Phi_k(subtree). */
export function stageWeights(a: StageMatrix, tree: RootedTree): number[] {
  const branches = tree.children.map((child) => stageWeights(a, child));
  return a.map((row) =>
    branches.reduce(
      (product, branch) => product * row.reduce((sum, ajk, k) => sum + ajk * branch[k]!, 0),
      1,
    ),
  );
}

/** The largest defect |sum_j weights_j Phi_j(tree) - theta^order / gamma| over the trees of at most `order` nodes, and the tree that has it. */
export function orderDefect(
  a: StageMatrix,
  weights: readonly number[],
  order: number,
  theta: number = 1,
): { defect: number; tree: string } {
  let worst = { defect: 0, tree: "" };
  for (const tree of rootedTrees(order)) {
    const phi = stageWeights(a, tree);
    let sum = 0;
    for (let j = 0; j < weights.length; j++) sum += weights[j]! * phi[j]!;
    let target = 1 / tree.density;
    for (let power = 0; power < tree.order; power++) target *= theta;
    const defect = Math.abs(sum - target);
    if (!(defect <= worst.defect)) worst = { defect, tree: tree.name };
  }
  return worst;
}
