/** @file An initial value problem as a layer. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { finite, kind } from "../../base/kinds.ts";
import { type Kind, checkOptions, optional, required } from "../../base/options.ts";
import { formatShape, sameShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { SolveError, type SolveOptions, solve } from "../../ode/index.ts";
import { checkSolver, solverSpec } from "../../ode/solve.ts";
import { child, factory, layer } from "../declare.ts";
import { Layer, type LayerOptions, among, commonOptions } from "../layer.ts";
import { type Mode, withoutUpdates } from "../mode.ts";
import { Module } from "../module.ts";

/** dy/dt: a layer of y, a module with `forward(t, y, mode?)`, or a function of t and y. */
export type Dynamics =
  | Layer
  | (Module & { forward(t: Tensor, y: Tensor, mode?: Mode): Tensor })
  | ((t: Tensor, y: Tensor) => Tensor);

type SolverOptions = Omit<SolveOptions<Tensor>, "t0" | "t1" | "saveAt">;

/** Options of `odeBlock`: those of `solve`, where tolerances are numbers, and those of layers. */
export interface OdeBlockOptions extends LayerOptions, Omit<SolverOptions, "rtol" | "atol"> {
  /** Time at which the input is the state: 0 unless given. */
  readonly t0?: number;
  /** Time at which the state is the output: 1 unless given. */
  readonly t1?: number;
  readonly rtol?: number;
  readonly atol?: number;
}

/** What gives dy/dt. */
export const dynamicsKind = kind(
  "a layer, a module with forward(t, y), or a function of t and y",
  (given) =>
    typeof given === "function" ||
    (given instanceof Module && typeof (given as { forward?: unknown }).forward === "function"),
) as Kind<Dynamics>;

/** Options of a solve, which the layer checks together. */
export const solverKind: Kind<SolverOptions> = kind("options of solve", () => true);

/** y(t1) of dy/dt = f(t, y), y(t0) = x (Chen et al. 2018, section 3: an ODE in place of a stack of residual layers). */
export class OdeBlock extends layer(
  "odeBlock",
  {
    dynamics: required(dynamicsKind, "dy/dt: a layer of y, or of t and y a module or function."),
    t0: optional(finite, 0, "Time at which the input is the state."),
    t1: optional(finite, 1, "Time at which the state is the output."),
    solver: required(solverKind, "Options of the solve."),
  },
  {
    className: "ODEBlock",
    check({ t0, t1, solver }, who) {
      if (t0 === t1)
        throw new ArgumentError(
          complaint(`${who}: t0 and t1`, "two different times", `${t0} twice`),
        );
      for (const name of ["rtol", "atol"] as const)
        if (solver[name] !== undefined && typeof solver[name] !== "number")
          throw new ArgumentError(complaint(`${who}: ${name}`, "a number", describe(solver[name])));
      checkSolver(who, solver);
    },
    inputShape: ({ dynamics }) => (dynamics instanceof Layer ? dynamics.inputShape : undefined),
    // The dynamics are a setting, whose type says more than that of a child.
    parameters: ({ dynamics }, shape) =>
      (dynamics instanceof Layer ? { dynamics: child(dynamics, shape) } : {}) as Record<
        never,
        never
      >,
    outputShape({ label, dynamics }, shape) {
      const output = dynamics instanceof Layer ? dynamics.computeOutputShape(shape) : shape;
      if (sameShape(shape, output)) return output;
      throw new ShapeError(
        complaint(
          label,
          `dynamics that give dy/dt in the shape of y, ${formatShape(shape)}`,
          formatShape(output),
        ),
      );
    },
  },
) {
  constructor(dynamics: Dynamics, options: OdeBlockOptions = {}) {
    const names = [...Object.keys(solverSpec), ...Object.keys(commonOptions)];
    checkOptions("odeBlock", options, ["t0", "t1", ...names]);
    const solver = { gradient: "backsolve", ...among(options, solverSpec) };
    const { t0, t1 } = options;
    super({ ...among(options, commonOptions), dynamics, t0, t1, solver });
  }

  /**
   * The state at t1. One step size serves the whole batch. State of layers cannot change inside a solve: batchNorm in training
   * throws ArgumentError there. Dropout keeps one mask for all of the solve. Throws SolveError where the solve fails; `onStats`
   * tells of every solve, forward and backward, how many evaluations it took.
   */
  forward(x: Tensor, mode?: Mode): Tensor {
    this.requireGrown();
    const { t0, t1 } = this;
    const solution = solve(this.field(mode), x, { ...this.solver, t0, t1 });
    if (solution.failure !== undefined) throw new SolveError(this.label, solution.failure);
    return solution.ys.at(0);
  }

  /** dy/dt as a function of t and y. */
  field(mode?: Mode): (t: Tensor, y: Tensor) => Tensor {
    const { dynamics } = this;
    const inside = withoutUpdates(mode);
    if (dynamics instanceof Layer) return (_t, y) => dynamics.forward(y, inside);
    return typeof dynamics === "function" ? dynamics : (t, y) => dynamics.forward(t, y, inside);
  }
}

/**
 * The solution of an initial value problem as a layer: `odeBlock(sequential([dense({ units: 50, activation: "tanh" }),
 * dense({ units: 2 })]), { t1: 1, method: "dopri5" })` takes y(t0) and gives y(t1), whose shape is the same. Parameters of
 * dynamics that are a layer or module are the block's; what a function closes over is not. Gradients are computed by the
 * adjoint method (`gradient: "backsolve"`) unless another is given, such as "checkpoint". Throws ArgumentError for options it does
 * not know or cannot use.
 */
export const odeBlock = factory(OdeBlock);
