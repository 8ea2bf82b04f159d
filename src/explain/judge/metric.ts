/** @file What a metric of maps is: altered pictures to show to the network, and a number made of what it says to them. */
import type { Case } from "./subject.ts";

/** Altered copies of a case's picture. */
export interface Variants {
  readonly count: number;
  /** Writes the altered picture of a number into `pixels`, which holds the original, [rows, columns, channels]. */
  write(index: number, pixels: Float32Array): void;
}

/** Settings that metrics share. */
export interface MetricSettings {
  /** Seeds orders of equal values and noise. */
  readonly seed: number;
  /** Pixels around an object that still count as hit. */
  readonly tolerance: number | undefined;
  /** Steps from the original to nothing left. */
  readonly steps: number | undefined;
  /** What deleted pixels become, a number a channel. */
  readonly baseline: readonly number[] | undefined;
  /** Standard deviation in pixels of the blur that insertion starts from. */
  readonly blur: number;
  /** Standard deviation of the noise on imputed pixels, over the largest distance between two values of the picture. */
  readonly noise: number;
}

/** A way to judge maps. */
export interface Metric {
  readonly name: string;
  /** What it measures, and who proposed it, in one line. */
  readonly description: string;
  readonly better: "higher" | "lower";
  /** Whether subjects need a mask. */
  readonly needsMask: boolean;
  /** The pictures to show to the network. */
  variants(subject: Case, settings: MetricSettings): Variants;
  /** The number for a case, from the class' probability in each variant and in the original. */
  value(
    subject: Case,
    probabilities: Float64Array,
    original: number,
    settings: MetricSettings,
  ): number;
}

/** For metrics that need not ask the network. */
export const noVariants: Variants = { count: 0, write: () => undefined };
