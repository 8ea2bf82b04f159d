/** @file An initial value problem as a layer. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { type Shape, formatShape, sameShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { SolveError, type SolveOptions, solve } from "../../ode/index.ts";
import { checkSolver, solverSpec } from "../../ode/solve.ts";
import { checkOptions } from "../../base/options.ts";
import { child } from "../declare.ts";
import { Layer, type LayerOptions, type Outline, commonOptions } from "../layer.ts";
import { type Mode, withoutUpdates } from "../mode.ts";
import { Module } from "../module.ts";
import { nameLayers } from "../naming.ts";

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

const solverNames = Object.keys(solverSpec);

/** y(t1) of dy/dt = f(t, y), y(t0) = x (Chen et al. 2018, section 3: an ODE in place of a stack of residual layers). */
export class OdeBlock extends Layer {
  readonly dynamics: Dynamics;
  readonly t0: number;
  readonly t1: number;
  /** Options of the solve. */
  readonly solver: SolverOptions;

  constructor(dynamics: Dynamics, options: OdeBlockOptions = {}) {
    checkOptions("odeBlock", options, ["t0", "t1", ...solverNames, ...Object.keys(commonOptions)]);
    super(options);
    if (typeof dynamics !== "function" && !isForward(dynamics))
      throw new ArgumentError(
        complaint(
          `${this.label}: dynamics`,
          "a layer, a module with forward(t, y), or a function of t and y",
          describe(dynamics),
        ),
      );
    const { t0 = 0, t1 = 1, inputShape } = options;
    for (const [name, time] of Object.entries({ t0, t1 }))
      if (!Number.isFinite(time))
        throw new ArgumentError(
          complaint(`${this.label}: ${name}`, "a finite number", describe(time)),
        );
    if (t0 === t1)
      throw new ArgumentError(
        complaint(`${this.label}: t0 and t1`, "two different times", `${t0} twice`),
      );
    for (const name of ["rtol", "atol"] as const)
      if (options[name] !== undefined && typeof options[name] !== "number")
        throw new ArgumentError(
          complaint(`${this.label}: ${name}`, "a number", describe(options[name])),
        );
    this.dynamics = dynamics;
    this.t0 = t0;
    this.t1 = t1;
    const solver = Object.entries(options).filter(([name]) => solverNames.includes(name));
    this.solver = { gradient: "backsolve", ...Object.fromEntries(solver) };
    checkSolver(this.label, this.solver);
    if (dynamics instanceof Layer) nameLayers(this.label, [dynamics]);
    const shape = inputShape ?? (dynamics instanceof Layer ? dynamics.inputShape : undefined);
    if (shape !== undefined) this.grow(shape);
    if (options.trainable === false) this.trainable = false;
  }

  get kind(): string {
    return "odeBlock";
  }

  override get className(): string {
    return "ODEBlock";
  }

  protected override outline(inputShape: Shape): Outline {
    const { dynamics } = this;
    if (!(dynamics instanceof Layer)) return { holds: {}, outputShape: inputShape };
    const inside = child(dynamics, inputShape);
    return {
      holds: { dynamics: inside },
      outputShape: this.fitting(inputShape, inside.outputShape),
    };
  }

  private fitting(input: Shape, output: Shape): Shape {
    if (!sameShape(input, output))
      throw new ShapeError(
        complaint(
          this.label,
          `dynamics that give dy/dt in the shape of y, ${formatShape(input)}`,
          formatShape(output),
        ),
      );
    return output;
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

function isForward(dynamics: unknown): boolean {
  return (
    dynamics instanceof Module && typeof (dynamics as { forward?: unknown }).forward === "function"
  );
}

/**
 * The solution of an initial value problem as a layer: `odeBlock(sequential([dense({ units: 50, activation: "tanh" }),
 * dense({ units: 2 })]), { t1: 1, method: "dopri5" })` takes y(t0) and gives y(t1), whose shape is the same. Parameters of
 * dynamics that are a layer or module are the block's; what a function closes over is not. Gradients go by the adjoint method
 * (`gradient: "backsolve"`) unless another is given, such as "checkpoint". Throws ArgumentError for options that make no sense.
 */
export function odeBlock(dynamics: Dynamics, options: OdeBlockOptions = {}): OdeBlock {
  return new OdeBlock(dynamics, options);
}
