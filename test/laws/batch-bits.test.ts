/**
 * @file Law: with `batchInvariant` a sample's results have the same bits in every batch. Each kernel family runs on batches made of the same samples;
 * the first samples of every batch must agree with those of the largest one.
 */
import { describe, expect, it } from "vitest";
import { grad } from "../../src/autodiff/index.ts";
import { jit } from "../../src/compile/jit.ts";
import { sizeOf } from "../../src/ir/shape.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import * as ops from "../../src/ops/index.ts";

const batches = [1, 2, 3, 5, 17, 64];
const largest = 64;

type Float = "float32" | "float64";
/** A function of a batch, made anew for each dtype: `weights` gives parameters of a shape. */
type Make = (weights: (...shape: number[]) => Tensor) => (x: Tensor) => Tensor;

interface Family {
  readonly kind: string;
  readonly name: string;
  /** Shape of a sample. */
  readonly sample: readonly number[];
  readonly make: Make;
}

/** Numbers whose sums round: mantissas of many digits, of both signs. */
function numbers(shape: readonly number[], dtype: Float, seed: number): Tensor {
  const data = Array.from({ length: sizeOf(shape) }, (_, i) => {
    const x = Math.sin((i + 1) * 12.9898 + seed * 78.233) * 43758.5453;
    return (x - Math.floor(x)) * 2 - 1;
  });
  return ops.tensor(data, { shape, dtype });
}

const families: Family[] = [];
let kind = "matrix products";
const family = (name: string, sample: readonly number[], make: Make): void =>
  void families.push({ kind, name, sample, make });

const depths = [1, 3, 5, 8, 50, 257];
const widths = [1, 2, 4, 5, 10, 300];
for (const k of depths)
  for (const n of widths) {
    family(`x[b, ${k}] @ w[${k}, ${n}]`, [k], (weights) => {
      const w = weights(k, n);
      return (x) => x.matmul(w);
    });
    family(`x[b, ${k}] @ w[${n}, ${k}]^T`, [k], (weights) => {
      const w = weights(n, k);
      return (x) => x.matmul(w.transpose());
    });
    family(`(w[${n}, ${k}] @ x[b, ${k}]^T)^T`, [k], (weights) => {
      const w = weights(n, k);
      return (x) => w.matmul(x.transpose()).transpose();
    });
    family(`tanh(x[b, ${k}] @ w[${k}, ${n}] + bias)`, [k], (weights) => {
      const w = weights(k, n);
      const bias = weights(n);
      return (x) => x.matmul(w).add(bias).tanh();
    });
  }
for (const [m, k, n] of [
  [1, 300, 40],
  [3, 20, 5],
  [7, 33, 2],
  [20, 64, 64],
  [49, 32, 49],
] as const) {
  family(`x[b, ${m}, ${k}] @ w[${k}, ${n}]`, [m, k], (weights) => {
    const w = weights(k, n);
    return (x) => x.matmul(w);
  });
  family(`x[b, ${m}, ${k}] @ x^T`, [m, k], () => (x) => x.matmul(x.transpose([0, 2, 1])));
}
kind = "networks of dense layers";
family("784-300-10 with softmax", [784], (weights) => {
  const [w, b, v, c] = [weights(784, 300), weights(300), weights(300, 10), weights(10)];
  return (x) => ops.softmax(x.matmul(w).add(b).relu().matmul(v).add(c));
});
family("2-50-2 with tanh", [2], (weights) => {
  const [w, b, v, c] = [weights(2, 50), weights(50), weights(50, 2), weights(2)];
  return (x) => x.pow(3).matmul(w).add(b).tanh().matmul(v).add(c);
});
family("64-64-64 with tanh", [64], (weights) => {
  const [w, b, v, c] = [weights(64, 64), weights(64), weights(64, 64), weights(64)];
  return (x) => x.matmul(w).add(b).tanh().matmul(v).add(c);
});
family("a large dense layer", [2048], (weights) => {
  const w = weights(2048, 500);
  return (x) => x.matmul(w);
});

kind = "convolutions and pooling";
const images: readonly [name: string, sample: number[], kernel: number[], options: object][] = [
  ["3x3", [12, 12, 16], [3, 3, 16, 24], { padding: "same" }],
  ["3x3, many channels", [14, 14, 64], [3, 3, 64, 64], { padding: "same" }],
  ["3x3, direct", [14, 14, 64], [3, 3, 64, 64], { padding: "same", algorithm: "direct" }],
  ["3x3 at 7 x 7", [7, 7, 128], [3, 3, 128, 32], { padding: "same" }],
  ["3x3 at 4 x 4", [4, 4, 64], [3, 3, 64, 64], { padding: "same" }],
  ["2x2", [13, 13, 32], [2, 2, 32, 32], {}],
  ["1x1", [9, 9, 40], [1, 1, 40, 30], {}],
  ["1x1 at 1 x 1", [1, 1, 300], [1, 1, 300, 70], {}],
  ["5x5 of three channels, strides 2", [21, 21, 3], [5, 5, 3, 16], { strides: 2 }],
  ["4x4, strides 2", [16, 16, 32], [4, 4, 32, 32], { strides: 2, padding: "same" }],
  ["6x6, strides 2", [20, 20, 16], [6, 6, 16, 16], { strides: 2, padding: "same" }],
  ["grouped", [12, 12, 16], [3, 3, 4, 16], { groups: 4, padding: "same" }],
  ["dilated", [15, 15, 8], [3, 3, 8, 12], { dilation: 2 }],
  ["as large as the image", [6, 6, 20], [6, 6, 20, 30], {}],
];
for (const [name, sample, kernel, options] of images) {
  family(`convolution ${name}`, sample, (weights) => {
    const w = weights(...kernel);
    return (x) => ops.conv2d(x, w, options);
  });
  family(`convolution ${name} with bias and relu`, sample, (weights) => {
    const w = weights(...kernel);
    const bias = weights(kernel[3]!);
    return (x) => ops.conv2d(x, w, options).add(bias).relu();
  });
}
for (const strides of [1, 2]) {
  family(`depthwise convolution, strides ${strides}`, [12, 12, 24], (weights) => {
    const w = weights(3, 3, 24, 1);
    return (x) => ops.depthwiseConv2d(x, w, { strides, padding: "same" });
  });
  family(`transposed convolution, strides ${strides}`, [8, 8, 16], (weights) => {
    const w = weights(4, 4, 12, 16);
    return (x) => ops.conv2dTranspose(x, w, { strides, padding: "same" });
  });
}
family(
  "maximum of windows",
  [12, 12, 10],
  () => (x) => ops.maxPool2d(x, { poolSize: 3, strides: 2 }),
);
family("mean of windows", [12, 12, 10], () => (x) => ops.averagePool2d(x, { poolSize: 2 }));

kind = "softmax, sums and normalisations of rows";
const channels = [1, 3, 5, 10, 64, 1000];
for (const c of channels) {
  family(`softmax of ${c}`, [c], () => (x) => ops.softmax(x));
  family(`logSoftmax of ${c}`, [c], () => (x) => ops.logSoftmax(x));
  family(`sum of ${c}`, [c], () => (x) => x.sum([1]));
  family(`sum of tanh of ${c}`, [c], () => (x) => x.tanh().sum([1]));
  family(`mean of squares of ${c}`, [c], () => (x) => x.mul(x).mean([1]));
  family(`product of ${c}`, [c], () => (x) => x.add(1.5).prod([1]));
  family(`running sum of ${c}`, [c], () => (x) => x.cumSum(1));
  family(`normalisation of ${c}`, [c], (weights) => {
    const [gamma, beta] = [weights(c), weights(c)];
    return (x) => {
      const centred = x.sub(x.mean([1], true));
      const variance = centred.mul(centred).mean([1], true);
      return centred.div(variance.add(1e-3).sqrt()).mul(gamma).add(beta);
    };
  });
}
kind = "sums and normalisations of images";
for (const [h, w, c] of [
  [2, 3, 5],
  [7, 7, 16],
  [9, 4, 3],
  [12, 10, 8],
] as const) {
  const shape = [h, w, c];
  for (const axes of [[1], [2], [3], [1, 2], [2, 3], [1, 3], [1, 2, 3]]) {
    family(
      `sum of [b, ${shape.join(", ")}] over ${axes.join(", ")}`,
      shape,
      () => (x) => x.sum(axes),
    );
    family(
      `mean of exp of [b, ${shape.join(", ")}] over ${axes.join(", ")}`,
      shape,
      () => (x) => x.exp().mean(axes),
    );
  }
  family(`batch normalisation at inference of [b, ${shape.join(", ")}]`, shape, (weights) => {
    const [mean, variance, gamma, beta] = [weights(c), weights(c).abs(), weights(c), weights(c)];
    return (x) => x.sub(mean).div(variance.add(1e-3).sqrt()).mul(gamma).add(beta);
  });
  family(`group normalisation of [b, ${shape.join(", ")}]`, shape, () => (x) => {
    const centred = x.sub(x.mean([1, 2, 3], true));
    return centred.div(centred.mul(centred).mean([1, 2, 3], true).add(1e-3).sqrt());
  });
  family(`scaled sums of [b, ${shape.join(", ")}]`, shape, (weights) => {
    const scale = weights(c);
    return (x) =>
      x
        .mul(scale)
        .sum([3])
        .add(x.sum([1, 2]).sum([1], true).reshape([-1, 1, 1]));
  });
}
kind = "elementwise functions";
for (const f of [ops.exp, ops.log1p, ops.sin, ops.erf, ops.sqrt, ops.sigmoid, ops.softplus])
  family(`${f.name} of 33`, [33], () => (x) => f(x.abs()));

/** The first `count` samples, and what `f` gives for them. */
function bitsOf(f: (x: Tensor) => Tensor, samples: Tensor, count: number): Uint8Array {
  const out = jit(f, { batchInvariant: true })(ops.slice(samples, [0], [count])).data();
  return new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
}

/** The batches in which some bit of some sample is another one than in the largest. */
function differing({ sample, make }: Family, dtype: Float, gradient: boolean): number[] {
  let seed = 0;
  const forward = make((...shape) => numbers(shape, dtype, ++seed));
  const f = gradient
    ? (x: Tensor) =>
        grad((y: Tensor) => {
          const out = forward(y);
          return out.mul(out).sum();
        })(x)
    : forward;
  const samples = numbers([largest, ...sample], dtype, 0);
  const all = bitsOf(f, samples, largest);
  const bytes = all.length / largest;
  return batches.filter((count) => {
    const some = bitsOf(f, samples, count);
    return Buffer.compare(some, all.subarray(0, count * bytes)) !== 0;
  });
}

for (const dtype of ["float32", "float64"] as const)
  for (const gradient of [false, true])
    describe(`${gradient ? "gradients by the input" : "results"} in ${dtype}`, () => {
      for (const of of new Set(families.map((each) => each.kind)))
        it(of, () => {
          const wrong = families.flatMap((each) => {
            if (each.kind !== of) return [];
            const batchesThatDiffer = differing(each, dtype, gradient);
            return batchesThatDiffer.length === 0 ? [] : [{ name: each.name, batchesThatDiffer }];
          });
          expect(wrong).toEqual([]);
        });
    });

it("a product of few rows has other bits without the option: the law can fail", () => {
  const w = numbers([784, 300], "float32", 1);
  const samples = numbers([largest, 784], "float32", 0);
  const product = jit((x: Tensor) => x.matmul(w));
  const [all, one] = [product(samples), product(ops.slice(samples, [0], [1]))];
  expect([...one.data()]).not.toEqual([...all.data()].slice(0, 300));
});

it("jit refuses options that it does not know", () => {
  expect(() => jit((x: Tensor) => x, { batchInvariance: true } as never)).toThrow(
    /jit.*batchInvariant/s,
  );
});
