// What the project asks of its own speed, as ratios to peers measured in the same run.

import type { Engine } from "./engines.ts";

/** `floor`: the figure must be at least `bound`; `ceiling`: at most. */
export interface Demand {
  readonly workload: string;
  /** Of both sides; 1 unless given. */
  readonly threads?: number;
  readonly peer: Engine | "none";
  readonly kind: "floor" | "ceiling";
  readonly bound: number;
  /**
   * What is compared: times speed, the same by evaluation of the dynamics, time over the limit's time, evaluations; or, without
   * a peer, plain milliseconds, milliseconds of the first call, the peak of memory in MB.
   */
  readonly of:
    | "speed"
    | "speed by evaluation"
    | "time"
    | "evaluations"
    | "milliseconds"
    | "first call"
    | "peak memory";
}

const floor = { kind: "floor", of: "speed" } as const;
const ceiling = { kind: "ceiling", of: "time" } as const;
const two = { threads: 2 } as const;

const spiral = ["A.dopri5_adjoint.init", "A.dopri5_adjoint.trained"];
const vgg = ["C.vgg19_fwd", "C.vgg19_gradcam_b5c4", "C.vgg19_grad_b1c2"];

export const demands: readonly Demand[] = [
  ...spiral.flatMap((workload): Demand[] => [
    { workload, peer: "torch", bound: 100, ...floor },
    { workload, peer: "jax", bound: 3, ...floor },
    { workload, peer: "limit", bound: 1.6, ...ceiling },
    { workload, peer: "torch", bound: 1.1, ...ceiling, of: "evaluations" },
  ]),
  { workload: "A.rk4_backprop.init", peer: "torch", bound: 25, ...floor },
  { workload: "A.first_call", peer: "none", bound: 30, ...ceiling, of: "milliseconds" },
  { workload: "B.rk4_fwd_adjoint", peer: "torch", bound: 1, ...floor },
  { workload: "B.rk4_fwd_adjoint", ...two, peer: "torch", bound: 1.3, ...floor },
  ...vgg.flatMap((workload): Demand[] => {
    const bound = workload === "C.vgg19_fwd" ? 0.75 : 0.8;
    return [
      { workload, ...two, peer: "torch", bound, ...floor },
      { workload, ...two, peer: "tfjs", bound: 6, ...floor },
      { workload, ...two, peer: "none", bound: 3000, ...ceiling, of: "first call" },
      { workload, ...two, peer: "none", bound: 1300, ...ceiling, of: "peak memory" },
    ];
  }),
  // 55 GFLOP/s where the limit shows 60 (105 and 115 on two threads), 0.75 ns where it shows 0.6: ratios, so that any machine
  // can tell.
  ...["D.gemm512", "D.gemm1024"].flatMap((workload): Demand[] => [
    { workload, peer: "limit", bound: 60 / 55, ...ceiling },
    { workload, ...two, peer: "limit", bound: 115 / 105, ...ceiling },
  ]),
  { workload: "E.tanh1000", peer: "limit", bound: 0.75 / 0.6, ...ceiling },
  { workload: "E.tanh1000000", peer: "limit", bound: 0.75 / 0.6, ...ceiling },
  { workload: "F.odenet_step", ...two, peer: "torch", bound: 1, ...floor },
  {
    workload: "F.odenet_step",
    ...two,
    peer: "torch",
    bound: 1,
    ...floor,
    of: "speed by evaluation",
  },
  { workload: "F.resnet_step", ...two, peer: "torch", bound: 1, ...floor },
  { workload: "I.vgg19_explain", ...two, peer: "torch", bound: 1, ...floor },
];
