/** @file torchdiffeq's interface: `odeint` and `odeintAdjoint`. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { optional, schema } from "../base/options.ts";
import { currentTrace } from "../ir/trace.ts";
import type { Tree } from "../ir/tree.ts";
import type { BacksolveOptions } from "./adjoints/backsolve.ts";
import { gradientKind } from "./adjoints/index.ts";
import { type VectorField, stateLeaves } from "./field.ts";
import type { CommonOptions } from "./options.ts";
import { type CommonSettings, runNow, startOf, torchdiffeqSpec } from "./run.ts";
import { applySolve } from "./solve-node.ts";
import { SolveError } from "./status.ts";
import { type Times, checkOrder, timeRow } from "./times.ts";

const odeintSchema = schema({
  ...torchdiffeqSpec,
  gradient: optional(gradientKind, "direct", torchdiffeqSpec.gradient.help),
});
const adjointSchema = schema({
  ...torchdiffeqSpec,
  gradient: optional(gradientKind, "backsolve", torchdiffeqSpec.gradient.help),
});

/** Options of `odeintAdjoint`: those of `odeint`, with options of the backward solve in `gradient`. */
export interface OdeintAdjointOptions<Y extends Tree = Tree> extends Omit<
  CommonOptions<Y>,
  "gradient"
> {
  readonly gradient?: "backsolve" | BacksolveOptions | undefined;
}

/**
 * Solves dy/dt = f(t, y) from y(ts[0]) = y0, and returns y at every time in `ts`: a tree like y0 whose leaves have shape
 * [ts.length, ...leaf]. `ts` strictly increases or decreases. Defaults are torchdiffeq's (dopri5, rtol 1e-7, atol 1e-9,
 * elementary step control), and so are the numbers of evaluations; derivatives go through the solver's steps
 * (`gradient: "direct"`). Methods of fixed steps step from output to output unless `stepSize` or `steps` is given;
 * outputs inside steps come from the method's interpolant.
 * Throws SolveError (with status, time and step) if the solve fails: inside `jit` and `grad`, when the program runs. Throws ArgumentError,
 * ShapeError or DTypeError for wrong use.
 */
export function odeint<Y extends Tree>(
  f: VectorField<Y>,
  y0: Y,
  ts: Times,
  options: CommonOptions<Y> = {},
): Y {
  return integrate("odeint", f, y0, ts, options, odeintSchema.read("odeint", options));
}

/**
 * As `odeint`: returns y at every time in `ts`, leaves [ts.length, ...leaf], with derivatives by the adjoint method (Chen et al. 2018),
 * `gradient: "backsolve"`. The backward solve uses the forward solve's method and tolerances unless
 * `gradient: { kind: "backsolve", rtol, atol, method, seminorm, ... }` says otherwise. Throws as `odeint` does.
 */
export function odeintAdjoint<Y extends Tree>(
  f: VectorField<Y>,
  y0: Y,
  ts: Times,
  options: OdeintAdjointOptions<Y> = {},
): Y {
  const settings = adjointSchema.read("odeintAdjoint", options);
  if (settings.gradient.name !== "backsolve")
    throw new ArgumentError(
      complaint(
        "odeintAdjoint: gradient",
        '"backsolve" or { kind: "backsolve", ... }',
        describe(settings.gradient.name),
        "odeint takes every gradient.",
      ),
    );
  return integrate("odeintAdjoint", f, y0, ts, options, settings);
}

function integrate<Y extends Tree>(
  who: string,
  f: VectorField<Y>,
  y0: Y,
  ts: Times,
  options: object,
  settings: CommonSettings,
): Y {
  const times = timeRow(`${who}: ts`, ts);
  if (times.count < 2)
    throw new ArgumentError(
      complaint(`${who}: ts`, "at least 2 times, the first that of y0", String(times.count)),
    );
  if (times.known !== undefined) checkOrder(`${who}: ts`, times.known);
  const { leaves, def, problem, captured } = startOf(
    who,
    f,
    stateLeaves(who, y0),
    options,
    settings,
  );
  if (currentTrace() !== undefined) {
    const inputs = [...leaves, times.tensor, ...captured];
    return def.rebuild(applySolve(problem, { rows: times.count }, inputs)) as Y;
  }
  const { outputs, failure } = runNow(problem, captured, leaves, times.tensor, "outputs");
  if (failure !== undefined) throw new SolveError(who, failure);
  return def.rebuild(outputs) as Y;
}
