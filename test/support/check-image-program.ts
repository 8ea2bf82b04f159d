/** @file What has to hold of a random program on images: every way of running it gives the same. */
import { jvp, valueAndGrad, vjp } from "../../src/autodiff/index.ts";
import { type BackendName, setBackend, setThreads } from "../../src/compile/engine.ts";
import { Executable } from "../../src/compile/evaluate.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { trace } from "../../src/ir/trace.ts";
import * as ops from "../../src/ops/index.ts";
import {
  Bank,
  type ImageSetting,
  imageInputs,
  isFloating,
  listed,
  randomImageProgram,
  sample,
} from "./random-image-program.ts";

type Flat = (tensors: readonly Tensor[]) => Tensor[];

/** Which function of a program is computed. */
export const derivatives = ["none", "gradient", "pullback", "tangent", "second"] as const;
export type Derivative = (typeof derivatives)[number];

/** A scalar that depends on every element of the results, on each differently. */
function scalarOf(setting: ImageSetting, results: readonly Tensor[]): Tensor {
  return results
    .filter(isFloating)
    .map((result, index) => ops.sum(ops.mul(result, sample(setting, result.shape, 40 + index))))
    .reduce((total, term) => ops.add(total, term), ops.full([], 0, { dtype: setting.dtype }));
}

/** The function that `derivative` names, of the program's inputs and parameters. */
export function derived(fn: Flat, derivative: Derivative, setting: ImageSetting): Flat {
  const along = (like: readonly Tensor[], seed: number): Tensor[] =>
    like.map((tensor, index) => sample(setting, tensor.shape, seed + index));
  const gradient = valueAndGrad((tensors: readonly Tensor[]) => scalarOf(setting, fn(tensors)));
  switch (derivative) {
    case "none":
      return fn;
    case "gradient":
      return (tensors) => gradient(tensors).flat() as Tensor[];
    case "pullback":
      return (tensors) => {
        const [results, pull] = vjp((list: Tensor[]) => fn(list).filter(isFloating), [...tensors]);
        return [...results, ...pull(along(results, 60))[0]];
      };
    case "tangent":
      return (tensors) =>
        jvp((list: Tensor[]) => fn(list), [[...tensors]], [along(tensors, 70)]).flat();
    case "second":
      return (tensors) =>
        jvp(
          (list: Tensor[]) => gradient(list)[1] as Tensor[],
          [[...tensors]],
          [along(tensors, 80)],
        ).flat();
  }
}

/** Elements that differ by more than `tolerance` of the largest: a description, or undefined. */
export function difference(
  found: readonly Tensor[],
  wanted: readonly Tensor[],
  tolerance: number,
): string | undefined {
  if (found.length !== wanted.length) return `${found.length} results for ${wanted.length}`;
  for (const [index, expected] of wanted.entries()) {
    const result = found[index]!;
    if (result.shape.join() !== expected.shape.join() || result.dtype !== expected.dtype)
      return `result ${index}: ${result.toString()} for ${expected.toString()}`;
    const [x, y] = [result.data(), expected.data()];
    let scale = 1;
    for (const value of y) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
    const at = y.findIndex(
      (value, place) =>
        x[place] !== value &&
        !(Number.isNaN(x[place]) && Number.isNaN(value)) &&
        !(Math.abs(x[place]! - value) <= tolerance * scale),
    );
    if (at >= 0)
      return `result ${index} ${expected.dtype}[${expected.shape.join()}], element ${at}: ${x[at]} for ${y[at]} (largest ${scale})`;
  }
  return undefined;
}

/** Runs twice: the second time it finds what the first one, on other numbers, has left in memory. */
function compiled(
  backend: BackendName,
  fn: Flat,
  inputs: readonly Tensor[],
  run: (call: () => Tensor[]) => Tensor[] = (call) => call(),
): Tensor[] {
  setBackend(backend);
  const { graph, captured } = trace((...tensors: Tensor[]) => fn(tensors), inputs);
  const executable = new Executable(graph, "program", captured);
  try {
    executable.call(inputs.map((input) => ops.add(ops.neg(input), 1)));
    return run(() => executable.call(inputs));
  } finally {
    executable.release();
    setBackend("wasm");
  }
}

/** A complaint naming the law that a program breaks, or undefined. */
export function brokenLaw(
  numbers: readonly number[],
  length: number,
  setting: ImageSetting,
  derivative: Derivative,
  threads: readonly number[],
): string | undefined {
  const inputs = imageInputs(numbers, setting);
  const bank = new Bank(setting);
  const program = randomImageProgram(numbers, length, setting);
  // Makes the parameters.
  trace((...tensors: Tensor[]) => program(tensors, bank.get), inputs);
  const parameters = [...bank.made.values()];
  const count = inputs.length;
  const all = [...inputs, ...parameters];
  const free = derived(
    (tensors) => program(tensors.slice(0, count), listed(bank, tensors.slice(count))),
    derivative,
    setting,
  );
  // The gradients of parameters are left out.
  const closed = derived((tensors) => program(tensors, bank.get), derivative, setting);
  const [exactly, nearly] = setting.dtype === "float64" ? [0, 1e-9] : [0, 2e-4];
  const wanted = compiled("interp", free, all);
  const largest = Math.max(
    0,
    ...wanted.map((result) =>
      result.size === 0
        ? 0
        : ops.max(ops.abs(result.dtype === "bool" ? ops.cast(result, "float64") : result)).item(),
    ),
  );
  // Integers beyond these are no longer exact.
  if (setting.exact && !(largest < (setting.dtype === "float64" ? 2 ** 48 : 2 ** 18)))
    return undefined;
  const tolerance = setting.exact ? exactly : nearly;
  const laws: [string, readonly Tensor[], readonly Tensor[], number][] = [];
  setThreads(Math.max(...threads));
  const found = compiled("wasm", free, all, (call) => {
    const first = call();
    for (const number of threads) {
      setThreads(number);
      laws.push([`${number} threads`, call(), first, 0]);
    }
    return first;
  });
  laws.push(["wasm equals interp", found, wanted, tolerance]);
  const plain = compiled("interp", closed, inputs);
  laws.push(["constants", compiled("wasm", closed, inputs), plain, tolerance]);
  if (derivative === "none") laws.push(["eager", free(all), wanted, tolerance]);
  for (const [law, x, y, within] of laws) {
    const complaint = difference(x, y, within);
    if (complaint === undefined) continue;
    const most = setting.exact || within === 0 ? undefined : shaken(free, all, wanted);
    if (most === undefined || differsByMore(x, y, most)) return `${law}: ${complaint}`;
  }
  return undefined;
}

/** Rounding of numbers as Winograd's algorithm rounds at worst, relative to the largest. */
const rounding = 2e-5;

/** How much each result changes where inputs are rounded so: sums that cancel change by more than their size tells. */
function shaken(fn: Flat, inputs: readonly Tensor[], wanted: readonly Tensor[]): number[] {
  const changed = inputs.map((input, index) =>
    isFloating(input)
      ? ops.add(
          input,
          ops.mul(
            rounding,
            ops.cast(ops.random.normal(ops.random.key(index), input.shape), input.dtype),
          ),
        )
      : input,
  );
  return compiled("interp", fn, changed).map((result, index) =>
    largestDifference(result, wanted[index]!),
  );
}

function differsByMore(
  found: readonly Tensor[],
  wanted: readonly Tensor[],
  most: readonly number[],
): boolean {
  return found.some(
    (result, index) => !(largestDifference(result, wanted[index]!) <= most[index]!),
  );
}

function largestDifference(x: Tensor, y: Tensor): number {
  const other = y.data();
  return Array.from(x.data()).reduce(
    (most, value, at) => Math.max(most, Math.abs(value - other[at]!)),
    0,
  );
}
