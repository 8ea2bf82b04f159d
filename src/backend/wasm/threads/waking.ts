/** @file Whether a segment is worth waking helpers that sleep. Those awake help with everything. */

/** Milliseconds that a segment takes by itself from which on it gains more by help than by leaving the helpers asleep. */
const worthwhileMs = 0.1;
/** Runs with help after which a segment may be tried without: once it may have been disturbed. */
const trustedRuns = 64;

/** What is known of a segment from the times it took: its shapes are fixed, so it takes as long again. */
export class Waking {
  #alone: number | undefined;
  #helped = Infinity;
  #runs = 0;

  /** Whether the next run should wake helpers. A segment that help has made short is tried without it. */
  get pays(): boolean {
    return this.#alone === undefined ? this.#helped > 2 * worthwhileMs : this.#alone > worthwhileMs;
  }

  /** Says what a run took, and whether helpers could take part. */
  took(milliseconds: number, helped: boolean): void {
    if (!helped) this.#alone = Math.min(this.#alone ?? Infinity, milliseconds);
    else {
      this.#helped = milliseconds;
      if (++this.#runs % trustedRuns === 0 && this.pays) this.#alone = undefined;
    }
  }
}
