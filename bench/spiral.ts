// Data of workload A: the spiral y' = y³A seen through batches of short pieces, as torchdiffeq's demo has it.

import { readFileSync } from "node:fs";
import { type Tensor, random, tensor } from "adjoint";
import { odeint } from "adjoint/ode";

/** Weights in PyTorch's layout: [W1 (50x2), b1 (50), W2 (2x50), b2 (2)], flat. */
export type Weights = readonly (readonly number[])[];

/** The form of the peers' spiral.json. */
export interface Spiral {
  /** 10 output times. */
  readonly t: readonly number[];
  readonly init: Weights;
  /** Weights after 400 iterations; made by training when absent. */
  readonly trained?: Weights;
  /** y0: 20x2, y: 10x20x2, flat. */
  readonly batches: readonly { readonly y0: readonly number[]; readonly y: readonly number[] }[];
}

const points = 1000;
const batchSize = 20;
const batchTimes = 10;

export function readSpiral(path: string): Spiral {
  return JSON.parse(readFileSync(path, "utf8")) as Spiral;
}

/** The same kind of data from a seed: own solve of the true spiral, own random batches and weights. */
export function makeSpiral(seed = 0, batches = 40): Spiral {
  const t = Array.from({ length: points }, (_, i) => (25 * i) / (points - 1));
  const a = tensor([
    [-0.1, 2],
    [-2, -0.1],
  ]);
  const field = (_t: Tensor, y: Tensor): Tensor => y.pow(3).matmul(a);
  const y = odeint(field, tensor([[2, 0]]), t).data();

  const [startKey, w1Key, w2Key] = random.split(random.key(seed), 3) as [Tensor, Tensor, Tensor];
  const normal = (key: Tensor, size: number): number[] => [
    ...random.normal(key, [size]).mul(0.1).data(),
  ];
  const zeros = (size: number): number[] => Array.from({ length: size }, () => 0);
  return {
    t: t.slice(0, batchTimes),
    init: [normal(w1Key, 100), zeros(50), normal(w2Key, 100), zeros(2)],
    batches: random.split(startKey, batches).map((key) => {
      const starts = [...random.choice(key, points - batchTimes, batchSize).data()];
      const at = (offset: number): number[] =>
        starts.flatMap((s) => [y[2 * (s + offset)]!, y[2 * (s + offset) + 1]!]);
      return { y0: at(0), y: Array.from({ length: batchTimes }, (_, i) => i).flatMap(at) };
    }),
  };
}
