// What is quickly made again is not stored: masks on the way back, deviations from a mean.
import { afterEach, describe, expect, it } from "vitest";
import { formKernels } from "../../src/compile/fuse/kernels.ts";
import { optimize } from "../../src/compile/passes/index.ts";
import { type Tensor, conv2d, jit, random, setBackend, vjp } from "../../src/index.ts";
import { sizeOf } from "../../src/ir/shape.ts";
import * as nn from "../../src/nn/index.ts";
import { trace } from "../../src/ir/trace.ts";

afterEach(() => setBackend("wasm"));

type Fn = (...inputs: Tensor[]) => readonly Tensor[];

/** Results of kernels, as "dtype[shape]", of at least so many elements. */
function stored(fn: Fn, inputs: readonly Tensor[], least = 1 << 16): string[] {
  const { graph } = trace((...all) => [...fn(...all)], [...inputs]);
  return formKernels(optimize(graph, true)).flatMap(({ outputs }) =>
    outputs
      .filter(({ shape }) => sizeOf(shape) >= least)
      .map(({ dtype, shape }) => `${dtype}[${shape.join()}]`),
  );
}

function agrees(fn: Fn, inputs: readonly Tensor[]): void {
  const found = (jit(fn)(...inputs) as Tensor[]).map((one) => Array.from(one.data()));
  setBackend("interp");
  const expected = fn(...inputs).map((one) => Array.from(one.data()));
  setBackend("wasm");
  expected.forEach((numbers, i) => {
    const largest = numbers.reduce((most, element) => Math.max(most, Math.abs(element)), 0);
    numbers.forEach((element, at) =>
      expect(Math.abs(found[i]![at]! - element)).toBeLessThanOrEqual(3e-5 * largest),
    );
  });
}

const images = (side: number, channels = 8): Tensor =>
  random.normal(random.key(1), [4, side, side, channels]);
const kernel = random.normal(random.key(2), [3, 3, 8, 8]);
const same = { padding: "same" } as const;
const gradients =
  (fn: (...inputs: Tensor[]) => Tensor): Fn =>
  (...inputs) => {
    const [y, back] = vjp(fn, ...inputs);
    return [...back(y)];
  };

const network = gradients((x, k) =>
  conv2d(conv2d(conv2d(x!, k!, same).relu(), k!, same).relu(), k!, same),
);
const normalised = gradients((x, k) => {
  const norm = nn.groupNorm({ groups: 4, inputShape: x!.shape.slice(1) });
  return conv2d(norm.forward(conv2d(x!, k!, same)).relu(), k!, same);
});

describe("recomputed, not stored:", () => {
  it("masks of activations that convolutions read", () => {
    const inputs = [images(48), kernel];
    expect(stored(network, inputs).filter((value) => value.startsWith("bool"))).toEqual([]);
    agrees(network, inputs);
  });

  it("deviations from a mean", () => {
    const inputs = [images(48), kernel];
    const values = stored(normalised, inputs);
    expect(values.filter((value) => value.startsWith("bool"))).toEqual([]);
    const { graph } = trace((...all) => [...normalised(...all)], inputs);
    const loops = formKernels(optimize(graph, true)).filter(({ work }) => work.kind === "loops");
    const writesDeviations = loops.filter(({ nodes, outputs }) =>
      nodes.some(({ prim, outputs: [made] }) => prim === "sub" && outputs.includes(made!)),
    );
    expect(writesDeviations).toEqual([]);
    agrees(normalised, inputs);
  });

  it("readers far apart make it anew each", () => {
    const fn: Fn = (x) => {
      const mean = x!.mean([1, 2], true);
      const deviation = x!.sub(mean);
      const scale = deviation.mul(deviation).mean([1, 2], true).rsqrt();
      const z = deviation.mul(scale);
      const shift = z.exp().mean([1, 2], true);
      return [z.mul(shift).add(deviation.mul(shift))];
    };
    const inputs = [images(48)];
    // The scaled deviations and the result.
    expect(stored(fn, inputs)).toHaveLength(2);
    agrees(fn, inputs);
  });
});

describe("what is copied of something recomputed stays a copy:", () => {
  const standardised = (x: Tensor): Tensor => {
    const deviation = x.sub(x.mean([1, 2], true));
    return deviation.div(deviation.mul(deviation).mean([1, 2], true).add(0.3).sqrt());
  };
  const cases: Record<string, (z: Tensor, k: Tensor) => readonly Tensor[]> = {
    "a result that comes twice": (z) => [z, z],
    "a result in another shape": (z) => [z, z.reshape([-1])],
    "a result and part of it": (z) => [z, z.slice([1], [2])],
    "a convolution's images, turned": (z, k) => [conv2d(z.transpose([0, 2, 1, 3]), k, same)],
  };
  it.each(Object.entries(cases))("%s", (_, results) => {
    const fn: Fn = (x, k) => results(standardised(x!), k!);
    const inputs = [images(48), kernel];
    agrees(fn, inputs);
    // Bit by bit what follows from the result by itself.
    const [z] = jit((x: Tensor) => [standardised(x)])(inputs[0]!) as [Tensor];
    const wanted = results(z, kernel).map((one) => Array.from(one.data()));
    expect((jit(fn)(...inputs) as Tensor[]).map((one) => Array.from(one.data()))).toEqual(wanted);
  });
});

describe("stored as before", () => {
  it("small tensors", () => {
    const inputs = [images(12), kernel];
    const masks = stored(network, inputs, 4 * 12 * 12 * 8).filter((one) => one.startsWith("bool"));
    expect(masks.length).toBeGreaterThan(0);
    agrees(network, inputs);
  });

  it("what is a result, or is read by something else than a loop", () => {
    const result: Fn = (x, k) => {
      const deviation = x!.sub(x!.mean([1, 2], true));
      return [deviation, conv2d(deviation.mul(deviation.exp().mean([1, 2], true)), k!, same)];
    };
    const read: Fn = (x, k) => {
      const deviation = x!.sub(x!.mean([1, 2], true));
      return [conv2d(deviation, k!, same).add(deviation.mul(deviation.exp().mean([1, 2], true)))];
    };
    for (const fn of [result, read]) agrees(fn, [images(48), kernel]);
    // The deviations, the convolution's result and the sum.
    expect(stored(read, [images(48), kernel])).toHaveLength(3);
  });
});
