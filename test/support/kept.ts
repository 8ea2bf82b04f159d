/**
 * @file Run as a program of its own with --expose-gc: prints what becomes of tensors that programs capture, of kernels prepared
 * from them, and of large parameters, when those who hold them go.
 */
import {
  type Tensor,
  add,
  conv2d,
  jit,
  matmul,
  random,
  setBackend,
  tensor,
} from "../../src/index.ts";
import { backend } from "../../src/compile/engine.ts";
import { drawn } from "../../src/nn/large.ts";
import * as nn from "../../src/nn/index.ts";
import { adam, decodeCheckpoint, encodeCheckpoint, trainer } from "../../src/optim/index.ts";

const collect = (globalThis as unknown as { gc: () => void }).gc;
const { memory } = backend();

/** Collects until no more than so many bytes of kernel memory are in use, for a while. */
async function collected(goal: number): Promise<number> {
  for (let turn = 0; turn < (goal < 0 ? 10 : 100); turn++) {
    await new Promise((resolve) => void setTimeout(resolve, 5));
    collect();
    if (goal >= 0 && memory.used <= goal) break;
  }
  return memory.used - goal;
}

/** Fills whatever was given back with other numbers. */
function overwrite(bytes: number): void {
  const blocks = Array.from({ length: 6 }, () => memory.allocate(bytes));
  for (const block of blocks) memory.f32.fill(7, block / 4, (block + bytes) / 4);
  for (const block of blocks) memory.free(block, bytes);
}

function digest(x: Tensor): number {
  return [...x.data()].reduce((sum, value, index) => sum + value * ((index % 7) + 1), 0);
}

const side = 600;
const bytes = 4 * side * side;
/** Beyond a megabyte: it lies in kernel memory from the start. */
const parameter = (seed: number): Tensor =>
  drawn((key, shape) => random.normal(key, shape), random.key(seed), [side, side], "float32");
const rows = tensor(
  new Float32Array(2 * side).map((_, index) => (index % 5) - 2),
  {
    shape: [2, side],
  },
);

/** Functions that multiply by the same tensor. */
const products = (w: Tensor, count: number): ((x: Tensor) => Tensor)[] =>
  Array.from({ length: count }, (_, index) => jit((x: Tensor) => add(matmul(x, w), index)));

type Found = Record<string, number | boolean>;

async function ofParameter(found: Found): Promise<void> {
  const before = memory.used;
  let whole: Tensor | undefined = parameter(2);
  const taken = memory.used - before;
  // Programs that draw it take a little.
  found["a large parameter lies there once"] = taken >= bytes && taken < bytes + 65536;
  const wanted = digest(whole);
  const flat = whole.reshape([side * side]);
  whole = undefined;
  await collected(-1);
  overwrite(bytes);
  found["another shape keeps the elements"] = digest(flat) === wanted;
}

async function ofProgram(found: Found): Promise<void> {
  const { call, wanted } = (() => {
    const w = parameter(3);
    return { call: products(w, 1)[0]!, wanted: digest(products(w, 1)[0]!(rows)) };
  })();
  await collected(-1);
  overwrite(bytes);
  found["a program keeps what it captured, not yet run"] = digest(call(rows)) === wanted;
  await collected(-1);
  overwrite(bytes);
  found["and run"] = digest(call(rows)) === wanted;
}

async function ofPrograms(found: Found): Promise<void> {
  const w = tensor(parameter(4).data(), { shape: [side, side] });
  await collected(-1);
  const before = memory.used;
  const calls = products(w, 8);
  const results = calls.map((call) => digest(call(rows)));
  found["programs share a tensor"] = memory.used - before < 2 * bytes;
  calls.splice(0, 4);
  await collected(-1);
  overwrite(bytes);
  found["the others still have it"] = calls.every(
    (call, index) => digest(call(rows)) === results[index + 4],
  );
  setBackend("interp");
  found["and another backend"] = Math.abs(digest(calls[0]!(rows)) / results[4]! - 1) < 1e-4;
  setBackend("wasm");
}

async function ofKernel(found: Found): Promise<void> {
  const shape = [3, 3, 32, 48];
  const kernel = tensor(
    parameter(5)
      .data()
      .slice(0, 9 * 32 * 48),
    { shape },
  );
  const image = tensor(
    parameter(6)
      .data()
      .slice(0, 16 * 16 * 32),
    { shape: [1, 16, 16, 32] },
  );
  const of = (sign: number): ((x: Tensor) => Tensor) =>
    jit((x: Tensor) => conv2d(x, kernel, { padding: "same" }).mul(sign));
  const calls = [of(1), of(-1), of(2)];
  const wanted = digest(calls[0]!(image));
  const before = memory.used;
  const again = digest(calls[1]!(image));
  // Images and little else.
  found["a kernel is prepared once"] =
    again === -wanted && memory.used - before < 2 * 4 * 16 * 16 * (32 + 48);
  calls.shift();
  await collected(-1);
  overwrite(bytes);
  found["who prepared it may go"] =
    digest(calls[0]!(image)) === -wanted && digest(calls[1]!(image)) === 2 * wanted;
}

async function ofModel(found: Found): Promise<void> {
  const model = nn.sequential(
    [nn.dense({ units: side, activation: "relu" }), nn.dense({ units: 3 })],
    { inputShape: [side], seed: 7 },
  );
  const wanted = digest(model.forward(rows));
  const weights = model.parameters()[0]!;
  const copy = weights.data();
  // Memory that is shared cannot be cloned into messages, nor written to files everywhere.
  found["data is a copy"] =
    copy.buffer instanceof ArrayBuffer && structuredClone(copy).length === copy.length;
  copy.fill(0);
  const block = memory.allocate(2 ** 28);
  const again = digest(jit((x: Tensor) => add(x, 0))(weights));
  found["as before when memory has grown"] =
    digest(model.forward(rows)) === wanted && again === digest(weights);
  memory.free(block, 2 ** 28);
  const stored = decodeCheckpoint(encodeCheckpoint(model));
  found["checkpoints hold it"] = [...stored.tensors.values()].some(
    (x) => digest(x) === digest(weights),
  );
  const targets = tensor([
    [1, 2, 3],
    [3, 2, 1],
  ]);
  const fit = trainer(
    model,
    (m: typeof model, x: Tensor) => nn.meanSquaredError(m.forward(x), targets),
    adam({ learningRate: 1e-3 }),
  );
  const losses = Array.from({ length: 30 }, () => fit.step(rows));
  found["training begins with it"] = losses.at(-1)! < losses[0]! / 4;
  found["and leaves it as it is"] = digest(model.forward(rows)) === wanted;
}

async function main(): Promise<void> {
  const found: Found = {};
  for (const scenario of [ofParameter, ofProgram, ofPrograms, ofKernel, ofModel]) {
    // What is kept for good, kernels' scratch memory for one, is taken the first time.
    await scenario({});
    await collected(-1);
    const before = memory.used;
    await scenario(found);
    found[`left ${scenario.name}`] = await collected(before);
  }
  console.log(JSON.stringify(found));
}

void main();
