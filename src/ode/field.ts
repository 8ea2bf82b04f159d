/** @file Vector fields: the user's f traced once to a graph, the tensors that it closes over turned into parameters. */
import { isFloat } from "../ir/dtype.ts";
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../base/errors.ts";
import { type Graph, type TensorType, type Value, typeOf } from "../ir/graph.ts";
import { formatShape, sameShape } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { trace } from "../ir/trace.ts";
import { callWith } from "../ir/call.ts";
import { tidy } from "../compile/passes/index.ts";
import { type Tree, type TreeDef, flatten } from "../ir/tree.ts";

/**
 * dy/dt = f(t, y): a function, or anything with `forward(t, y)`. `t` is a scalar of the state's dtype; the result has the structure, shapes
 * and dtypes of y, in the units of y per unit of t.
 */
export type VectorField<Y extends Tree = Tree> =
  | ((t: Tensor, y: Y) => Y)
  | { forward(t: Tensor, y: Y): Y };

/** A vector field as a graph: inputs t, the leaves of the state, and parameters; outputs one slope per leaf of the state. */
export interface Field {
  readonly graph: Graph;
  readonly state: readonly TensorType[];
  readonly parameters: readonly TensorType[];
  /** Scalar: float64 if any leaf of the state is, otherwise float32. */
  readonly time: TensorType;
}

/** A traced field, and the tensors that it has closed over: its parameters. */
export interface TracedField {
  readonly field: Field;
  readonly captured: readonly Tensor[];
}

/** The leaves of an initial state: float tensors, at least one. Throws ArgumentError or DTypeError naming the leaf. */
export function stateLeaves(who: string, y0: unknown): { leaves: Tensor[]; def: TreeDef } {
  const { leaves, def } = flatten(`${who}: y0`, y0);
  if (leaves.length === 0)
    throw new ArgumentError(complaint(`${who}: y0`, "at least one tensor", "an empty tree"));
  leaves.forEach((leaf, index) => {
    if (!isFloat(leaf.dtype))
      throw new DTypeError(
        complaint(
          `${who}: y0${def.paths[index]}`,
          "a float32 or float64 tensor",
          leaf.dtype,
          'Use cast("float64").',
        ),
      );
  });
  return { leaves, def };
}

/** The type that times have for f. */
export function timeType(state: readonly TensorType[]): TensorType {
  return {
    shape: [],
    dtype: state.some((leaf) => leaf.dtype === "float64") ? "float64" : "float32",
  };
}

/**
 * Traces f at a state like y0. Throws ArgumentError if f is not callable or returns another structure, ShapeError or
 * DTypeError if a leaf of its result does not match the state's, each naming the leaf, what was expected and what came.
 */
export function traceField(
  who: string,
  f: unknown,
  state: readonly TensorType[],
  def: TreeDef,
): TracedField {
  const call = callable(who, f);
  const time = timeType(state);
  const types = state.map(typeOf);
  const { graph, captured } = trace(
    (t, ...leaves) => {
      const slopes = flatten(`${who}: the result of f`, call(t!, def.rebuild(leaves)));
      if (slopes.def.key !== def.key)
        throw new ArgumentError(
          complaint(
            `${who}: the result of f`,
            `the structure of y (${named(def)})`,
            named(slopes.def),
            "f(t, y) returns dy/dt, shaped like y.",
          ),
        );
      slopes.leaves.forEach((slope, index) => {
        const { shape, dtype } = types[index]!;
        const leaf = `${who}: f's result${def.paths[index] === "" ? "" : ` at ${def.paths[index]}`}`;
        if (!sameShape(slope.shape, shape))
          throw new ShapeError(
            complaint(leaf, `shape ${formatShape(shape)} as in y`, formatShape(slope.shape)),
          );
        if (slope.dtype !== dtype)
          throw new DTypeError(
            complaint(leaf, `${dtype} as in y`, slope.dtype, `Use cast("${dtype}").`),
          );
      });
      return slopes.leaves;
    },
    [time, ...types],
  );
  return {
    field: { graph: tidy(graph), state: types, parameters: captured.map(typeOf), time },
    captured,
  };
}

function named(def: TreeDef): string {
  return def.leafCount === 1 && def.paths[0] === ""
    ? "one tensor"
    : `tensors ${def.paths.join(", ")}`;
}

/** f as a function of t and y. Throws ArgumentError if it is neither a function nor an object with `forward`. */
export function callable(who: string, f: unknown): (t: Tensor, y: unknown) => unknown {
  if (typeof f === "function") {
    if (typeof (f.prototype as { forward?: unknown } | undefined)?.forward === "function")
      throw new ArgumentError(
        complaint(
          `${who}: f`,
          "a function f(t, y) or an object with forward(t, y)",
          `the class ${f.name}`,
          `Make one: new ${f.name}().`,
        ),
      );
    return (t, y) => callWith(`${who}: f`, f as (...args: unknown[]) => unknown, [t, y]);
  }
  if (
    typeof f === "object" &&
    f !== null &&
    typeof (f as { forward?: unknown }).forward === "function"
  )
    return (t, y) => (f as { forward(t: Tensor, y: unknown): unknown }).forward(t, y);
  throw new ArgumentError(
    complaint(`${who}: f`, "a function f(t, y) or an object with forward(t, y)", describe(f)),
  );
}

/** For each slope of the field, the leaves of the state on which it depends. */
export function leavesBehind({ graph, state }: Field): ReadonlySet<number>[] {
  const behind = new Map<Value, ReadonlySet<number>>();
  state.forEach((_, leaf) => behind.set(graph.inputs[1 + leaf]!, new Set([leaf])));
  for (const node of graph.nodes) {
    const all = new Set(node.inputs.flatMap((input) => [...(behind.get(input) ?? [])]));
    for (const output of node.outputs) behind.set(output, all);
  }
  return graph.outputs.map((output) => behind.get(output) ?? new Set<number>());
}

/** Which leaves of the state the field reads: the stages of a step are made for no others. */
export function leavesRead({ graph, state }: Field): boolean[] {
  const read = new Set([...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs]);
  return state.map((_, leaf) => read.has(graph.inputs[1 + leaf]!));
}
