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

/** The sample that so many tenths of all are below. */
export function quantile(samples: readonly number[], tenths: number): number {
  return samples.toSorted((a, b) => a - b)[Math.floor((tenths * samples.length) / 10)]!;
}

/** Samples in milliseconds -> a measurement. */
export function summarise(
  workload: string,
  samples: readonly number[],
  extra: Readonly<Record<string, number>> = {},
): Measurement {
  const [p10_ms, p90_ms] = [quantile(samples, 1), quantile(samples, 9)];
  return { workload, median_ms: median(samples), p10_ms, p90_ms, n: samples.length, extra };
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

/**
 * Samples two kinds of calls in turns, so that both meet the same machine: its other work, and above all the allocator, whose
 * fresh pages for a result of several megabytes are cheap at times and at others cost more than the call. Quantiles of the
 * two then fit together, which those of samples taken one after the other did not.
 */
export function sampleInTurns(
  first: () => unknown,
  second: () => unknown,
  { samples, warmup = 3, budgetMs = 1_000 }: Repetition,
): { readonly first: number[]; readonly second: number[] } {
  const time = (work: () => unknown): number => {
    const start = performance.now();
    work();
    return performance.now() - start;
  };
  const times = { first: [] as number[], second: [] as number[] };
  const startMs = performance.now();
  let turns = -warmup;
  while (turns < 5 || (turns < samples && performance.now() < startMs + budgetMs)) {
    const pair = [time(first), time(second)] as const;
    if (turns++ < 0) continue;
    times.first.push(pair[0]);
    times.second.push(pair[1]);
  }
  return times;
}
