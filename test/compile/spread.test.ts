// Transposed convolutions that write their pixels where they belong, against the interpreter.
import { afterEach, describe, expect, it } from "vitest";
import { formKernels } from "../../src/compile/fuse/kernels.ts";
import { optimize } from "../../src/compile/passes/index.ts";
import { type Tensor, conv2d, conv2dTranspose, jit, random, setBackend } from "../../src/index.ts";
import type { Work } from "../../src/ir/kernel.ts";
import { trace } from "../../src/ir/trace.ts";

afterEach(() => setBackend("wasm"));

interface Case {
  /** [N, H, W, C] and [KH, KW, filters, C]. */
  readonly x: readonly [number, number, number, number];
  readonly kernel: readonly [number, number, number, number];
  readonly strides: readonly [number, number];
  readonly padding?: "same" | "valid";
}

const spreading: readonly Case[] = [
  { x: [3, 13, 12, 32], kernel: [4, 4, 16, 32], strides: [2, 2] },
  { x: [16, 6, 6, 24], kernel: [4, 4, 8, 24], strides: [2, 2], padding: "same" },
  { x: [8, 11, 9, 45], kernel: [6, 6, 16, 45], strides: [3, 3], padding: "same" },
  { x: [64, 5, 1, 32], kernel: [4, 4, 40, 32], strides: [2, 2] },
  { x: [64, 1, 5, 32], kernel: [4, 4, 40, 32], strides: [2, 2] },
  { x: [1, 20, 20, 16], kernel: [6, 6, 16, 16], strides: [2, 2] },
  { x: [9, 12, 11, 16], kernel: [4, 2, 16, 16], strides: [2, 1] },
  { x: [4, 6, 22, 140], kernel: [4, 4, 64, 140], strides: [2, 2] },
];

const tensorsOf = ({ x, kernel }: Case): [Tensor, Tensor] => [
  random.normal(random.key(1), [...x]),
  random.normal(random.key(2), [...kernel]),
];

const spread =
  ({ strides, padding = "valid" }: Case) =>
  (x: Tensor, kernel: Tensor): Tensor =>
    conv2dTranspose(x, kernel, { strides: [...strides], padding });

function worksOf(
  fn: (...inputs: Tensor[]) => readonly Tensor[],
  inputs: readonly Tensor[],
): Work[] {
  const { graph } = trace((...all) => [...fn(...all)], [...inputs]);
  return formKernels(optimize(graph, true)).map(({ work }) => work);
}

const isCopied = (work: Work): boolean => work.kind === "conv" && work.epilogue?.body.length === 1;

describe("filters that become pixels", () => {
  it.each(spreading)("$x by $kernel, strides $strides", (given) => {
    const [x, kernel] = tensorsOf(given);
    const fn = spread(given);
    const works = worksOf((a, b) => [fn(a!, b!)], [x, kernel]);
    expect(works.filter(isCopied)).toHaveLength(1);
    const found = Array.from(jit(fn)(x, kernel).data());
    setBackend("interp");
    const expected = Array.from(fn(x, kernel).data());
    const largest = expected.reduce((most, element) => Math.max(most, Math.abs(element)), 0);
    found.forEach((element, i) =>
      expect(Math.abs(element - expected[i]!) / largest).toBeLessThan(2e-5),
    );
  });

  it("are copied afterwards where runs of them are no whole panels", () => {
    const odd: Case = { x: [16, 6, 6, 24], kernel: [4, 4, 12, 24], strides: [2, 2] };
    const [x, kernel] = tensorsOf(odd);
    const works = worksOf((a, b) => [spread(odd)(a!, b!)], [x, kernel]);
    expect(works.some(({ kind }) => kind === "conv")).toBe(true);
    expect(works.filter(isCopied)).toEqual([]);
  });

  it("are copied afterwards where others read them too", () => {
    const inputs = [
      random.normal(random.key(1), [9, 12, 12, 16]),
      random.normal(random.key(2), [3, 3, 16, 64]),
    ];
    const apart = (y: Tensor): Tensor =>
      y.reshape([9, 12, 12, 2, 2, 16]).transpose([0, 1, 3, 2, 4, 5]).reshape([9, 24, 24, 16]);
    const convolve = (x: Tensor, kernel: Tensor): Tensor => conv2d(x, kernel, { padding: "same" });
    const once = worksOf((x, kernel) => [apart(convolve(x!, kernel!))], inputs);
    expect(once.filter(isCopied)).toHaveLength(1);
    const both = (x: Tensor, kernel: Tensor): [Tensor, Tensor] => {
      const y = convolve(x, kernel);
      return [apart(y), y.slice([0, 1]).mul(2)];
    };
    expect(worksOf((x, kernel) => both(x!, kernel!), inputs).filter(isCopied)).toEqual([]);
    expect(
      worksOf((x, kernel) => [apart(convolve(x!, kernel!)), convolve(x!, kernel!)], inputs).filter(
        isCopied,
      ),
    ).toEqual([]);
  });

  it("are not spread by convolutions over patches", () => {
    const plain: Case = { x: [2, 6, 6, 16], kernel: [2, 2, 16, 16], strides: [2, 2] };
    const works = worksOf((a, b) => [spread(plain)(a!, b!)], tensorsOf(plain));
    expect(works.filter(isCopied)).toEqual([]);
  });
});
