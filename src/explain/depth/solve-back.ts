/** @file The augmented adjoint without parameters: features and the score's derivatives by them, at any depths of an odeBlock. */
import { vjp } from "../../autodiff/index.ts";
import type { Tensor } from "../../ir/tensor.ts";
import type { OdeBlock } from "../../nn/layers/ode-block.ts";
import { SolveError, solve } from "../../ode/index.ts";

/** The flow from the block's output back to its input. */
export interface Way {
  /** Features [depths, h, w, C]. */
  readonly z: Tensor;
  /** The score's derivatives by them [depths, h, w, C]. */
  readonly a: Tensor;
  /** Features at t0 [1, h, w, C]. */
  readonly start: Tensor;
  readonly evaluations: number;
}

/**
 * dz/dt = f, da/dt = -a df/dz, from t1 back to t0. The second equation is linear in a, which is brought to the size of z first:
 * derivatives of means over many places are far smaller than any tolerance. Throws SolveError naming `who`.
 */
export function solveBack(
  who: string,
  block: OdeBlock,
  end: Tensor,
  gradient: Tensor,
  depths: readonly number[],
  tolerances: { readonly rtol: number | undefined; readonly atol: number | undefined },
): Way {
  const field = block.field();
  const both = (t: Tensor, { z, a }: { z: Tensor; a: Tensor }): { z: Tensor; a: Tensor } => {
    const [slope, pullback] = vjp((state: Tensor) => field(t, state), z);
    return { z: slope, a: pullback(a)[0]!.neg() };
  };
  const size = (x: Tensor): number => Math.sqrt(x.square().mean().item());
  const scale = size(gradient) > 0 ? size(end) / size(gradient) || 1 : 1;
  const { t0, t1 } = block;
  const ts = [...new Set([t0, ...depths])].toSorted((x, y) => (x - y) * Math.sign(t0 - t1));
  const { gradient: _gradient, onStats: _onStats, norm: _norm, ...solver } = block.solver;
  const given = Object.fromEntries(
    Object.entries(tolerances).filter(([, value]) => value !== undefined),
  );
  const { ys, stats, failure } = solve(
    both,
    { z: end, a: gradient.mul(scale) },
    { ...(solver as object), ...given, t0: t1, t1: t0, saveAt: { ts } },
  );
  if (failure !== undefined) throw new SolveError(`${who}: solve back`, failure);
  const rows = depths.map((depth) => ts.indexOf(depth));
  const at = (states: Tensor): Tensor => states.take(rows, 0).squeeze(1);
  return {
    z: at(ys.z),
    a: at(ys.a).div(scale),
    start: ys.z.at(-1),
    evaluations: stats.evaluations,
  };
}
