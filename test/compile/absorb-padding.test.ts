// Zeros around images that become a convolution's own padding.
import { afterEach, describe, expect, it } from "vitest";
import { optimize } from "../../src/compile/passes/index.ts";
import {
  type Tensor,
  averagePool2d,
  conv2d,
  depthwiseConv2d,
  jit,
  random,
  setBackend,
  vjp,
} from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { trace } from "../../src/ir/trace.ts";

afterEach(() => setBackend("wasm"));

type Fn = (x: Tensor, kernel: Tensor) => Tensor | readonly Tensor[];
type Pads = readonly (readonly [number, number, number?])[];

const border: Pads = [
  [0, 0],
  [1, 2],
  [3, 0],
  [0, 0],
];
const padded = (x: Tensor, pads: Pads = border, value = 0): Tensor =>
  x.pad(
    pads.map((pad) => [...pad] as [number, number]),
    value,
  );

const x = random.normal(random.key(1), [3, 7, 6, 8]);
const kernel = random.normal(random.key(2), [3, 3, 8, 8]);

/** How many pads are left. */
function padsLeft(fn: Fn, inputs: readonly [Tensor, Tensor] = [x, kernel]): number {
  const { graph } = trace((a, b) => [fn(a!, b!)].flat(), [...inputs]);
  return optimize(graph, true).nodes.filter(({ prim }) => prim === "pad").length;
}

const conv: Fn = (a, b) => conv2d(padded(a), b);
const gradients =
  (fn: (a: Tensor, b: Tensor) => Tensor): Fn =>
  (a, b) => {
    const [y, back] = vjp(fn, a, b);
    return [y, ...back(y)];
  };

const absorbing: Record<string, Fn> = {
  "a convolution": conv,
  "with padding of its own": (a, b) => conv2d(padded(a), b, { padding: "same" }),
  strided: (a, b) => conv2d(padded(a), b, { strides: 2 }),
  dilated: (a, b) => conv2d(padded(a), b, { dilation: 2 }),
  direct: (a, b) => conv2d(padded(a), b, { algorithm: "direct" }),
  "in groups": (a, b) => conv2d(padded(a), b.slice([0, 0, 0], [3, 3, 2]), { groups: 4 }),
  depthwise: (a, b) => depthwiseConv2d(padded(a), b.slice([0, 0, 0, 0], [3, 3, 8, 1])),
  "two in a row": (a, b) => conv2d(padded(padded(a)), b),
  "two convolutions": (a, b) => [conv2d(padded(a), b), conv2d(padded(a), b, { strides: 2 })],
  gradients: gradients((a, b) => conv2d(padded(a), b)),
  "gradients of a strided one": gradients((a, b) => conv2d(padded(a), b, { strides: 2 })),
};

describe("padding is absorbed by", () => {
  it.each(Object.entries(absorbing))("%s", (_, fn) => {
    expect(padsLeft(fn)).toBe(0);
    for (const dtype of ["float32", "float64"] as const) {
      const [a, b] = [x.cast(dtype), kernel.cast(dtype)];
      const found = [jit(fn)(a, b)].flat() as Tensor[];
      setBackend("interp");
      const expected = [fn(a, b)].flat() as Tensor[];
      setBackend("wasm");
      const tolerance = dtype === "float32" ? 2e-5 : 1e-13;
      expected.forEach((tensor, i) => {
        expect(found[i]!.shape).toEqual(tensor.shape);
        const [one, other] = [found[i]!, tensor].map((each) => Array.from(each.data()));
        const largest = Math.max(...other!.map(Math.abs));
        const off = Math.max(...one!.map((element, at) => Math.abs(element - other![at]!)));
        expect(off / largest).toBeLessThan(tolerance);
      });
    }
  });

  it.each(Object.entries(absorbing))("%s, exactly", (_, fn) => {
    // Of integers sums are the same in any order: by operations one by one zeros are stored.
    for (const dtype of ["float32", "float64"] as const) {
      const [a, b] = [x, kernel].map((each) => each.mul(4).floor().cast(dtype)) as [Tensor, Tensor];
      const [found, stored] = [jit(fn)(a, b), fn(a, b)].map((all) =>
        ([all].flat() as Tensor[]).map((each) => Array.from(each.data())),
      );
      expect(found).toEqual(stored);
    }
  });

  it("the layers of a model", () => {
    const model = nn.sequential(
      [nn.zeroPadding2d({ padding: 1 }), nn.conv2d({ filters: 4, kernelSize: 4, strides: 2 })],
      { inputShape: [9, 9, 2], seed: 1 },
    );
    const images = random.normal(random.key(3), [2, 9, 9, 2]);
    expect(padsLeft((a) => model.forward(a), [images, images])).toBe(0);
  });
});

describe("padding stays", () => {
  const channels: Pads = [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 1],
  ];
  const samples: Pads = [
    [1, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ];
  const apart: Pads = [
    [0, 0],
    [1, 1, 1],
    [1, 1, 0],
    [0, 0],
  ];
  const staying: Record<string, Fn> = {
    "where it is not zero": (a, b) => conv2d(padded(a, border, 1), b),
    "where it is -0": (a, b) => conv2d(padded(a, border, -0), b),
    "along channels": (a, b) =>
      conv2d(
        padded(a, channels),
        b.pad([
          [0, 0],
          [0, 0],
          [0, 1],
          [0, 0],
        ]),
      ).sum(),
    "along samples": (a, b) => conv2d(padded(a, samples), b),
    "between pixels": (a, b) =>
      conv2d(a.pad(apart.map((pad) => [...pad] as [number, number, number])), b),
    "where something else reads it": (a, b) => [conv2d(padded(a), b), padded(a).exp()],
    "where it is a result": (a, b) => [conv2d(padded(a), b), padded(a)],
    "before pooling": (a) => averagePool2d(padded(a), { poolSize: 2 }),
  };
  it.each(Object.entries(staying))("%s", (_, fn) => {
    expect(padsLeft(fn)).toBeGreaterThan(0);
  });

  it("around the kernel's gradient's other operand, and around kernels", () => {
    const kernelPadded: Fn = (a, b) =>
      conv2d(
        a,
        b.pad([
          [1, 0],
          [0, 0],
          [0, 0],
          [0, 0],
        ]),
      );
    expect(padsLeft(kernelPadded)).toBe(1);
  });
});
