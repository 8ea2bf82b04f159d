/** @file Derivatives compared with finite differences: the first test of any new function. */
import { isFloat } from "../ir/dtype.ts";
import { AdjointError, ArgumentError, complaint } from "../base/errors.ts";
import { type TensorType, typeOf } from "../ir/graph.ts";
import { checkOptions } from "../base/options.ts";
import { sizeOf } from "../ir/shape.ts";
import { Tensor, concreteElements } from "../ir/tensor.ts";
import { currentTrace, evaluateGraph, trace } from "../ir/trace.ts";
import { tensor, zeros, zerosLike } from "../ops/creation.ts";
import { type FlatArguments, flattenArguments, nameOf, traceTrees } from "./arguments.ts";
import { inline, jvpGraph, vjpGraph } from "./graph-derivatives.ts";

/** A derivative that differs from finite differences by more than the tolerance. */
export class GradientError extends AdjointError {
  override readonly name: string = "GradientError";
  /** The relative error found. */
  readonly error: number;

  constructor(message: string, error: number) {
    super(message);
    this.error = error;
  }
}

/** Options of `checkGrad`. */
export interface CheckGradOptions {
  /** 1 (default), or 2 to check the derivative of the gradient too. */
  readonly order?: 1 | 2;
  /** Backward (vjp), forward (jvp), both by default. */
  readonly modes?: readonly ("vjp" | "jvp")[];
  /** Largest relative error allowed; 1e-6 by default. */
  readonly tolerance?: number;
  /** First step of the differences, relative to max(1, |x|); 1e-2 by default. Smaller near kinks and ends of domains. */
  readonly step?: number;
  /** Elements of each leaf that are tried at most (evenly chosen); 32 by default. */
  readonly maxElements?: number;
}

type OnLeaves = (leaves: readonly Tensor[]) => readonly Tensor[];

/** Below this fraction of the function's own size a derivative counts as zero: differences cannot tell it from rounding. */
const floor = 1e-3;

/**
 * Compares the derivatives of `fn` at `args` with extrapolated central differences in float64 (float leaves of `args` are cast).
 * If the result is not a float scalar, a fixed combination of its float elements is differentiated. Returns the worst relative
 * error: |derivative - difference| divided by the largest of both and a thousandth of the function's size.
 * Throws GradientError naming argument and element if the error exceeds the tolerance; ArgumentError if no leaf is a float.
 */
export function checkGrad<A extends unknown[]>(
  fn: (...args: A) => unknown,
  args: A,
  options: CheckGradOptions = {},
): number {
  const who = nameOf(fn, "checkGrad");
  if (currentTrace() !== undefined)
    throw new ArgumentError(complaint(who, "a call outside of every trace", "one while tracing"));
  checkOptions(who, options, ["order", "modes", "tolerance", "step", "maxElements"]);
  const flat = flattenArguments(who, args);
  const leaves = flat.leaves.map((leaf) => (isFloat(leaf.dtype) ? leaf.cast("float64") : leaf));
  if (!leaves.some(({ dtype }) => isFloat(dtype)))
    throw new ArgumentError(complaint(who, "at least one float leaf", "none"));
  const value: OnLeaves = (given) => {
    const traced = traceTrees(who, fn as (...args: never[]) => unknown, {
      ...flat,
      leaves: [...given],
    });
    return [combine(inline(traced.graph, [...given, ...traced.captured]))];
  };
  let worst = compare(who, "derivative", value, flat, leaves, options);
  if (options.order === 2) {
    const gradient: OnLeaves = (given) => [
      combine(backward(value, given).filter((_, i) => isFloat(leaves[i]!.dtype))),
    ];
    worst = Math.max(worst, compare(who, "second derivative", gradient, flat, leaves, options));
  }
  return worst;
}

/** Float elements of all tensors, weighted so that no symmetry hides an error, and summed: a float64 scalar. */
function combine(tensors: readonly Tensor[]): Tensor {
  return tensors
    .filter(({ dtype }) => isFloat(dtype))
    .reduce(
      (sum, x, i) => {
        const weights = Float64Array.from(
          { length: sizeOf(x.shape) },
          (_, k) => 1 + ((37 * k + 11 * i + 5) % 17) / 16,
        );
        return sum.add(
          x
            .cast("float64")
            .mul(tensor(weights, { shape: x.shape }))
            .sum(),
        );
      },
      zeros([], { dtype: "float64" }),
    );
}

function backward(f: OnLeaves, leaves: readonly Tensor[]): Tensor[] {
  const { graph, captured } = trace((...given) => f(given), leaves.map(typeOf));
  const wrt = leaves.map(({ dtype }) => isFloat(dtype));
  const one = tensor(1, { dtype: "float64" });
  const gradients = vjpGraph(graph, [...leaves, ...captured], wrt).pullback([one]);
  return leaves.map((leaf, i) => gradients[i] ?? zerosLike(leaf));
}

function forward(f: OnLeaves, leaves: readonly Tensor[], tangents: readonly Tensor[]): Tensor {
  const { graph, captured } = trace((...given) => f(given), leaves.map(typeOf));
  const along = leaves.map(({ dtype }, i) => (isFloat(dtype) ? tangents[i] : undefined));
  return (
    jvpGraph(graph, [...leaves, ...captured], along).tangents[0] ?? zeros([], { dtype: "float64" })
  );
}

/** A function of concrete tensors, traced once. */
function prepared(f: OnLeaves, types: readonly TensorType[]): OnLeaves {
  const { graph, captured } = trace((...given) => f(given), types);
  return (inputs) => evaluateGraph(graph, [...inputs, ...captured]);
}

function compare(
  who: string,
  what: string,
  f: OnLeaves,
  flat: FlatArguments,
  leaves: readonly Tensor[],
  options: CheckGradOptions,
): number {
  const { modes = ["vjp", "jvp"], tolerance = 1e-6, step = 1e-2, maxElements = 32 } = options;
  const run = prepared(f, leaves.map(typeOf));
  const gradients = modes.includes("vjp")
    ? prepared((given) => backward(f, given), leaves.map(typeOf))(leaves)
    : [];
  const count = leaves.length;
  const pushed = prepared(
    (given) => [forward(f, given.slice(0, count), given.slice(count))],
    [...leaves, ...leaves].map(typeOf),
  );
  const still = leaves.map((leaf) => zeros(leaf.shape, { dtype: leaf.dtype }));
  let worst = 0;
  for (const [i, leaf] of leaves.entries()) {
    if (!isFloat(leaf.dtype)) continue;
    const stride = Math.max(1, Math.ceil(leaf.size / maxElements));
    for (let element = 0; element < leaf.size; element += stride) {
      const elements = concreteElements(leaf, who);
      const at = (offset: number): number =>
        run(leaves.with(i, changed(leaf, element, elements[element]! + offset)))[0]!.item();
      const { estimate, scale } = ridders(at, step * Math.max(1, Math.abs(elements[element]!)));
      for (const mode of modes) {
        const exact =
          mode === "vjp"
            ? concreteElements(gradients[i]!, who)[element]!
            : pushed([...leaves, ...still.with(i, changed(still[i]!, element, 1))])[0]!.item();
        const error =
          Math.abs(exact - estimate) /
          Math.max(Math.abs(exact), Math.abs(estimate), floor * scale, Number.MIN_VALUE);
        if (!(error <= tolerance))
          throw new GradientError(
            complaint(
              who,
              `${what} ${estimate} by finite differences at element ${element} of ${placeOf(flat, i)}`,
              `${exact} by ${mode} (relative error ${error.toExponential(1)})`,
            ),
            error,
          );
        worst = Math.max(worst, error);
      }
    }
  }
  return worst;
}

function changed(leaf: Tensor, element: number, value: number): Tensor {
  const elements = concreteElements(leaf, "checkGrad").slice();
  elements[element] = value;
  return new Tensor(leaf, elements);
}

function placeOf({ starts, defs }: FlatArguments, leaf: number): string {
  const argument = starts.findLastIndex((start, n) => n < defs.length && start <= leaf);
  return `argument ${argument}${defs[argument]!.paths[leaf - starts[argument]!]}`;
}

/** A derivative, and the magnitude of the function's values near it. */
export interface Difference {
  readonly estimate: number;
  readonly scale: number;
}

const levels = 5;

/**
 * f'(0) by central differences with steps h, h/2, ..., extrapolated to step 0 (Ridders, Advances in Engineering Software 4, 1982,
 * 75-76). The entry of the table that changes least is taken, so that neither truncation nor rounding decides.
 */
export function ridders(f: (offset: number) => number, h: number): Difference {
  let previous: number[] = [];
  let best = { estimate: NaN, error: Infinity };
  let scale = 0;
  for (let level = 0; level < levels; level++) {
    const step = h / 2 ** level;
    const [above, below] = [f(step), f(-step)];
    scale = Math.max(scale, Math.abs(above), Math.abs(below));
    const row = [(above - below) / (2 * step)];
    for (let j = 1; j <= level; j++) {
      const finer = row[j - 1]!;
      const coarser = previous[j - 1]!;
      const extrapolated = finer + (finer - coarser) / (4 ** j - 1);
      const error = Math.max(Math.abs(extrapolated - finer), Math.abs(extrapolated - coarser));
      if (error <= best.error) best = { estimate: extrapolated, error };
      row.push(extrapolated);
    }
    previous = row;
  }
  return { estimate: best.estimate, scale };
}
