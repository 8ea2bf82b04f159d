/** @file `solve`: the whole instrument. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { kind, oneOf } from "../base/kinds.ts";
import { type OptionsOf, checkOptions, optional, required, schema } from "../base/options.ts";
import { typeOf } from "../ir/graph.ts";
import { Tensor } from "../ir/tensor.ts";
import { currentTrace } from "../ir/trace.ts";
import type { Tree } from "../ir/tree.ts";
import { slice } from "../ops/shaping.ts";
import { gradientKind } from "./adjoints/index.ts";
import { controllerKind } from "./controllers.ts";
import { type VectorField, stateLeaves } from "./field.ts";
import { type CommonOptions, methodKind, steppingOf } from "./options.ts";
import { type Start, commonSpec, rowsOf, runNow, stackRows, startOf } from "./run.ts";
import { Solution } from "./solution.ts";
import { applySolve } from "./solve-node.ts";
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

const anyTime = kind<Time>(
  "a number or a scalar tensor",
  (given) => typeof given === "number" || given instanceof Tensor,
);

/** How `solve` steps unless asked otherwise, and its gradient; tolerances follow the dtype of the state. */
export const solverSpec = {
  ...commonSpec,
  method: optional(methodKind, "tsit5", commonSpec.method.help),
  controller: optional(controllerKind, "pi", commonSpec.controller.help),
  gradient: optional(gradientKind, "checkpoint", commonSpec.gradient.help),
  stepping: optional(oneOf(["joint"]), "joint", '"joint": one step size for the whole state'),
};

const spanSpec = {
  t0: required(anyTime, "time of y0"),
  t1: required(anyTime, "time to integrate to; before t0 integrates backward in time"),
  saveAt: optional(
    kind<SaveAt>("{ ts }, { t1: true }, { everyStep: true } or { dense: true }", isRecord),
    { t1: true },
    "what of the solution to keep: its end unless given",
  ),
};

/** Options of `solve`: those of all solves, its times, and what it keeps. */
export type SolveOptions<Y extends Tree = Tree> = CommonOptions<Y> &
  OptionsOf<typeof spanSpec & Pick<typeof solverSpec, "stepping">>;

const solveSchema = schema({ ...solverSpec, ...spanSpec });
const solverSchema = schema(solverSpec);

/** What `solve` would say of options before there is a state. Throws ArgumentError naming `who`. */
export function checkSolver(who: string, options: object): void {
  const settings = solverSchema.read(who, options);
  steppingOf(who, options, settings, settings.method, settings.controller);
}

function isRecord(given: unknown): boolean {
  return typeof given === "object" && given !== null;
}

/** By the most precise leaf of the state. */
function tolerancesFor(leaves: readonly Tensor[]): { rtol: number; atol: number } {
  const isPrecise = leaves.some((leaf) => leaf.dtype === "float64");
  return isPrecise ? { rtol: 1e-6, atol: 1e-9 } : { rtol: 1e-4, atol: 1e-6 };
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
  const settings = solveSchema.read(who, options);
  const [t0, t1] = [oneTime("t0", settings.t0), oneTime("t1", settings.t1)];
  if (t0.known !== undefined && t1.known !== undefined && t0.known[0] === t1.known[0])
    throw new ArgumentError(
      complaint("solve: t0 and t1", "two different times", `${t0.known[0]} twice`),
    );
  const { kind: saved, ts } = savedTimes(settings.saveAt);
  if (ts !== undefined) checkInside(ts, t0, t1);
  const state = stateLeaves(who, y0);
  const defaults = tolerancesFor(state.leaves);
  const start = startOf(who, f, state, options, {
    ...settings,
    rtol: settings.rtol ?? defaults.rtol,
    atol: settings.atol ?? defaults.atol,
  });
  const times = joinTimes(ts === undefined ? [t0, t1] : [t0, ts, t1]);
  if (currentTrace() === undefined) return solveNow(start, times, saved);
  if (saved === "everyStep" || saved === "dense")
    throw new ArgumentError(
      complaint(
        "solve: saveAt",
        "{ ts } or { t1: true } inside a traced function",
        saved,
        "Only the data tell how many steps there will be: solve outside jit and grad, or save given times.",
      ),
    );
  const inputs = [...start.leaves, times.tensor, ...start.captured];
  const outputs = applySolve(start.problem, { rows: times.count }, inputs);
  const end = ts === undefined ? times.count : times.count - 1;
  return new Solution<Y>({
    status: "success",
    ts: slice(times.tensor, 1, end),
    ys: outputs.map((leaf) => slice(leaf, 1, end)),
    def: start.def,
  });
}

function solveNow<Y extends Tree>(
  { problem, captured, leaves, def }: Start,
  times: TimeRow,
  saved: SaveKind,
): Solution<Y> {
  const keep = saved === "dense" ? "dense" : saved === "everyStep" ? "steps" : "outputs";
  const result = runNow(problem, captured, leaves, times.tensor, keep);
  const { status, failure, stats, dense } = result;
  const parts = { status, failure, stats, dense, def };
  const stacked = (states: readonly (readonly Tensor[])[]): Tensor[] =>
    leaves.map((leaf, index) =>
      stackRows(
        typeOf(leaf),
        states.map((state) => state[index]!),
      ),
    );
  if (keep !== "outputs") {
    const { stepTimes, stepStates } = result;
    return new Solution<Y>({ ...parts, ts: timeTensor(stepTimes), ys: stacked(stepStates) });
  }
  if (saved === "t1")
    return new Solution<Y>({ ...parts, ts: timeTensor([result.t]), ys: stacked([result.y]) });
  const end = Math.max(1, Math.min(result.rows, times.count - 1));
  return new Solution<Y>({
    ...parts,
    ts: rowsOf(times.tensor, 1, end),
    ys: result.outputs.map((leaf) => rowsOf(leaf, 1, end)),
  });
}

type SaveKind = "ts" | "t1" | "everyStep" | "dense";

function savedTimes(saveAt: SaveAt): { kind: SaveKind; ts?: TimeRow } {
  checkOptions("solve: saveAt", saveAt, ["ts", "t1", "everyStep", "dense"]);
  const chosen = Object.entries(saveAt).filter(
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
