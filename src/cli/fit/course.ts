// Where a fit stands, apart from its tensors: what a checkpoint notes, and what the loss figure shows.
import type { LossPoint } from "../plot/loss.ts";

/** The best weights so far. */
export interface Kept {
  readonly iteration: number;
  readonly loss: number;
  readonly validation: number | null;
}

/** Plain data, so that it survives a checkpoint. */
export interface Course {
  /** Iterations done. */
  iteration: number;
  stage: number;
  evaluations: number;
  /** Halved whenever training broke down. */
  rateFactor: number;
  breakdowns: number;
  kept: Kept | null;
  /** Latest loss on the held-out tail. */
  validation: number | null;
  readonly training: LossPoint[];
  readonly held: LossPoint[];
}

export function startCourse(): Course {
  return {
    iteration: 0,
    stage: 0,
    evaluations: 0,
    rateFactor: 1,
    breakdowns: 0,
    kept: null,
    validation: null,
    training: [],
    held: [],
  };
}

/** What decides which weights are kept: training and held-out error count alike. */
export function score(kept: Pick<Kept, "loss" | "validation">): number {
  return kept.loss + (kept.validation ?? 0);
}
