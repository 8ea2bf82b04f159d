/** @file What "an error of 1" means: norms of states scaled by tolerances, as users give them and as the program of a step. */
import { isFloat } from "../ir/dtype.ts";
import { ArgumentError, DTypeError, ShapeError, complaint, describe } from "../base/errors.ts";
import type { Graph, TensorType } from "../ir/graph.ts";
import type { HostContext, Pointer, Procedure } from "../ir/host.ts";
import { Layout } from "../ir/layout.ts";
import { broadcastShapes, formatShape, sameShape } from "../ir/shape.ts";
import { Tensor } from "../ir/tensor.ts";
import { trace } from "../ir/trace.ts";
import { type Tree, type TreeDef, flatten } from "../ir/tree.ts";
import { inline } from "../autodiff/graph-derivatives.ts";
import { abs, add, cast, div, maximum, mul, sqrt } from "../ops/elementwise.ts";
import { sum } from "../ops/reductions.ts";
import { reshape } from "../ops/shaping.ts";
import { type PackedState, leafOf, packingOf } from "./packing.ts";

/** A norm of states: takes a tree like y, already divided by the tolerances, and gives one number as a tensor, not negative. */
export type Norm<Y extends Tree = Tree> = (y: Y) => Tensor;

/** A norm as a graph: inputs the leaves, then captured tensors; output a scalar. */
export interface TracedNorm {
  readonly graph: Graph;
  readonly captured: readonly Tensor[];
}

/** mean(x^2), as a float64 scalar. */
function meanSquare(x: Tensor): Tensor {
  return div(cast(sum(mul(x, x)), "float64"), Math.max(1, x.size));
}

/** The largest root mean square of the leaves (torchdiffeq's mixed norm); for one leaf, its root mean square. */
export function mixedNorm(leaves: readonly Tensor[]): Tensor {
  return sqrt(leaves.map(meanSquare).reduce((largest, mean) => maximum(largest, mean)));
}

/** Traces a norm on states of these types. Throws ArgumentError unless it returns one scalar tensor. */
export function traceNorm(
  who: string,
  norm: unknown,
  state: readonly TensorType[],
  def: TreeDef,
): TracedNorm {
  if (typeof norm !== "function")
    throw new ArgumentError(
      complaint(`${who}: norm`, "a function of a tree like y", describe(norm)),
    );
  return trace((...leaves) => {
    const value: unknown = (norm as (y: unknown) => unknown)(def.rebuild(leaves));
    if (!(value instanceof Tensor) || value.size !== 1)
      throw new ArgumentError(
        complaint(
          `${who}: norm`,
          "one number as a tensor",
          value instanceof Tensor ? `shape ${formatShape(value.shape)}` : describe(value),
        ),
      );
    return [cast(sum(value), "float64")];
  }, state);
}

/**
 * Part of a state under one norm: `leaves` of it under a custom norm, or under the mixed norm. The state's norm is the
 * largest of its parts'; leaves in no part do not count. `extras` are the inputs that hold what the norm has captured.
 */
export interface NormPart {
  readonly leaves: readonly number[];
  readonly custom?: { readonly graph: Graph; readonly extras: readonly number[] };
}

/** The norm of a state by parts. */
export function partsNorm(
  parts: readonly NormPart[],
  leaves: readonly Tensor[],
  extras: readonly Tensor[],
): Tensor {
  const norms: Tensor[] = [];
  const mixed: Tensor[] = [];
  for (const { leaves: chosen, custom } of parts) {
    const own = chosen.map((index) => leaves[index]!);
    if (custom === undefined) mixed.push(...own);
    else if (own.length > 0)
      norms.push(
        inline(custom.graph, [...own, ...custom.extras.map((index) => extras[index]!)])[0]!,
      );
  }
  // The largest of several mixed norms is one mixed norm.
  if (mixed.length > 0) norms.push(mixedNorm(mixed));
  return norms.reduce((largest, norm) => maximum(largest, norm));
}

/** A tolerance: one number, or a number or tensor for every leaf of y (tensors broadcast to the leaf). */
export type Tolerance = number | Tree;

/** Throws DTypeError, ShapeError or ArgumentError unless a tensor can be the tolerance of a leaf. Values are checked if they are known. */
export function checkTolerance(who: string, tolerance: Tensor, leaf: TensorType): void {
  if (!isFloat(tolerance.dtype))
    throw new DTypeError(complaint(who, "float32 or float64 tensors", tolerance.dtype));
  if (!sameShape(broadcastShapes(who, tolerance.shape, leaf.shape), leaf.shape))
    throw new ShapeError(
      complaint(
        who,
        `tensors that broadcast to y's shape ${formatShape(leaf.shape)}`,
        formatShape(tolerance.shape),
      ),
    );
  const wrong = tolerance.elements?.findIndex((value: number) => !(value >= 0 && value < Infinity));
  if (wrong !== undefined && wrong !== -1)
    throw new ArgumentError(
      complaint(
        who,
        "numbers that are not negative",
        `${tolerance.elements![wrong]} at element ${wrong}`,
      ),
    );
}

/**
 * One tolerance per leaf: a number, or a tensor. Throws ArgumentError for negative or NaN numbers, or a structure other than y's, and
 * as `checkTolerance`.
 */
export function leafTolerances(
  who: string,
  name: string,
  tolerance: unknown,
  def: TreeDef,
  state: readonly TensorType[],
): readonly (number | Tensor)[] {
  if (typeof tolerance === "number") {
    if (!(tolerance >= 0 && tolerance < Infinity))
      throw new ArgumentError(
        complaint(`${who}: ${name}`, "a number that is not negative", String(tolerance)),
      );
    return Array.from({ length: def.leafCount }, () => tolerance);
  }
  if (tolerance instanceof Tensor) {
    for (const leaf of state) checkTolerance(`${who}: ${name}`, tolerance, leaf);
    return Array.from({ length: def.leafCount }, () => tolerance);
  }
  const given = flatten(`${who}: ${name}`, tolerance);
  if (given.def.key !== def.key)
    throw new ArgumentError(
      complaint(
        `${who}: ${name}`,
        "a number, or a tree of tensors like y",
        `tensors at ${given.def.paths.join(", ")}`,
      ),
    );
  given.leaves.forEach((leaf, index) =>
    checkTolerance(`${who}: ${name}${def.paths[index]}`, leaf, state[index]!),
  );
  return given.leaves;
}

/** A tolerance of one leaf: a number, or which of the extra inputs holds it. */
export type PlannedTolerance = number | { readonly extra: number };

/** How errors are scaled and measured. */
export interface ErrorScale {
  /** One per leaf. */
  readonly rtol: readonly PlannedTolerance[];
  readonly atol: readonly PlannedTolerance[];
  readonly norm: readonly NormPart[];
  /** Further inputs: what custom norms captured, then tolerances that are tensors. */
  readonly extras: readonly TensorType[];
}

type Types = readonly TensorType[];
type NormLayout = Layout<{ error: Types; y: Types; y1: Types; extras: Types }>;

/**
 * The norm of an error over atol + rtol max(|y|, |y1|), a float64 scalar (Hairer, Norsett and Wanner I, equation II.4.11).
 * States come in packs; a pack whose leaves have the same tolerances is scaled as a whole.
 */
function normGraph(layout: NormLayout, state: Types, { rtol, atol, norm }: ErrorScale): Graph {
  const { packs, leaves } = packingOf(state);
  const sameNumbers = (leaf: number, other: number): boolean =>
    typeof rtol[leaf] === "number" &&
    typeof atol[leaf] === "number" &&
    rtol[leaf] === rtol[other] &&
    atol[leaf] === atol[other];
  /** The first leaf of each pack that is scaled as a whole. */
  const uniform = packs.map((_, pack) => {
    const own = [...state.keys()].filter((leaf) => leaves[leaf]!.pack === pack);
    return own.every((leaf) => sameNumbers(leaf, own[0]!)) ? own[0] : undefined;
  });
  const custom = new Set(norm.flatMap((part) => (part.custom === undefined ? [] : part.leaves)));
  return layout.graph(({ error, y, y1, extras }) => {
    const scale = (of: Tensor, from: Tensor, to: Tensor, leaf: number): Tensor => {
      const value = (tolerance: PlannedTolerance): Tensor | number =>
        typeof tolerance === "number" ? tolerance : cast(extras[tolerance.extra]!, of.dtype);
      const size = maximum(abs(from), abs(to));
      return div(of, add(mul(size, value(rtol[leaf]!)), value(atol[leaf]!)));
    };
    const whole = uniform.map((leaf, pack) =>
      leaf === undefined ? undefined : scale(error[pack]!, y[pack]!, y1[pack]!, leaf),
    );
    const scaled = leaves.map((place, leaf) => {
      const { shape } = state[leaf]!;
      const known = whole[place.pack];
      if (known !== undefined) {
        const part = leafOf([known], { ...place, pack: 0 });
        return custom.has(leaf) ? reshape(part, shape) : part;
      }
      const view = (from: readonly Tensor[]): Tensor => reshape(leafOf(from, place), shape);
      return scale(view(error), view(y), view(y1), leaf);
    });
    return [partsNorm(norm, scaled, extras)];
  });
}

/** 0 for a state (in packs) of finite numbers, NaN for any other. */
function finiteGraph(packs: Types): Graph {
  return trace(
    (...y) => [
      y.map((pack) => cast(sum(mul(pack, 0)), "float64")).reduce((total, part) => add(total, part)),
    ],
    packs,
  ).graph;
}

/** The compiled norm of errors; methods without an estimate only check that states are finite. */
export class ErrorNorm {
  readonly #context: HostContext;
  readonly #procedure: Procedure;
  readonly #at: NormLayout["start"];
  readonly #result: Pointer;
  #view: Float64Array = new Float64Array(0);

  constructor(
    context: HostContext,
    state: Types,
    scale: ErrorScale,
    adaptive: boolean,
    name: string,
  ) {
    const { packs } = packingOf(state);
    const layout = new Layout({ error: packs, y: packs, y1: packs, extras: scale.extras });
    this.#context = context;
    this.#at = layout.start;
    this.#result = context.allocate({ shape: [], dtype: "float64" });
    const graph = adaptive ? normGraph(layout, state, scale) : finiteGraph(packs);
    this.#procedure = context.compile(graph, `${name}/norm`);
    this.#procedure.bindOutput(0, this.#result);
  }

  /** Extras stay bound until the next call. Not for norms that only check. */
  begin(extras: readonly Pointer[]): void {
    this.#procedure.bindInputs(this.#at.extras, extras);
  }

  /** The norm of `error` over the tolerances at y and y1. */
  measure(error: PackedState, y: PackedState, y1: PackedState): number {
    this.#procedure.bindInputs(this.#at.error, error.packs);
    this.#procedure.bindInputs(this.#at.y, y.packs);
    this.#procedure.bindInputs(this.#at.y1, y1.packs);
    return this.#run();
  }

  /** 0 if y is finite, NaN otherwise. For norms that only check. */
  check(y: PackedState): number {
    this.#procedure.bindInputs(0, y.packs);
    return this.#run();
  }

  #run(): number {
    this.#procedure.run();
    // Views do not survive growth of the memory.
    if (this.#view.length === 0)
      this.#view = this.#context.view("float64", this.#result, 1) as Float64Array;
    return this.#view[0]!;
  }
}
