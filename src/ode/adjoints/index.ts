/** @file Gradient modes by name. A new mode is one file and one line here. */
import { complaint, describe } from "../../base/errors.ts";
import type { Kind } from "../../base/options.ts";
import type { GradientOption } from "../options.ts";
import type { Gradient, GradientMode } from "../solve-node.ts";
import { backsolve } from "./backsolve.ts";
import { checkpoint, direct } from "./discrete.ts";

const all: readonly GradientMode[] = [direct, checkpoint, backsolve];

/** Every gradient mode, under the name that `gradient` takes. */
export const gradientModes: ReadonlyMap<string, GradientMode> = new Map(
  all.map((mode) => [mode.name, mode]),
);

/** A gradient mode by name, or with options of its own: `{ kind, ...options }`. */
export const gradientKind: Kind<GradientOption, Gradient> = {
  expected: `one of ${[...gradientModes.keys()].join(", ")}, or { kind, ...options }`,
  read(who, given, Fails) {
    const { kind, ...options } = (
      typeof given === "object" && given !== null ? given : { kind: given }
    ) as { kind: unknown };
    const mode = typeof kind === "string" ? gradientModes.get(kind) : undefined;
    if (mode === undefined) throw new Fails(complaint(who, gradientKind.expected, describe(kind)));
    return mode.configure(`${who} ${mode.name}`, options);
  },
  parse: (typed) => typed,
};
