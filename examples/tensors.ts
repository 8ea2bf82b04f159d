/** @file Tensors, derivatives, compilation, random numbers. Run it with `npx tsx examples/tensors.ts`. */
import {
  type Tensor,
  checkGrad,
  customVjp,
  grad,
  jit,
  jvp,
  random,
  scan,
  tensor,
  valueAndGrad,
  vjp,
} from "adjoint";

const x = tensor([
  [1, 2],
  [3, 4],
]); // float32
const rowSums = x.matmul(x.transpose()).add(1).tanh().sum([1]).data(); // Float32Array(2)

const loss = (w: Tensor, x: Tensor): Tensor => x.matmul(w).relu().mean();
const w = random.normal(random.key(1), [2, 3]);
const [value, [dw]] = valueAndGrad(loss, { argnums: [0] })(w, x);
const [out, pullback] = vjp(loss, w, x);
const [dwAgain, dx] = pullback(out);

// Transformations nest, and tensors that a function closes over are found and differentiated.
const slopeOfCube = grad((a: Tensor) => a.pow(3).sum());
const curvature = grad((a: Tensor) => slopeOfCube(a).sum())(tensor([1, 2, 3])).data(); // 6a
const [, directional] = jvp(slopeOfCube, [tensor([1, 2, 3])], [tensor([1, 0, 0])]);
const scaled = grad((a: Tensor) =>
  grad((b: Tensor) => a.mul(b).mul(b).sum())(tensor([2, 3])).sum(),
)(tensor([1, 1])); // d/da of 2ab is 2b

// A backward rule of one's own: the gradient is clipped on its way back.
const clipped = customVjp((a: Tensor) => a.square().sum(), {
  forward: (a: Tensor): [Tensor, Tensor] => [a.square().sum(), a],
  backward: (a: Tensor, cotangent: Tensor): [Tensor] => [a.mul(2).mul(cotangent).clip(-1, 1)],
});
const clippedGradient = grad(clipped)(tensor([0.1, -5])).data();

// Compiled once a shape. `listing` shows the graph, the kernels and the memory plan.
const fast = jit(loss);
const compiled = fast(w, x).item();
const program = fast.listing(w, x);

const [total, running] = scan(
  (sum: Tensor, next: Tensor): [Tensor, Tensor] => [sum.add(next), sum.add(next)],
  tensor(0),
  tensor([1, 2, 3, 4]),
);

const [k1, k2] = random.split(random.key(0));
const noise = [random.normal(k1, [3, 2]), random.uniform(k2, [3, 2])];

export const results = {
  rowSums,
  value: value.item(),
  dw,
  dwAgain,
  dx,
  curvature,
  directional: directional.data(),
  scaled: scaled.data(),
  clippedGradient,
  compiled,
  program,
  total: total.item(),
  running: running.data(),
  noise,
  worstError: checkGrad((a: Tensor) => a.tanh().sum(), [tensor([0.3, -1.2], { dtype: "float64" })]),
};
console.log(results);
