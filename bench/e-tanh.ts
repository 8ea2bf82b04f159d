// Workload E: tanh of a thousand and of a million float32 elements, by one jitted call.

import { type Tensor, jit, random } from "adjoint";
import { type Measurement, median, sample, summarise } from "./measure.ts";

export function* run(): Iterable<Measurement> {
  const tanh = jit((x: Tensor) => x.tanh());
  for (const n of [1_000, 1_000_000]) {
    const x = random.uniform(random.key(n), [n]).mul(6).sub(3);
    const times = sample(() => void tanh(x), { samples: 15, calls: n === 1_000 ? 5_000 : 10 });
    const nsPerElement = (median(times) * 1e6) / n;
    yield summarise(`E.tanh${n}`, times, { ns_per_elem: Number(nsPerElement.toFixed(4)) });
  }
}
