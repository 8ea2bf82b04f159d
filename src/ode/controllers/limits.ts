/** @file Checks of the settings that controllers share. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import type { FactorLimits } from "./controller.ts";

/** The limits with defaults filled in; throws ArgumentError naming the controller. */
export function factorLimits(
  who: string,
  limits: FactorLimits,
  known: readonly string[],
): Required<FactorLimits> {
  checkOptions(who, limits, known);
  const { safety = 0.9, minFactor = 0.2, maxFactor = 10 } = limits;
  if (!(safety > 0 && safety <= 1))
    throw new ArgumentError(complaint(who, "safety in (0, 1]", describe(safety)));
  if (!(minFactor > 0 && minFactor < 1))
    throw new ArgumentError(complaint(who, "minFactor in (0, 1)", describe(minFactor)));
  if (!(maxFactor > 1 && maxFactor < Infinity))
    throw new ArgumentError(complaint(who, "a finite maxFactor above 1", describe(maxFactor)));
  return { safety, minFactor, maxFactor };
}
