// Workload D: float32 matrix products of 512 and 1024, by one jitted call that copies both matrices in and the product out.

import { type Tensor, jit, random } from "adjoint";
import { type Measurement, median, sample, summarise } from "./measure.ts";

export function* run(): Iterable<Measurement> {
  const product = jit((a: Tensor, b: Tensor) => a.matmul(b));
  for (const n of [512, 1024]) {
    const [ka, kb] = random.split(random.key(n));
    const a = random.normal(ka!, [n, n]);
    const b = random.normal(kb!, [n, n]);
    const times = sample(() => void product(a, b), { samples: 15, calls: n === 512 ? 8 : 2 });
    const gflops = (2 * n ** 3) / median(times) / 1e6;
    yield summarise(`D.gemm${n}`, times, { gflops: Number(gflops.toFixed(1)) });
  }
}
