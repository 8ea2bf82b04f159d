/** @file Settings that metrics share, checked. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import type { MetricSettings } from "./metric.ts";
import type { Case } from "./subject.ts";

/** What settings are unless given. */
export const defaults: MetricSettings = {
  seed: 0,
  tolerance: undefined,
  steps: undefined,
  baseline: undefined,
  blur: 5,
  noise: 0.01,
};

/** The settings for pictures of the size of one. Throws ArgumentError naming `who` and the setting that makes no sense. */
export function settingsOf(
  who: string,
  given: Partial<MetricSettings>,
  { rows, columns, channels }: Case,
): MetricSettings {
  const chosen = Object.entries(given).filter(
    ([name, value]) => value !== undefined && Object.hasOwn(defaults, name),
  );
  const settings: MetricSettings = { ...defaults, ...Object.fromEntries(chosen) };
  const { tolerance = 0, steps = 1, baseline, blur, noise } = settings;
  const pixels = rows * columns;
  const check = (name: keyof MetricSettings, fits: boolean, expected: string): void => {
    if (!fits)
      throw new ArgumentError(complaint(`${who}: ${name}`, expected, describe(settings[name])));
  };
  const isSize = (value: number): boolean => value >= 0 && Number.isFinite(value);
  check("tolerance", isSize(tolerance), "a number of pixels, 0 or more");
  check(
    "steps",
    Number.isSafeInteger(steps) && steps >= 1 && steps <= pixels,
    `a whole number from 1 to ${pixels}, the pixels that there are`,
  );
  check(
    "baseline",
    baseline === undefined || (baseline.length === channels && baseline.every(Number.isFinite)),
    `a number for each of ${channels} channels`,
  );
  check("blur", isSize(blur) && blur > 0, "a number of pixels above 0");
  check("noise", isSize(noise), "a number, 0 or more");
  return settings;
}
