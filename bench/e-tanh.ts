// Workload E: tanh of a thousand and of a million float32 elements. `E.tanh1000` is inside a compiled program
// (a scan, elements in kernel memory, as the peers' are in theirs); `E.tanh1000.call` is one jitted call from
// JavaScript, which copies the elements in and out.

import { type Tensor, jit, random, scan } from "adjoint";
import { type Measurement, median, sample, summarise } from "./measure.ts";

export function* run(): Iterable<Measurement> {
  const once = jit((x: Tensor) => x.tanh());
  for (const n of [1_000, 1_000_000]) {
    const length = n === 1_000 ? 10_000 : 40;
    const many = jit((x: Tensor) => {
      const [last] = scan((c: Tensor): [Tensor, void] => [c.tanh(), undefined], x, undefined, {
        length,
      });
      return last.sum();
    });
    const x = random.uniform(random.key(n), [n]).mul(6).sub(3);
    const measure = (name: string, times: readonly number[]): Measurement =>
      summarise(name, times, { ns_per_elem: Number(((median(times) * 1e6) / n).toFixed(4)) });
    const inside = sample(() => void many(x), { samples: 15 }).map((ms) => ms / length);
    yield measure(`E.tanh${n}`, inside);
    const calls = sample(() => void once(x), { samples: 15, calls: n === 1_000 ? 5_000 : 10 });
    yield measure(`E.tanh${n}.call`, calls);
  }
}
