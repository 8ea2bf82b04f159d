/** @file Initial value problems and their gradients. Run it with `npx tsx examples/solves.ts`. */
import { type Tensor, grad, stack, tensor } from "adjoint";
import { odeint, odeintAdjoint, solve } from "adjoint/ode";

const f64 = { dtype: "float64" } as const;

// torchdiffeq's interface: y' = -y.
const decay = odeint((_t, y) => y.mul(-1), tensor([1], f64), [0, 1, 2], {
  rtol: 1e-9,
  atol: 1e-12,
}); // [3, 1]

// The whole instrument: statuses, statistics, dense output. y is a tree.
const oscillator = (_t: Tensor, { q, p }: { q: Tensor; p: Tensor }): { q: Tensor; p: Tensor } => ({
  q: p,
  p: q.neg(),
});
const s = solve(
  oscillator,
  { q: tensor(1, f64), p: tensor(0, f64) },
  {
    t0: 0,
    t1: 20,
    method: "tsit5",
    rtol: 1e-6,
    atol: 1e-9,
    saveAt: { dense: true },
  },
);

// Gradients by initial state, by parameters that f closes over, and by times.
const y1 = (y0: Tensor, rate: Tensor, t1: Tensor): Tensor =>
  odeintAdjoint((_t, y) => y.mul(rate), y0, stack([tensor(0, f64), t1]), {
    rtol: 1e-10,
    atol: 1e-12,
  })
    .at(-1)
    .sum();
const gradient = grad(y1, { argnums: [0, 1, 2] })(
  tensor([2], f64),
  tensor(-0.5, f64),
  tensor(1.5, f64),
);

export const results = {
  decay: [...decay.data()],
  status: s.status,
  stats: s.stats,
  position: s.at(3.7).q.item(),
  velocity: s.derivative(3.7).q.item(),
  gradient: gradient.map((g) => g.item()),
};
console.log(results);
