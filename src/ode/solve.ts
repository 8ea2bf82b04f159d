/** @file `solve`: the whole instrument. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { Tensor } from "../ir/tensor.ts";
import { currentTrace } from "../ir/trace.ts";
import { typeOf } from "../ir/graph.ts";
import type { Tree, TreeDef } from "../ir/tree.ts";
import { slice } from "../ops/shaping.ts";
import { rowsOf, runEagerly, stackRows } from "./eager.ts";
import type { VectorField } from "./field.ts";
import { type CommonOptions, checkNames, commonNames } from "./options.ts";
import type { BoundProblem, Defaults } from "./define-problem.ts";
import { problemFrom } from "./problem-from.ts";
import { Solution } from "./solution.ts";
import { applySolve } from "./solve-op.ts";
import {
  type Time,
  type TimeRow,
  type Times,
  checkOrder,
  joinTimes,
  timeRow,
  timeTensor,
} from "./times.ts";

/** What of a solution to keep: given times, the end (default), every accepted step, or a function of time. */
export type SaveAt =
  | { readonly ts: Times }
  | { readonly t1: true }
  | { readonly everyStep: true }
  | { readonly dense: true };

/** Options of `solve`. */
export interface SolveOptions<Y extends Tree = Tree> extends CommonOptions<Y> {
  /** Time of y0. */
  readonly t0: Time;
  /** Time to integrate to; before t0 integrates backward in time. */
  readonly t1: Time;
  readonly saveAt?: SaveAt;
  /** "joint": one step size for the whole state. */
  readonly stepping?: "joint";
}

/** By the most precise leaf of the state. */
function defaults(leaves: readonly Tensor[]): Defaults {
  const precise = leaves.some((leaf) => leaf.dtype === "float64");
  const tolerances = precise ? { rtol: 1e-6, atol: 1e-9 } : { rtol: 1e-4, atol: 1e-6 };
  return { method: "tsit5", controller: "pi", ...tolerances };
}

/**
 * Solves dy/dt = f(t, y) from y(t0) = y0 to t1. Defaults: tsit5 under PI control, rtol 1e-6 and atol 1e-9 for float64
 * states, 1e-4 and 1e-6 for float32, 100,000 steps, the end saved, gradient "checkpoint".
 * `saveAt: { ts }` saves given times between t0 and t1, in order; `everyStep` t0 and the end of every accepted step;
 * `dense` the same, and `at(t)` and `derivative(t)` of the solution. `ys` has a leading axis for the times in `ts`, always.
 *
 * Outside a trace numerical failure is the solution's `status`, never an exception. Inside `jit`, `grad` and the like the
 * status is not known yet: a failure throws SolveError when the program runs, and `everyStep` and `dense`, whose sizes only
 * the data tell, are an ArgumentError. Wrong use throws ArgumentError, ShapeError or DTypeError.
 */
export function solve<Y extends Tree>(
  f: VectorField<Y>,
  y0: Y,
  options: SolveOptions<Y>,
): Solution<Y> {
  const who = "solve";
  checkNames(who, options, [...commonNames, "t0", "t1", "saveAt", "stepping"]);
  if (options.stepping !== undefined && options.stepping !== "joint")
    throw new ArgumentError(complaint("solve: stepping", '"joint"', describe(options.stepping)));
  const [t0, t1] = [oneTime("t0", options.t0), oneTime("t1", options.t1)];
  if (t0.known !== undefined && t1.known !== undefined && t0.known[0] === t1.known[0])
    throw new ArgumentError(
      complaint("solve: t0 and t1", "two different times", `${t0.known[0]} twice`),
    );
  const { kind, ts } = savedTimes(options.saveAt);
  if (ts !== undefined) checkInside(ts, t0, t1);
  const { leaves, def, bound } = problemFrom(
    who,
    f,
    y0,
    options,
    defaults,
    options.gradient ?? "checkpoint",
  );
  const times = joinTimes(ts === undefined ? [t0, t1] : [t0, ts, t1]);
  if (currentTrace() !== undefined) {
    if (kind === "everyStep" || kind === "dense")
      throw new ArgumentError(
        complaint(
          "solve: saveAt",
          "{ ts } or { t1: true } inside a traced function",
          kind,
          "Only the data tell how many steps there will be: solve outside jit and grad, or save given times.",
        ),
      );
    const outputs = applySolve(bound.problem, { rows: times.count }, [
      ...leaves,
      times.tensor,
      ...bound.captured,
    ]);
    const end = ts === undefined ? times.count : times.count - 1;
    return new Solution<Y>({
      status: "success",
      ts: slice(times.tensor, 1, end),
      ys: outputs.map((leaf) => slice(leaf, 1, end)),
      def,
    });
  }
  return solveEagerly(bound, leaves, times, kind, def);
}

function solveEagerly<Y extends Tree>(
  bound: BoundProblem,
  y0: readonly Tensor[],
  times: TimeRow,
  kind: SaveKind,
  def: TreeDef,
): Solution<Y> {
  const result = runEagerly(
    bound,
    y0,
    times.tensor,
    kind === "dense" ? "dense" : kind === "everyStep" ? "steps" : "outputs",
  );
  const { status, failure, stats, dense } = result;
  const parts = { status, failure, stats, dense, def };
  if (kind === "dense" || kind === "everyStep") {
    const ys = y0.map((leaf, index) =>
      stackRows(
        typeOf(leaf),
        result.stepStates.map((state) => state[index]!),
      ),
    );
    return new Solution<Y>({ ...parts, ts: timeTensor(result.stepTimes), ys });
  }
  if (kind === "t1")
    return new Solution<Y>({
      ...parts,
      ts: timeTensor([result.t]),
      ys: y0.map((leaf, index) => stackRows(typeOf(leaf), [result.y[index]!])),
    });
  const end = Math.max(1, Math.min(result.rows, times.count - 1));
  return new Solution<Y>({
    ...parts,
    ts: rowsOf(times.tensor, 1, end),
    ys: result.outputs.map((leaf) => rowsOf(leaf, 1, end)),
  });
}

type SaveKind = "ts" | "t1" | "everyStep" | "dense";

function savedTimes(saveAt: unknown): { kind: SaveKind; ts?: TimeRow } {
  if (saveAt === undefined) return { kind: "t1" };
  checkNames("solve: saveAt", saveAt as object, ["ts", "t1", "everyStep", "dense"]);
  const chosen = Object.entries(saveAt as object).filter(
    ([, value]) => value !== undefined && value !== false,
  );
  if (chosen.length !== 1)
    throw new ArgumentError(
      complaint(
        "solve: saveAt",
        "one of { ts }, { t1: true }, { everyStep: true }, { dense: true }",
        chosen.length === 0 ? "none" : chosen.map(([name]) => name).join(" and "),
      ),
    );
  const [kind, value] = chosen[0] as [SaveKind, unknown];
  if (kind !== "ts") {
    if (value !== true)
      throw new ArgumentError(complaint(`solve: saveAt.${kind}`, "true", describe(value)));
    return { kind };
  }
  const ts = timeRow("solve: saveAt.ts", value);
  if (ts.count === 0)
    throw new ArgumentError(complaint("solve: saveAt.ts", "at least one time", "none"));
  return { kind, ts };
}

function oneTime(name: string, value: unknown): TimeRow {
  const row = timeRow(`solve: ${name}`, value);
  if (row.count !== 1 || Array.isArray(value))
    throw new ArgumentError(
      complaint(`solve: ${name}`, "a number or a scalar tensor", describe(value)),
    );
  return row;
}

function checkInside(ts: TimeRow, t0: TimeRow, t1: TimeRow): void {
  if (ts.known === undefined) return;
  if (ts.count > 1) checkOrder("solve: saveAt.ts", ts.known);
  if (t0.known === undefined || t1.known === undefined) return;
  const [from, to] = [t0.known[0]!, t1.known[0]!];
  const direction = Math.sign(to - from);
  const outside = ts.known.findIndex(
    (time) => (time - from) * direction < 0 || (to - time) * direction < 0,
  );
  if (outside !== -1)
    throw new ArgumentError(
      complaint(
        "solve: saveAt.ts",
        `times between t0 = ${from} and t1 = ${to}`,
        `${ts.known[outside]} at index ${outside}`,
      ),
    );
  if (ts.count > 1 && (ts.known.at(-1)! - ts.known[0]!) * direction < 0)
    throw new ArgumentError(
      complaint(
        "solve: saveAt.ts",
        "times in the order of integration, from t0 to t1",
        `${ts.known[0]} before ${ts.known.at(-1)}`,
      ),
    );
}
