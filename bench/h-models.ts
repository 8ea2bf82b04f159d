// Workload H: forward passes of every architecture by name on one picture, with the parameters as constants, as in use:
// `H.<name>` is the call with its input and its probabilities as arrays of JavaScript. `probe` is the first probability, by which
// comparisons see that all engines computed the same network. `only` picks architectures by a part of their names.

import { type Tensor, jit, mapTree, random, tensor } from "adjoint";
import type * as nn from "adjoint/nn";
import { architectures } from "adjoint/models";
import { type Measurement, sample, summarise } from "./measure.ts";
import type { Options } from "./workload.ts";

type Architecture = (typeof architectures)[number];
type Network = nn.Model<Tensor, Tensor>;

/** The architectures with a part in their names. */
export function chosen(only: string): readonly Architecture[] {
  return architectures.filter(({ name }) => name.includes(only));
}

/**
 * The network with kernels drawn such that signals neither fade nor grow (He et al. 2015, eq. 10): what fades becomes numbers
 * so small that processors compute with them many times slower, in one engine and not in another.
 */
export function lively({ build }: Architecture): Network {
  let index = 0;
  return mapTree("network", build(), (leaf) => {
    const { shape } = leaf;
    if (shape.length !== 4) return leaf;
    const [rows, columns, channels, filters] = shape as [number, number, number, number];
    const read = rows * columns * (filters === 1 ? 1 : channels);
    return random.normal(random.key(index++), shape).mul(Math.sqrt(2 / read));
  }) as Network;
}

/** A picture [size, size, 3] of numbers in [-1, 1), which every peer makes for itself. */
export function picture(size: number): Float32Array {
  return Float32Array.from(
    { length: size * size * 3 },
    (_, i) => Math.imul(i, 2654435761) / 2 ** 31,
  );
}

export function* run({ only = "" }: Options): Iterable<Measurement> {
  for (const architecture of chosen(only)) {
    const { name, inputSize } = architecture;
    const network = lively(architecture);
    const forward = jit((x: Tensor) => network.forward(x));
    const elements = picture(inputSize);
    const call = (): ArrayLike<number> =>
      forward(tensor(elements, { shape: [1, inputSize, inputSize, 3] })).data();
    const begun = performance.now();
    const probe = call()[0]!;
    const first = performance.now() - begun;
    const times = sample(call, { samples: 100, warmup: 2, budgetMs: 4000 });
    yield summarise(`H.${name}`, times, { first_call_ms: first, probe });
  }
}
