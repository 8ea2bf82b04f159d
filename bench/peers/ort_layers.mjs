// Peer of workload G: forward times of single layers in onnxruntime-web (WebAssembly), over the table bench/layers.json.
// usage: node ort_layers.mjs NODE_MODULES [THREADS=1] [--only PART_OF_NAME] [--check]
// NODE_MODULES is a folder where `npm i onnxruntime-web@1.30.0` was run. Prints a JSON line a layer: the time of
// session.run with inputs and outputs of JavaScript, as a user calls it; copy_ms, the part of it that goes into handing
// inputs in and outputs out: the tenth percentile of a model of the same inputs and output that computes nothing, run in
// turns with the other. --check: with the output's shape. Tensors are channels-first here, as ONNX has them.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { constant, model, node } from "./onnx.mjs";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string", default: "" }, check: { type: "boolean", default: false } },
});
const [folder, threads = "1"] = positionals;
if (folder === undefined) throw new Error("usage: node ort_layers.mjs NODE_MODULES [THREADS]");
const from = createRequire(join(resolve(folder), "any.js"));
const ort = await import(pathToFileURL(from.resolve("onnxruntime-web")).href).then(
  (m) => m.default ?? m,
);
const { version } = JSON.parse(readFileSync(join(folder, "onnxruntime-web/package.json"), "utf8"));
ort.env.wasm.numThreads = Number(threads);
ort.env.logLevel = "error";

const pair = (value, otherwise = 1) =>
  Array.isArray(value) ? value : [value ?? otherwise, value ?? otherwise];
const sizeOf = (shape) => shape.reduce((size, extent) => size * extent, 1);
/** Channels-last shape -> channels-first. */
const turned = (shape) => (shape.length === 4 ? [shape[0], shape[3], shape[1], shape[2]] : shape);

let state = 1;
const random = (shape, scale = 1) =>
  Float32Array.from({ length: sizeOf(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state / 2 ** 31) * scale;
  });

/** Pads of Keras' "same", as ONNX has them: all before, then all after. */
function padsOf(padding, extents, window, strides, dilation = [1, 1]) {
  if (padding !== "same") return [0, 0, 0, 0];
  const totals = extents.map((n, axis) =>
    Math.max(
      (Math.ceil(n / strides[axis]) - 1) * strides[axis] +
        (window[axis] - 1) * dilation[axis] +
        1 -
        n,
      0,
    ),
  );
  return [...totals.map((t) => t >> 1), ...totals.map((t) => t - (t >> 1))];
}

const activations = {
  relu: () => [node("Relu", ["x"], ["y"])],
  relu6: () => [node("Clip", ["x", "low", "high"], ["y"])],
  leakyRelu: () => [node("LeakyRelu", ["x"], ["y"], { alpha: { float: 0.2 } })],
  elu: () => [node("Elu", ["x"], ["y"])],
  selu: () => [node("Selu", ["x"], ["y"])],
  gelu: () => [node("Gelu", ["x"], ["y"])],
  silu: () => [node("Sigmoid", ["x"], ["s"]), node("Mul", ["x", "s"], ["y"])],
  sigmoid: () => [node("Sigmoid", ["x"], ["y"])],
  tanh: () => [node("Tanh", ["x"], ["y"])],
  softplus: () => [node("Softplus", ["x"], ["y"])],
  softmax: () => [node("Softmax", ["x"], ["y"], { axis: -1 })],
};

/** Nodes and constants of a layer, by its kind. */
const makers = {
  conv2d(
    { filters, kernelSize, strides, padding, dilationRate, groups = 1, activation },
    [[, h, w, c]],
  ) {
    const [kernel, stride, dilation] = [pair(kernelSize), pair(strides), pair(dilationRate)];
    const attributes = {
      kernel_shape: kernel,
      strides: stride,
      dilations: dilation,
      group: groups,
      pads: padsOf(padding, [h, w], kernel, stride, dilation),
    };
    const shape = [filters, c / groups, ...kernel];
    const last = activation === undefined ? [] : [node("Relu", ["z"], ["y"])];
    return {
      nodes: [
        node("Conv", ["x", "w", "b"], [activation === undefined ? "y" : "z"], attributes),
        ...last,
      ],
      constants: [
        constant("w", shape, random(shape, 0.1)),
        constant("b", [filters], random([filters])),
      ],
    };
  },
  depthwiseConv2d(options, inputs) {
    const channels = inputs[0][3];
    return makers.conv2d({ ...options, filters: channels, groups: channels }, inputs);
  },
  separableConv2d(options, inputs) {
    const channels = inputs[0][3];
    const { kernelSize, strides, padding, filters } = options;
    const [kernel, stride] = [pair(kernelSize), pair(strides)];
    const attributes = {
      kernel_shape: kernel,
      strides: stride,
      group: channels,
      pads: padsOf(padding, inputs[0].slice(1, 3), kernel, stride),
    };
    const shapes = [
      [channels, 1, ...kernel],
      [filters, channels, 1, 1],
    ];
    return {
      nodes: [
        node("Conv", ["x", "d"], ["z"], attributes),
        node("Conv", ["z", "w", "b"], ["y"], { kernel_shape: [1, 1] }),
      ],
      constants: [
        constant("d", shapes[0], random(shapes[0], 0.1)),
        constant("w", shapes[1], random(shapes[1], 0.1)),
        constant("b", [filters], random([filters])),
      ],
    };
  },
  conv2dTranspose({ filters, kernelSize, strides, padding }, [[, , , c]]) {
    const [kernel, stride] = [pair(kernelSize), pair(strides)];
    const cut = kernel.map((k, axis) => (padding === "same" ? Math.max(k - stride[axis], 0) : 0));
    const shape = [c, filters, ...kernel];
    const attributes = {
      kernel_shape: kernel,
      strides: stride,
      pads: [...cut.map((t) => t >> 1), ...cut.map((t) => t - (t >> 1))],
    };
    return {
      nodes: [node("ConvTranspose", ["x", "w", "b"], ["y"], attributes)],
      constants: [
        constant("w", shape, random(shape, 0.1)),
        constant("b", [filters], random([filters])),
      ],
    };
  },
  maxPool2d: (options, inputs) => pooled("MaxPool", options, inputs),
  averagePool2d: (options, inputs) => pooled("AveragePool", options, inputs),
  globalAveragePool2d: () => ({
    nodes: [node("GlobalAveragePool", ["x"], ["z"]), node("Flatten", ["z"], ["y"])],
  }),
  globalMaxPool2d: () => ({
    nodes: [node("GlobalMaxPool", ["x"], ["z"]), node("Flatten", ["z"], ["y"])],
  }),
  batchNorm(_, [[, , , c]]) {
    return {
      nodes: [
        node("BatchNormalization", ["x", "gamma", "beta", "mean", "variance"], ["y"], {
          epsilon: { float: 1e-3 },
        }),
      ],
      constants: [
        ...["gamma", "beta", "mean"].map((name) => constant(name, [c], random([c]))),
        constant(
          "variance",
          [c],
          random([c]).map((v) => 1 + v / 2),
        ),
      ],
    };
  },
  layerNorm(_, [shape]) {
    const c = shape.at(-1);
    return {
      nodes: [
        node("LayerNormalization", ["x", "gamma", "beta"], ["y"], {
          axis: -1,
          epsilon: { float: 1e-3 },
        }),
      ],
      constants: ["gamma", "beta"].map((name) => constant(name, [c], random([c]))),
    };
  },
  groupNorm({ groups }, [[, , , c]]) {
    return {
      nodes: [
        node("GroupNormalization", ["x", "gamma", "beta"], ["y"], {
          num_groups: groups,
          epsilon: { float: 1e-3 },
        }),
      ],
      constants: ["gamma", "beta"].map((name) => constant(name, [c], random([c]))),
    };
  },
  dense({ units }, [shape]) {
    const weights = [shape.at(-1), units];
    return {
      nodes: [node("Gemm", ["x", "w", "b"], ["y"])],
      constants: [
        constant("w", weights, random(weights, 0.1)),
        constant("b", [units], random([units])),
      ],
    };
  },
  activation: ({ activation }) => ({
    nodes: activations[activation](),
    constants:
      activation === "relu6"
        ? [constant("low", [], new Float32Array([0])), constant("high", [], new Float32Array([6]))]
        : [],
  }),
  upSampling2d({ size, interpolation = "nearest" }) {
    const attributes =
      interpolation === "nearest"
        ? { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }
        : { mode: "linear", coordinate_transformation_mode: "half_pixel" };
    return {
      nodes: [node("Resize", ["x", "", "scales"], ["y"], attributes)],
      constants: [constant("scales", [4], new Float32Array([1, 1, ...pair(size)]))],
    };
  },
  zeroPadding2d({ padding }) {
    const [rows, columns] = pair(padding);
    const pads = new BigInt64Array([0, 0, rows, columns, 0, 0, rows, columns].map(BigInt));
    return { nodes: [node("Pad", ["x", "pads"], ["y"])], constants: [constant("pads", [8], pads)] };
  },
  cropping2d({ cropping }, [[, h, w]]) {
    const [rows, columns] = pair(cropping);
    const list = (name, items) => constant(name, [2], new BigInt64Array(items.map(BigInt)));
    return {
      nodes: [node("Slice", ["x", "starts", "ends", "axes"], ["y"])],
      constants: [
        list("starts", [rows, columns]),
        list("ends", [h - rows, w - columns]),
        list("axes", [2, 3]),
      ],
    };
  },
  add: () => ({ nodes: [node("Add", ["x", "x1"], ["y"])] }),
  multiply: () => ({ nodes: [node("Mul", ["x", "x1"], ["y"])] }),
  concatenate: () => ({ nodes: [node("Concat", ["x", "x1"], ["y"], { axis: 1 })] }),
  rescaling: ({ scale, offset }) => ({
    nodes: [node("Mul", ["x", "scale"], ["z"]), node("Add", ["z", "offset"], ["y"])],
    constants: [
      constant("scale", [], new Float32Array([scale])),
      constant("offset", [], new Float32Array([offset])),
    ],
  }),
};

function pooled(operator, { poolSize, strides = poolSize, padding }, [[, h, w]]) {
  const [window, stride] = [pair(poolSize), pair(strides)];
  const attributes = {
    kernel_shape: window,
    strides: stride,
    pads: padsOf(padding, [h, w], window, stride),
  };
  return { nodes: [node(operator, ["x"], ["y"], attributes)] };
}

/** As bench/measure.ts: both in turns, so that both meet the same machine and the same luck of the allocator. */
async function timed(work, idle) {
  const time = async (run) => {
    const start = performance.now();
    await run();
    return performance.now() - start;
  };
  const [times, copies] = [[], []];
  const start = performance.now();
  let turns = -20;
  while (turns < 5 || (turns < 1000 && performance.now() < start + 1200)) {
    const pair = [await time(work), await time(idle)];
    if (turns++ < 0) continue;
    times.push(pair[0]);
    copies.push(pair[1]);
  }
  const n = times.length;
  for (const list of [times, copies]) list.sort((a, b) => a - b);
  const at = (list, tenths) => +list[Math.floor((n * tenths) / 10)].toFixed(5);
  return {
    median_ms: +times[n >> 1].toFixed(5),
    p10_ms: at(times, 1),
    p90_ms: at(times, 9),
    n,
    copy_ms: at(copies, 1),
  };
}

const sessionOf = (bytes) =>
  ort.InferenceSession.create(bytes, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
  });

const { layers } = JSON.parse(readFileSync(new URL("../layers.json", import.meta.url), "utf8"));
for (const { name, kind, options, inputs } of layers) {
  if (!name.includes(flags.only)) continue;
  const shapes = inputs.map(turned);
  const names = shapes.map((_, index) => (index === 0 ? "x" : `x${index}`));
  const declared = names.map((input, index) => [input, shapes[index]]);
  const feeds = Object.fromEntries(
    declared.map(([input, shape]) => [input, new ort.Tensor("float32", random(shape), shape)]),
  );
  const { nodes, constants = [] } = makers[kind](options, inputs);
  const session = await sessionOf(model(declared, nodes, constants));
  const shape = (await session.run(feeds)).y.dims;
  const nothing = await sessionOf(
    model(declared, [node("Identity", ["c"], ["y"])], [constant("c", shape, random(shape))]),
  );
  const line = await timed(
    () => session.run(feeds),
    () => nothing.run(feeds),
  );
  await session.release();
  await nothing.release();
  const tail = flags.check ? { shape } : {};
  console.log(
    JSON.stringify({
      engine: `onnxruntime-web-${version}`,
      threads: Number(threads),
      workload: `G.${name}.forward`,
      ...line,
      ...tail,
    }),
  );
}
process.exit(0);
