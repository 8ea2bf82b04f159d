/** @file Gradient modes by name. A new mode is one file and one line here. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { backsolve } from "./backsolve.ts";
import { checkpoint } from "./checkpoint.ts";
import { direct } from "./direct.ts";
import type { Gradient, GradientMode } from "../problem.ts";

const all: readonly GradientMode[] = [direct, checkpoint, backsolve];

/** Every gradient mode, under the name that `gradient` takes. */
export const gradientModes: ReadonlyMap<string, GradientMode> = new Map(
  all.map((mode) => [mode.name, mode]),
);

/** The gradient mode that an option asks for. Throws ArgumentError listing all. */
export function chooseGradient(who: string, option: unknown): Gradient {
  const { kind, ...options } = (
    typeof option === "object" && option !== null ? option : { kind: option }
  ) as { kind: unknown };
  const mode = typeof kind === "string" ? gradientModes.get(kind) : undefined;
  if (mode === undefined)
    throw new ArgumentError(
      complaint(
        `${who}: gradient`,
        `one of ${[...gradientModes.keys()].join(", ")}, or { kind, ...options }`,
        describe(typeof option === "object" ? kind : option),
      ),
    );
  return mode.configure(who, options);
}
