// Workload D: float32 matrix products of 512 and 1024. `D.gemm512` is a product inside a compiled program
// (a scan of products, operands in kernel memory, as the peers' operands are in theirs);
// `D.gemm512.call` is one jitted call from JavaScript, which copies both matrices in and the product out.

import { type Tensor, jit, random, scan } from "adjoint";
import { type Measurement, median, sample, summarise } from "./measure.ts";

export function* run(): Iterable<Measurement> {
  const product = jit((a: Tensor, b: Tensor) => a.matmul(b));
  for (const n of [512, 1024]) {
    const length = n === 512 ? 16 : 4;
    const products = jit((a: Tensor, b: Tensor) => {
      const [last] = scan((c: Tensor): [Tensor, void] => [a.matmul(c), undefined], b, undefined, {
        length,
      });
      return last.sum();
    });
    const [ka, kb] = random.split(random.key(n)) as [Tensor, Tensor];
    const a = random.normal(ka, [n, n]).div(Math.sqrt(n)); // repeated products stay of one size
    const b = random.normal(kb, [n, n]);
    const measure = (name: string, times: readonly number[]): Measurement =>
      summarise(name, times, { gflops: Number(((2 * n ** 3) / median(times) / 1e6).toFixed(1)) });
    const inside = sample(() => void products(a, b), { samples: 15 }).map((ms) => ms / length);
    yield measure(`D.gemm${n}`, inside);
    const calls = sample(() => void product(a, b), { samples: 15, calls: length / 2 });
    yield measure(`D.gemm${n}.call`, calls);
  }
}
