/** @file From f and options to a problem: traced, checked, completed. */
import { ArgumentError, complaint } from "../base/errors.ts";
import type { Tensor } from "../ir/tensor.ts";
import { typeOf } from "../ir/graph.ts";
import type { Tree, TreeDef } from "../ir/tree.ts";
import { graphKey } from "../compile/key.ts";
import { inlineCalls } from "../compile/passes/inline-calls.ts";
import { type VectorField, traceField } from "./field.ts";
import type { Gradient, Problem } from "./problem.ts";
import { type NormPart, leafTolerances, traceNorm } from "./norm.ts";
import {
  type CommonOptions,
  chooseController,
  chooseSolver,
  chooseStepping,
  chooseWatchers,
  steppingKey,
} from "./options.ts";
import type { PlannedTolerance } from "./step-graphs.ts";

/** A problem with the tensors it was traced on. */
export interface BoundProblem {
  readonly problem: Problem;
  /** Parameters and extras: what the operation's inputs end with. */
  readonly captured: readonly Tensor[];
}

/** Defaults that differ between entrances. */
export interface Defaults {
  readonly method: string;
  readonly controller: string;
  readonly rtol: number;
  readonly atol: number;
}

/** Traces f, and checks and completes the options. Throws ArgumentError, ShapeError or DTypeError naming `who`. */
export function defineProblem<Y extends Tree>(
  who: string,
  f: VectorField<Y>,
  y0: readonly Tensor[],
  def: TreeDef,
  options: CommonOptions<Y>,
  defaults: Defaults,
  gradient: Gradient,
): BoundProblem {
  const solver = chooseSolver(who, options.method ?? defaults.method);
  const stepping = chooseStepping(
    who,
    options,
    solver,
    chooseController(who, options.controller ?? defaults.controller),
  );
  const extras: Tensor[] = [];
  const plan = (tolerance: number | Tensor): PlannedTolerance =>
    typeof tolerance === "number" ? tolerance : { extra: extras.push(tolerance) - 1 };
  const tolerances = (name: "rtol" | "atol"): readonly (number | Tensor)[] =>
    leafTolerances(who, name, options[name] ?? defaults[name], def, y0);
  const [relative, absolute] = [tolerances("rtol"), tolerances("atol")];
  checkTolerances(who, relative, absolute);
  const rtol = relative.map(plan);
  const atol = absolute.map(plan);
  const { field, captured } = traceField(who, f, y0, def);
  const leaves = [...y0.keys()];
  let norm: NormPart[] = [{ leaves }];
  if (options.norm !== undefined) {
    const custom = traceNorm(who, options.norm, y0.map(typeOf), def);
    norm = [
      {
        leaves,
        custom: {
          graph: custom.graph,
          extras: custom.captured.map((tensor) => extras.push(tensor) - 1),
        },
      },
    ];
  }
  const problem: Problem = {
    who,
    plan: { field, solver, rtol, atol, norm, extras: extras.map(typeOf) },
    stepping,
    gradient,
    watch: chooseWatchers(who, options),
  };
  return { problem, captured: [...captured, ...extras] };
}

function checkTolerances(
  who: string,
  rtol: readonly (number | Tensor)[],
  atol: readonly (number | Tensor)[],
): void {
  const hasZero = (tolerance: number | Tensor): boolean =>
    typeof tolerance === "number" ? tolerance === 0 : (tolerance.elements?.includes(0) ?? false);
  const bothZero = (one: number | Tensor, other: number | Tensor): boolean =>
    one === 0 && hasZero(other);
  if (rtol.some((one, leaf) => bothZero(one, atol[leaf]!) || bothZero(atol[leaf]!, one)))
    throw new ArgumentError(complaint(`${who}: rtol and atol`, "at least one above 0", "0 and 0"));
}

/** Equal for problems that do the same to equal tensors. */
export function problemKey(problem: Problem): string {
  const { plan, stepping, gradient, watch } = problem;
  const graph = (part: NormPart): string =>
    `${part.leaves.join(",")}:${part.custom ? `${part.custom.extras.join(",")} ${graphKey(inlineCalls(part.custom.graph))}` : ""}`;
  return [
    plan.solver.name,
    JSON.stringify([plan.rtol, plan.atol, plan.extras]),
    plan.norm.map(graph).join("|"),
    steppingKey(stepping),
    gradient.key,
    ...[watch.onStep, watch.onStats, watch.signal].map(identity),
    graphKey(inlineCalls(plan.field.graph)),
  ].join(";");
}

const identities = new WeakMap<object, number>();
let nextIdentity = 1;

/** A number an object. */
function identity(object: object | undefined): number {
  if (object === undefined) return 0;
  let known = identities.get(object);
  if (known === undefined) identities.set(object, (known = nextIdentity++));
  return known;
}
