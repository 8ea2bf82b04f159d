/** @file ONNX files that are not what they should be, or more than is read: each is refused with its place and the way out. */
import { PbfWriter } from "pbf";
import { describe, expect, test } from "vitest";
import { tensor } from "../../src/index.ts";
import { fields } from "../../src/models/formats/onnx/schema.ts";
import { FormatError, loadModel, supportedFormats } from "../../src/models/index.ts";
import {
  type HandModel,
  type HandTensor,
  floatBytes,
  intBytes,
  onnxFile,
} from "../support/onnx-file.ts";

const conv: HandModel = {
  nodes: [{ op: "Conv", inputs: ["x", "w"], outputs: ["y"], name: "stem" }],
  tensors: { w: { dims: [1, 2, 1, 1], raw: floatBytes(1, 2) } },
};
const withKernel = (w: HandTensor): HandModel => ({ ...conv, tensors: { w } });
const names = supportedFormats().operators.map(({ name }) => name);

describe("refused", () => {
  test.each<[string, HandModel, RegExp]>([
    ["an old opset", { opset: 6 }, /operators of opset 7 to 22, got opset 6\. .*version_converter/],
    ["a new opset", { opset: 23 }, /got opset 23/],
    [
      "an unknown operator",
      { nodes: [{ op: "Convv", name: "stem" }] },
      new RegExp(
        `node 0 "stem" \\(Convv\\): expected one of the operators ${names.join(", ")}, got Convv\\. Most like it: Conv`,
      ),
    ],
    [
      "a quantised network",
      { nodes: [{ op: "QuantizeLinear" }] },
      /Quantised networks are not read/,
    ],
    [
      "an operator of another set",
      { nodes: [{ op: "Relu", domain: "com.example" }] },
      /Relu of com\.example/,
    ],
    [
      "a cycle",
      {
        nodes: [
          { op: "Add", inputs: ["x", "b"], outputs: ["a"] },
          { op: "Relu", inputs: ["a"], outputs: ["b"] },
          { op: "Relu", inputs: ["b"], outputs: ["y"] },
        ],
      },
      /without cycles, got "b", which follows from itself/,
    ],
    [
      "a value that nothing makes",
      { nodes: [{ op: "Relu", inputs: ["xx"] }] },
      /node 0 "y" \(Relu\): expected values that the graph makes, got "xx"\. Most like it: x/,
    ],
    [
      "an operator without operands",
      { nodes: [{ op: "Min", inputs: [] }] },
      /expected input 0, got none/,
    ],
    ["an output that nothing makes", { outputs: [["z"]] }, /output: expected .* got "z"/],
    ["a graph without outputs", { outputs: [] }, /inputs and outputs/],
    [
      "a value that two nodes make",
      { nodes: [{ op: "Relu" }, { op: "Tanh" }] },
      /node 1 "y" \(Tanh\): expected outputs of its own, got "y"/,
    ],
    [
      "two inputs of one name",
      {
        inputs: [
          ["x", [1, 2, 4, 4]],
          ["x", [1, 2, 4, 4]],
        ],
      },
      /inputs: expected a name of its own for each, got two "x"/,
    ],
    [
      "another shape than declared",
      { ...conv, outputs: [["y", [1, 1, 4, 5]]] },
      /stem.*\[1, 1, 4, 5\], as the file declares, got \[1, 1, 4, 4\]/,
    ],
    [
      "another type than declared",
      { ...conv, outputs: [["y", [1, 1, 4, 4], 11]] },
      /type double, as the file declares, got float/,
    ],
    [
      "open extents",
      { inputs: [["x", ["N", 2, "h", "w"]]] },
      /input "x": .*got \[\?, \?, 2\] \(channels last\), with N, h, w open\. Give inputShape/,
    ],
    ["an input without shape", { inputs: [["x"]] }, /Give inputShape/],
    [
      "an input of integers",
      { inputs: [["x", [1, 2, 4, 4], 6]] },
      /an input of a float type, got int32/,
    ],
    [
      "a kernel of integers",
      withKernel({ dims: [1, 2, 1, 1], type: 7, raw: intBytes(1, 2) }),
      /stem.*the kernel of a float type, got int64/,
    ],
    [
      "a kernel that depends on the input",
      { nodes: [{ op: "Conv", inputs: ["x", "x"] }] },
      /the kernel \(input 1\) to be constant/,
    ],
    [
      "a kernel for other channels",
      withKernel({ dims: [2, 1, 1, 1], raw: floatBytes(1, 2) }),
      /stem.*expected a kernel \[filters, 2 \/ group/,
    ],
    [
      "a kernel too large for the images",
      withKernel({ dims: [1, 2, 5, 5], raw: new Uint8Array(200) }),
      /stem.*at least 5 x 5/,
    ],
    [
      "too few bytes",
      withKernel({ dims: [1, 2, 1, 1], raw: floatBytes(1) }),
      /initializer "w": expected 8 bytes for float \[1, 2, 1, 1\], got 4/,
    ],
    ["too few elements", withKernel({ dims: [1, 2, 1, 1], floats: [1] }), /2 elements for shape/],
    [
      "negative extents",
      withKernel({ dims: [1, -2, 1, 1], raw: floatBytes(1) }),
      /extents of at least 0/,
    ],
    [
      "absurd extents",
      withKernel({ dims: [2 ** 31, 2 ** 31, 4, 4], raw: floatBytes(1) }),
      /at most \d+ elements/,
    ],
    [
      "texts",
      withKernel({ dims: [1, 2, 1, 1], type: 8 }),
      /a tensor of numbers, got one of string/,
    ],
    ["an element type that is none", withKernel({ dims: [1, 2, 1, 1], type: 99 }), /element type/],
    [
      "an attribute of another kind",
      { nodes: [{ op: "LeakyRelu", attributes: { alpha: "much" } }] },
      /alpha to be float/,
    ],
    [
      "an attribute of another value",
      { ...conv, nodes: [{ ...conv.nodes![0]!, attributes: { auto_pad: "SOME" } }] },
      /auto_pad to be "NOTSET" or .* got "SOME"/,
    ],
    [
      "negative pads",
      { nodes: [{ op: "MaxPool", attributes: { kernel_shape: [2, 2], pads: [-1, 0, 0, 0] } }] },
      /pads: four integers of at least 0/,
    ],
    [
      "absurd pads",
      {
        nodes: [{ op: "MaxPool", attributes: { kernel_shape: [2, 2], pads: [2 ** 40, 0, 0, 0] } }],
      },
      /pads/,
    ],
    [
      "a window of padding alone",
      { nodes: [{ op: "MaxPool", attributes: { kernel_shape: [2, 2], pads: [2, 0, 0, 0] } }] },
      /less than the window/,
    ],
    [
      "samples that depend on one another",
      { nodes: [{ op: "Transpose", attributes: { perm: [1, 0, 2, 3] } }] },
      /batch.*must not depend/,
    ],
    ["a sum over the batch", { nodes: [{ op: "ReduceMean" }] }, /Axis 0 is the batch/],
    [
      "a softmax over the batch",
      { nodes: [{ op: "Softmax", attributes: { axis: 0 } }] },
      /axis 0, the batch/,
    ],
    [
      "the mask of a dropout",
      { nodes: [{ op: "Dropout", outputs: ["y", "z"] }], outputs: [["y"], ["z"]] },
      /first output alone to be used, got "z"/,
    ],
    [
      "a constant too large to hold",
      {
        nodes: [
          { op: "ConstantOfShape", inputs: ["s"], outputs: ["c"] },
          { op: "Add", inputs: ["x", "c"] },
        ],
        tensors: { s: { dims: [2], type: 7, raw: intBytes(2 ** 31, 2 ** 31) } },
      },
      /elements in all/,
    ],
    [
      "constants that multiply too far",
      {
        nodes: [
          { op: "Add", inputs: ["a", "b"], outputs: ["c"] },
          { op: "Add", inputs: ["x", "c"] },
        ],
        tensors: {
          a: { dims: [30_000, 1], raw: new Uint8Array(120_000) },
          b: { dims: [30_000], raw: new Uint8Array(120_000) },
        },
      },
      /at most \d+ elements, got \[30000, 30000\]/,
    ],
    [
      "an image enlarged beyond reason",
      {
        nodes: [{ op: "Resize", inputs: ["x", "", "s"] }],
        tensors: { s: { dims: [4], raw: floatBytes(1, 1, 1e6, 1e6) } },
      },
      /whole factors/,
    ],
  ])("%s", async (_, model, message) => {
    const attempt = loadModel(onnxFile(model));
    await expect(attempt).rejects.toThrow(FormatError);
    await expect(attempt).rejects.toThrow(message);
  });

  test("a file cut off anywhere", async () => {
    const bytes = onnxFile(conv);
    for (let length = 0; length < bytes.length; length++)
      await expect(loadModel(bytes.slice(0, length))).rejects.toThrow(FormatError);
  });

  test("lengths that claim more than there is", async () => {
    for (const claimed of [2 ** 31 - 1, 2 ** 32 + 5, 2 ** 52]) {
      const pbf = new PbfWriter();
      pbf.writeVarintField(fields.model.irVersion, 8);
      pbf.writeTag(fields.model.graph, 2);
      pbf.writeVarint(claimed);
      pbf.writeVarint(1);
      await expect(loadModel(pbf.finish().slice())).rejects.toThrow(
        /at byte 2: .*bytes where \d+ are left/,
      );
    }
  });

  test("graphs within graphs within graphs", async () => {
    let inner: Uint8Array = new Uint8Array(0);
    for (let depth = 0; depth < 2000; depth++) {
      const pbf = new PbfWriter();
      pbf.writeBytesField(fields.graph.node, inner);
      inner = pbf.finish().slice();
    }
    const file = onnxFile({
      nodes: [{ op: "If", name: "deep", attributes: { then_branch: inner } }],
    });
    await expect(loadModel(file)).rejects.toThrow(
      /node 0 "deep" \(If\): expected one of the operators/,
    );
  });

  test("names without end", async () => {
    const endless = "x".repeat(1 << 20);
    const nodes = [
      { op: "Relu", outputs: [`${endless}y`], name: `${endless}n` },
      { op: "Relu", inputs: [endless] },
    ];
    const attempt = loadModel(onnxFile({ nodes }));
    await expect(attempt).rejects.toThrow(
      /expected values that the graph makes, got "x{200}\.\.\."/,
    );
    await attempt.catch(({ message }: Error) => expect(message.length).toBeLessThan(1000));
  });

  test("more parts than a network has", async () => {
    const pbf = new PbfWriter();
    pbf.writeVarintField(fields.model.irVersion, 8);
    pbf.writeBytesField(
      fields.model.graph,
      Uint8Array.from({ length: 120_000 }, (_, i) =>
        i % 2 === 0 ? (fields.graph.node << 3) | 2 : 0,
      ),
    );
    await expect(loadModel(pbf.finish().slice())).rejects.toThrow(/at most 50000 parts/);
  });
});

describe("read", () => {
  const image = tensor(
    Float32Array.from({ length: 32 }, (_, i) => i),
    { shape: [1, 4, 4, 2] },
  );

  test("open extents that are given", async () => {
    const file = onnxFile({ ...conv, inputs: [["x", ["N", 2, "h", "w"]]] });
    const model = await loadModel(file, { inputShape: [4, 4, 2] });
    expect(model.outputShape).toEqual([4, 4, 1]);
    await expect(loadModel(file, { inputShape: [4, 4, 3] })).rejects.toThrow(
      /inputShape: expected \[\?, \?, 2\], as the file has it, got \[4, 4, 3\]/,
    );
  });

  test("nodes in any order", async () => {
    const model = await loadModel(
      onnxFile({
        nodes: [
          { op: "Neg", inputs: ["a"], outputs: ["y"] },
          { op: "Relu", inputs: ["x"], outputs: ["a"] },
        ],
      }),
    );
    expect(model.forward(image).data()).toEqual(image.neg().data());
  });

  const external = (entries: Readonly<Record<string, string>>): Uint8Array =>
    onnxFile(withKernel({ dims: [1, 2, 1, 1], external: entries }));
  const file = (bytes: Uint8Array, name: string): File => new File([bytes as BlobPart], name);
  const weights = file(floatBytes(9, 3, 4), "weights.bin");

  test("elements in another file of the folder", async () => {
    const bytes = external({ location: "weights.bin", offset: "4", length: "8" });
    const model = await loadModel([file(bytes, "model.onnx"), weights]);
    expect(model.forward(image).data()[0]).toBe(4);
    expect(model.namedParameters().map(([, p]) => [...p.data()])).toEqual([[3, 4]]);
  });

  test.each<[string, Readonly<Record<string, string>>, RegExp]>([
    [
      "above the folder",
      { location: "../weights.bin" },
      /names of files in its own folder, got "\.\.\/weights\.bin"/,
    ],
    ["from the root", { location: "/etc/passwd" }, /its own folder/],
    ["not there", { location: "other.bin" }, /other\.bin/],
    ["nowhere", {}, /a location, got none/],
    [
      "beyond its end",
      { location: "weights.bin", offset: "8" },
      /bytes 8 to 16 of weights\.bin, got a file of 12/,
    ],
    ["of another length", { location: "weights.bin", length: "4" }, /expected 8 bytes .*got 4/],
    ["at no number", { location: "weights.bin", offset: "1e9" }, /offset and length in bytes/],
  ])("but not %s", async (_, entries, message) => {
    const attempt = loadModel([file(external(entries), "model.onnx"), weights]);
    await expect(attempt).rejects.toThrow(FormatError);
    await expect(attempt).rejects.toThrow(message);
  });

  test("large tensors piece by piece, of raw data and of typed", async () => {
    const [inputs, units] = [300, 200];
    const values = Float32Array.from({ length: inputs * units }, (_, i) => ((i * 37) % 101) - 50);
    const x = tensor(
      Float32Array.from({ length: inputs }, (_, i) => i % 7),
      { shape: [1, inputs] },
    );
    const kernel = tensor(values, { shape: [units, inputs] });
    const expected = x.matmul(kernel.transpose()).data();
    for (const w of [{ raw: new Uint8Array(values.buffer) }, { floats: [...values] }]) {
      const model = await loadModel(
        onnxFile({
          nodes: [{ op: "Gemm", inputs: ["x", "w"], attributes: { transB: 1 } }],
          tensors: { w: { dims: [units, inputs], ...w } },
          inputs: [["x", [1, inputs]]],
        }),
      );
      expect(model.forward(x).data()).toEqual(expected);
    }
  });

  test("long chains, of layers and of nodes that are none", async () => {
    const chain = (op: string, length: number): HandModel => ({
      nodes: Array.from({ length }, (_, i) => ({
        op,
        inputs: [i === 0 ? "x" : `v${i}`],
        outputs: [i === length - 1 ? "y" : `v${i + 1}`],
      })),
    });
    const deep = await loadModel(onnxFile(chain("Relu", 1000)));
    expect(deep.getLayer("v999").kind).toBe("relu");
    const flat = await loadModel(
      onnxFile({
        ...chain("Identity", 20_000),
        outputs: [["z"]],
        nodes: [...chain("Identity", 20_000).nodes!, { op: "Relu", inputs: ["y"], outputs: ["z"] }],
      }),
    );
    expect(flat.getLayer("v19000").kind).toBe("input");
  });

  test("with its progress in bytes", async () => {
    const calls: [number, number][] = [];
    await loadModel(onnxFile(conv), {
      onProgress: (done, total) => void calls.push([done, total]),
    });
    expect(calls).toEqual([[8, 8]]);
  });

  test("until it is told to stop", async () => {
    await expect(loadModel(onnxFile(), { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });
});
