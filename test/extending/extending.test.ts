/**
 * @file One member of each kind, written as a contributor would write it: a folder per kind, at most two files in each. Members go
 * through the public function that takes them, or into the table to which a contributor would add a line.
 *
 * Left out: primitives (the type checker lists the places to fill in), gradients of solves, passes and whole backends (lists private to
 * their file; a backend's own kernels are below), classes in Keras' files (indexed by name as the table is loaded), benchmarks.
 */
import { readdirSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { run } from "../../src/cli/program.ts";
import { commands } from "../../src/cli/commands/index.ts";
import { Holdings } from "../../src/compile/holdings.ts";
import { Program } from "../../src/compile/program.ts";
import { judge, metrics as mapMetrics } from "../../src/explain/index.ts";
import { checkGrad, grad, jit, random, tensor, type Tensor, zeros } from "../../src/index.ts";
import { trace } from "../../src/ir/trace.ts";
import { architectureOf, architectures } from "../../src/models/architectures/index.ts";
import { formats } from "../../src/models/formats/index.ts";
import { operators } from "../../src/models/formats/onnx/read/operators/index.ts";
import { loadModel } from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import { type Method, odeint, solve } from "../../src/ode/index.ts";
import * as optim from "../../src/optim/index.ts";
import { onnxFile } from "../support/onnx-file.ts";
import { squareplus } from "./activation/squareplus.ts";
import { smallNet } from "./architecture/small-net.ts";
import { randomBrightness } from "./augmentation/brightness.ts";
import { clippingBackend } from "./backend-claim/soft-clip-kernel.ts";
import { repeat } from "./command/repeat.ts";
import { softClip } from "./composite-function/soft-clip.ts";
import { doubling } from "./controller/doubling.ts";
import { gradientEnergy } from "./explanation-pass/gradient-energy.ts";
import { darkened } from "./explanation-study/darkened.ts";
import { denseText } from "./file-format/dense-text.ts";
import { identity } from "./initialiser/identity.ts";
import { layerScale } from "./layer/layer-scale.ts";
import { charbonnier } from "./loss/charbonnier.ts";
import { necessity } from "./map-metric/necessity.ts";
import { rootMeanSquare } from "./metric/root-mean-square.ts";
import { shrink } from "./onnx-operator/shrink.ts";
import { scaleBySignum } from "./optimiser-transform/sign-momentum.ts";
import { inverseRoot } from "./schedule/inverse-root.ts";
import { trapezoidal } from "./solver-step/trapezoidal.ts";
import { ralston3 } from "./solver-tableau/ralston3.ts";

/** Adds to a list of the sources, as a line in its file would. */
const register = <T>(list: readonly T[], entry: T): void => void (list as T[]).push(entry);

const close = (found: Tensor, expected: readonly number[], digits = 5): void => {
  expect(found.size).toBe(expected.length);
  expected.forEach((value, i) => expect(found.data()[i]).toBeCloseTo(value, digits));
};

const here = new URL(".", import.meta.url);
const kinds = readdirSync(here, { withFileTypes: true }).filter((entry) => entry.isDirectory());

test("there are members of 20 kinds", () => expect(kinds).toHaveLength(20));

test.each(kinds.map(({ name }) => name))("%s takes at most two files", (name) => {
  const { length } = readdirSync(new URL(`${name}/`, here));
  expect(length).toBeGreaterThan(0);
  expect(length).toBeLessThanOrEqual(2);
});

const decay = (_t: Tensor, y: Tensor): Tensor => y.neg();
const one = tensor([1], { dtype: "float64" });

test.each<[string, Method]>([
  ["solver-tableau", ralston3],
  ["solver-step", trapezoidal],
])("%s: the error falls with the order, and gradients go through", (_, method) => {
  const errorOf = (steps: number): number =>
    Math.abs(odeint(decay, one, [0, 1], { method, steps }).at(1).item() - Math.exp(-1));
  expect(Math.log2(errorOf(20) / errorOf(40))).toBeCloseTo(method.order, 0);
  const end = (y: Tensor): Tensor => solve(decay, y, { t0: 0, t1: 1, method, steps: 40 }).ys.sum();
  close(grad(end)(one), [Math.exp(-1)], 3);
});

test("controller: every step is a power of two of the first", () => {
  const sizes: number[] = [];
  const { ys } = solve(decay, one, {
    t0: 0,
    t1: 4,
    controller: doubling,
    firstStep: 2 ** -6,
    rtol: 1e-6,
    onStep: ({ h }) => void sizes.push(h),
  });
  close(ys, [Math.exp(-4)]);
  // The last step is cut short by the end.
  const powers = sizes.slice(0, -1).map((size) => Math.log2(size));
  expect(new Set(powers).size).toBeGreaterThan(1);
  expect(powers.every(Number.isInteger)).toBe(true);
});

test("layer, activation and initialiser: options of a network", () => {
  const network = nn.sequential([
    nn.dense({ units: 2, inputShape: [2], activation: squareplus, kernelInitializer: identity }),
    layerScale({ initial: 0.5 }),
  ]);
  close(network.forward(tensor([[0, 1.5]])), [0.5, 1]);
  expect(network.summary()).toContain("LayerScale");
  expect(() => layerScale({ initial: -1 })).toThrow(/layerScale.*initial.*-1/s);
});

test("loss, metric, optimiser transform and schedule: a training", async () => {
  const x = random.uniform(random.key(0), [64, 1]);
  const { model, history } = await optim.fit(
    nn.sequential([nn.dense({ units: 1, inputShape: [1] })]),
    { x, y: x.mul(2).add(1) },
    {
      loss: charbonnier(),
      optimizer: optim.chain(scaleBySignum(), optim.scaleByLearningRate(inverseRoot(400))),
      metrics: { rootMeanSquare },
      epochs: 150,
      batchSize: 16,
    },
  );
  const error = rootMeanSquare(model.forward(x), x.mul(2).add(1)).item();
  expect(error).toBeLessThan(0.1);
  expect(history).toHaveLength(150);
  close(inverseRoot(4)(tensor(3, { dtype: "float64" })), [1 / 2]);
  close(rootMeanSquare(tensor([0, 0]), tensor([3, 1])), [Math.sqrt(5)]);
});

test("augmentation: images keep their shape, each has a factor of its own", () => {
  const images = optim.augmentations(randomBrightness(0.2))(
    zeros([2, 1, 2, 1]).add(1),
    random.key(0),
  );
  const [first, same, second] = images.data();
  expect(first).toBe(same);
  expect(first).not.toBe(second);
  expect(Math.abs(first! - 1)).toBeLessThanOrEqual(0.2);
});

const network = nn.sequential([
  nn.conv2d({ filters: 3, kernelSize: 3, inputShape: [6, 6, 1], seed: 2 }),
  nn.globalAveragePool2d(),
  nn.dense({ units: 2, seed: 3 }),
]);
const image = random.uniform(random.key(1), [6, 6, 1]);

test("explanation-pass: the gradient behind a mean is the same everywhere", () => {
  const { values, shape } = gradientEnergy(network, image, { classIndex: 1 });
  expect(shape).toEqual([4, 4]);
  const { kernel } = network.layers[2] as nn.Dense;
  const energy = kernel.at(1, 1).div(16).square().sum().item();
  for (const value of values) expect(value).toBeCloseTo(energy, 6);
});

test("explanation-study: a linear network loses in proportion", () => {
  const map = darkened(network, image, { classIndex: 1, levels: 2 });
  expect(map.shape).toEqual([6, 6]);
  // Levels 0 and 1/2 lose the whole score and half of it.
  const lost = network.forward(image.expandDims(0)).at(0).at(1).item() * 0.75;
  map.values.forEach((value, i) => expect(value).toBeCloseTo(image.data()[i]! * lost, 5));
});

test("map-metric: judged with the others", async () => {
  (mapMetrics as Record<string, typeof necessity>)["necessity"] = necessity;
  const toClass = nn.sequential([
    nn.flatten({ inputShape: [1, 2, 1] }),
    nn.dense({ units: 1, useBias: false, kernelInitializer: "ones" }),
  ]);
  const subject = { image: tensor([[[0.25], [0.5]]]), classIndex: 0 };
  const map = { values: Float32Array.of(0, 1), shape: [1, 2] as const };
  // The names that the option takes are listed as judge is loaded; without it every metric of the table runs.
  const verdict = await judge(toClass, [{ ...subject, map }]);
  expect(Object.keys(verdict).length).toBeGreaterThan(4);
  expect(verdict["necessity"]!.mean).toBeCloseTo(0.5, 6);
});

test("file-format: what is written is recognised and read", async () => {
  register(formats, denseText);
  const kernel: nn.Initializer = () =>
    tensor([
      [1, 2],
      [3, 0.1],
    ]);
  const dense = nn.dense({ units: 2, useBias: false, kernelInitializer: kernel, inputShape: [2] });
  const bytes = Buffer.concat([...denseText.write!(nn.sequential([dense]))]);
  const again = await loadModel(bytes);
  expect(again.forward(tensor([[1, 1]])).data()).toEqual(Float32Array.of(4, 2.1));
  await expect(loadModel(Buffer.from("dense-text\n1 2\n3\n"))).rejects.toThrow(/2 numbers/);
});

test("onnx-operator: a node becomes a layer", async () => {
  (operators as Record<string, typeof shrink>)["Shrink"] = shrink;
  const model = await loadModel(
    onnxFile({
      nodes: [{ op: "Shrink", inputs: ["x"], outputs: ["y"] }],
      inputs: [["x", [1, 3]]],
    }),
  );
  close(model.forward(tensor([[-2, 0.25, 3]])), [-2, 0, 3]);
});

test("architecture: found by name, built with the options of all", () => {
  register(architectures, smallNet);
  const built = architectureOf("SmallNet").build({ classes: 2, seed: 1 });
  expect(built.outputShape).toEqual([2]);
  close(built.forward(zeros([1, 8, 8, 3])), [0.5, 0.5]);
});

test("composite-function: right values and derivatives, the same compiled", () => {
  const x = tensor([-4, 0, 1], { dtype: "float64" });
  const f = (a: Tensor): Tensor => softClip(a, 2);
  close(f(x), [2 * Math.tanh(-2), 0, 2 * Math.tanh(0.5)]);
  close(jit(f)(x), [...f(x).data()], 12);
  checkGrad((a: Tensor) => f(a).sum(), [x]);
});

test("backend-claim: the kernel runs in place of the primitives", () => {
  const onRun = vi.fn();
  const backend = clippingBackend(onRun);
  const x = tensor([-4, 0, 1]);
  const { graph } = trace((a) => [softClip(a!.mul(2), 3).add(1)], [x]);
  const program = new Program(graph, "extending", new Holdings(backend));
  const { inputs, outputs } = program.bindOwn();
  backend.memory.f32.set(x.data(), inputs[0]! / 4);
  program.run();
  const found = backend.memory.f32.slice(outputs[0]! / 4, outputs[0]! / 4 + 3);
  close(tensor(found), [...softClip(x.mul(2), 3).add(1).data()]);
  expect(onRun).toHaveBeenCalledTimes(1);
});

test("command: runs, and refuses what its flags refuse", async () => {
  const written: string[] = [];
  const spies = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, "write").mockImplementation((text) => written.push(String(text)) > 0),
  );
  const all = [...commands, repeat];
  const codes = [
    await run(all, "0.0.0", ["repeat", "ha", "--times", "3"]),
    await run(all, "0.0.0", ["repeat", "ha", "--times", "0"]),
  ];
  for (const spy of spies) spy.mockRestore();
  expect(codes).toEqual([0, 2]);
  expect(written[0]).toBe("ha ha ha\n");
  expect(written.at(-1)).toMatch(/--times.*positive integer/);
});
