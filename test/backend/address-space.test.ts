/** @file Kernel memory beyond two gibibytes: addresses are not signed. */
import { afterAll, afterEach, expect, it } from "vitest";
import { backend, setBackend, setThreads, threads } from "../../src/compile/engine.ts";
import { type Tensor, conv2d, jit, matmul, relu } from "../../src/index.ts";
import { difference } from "../support/check-image-program.ts";
import { sample } from "../support/random-image-program.ts";

const setting = { dtype: "float32", exact: true, smooth: false, largest: 0, extent: 0 } as const;
const middle = 2 ** 31;

const before = threads();
afterEach(() => setBackend("wasm"));
afterAll(() => setThreads(before));

/** Takes memory so that the next block begins at an address. */
function takeUntil(address: number): void {
  const { memory } = backend();
  const here = memory.allocate(64);
  memory.allocate(address - here - 64);
}

it("convolutions and products across the middle of the address space and above", () => {
  setThreads(1);
  const kernel = sample(setting, [1, 1, 16, 64], 1);
  const weights = sample(setting, [64, 200], 2);
  const bias = sample(setting, [64], 3);
  const x = sample(setting, [1, 16, 16, 16], 4);
  const make = () => (y: Tensor) => {
    const sums = relu(conv2d(y, kernel).add(bias));
    return [sums, matmul(sums.reshape([256, 64]), weights)];
  };
  const [across, above] = [jit(make()), jit(make())];
  setBackend("interp");
  const wanted = jit(make())(x);
  setBackend("wasm");
  // Compiled, but for the sums of 256 pixels that are to lie half below and half above.
  across.listing(x);
  takeUntil(middle - 128 * 256 - 128);
  expect(difference(across(x), wanted, 0)).toBeUndefined();
  expect(difference(above(x), wanted, 0)).toBeUndefined();
  expect(backend().memory.used).toBeGreaterThan(middle);
});
