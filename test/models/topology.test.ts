/** @file Keras' descriptions of networks: how versions of Keras and TensorFlow.js write the same thing, and what is refused. */
import { describe, expect, test } from "vitest";
import { tensor } from "../../src/index.ts";
import { mapTree } from "../../src/ir/tree.ts";
import {
  FormatError,
  type LoadedModel,
  loadModel,
  supportedFormats,
} from "../../src/models/index.ts";
import { readTopology } from "../../src/models/keras/topology.ts";
import * as nn from "../../src/nn/index.ts";

type Json = Record<string, unknown>;

const layer = (className: string, config: Json, more: Json = {}): Json => ({
  class_name: className,
  config,
  ...more,
});
const sequential = (...layers: readonly Json[]): Json =>
  layer("Sequential", { name: "chain", layers });
const input = (shape: readonly (number | null)[], more: Json = {}): Json =>
  layer("InputLayer", { batch_shape: [null, ...shape], name: "in", ...more });

/** A network with all parameters 1/2. */
function halves(topology: Json): LoadedModel {
  return mapTree("halves", readTopology("test", topology), ({ shape }) =>
    tensor(
      Array.from({ length: shape.reduce((size, extent) => size * extent, 1) }, () => 0.5),
      { shape: [...shape] },
    ),
  );
}

/** What the network makes of some numbers. */
function outputs(topology: Json, x: number[][]): unknown {
  return halves(topology).forward(tensor(x)).toArray();
}

/** The layers of a chain with one layer of interest. */
function only(one: Json, shape: readonly number[] = [4, 4, 2]): nn.Layer {
  return readTopology("test", sequential(input(shape), one)).layers[0] as nn.Layer;
}

describe("the same in other words", () => {
  const dense = (name: string): Json => ({ name, units: 2, activation: "linear" });

  test("chains: a list of layers, a first layer with a shape, InputLayer, build_input_shape", () => {
    const first = layer("Dense", { ...dense("d"), batch_input_shape: [null, 3] });
    const same = [
      layer("Sequential", [first] as never),
      sequential(first),
      sequential(input([3]), layer("Dense", dense("d"))),
      layer("Sequential", {
        layers: [layer("Dense", dense("d"))],
        build_input_shape: [null, 3],
      }),
      { model_config: sequential(first), keras_version: "2.4.0", backend: "tensorflow" },
    ];
    for (const topology of same) expect(outputs(topology, [[1, 2, 3]])).toEqual([[3.5, 3.5]]);
  });

  test("graphs: Keras 2's references, Keras 3's tensors", () => {
    const tensorOf = (name: string, node = 0): Json => ({
      class_name: "__keras_tensor__",
      config: { shape: [null, 2], dtype: "float32", keras_history: [name, node, 0] },
    });
    const graph = (nodes: (...from: [string, number][]) => unknown, ends: Json): Json =>
      layer("Functional", {
        name: "graph",
        // Not in order: what comes first is for the references to say.
        layers: [
          layer(
            "Add",
            { name: "sum" },
            { name: "sum", inbound_nodes: [nodes(["d", 0], ["d", 1])] },
          ),
          layer("Dense", dense("d"), {
            name: "d",
            inbound_nodes: [nodes(["in", 0]), nodes(["twice", 0])],
          }),
          layer(
            "Rescaling",
            { name: "twice", scale: 2, offset: 0 },
            { name: "twice", inbound_nodes: [nodes(["in", 0])] },
          ),
          { ...input([2]), name: "in", inbound_nodes: [] },
        ],
        ...ends,
      });
    const old = graph((...from) => from.map(([name, node]) => [name, node, 0, {}]), {
      input_layers: [["in", 0, 0]],
      output_layers: [["sum", 0, 0]],
    });
    const recent = graph(
      (...from) => ({
        args:
          from.length === 1
            ? [tensorOf(...from[0]!)]
            : [from.map(([name, node]) => tensorOf(name, node))],
        kwargs: { training: false, mask: null },
      }),
      { input_layers: ["in", 0, 0], output_layers: ["sum", 0, 0] },
    );
    // (1 + 2) / 2 + 1/2 twice over: 2 and 3.5.
    for (const topology of [old, recent]) expect(outputs(topology, [[1, 2]])).toEqual([[5.5, 5.5]]);
  });

  test("networks within networks whose applications are counted from 1", () => {
    const inner = layer(
      "Functional",
      {
        name: "inner",
        layers: [
          { ...layer("InputLayer", { batch_input_shape: [null, 2], name: "i" }), name: "i" },
          layer("Dense", dense("d"), { name: "d", inbound_nodes: [[["i", 0, 0, {}]]] }),
        ],
        input_layers: [["i", 0, 0]],
        output_layers: [["d", 0, 0]],
      },
      { name: "inner", inbound_nodes: [[["in", 0, 0, {}]], [["inner", 1, 0, {}]]] },
    );
    const outer = layer("Model", {
      name: "outer",
      layers: [{ ...input([2]), name: "in" }, inner],
      input_layers: [["in", 0, 0]],
      output_layers: [["inner", 2, 0]],
    });
    expect(outputs(outer, [[1, 2]])).toEqual([[2.5, 2.5]]);
  });

  test("old names and settings", () => {
    const slope = only(layer("LeakyReLU", { name: "a", alpha: 0.25 })) as nn.LeakyRelu;
    expect(slope.negativeSlope).toBe(0.25);
    const norm = only(layer("BatchNormalizationV1", { name: "b", axis: [3] })) as nn.BatchNorm;
    expect(norm.axis).toBe(3);
    expect(only(layer("Convolution2D", { name: "c", filters: 1, kernel_size: [1, 1] })).kind).toBe(
      "conv2d",
    );
    const cut = only(layer("ThresholdedReLU", { name: "t", theta: 0.75 })) as nn.Relu;
    expect(cut.forward(tensor([0.5, 0.75, 1])).toArray()).toEqual([0, 0, 1]);
  });

  test("activations: names, functions, layers with settings; hard_sigmoid by version", () => {
    const activated = (activation: unknown, more: Json = {}): unknown =>
      outputs({ ...sequential(input([1]), layer("Activation", { activation })), ...more }, [
        [-2],
        [2],
      ]);
    expect(activated("relu")).toEqual([[0], [2]]);
    expect(activated({ class_name: "function", config: "relu" })).toEqual([[0], [2]]);
    expect(
      activated({ class_name: "ReLU", config: { max_value: 1, negative_slope: 0.5 } }),
    ).toEqual([[-1], [1]]);
    expect(activated("hard_sigmoid", { keras_version: "2.4.0" })).toEqual([
      [expect.closeTo(0.1)],
      [expect.closeTo(0.9)],
    ]);
    expect(activated("hard_sigmoid", { keras_version: "3.1.0" })).toEqual([
      [expect.closeTo(1 / 6)],
      [expect.closeTo(5 / 6)],
    ]);
  });

  test("dtypes: names and policies; reduced precision is computed in float32", () => {
    for (const dtype of [
      "float64",
      { class_name: "Policy", config: { name: "float64" } },
      { module: "keras", class_name: "DTypePolicy", config: { name: "float64" } },
    ])
      expect(only(layer("Dense", { name: "d", units: 1, dtype }), [3]).parameters()[0]!.dtype).toBe(
        "float64",
      );
    const mixed = { class_name: "Policy", config: { name: "mixed_float16" } };
    expect(
      only(layer("Dense", { name: "d", units: 1, dtype: mixed }), [3]).parameters()[0]!.dtype,
    ).toBe("float32");
  });

  test("shapes that are open are given", async () => {
    const open = sequential(
      input([null, null, 3]),
      layer("Conv2D", { name: "c", filters: 2, kernel_size: 3 }),
    );
    expect(() => readTopology("test", open)).toThrow(
      /expected inputs of known shape, got \[\?, \?, 3\]. Say it: loadModel\(file, \{ inputShape/,
    );
    expect(readTopology("test", open, { inputShape: [8, 9, 3] }).outputShape).toEqual([6, 7, 2]);
  });
});

/** What loading a description says. */
async function complaintOf(topology: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(topology));
  const error: unknown = await loadModel(bytes).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(FormatError);
  return (error as Error).message;
}

describe("what is refused, with its place", () => {
  const graph = (layers: readonly Json[], more: Json = {}): Json =>
    layer("Functional", {
      name: "g",
      layers: [{ ...input([2]), name: "in" }, ...layers],
      input_layers: [["in", 0, 0]],
      output_layers: [["d", 0, 0]],
      ...more,
    });
  const dense = (from: unknown[], more: Json = {}): Json =>
    layer("Dense", { name: "d", units: 2, ...more }, { name: "d", inbound_nodes: [from] });

  test.each([
    [
      "layers that are not known",
      sequential(input([4, 4, 2]), layer("Conv2DD", { name: "c" })),
      /layer "c": expected one of the layers Activation,.*, got Conv2DD\. Most like it: Conv2D/,
    ],
    [
      "code",
      sequential(input([3]), layer("Lambda", { name: "f", function: "4wEAAAAA" })),
      /layer "f": expected one of the layers .*, got Lambda. Such layers are code, which is never run/,
    ],
    [
      "settings that would be ignored in silence",
      sequential(
        input([4, 4, 2]),
        layer("Conv2D", { name: "c", filters: 1, kernel_size: 1, causal: true }),
      ),
      /layer "c": Conv2D: expected settings among groups, filters, .*, got "causal"/,
    ],
    [
      "channels that come first",
      sequential(
        input([2, 4, 4]),
        layer("Conv2D", { name: "c", filters: 1, kernel_size: 1, data_format: "channels_first" }),
      ),
      /layer "c" \(Conv2D\): .*dataFormat: expected "channelsLast", got "channelsFirst"/,
    ],
    [
      "the same where it would not matter to the layer itself",
      sequential(
        input([2, 4, 4]),
        layer("SpatialDropout2D", { name: "s", rate: 0.1, data_format: "channels_first" }),
      ),
      /layer "s": SpatialDropout2D: expected settings among rate, seed, got "data_format"/,
    ],
    [
      "activations that are not known",
      sequential(input([3]), layer("Dense", { name: "d", units: 1, activation: "step" })),
      /layer "d": activation: expected one of the activations linear, .*, got "step"/,
    ],
    [
      "sizes that make no sense",
      sequential(input([3]), layer("Dense", { name: "d", units: -1 })),
      /layer "d" \(Dense\): dense "d": units: expected a positive integer, got -1/,
    ],
    [
      "images too small for a kernel",
      sequential(input([2, 2, 1]), layer("Conv2D", { name: "c", filters: 1, kernel_size: 5 })),
      /conv2d "c"/,
    ],
    ["cycles", graph([dense([["d", 0, 0, {}]])]), /layer "d": expected a graph without cycles/],
    [
      "references to nothing",
      graph([dense([["inn", 0, 0, {}]])]),
      /expected references to its 2 layers, got "inn"\. Most like it: in/,
    ],
    [
      "references to applications that are not there",
      graph([dense([["in", 3, 0, {}]])]),
      /expected references to its 0 applications, got number 3/,
    ],
    [
      "references to outputs that are not there",
      graph([dense([["in", 0, 2, {}]])]),
      /expected references to its 1 outputs, got number 2/,
    ],
    [
      "two inputs for a layer of one",
      graph([
        dense([
          ["in", 0, 0, {}],
          ["in", 0, 0, {}],
        ]),
      ]),
      /layer "d": expected one input, got 2/,
    ],
    [
      "arguments that change what a layer computes",
      graph([dense([["in", 0, 0, { y: 3 }]])]),
      /expected no arguments but inputs, got "y" with 3/,
    ],
    [
      "names that two layers have",
      graph([dense([["in", 0, 0, {}]]), dense([["in", 0, 0, {}]])]),
      /expected a name of its own for each layer, got "d"/,
    ],
    [
      "no shape at all",
      sequential(layer("Dense", { name: "d", units: 1 })),
      /expected a shape of inputs, got none/,
    ],
    [
      "no network",
      layer("Dense", { name: "d", units: 1 }),
      /expected a Functional or Sequential network, got Dense/,
    ],
    ["no layers", layer("Sequential", { name: "s", layers: [] }), /an array of at least one layer/],
    ["something else", { hello: "world" }, /topology: class_name: expected a text, got nothing/],
  ])("%s", async (_, topology, message) => {
    expect(await complaintOf(topology)).toMatch(message);
  });

  test("networks nested a thousand times", async () => {
    let topology = sequential(input([3]), layer("Dense", { name: "d", units: 1 }));
    for (let depth = 0; depth < 1000; depth++) topology = sequential(input([3]), topology);
    expect(await complaintOf(topology)).toMatch(/32 deep/);
  });

  test("a reference to nothing among many layers with long names", async () => {
    const layers = Array.from({ length: 8000 }, (_, index) =>
      layer("Flatten", { name: `${"x".repeat(1000)}${index}` }, { inbound_nodes: [] }),
    );
    const nowhere = [["y".repeat(100), 0, 0]];
    const config = { name: "m", layers, input_layers: nowhere, output_layers: nowhere };
    const message = await complaintOf(layer("Functional", config));
    expect(message).toMatch(/references to its 8000 layers/);
    expect(message.length).toBeLessThan(1000);
  });

  test("parameters larger than memory take none before their file is looked at", async () => {
    const huge = sequential(
      input([1_000_000]),
      layer("Dense", { name: "d", units: 1_000_000_000 }),
    );
    const before = process.memoryUsage().arrayBuffers;
    expect(await complaintOf(huge)).toMatch(/got layers alone/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e7);
  });
});

test("the lists of what is supported name every layer that is read", () => {
  const { layers, formats, activations } = supportedFormats();
  expect(layers).toEqual(layers.toSorted());
  expect(new Set(layers).size).toBe(layers.length);
  for (const name of ["Conv2D", "Functional", "InputLayer", "ODEBlock", "Sequential"])
    expect(layers).toContain(name);
  expect(activations).toContain("hard_sigmoid");
  expect(formats.filter(({ isWritten }) => isWritten).map(({ name }) => name)).toContain(
    "safetensors",
  );
});
