/**
 * @file The Störmer-Verlet method (leapfrog) for systems whose unknowns fall in two groups, x and v, with dx/dt = f(t, v) and
 * dv/dt = g(t, x): mechanics with separable Hamiltonians, second-order equations. Symplectic and time-reversible, so that energy
 * errors stay bounded over any number of steps (Hairer, Lubich and Wanner, Geometric Numerical Integration, section I.1.4).
 */
import { ArgumentError, complaint } from "../../base/errors.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { add, mul } from "../../ops/elementwise.ts";
import { type Field, leavesBehind } from "../field.ts";
import { type Method, weightedSum } from "../stepper.ts";
import { oneStep } from "./own.ts";

/** How a leaf of y moves: in one full step, in two half steps around it, or along with both, feeding back into neither. */
type Role = "drift" | "kick" | "follow";

/**
 * The roles of the leaves: no leaf's slope depends on a leaf of its own group. The first leaf drifts. Leaves that nothing depends
 * on follow (the gradients by parameters in an adjoint system). Returns the leaf that fits in neither group, if there is one.
 */
function rolesOf(field: Field): Role[] | { readonly misfit: number } {
  const reads = leavesBehind(field);
  const isRead = reads.map((_, leaf) => reads.some((others) => others.has(leaf)));
  const roles = new Map<number, Role>();
  const visit = (leaf: number, role: Role): number | undefined => {
    const known = roles.get(leaf);
    if (known !== undefined) return known === role ? undefined : leaf;
    roles.set(leaf, role);
    const across = role === "drift" ? "kick" : "drift";
    for (const other of reads.keys()) {
      const isLinked = isRead[other] && (reads[leaf]!.has(other) || reads[other]!.has(leaf));
      const misfit = isLinked ? visit(other, across) : undefined;
      if (misfit !== undefined) return misfit;
    }
    return undefined;
  };
  for (const leaf of reads.keys()) {
    const misfit = isRead[leaf] && !roles.has(leaf) ? visit(leaf, "drift") : undefined;
    if (misfit !== undefined) return { misfit };
  }
  return reads.map((_, leaf) => roles.get(leaf) ?? "follow");
}

function decidedRoles(field: Field): Role[] {
  const roles = rolesOf(field);
  return Array.isArray(roles) ? roles : [];
}

/** y with the leaves of one role moved along their slopes by a part of the step. */
function moved(
  y: readonly Tensor[],
  roles: readonly Role[],
  role: Role,
  h: Tensor,
  part: number,
  ...slopes: readonly (readonly Tensor[])[]
): Tensor[] {
  return y.map((leaf, index) =>
    roles[index] === role
      ? weightedSum(
          leaf,
          slopes.map(() => part),
          slopes.map((slope) => slope[index]!),
          h,
        )
      : leaf,
  );
}

/**
 * v' = v + h/2 g(t, x),  x1 = x + h f(t + h/2, v'),  v1 = v' + h/2 g(t + h, x1): order 2, fixed steps. The slopes g(t + h, x1) are carried
 * to the next step, so that each step evaluates f once and g once. Followers take the mean of their slopes at (x, v') and (x1, v').
 */
export const stormerVerlet: Method = oneStep({
  name: "stormerVerlet",
  order: 2,
  check(who, field, paths) {
    const roles = rolesOf(field);
    if (Array.isArray(roles)) return;
    throw new ArgumentError(
      complaint(
        `${who}: method stormerVerlet`,
        "y in two groups, such as [position, velocity], with slopes that depend on the other group alone",
        `a slope that depends on its own group, at y${paths[roles.misfit] ?? ""}`,
        "Use another method for forces that depend on velocities, and give positions and velocities as tensors of their own.",
      ),
    );
  },
  begin(f, t, y, field) {
    const roles = decidedRoles(field);
    return f(t, y).filter((_, leaf) => roles[leaf] === "kick");
  },
  step({ f, t, h, y, carried }, field) {
    const roles = decidedRoles(field);
    let next = 0;
    const known = y.map((leaf, index) => (roles[index] === "kick" ? carried[next++]! : leaf));
    const middle = add(t, mul(h, 0.5));
    const kicked = moved(y, roles, "kick", h, 0.5, known);
    const drifted = moved(kicked, roles, "drift", h, 1, f(middle, kicked));
    const end = f(add(t, h), drifted);
    const kickedAgain = moved(drifted, roles, "kick", h, 0.5, end);
    return {
      y: roles.includes("follow")
        ? moved(kickedAgain, roles, "follow", h, 0.5, f(t, kicked), end)
        : kickedAgain,
      carried: end.filter((_, leaf) => roles[leaf] === "kick"),
    };
  },
});
