// Timing: warm up, repeat, and say median and spread. The quantiles are those the peers print.

/** One measured workload, as it is printed. */
export interface Measurement {
  readonly workload: string;
  readonly median_ms: number;
  readonly p10_ms: number;
  readonly p90_ms: number;
  readonly n: number;
  /** Evaluations, first loss, GFLOP/s and the like: what the workload has to say beyond time. */
  readonly extra?: Readonly<Record<string, number>>;
}

export interface Repetition {
  /** Samples to take. */
  readonly samples: number;
  /** Calls per sample, for work too short to time alone. */
  readonly calls?: number;
  /** Calls before the first sample: compilation and V8's tiers happen here. */
  readonly warmup?: number;
  /** Stop taking samples after this many milliseconds. */
  readonly budgetMs?: number;
}

/** The middle sample (the upper one of two), as the peers' scripts choose it. */
export function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1]!;
}

/** Samples in milliseconds -> a measurement. */
export function summarise(
  workload: string,
  samples: readonly number[],
  extra: Readonly<Record<string, number>> = {},
): Measurement {
  const sorted = samples.toSorted((a, b) => a - b);
  const n = sorted.length;
  const at = (tenths: number): number => sorted[Math.floor((tenths * n) / 10)]!;
  return { workload, median_ms: sorted[n >> 1]!, p10_ms: at(1), p90_ms: at(9), n, extra };
}

/** Milliseconds a call of `work` takes, once per sample. */
export function sample(work: () => void, repetition: Repetition): number[] {
  const { samples, calls = 1, warmup = 3, budgetMs = 12_000 } = repetition;
  for (let i = 0; i < warmup; i++) work();
  const times: number[] = [];
  const end = performance.now() + budgetMs;
  while (times.length < samples && (times.length < 3 || performance.now() < end)) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) work();
    times.push((performance.now() - start) / calls);
  }
  return times;
}
