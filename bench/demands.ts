// What the project asks of its own speed, as ratios to peers measured in the same run.

/** `floor`: the ratio must be at least `bound`; `ceiling`: at most. */
export interface Demand {
  readonly workload: string;
  readonly peer: "torch" | "jax" | "limit" | "none";
  readonly kind: "floor" | "ceiling";
  readonly bound: number;
  /** What is compared: times speed, time over the limit's time, evaluations, or plain milliseconds. */
  readonly of: "speed" | "time" | "evaluations" | "milliseconds";
}

const trained = ["A.dopri5_adjoint.init", "A.dopri5_adjoint.trained"];

export const demands: readonly Demand[] = [
  ...trained.flatMap((workload): Demand[] => [
    { workload, peer: "torch", kind: "floor", bound: 100, of: "speed" },
    { workload, peer: "jax", kind: "floor", bound: 3, of: "speed" },
    { workload, peer: "limit", kind: "ceiling", bound: 1.6, of: "time" },
    { workload, peer: "torch", kind: "ceiling", bound: 1.1, of: "evaluations" },
  ]),
  { workload: "A.rk4_backprop.init", peer: "torch", kind: "floor", bound: 25, of: "speed" },
  { workload: "B.rk4_fwd_adjoint", peer: "torch", kind: "floor", bound: 1, of: "speed" },
  // 55 GFLOP/s where the limit shows 60, 0.75 ns where it shows 0.6: ratios, so that any machine can tell.
  { workload: "D.gemm512", peer: "limit", kind: "ceiling", bound: 60 / 55, of: "time" },
  { workload: "D.gemm1024", peer: "limit", kind: "ceiling", bound: 60 / 55, of: "time" },
  { workload: "E.tanh1000", peer: "limit", kind: "ceiling", bound: 0.75 / 0.6, of: "time" },
  { workload: "E.tanh1000000", peer: "limit", kind: "ceiling", bound: 0.75 / 0.6, of: "time" },
  { workload: "A.first_call", peer: "none", kind: "ceiling", bound: 30, of: "milliseconds" },
];
