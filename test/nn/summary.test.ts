// Summaries beyond Keras' own text (keras-summary.test.ts): functions, other dtypes, shared parameters, options; and the table.
import fc from "fast-check";
import * as nn from "../../src/nn/index.ts";
import { describe, expect, test } from "vitest";
import { ArgumentError, Tensor, tensor } from "../../src/index.ts";
import { nearNames } from "../../src/base/near-names.ts";
import { classNameOf, snakeCase } from "../../src/nn/names.ts";
import { formatTable, reduceEvenly, wrapWords } from "../../src/nn/summary.ts";

const cells = (summary: string): string[][] =>
  summary
    .split("\n")
    .filter((line) => line.startsWith("│"))
    .map((line) =>
      line
        .slice(1, -1)
        .split("│")
        .map((cell) => cell.trim()),
    );

test("the example of the manual", () => {
  const cnn = nn.sequential([
    nn.conv2d({ filters: 10, kernelSize: 5, strides: 1, inputShape: [200, 200, 3] }),
  ]);
  const text = cnn.summary();
  expect(cells(text)).toEqual([["conv2d (Conv2D)", "(None, 196, 196, 10)", "760"]]);
  expect(text).toContain('Model: "sequential"');
  expect(text.split("\n").slice(-3)).toEqual([
    " Total params: 760 (2.97 KB)",
    " Trainable params: 760 (2.97 KB)",
    " Non-trainable params: 0 (0.00 B)",
  ]);
});

test("functions and modules have rows, and what is not made yet is said to be", () => {
  class Scale extends nn.Module {
    by: Tensor = tensor([1, 2]);
    forward(x: Tensor): Tensor {
      return x.mul(this.by);
    }
  }
  const items = [
    (x: Tensor) => x.concat([x], 1),
    nn.dense({ units: 2 }),
    new Scale(),
    (x: Tensor) => x,
  ];
  expect(cells(nn.sequential(items, { inputShape: [3] }).summary())).toEqual([
    ["lambda (Lambda)", "(None, 6)", "0"],
    ["dense (Dense)", "(None, 2)", "14"],
    ["scale (Scale)", "(None, 2)", "2"],
    ["lambda_1 (Lambda)", "(None, 2)", "0"],
  ]);
  expect(cells(nn.sequential([nn.dense({ units: 2 })]).summary())).toEqual([
    ["dense (Dense)", "?", "0 (unbuilt)"],
  ]);
});

test("sizes are those of the dtypes; a tensor at two places counts once", () => {
  const model = nn.sequential([nn.dense({ units: 100, inputShape: [99], dtype: "float64" })]);
  expect(model.summary()).toContain("Total params: 10,000 (78.12 KB)");
  const x = nn.input({ shape: [4] });
  const shared = nn.dense({ units: 4 });
  const twice = nn.model({ inputs: x, outputs: shared.apply(shared.apply(x)) });
  expect(twice.summary()).toContain("Total params: 20 (80.00 B)");
  expect(cells(twice.summary()).map((row) => row[3])).toEqual([
    "-",
    "input_layer[0][0],",
    "dense[0][0]",
  ]);
});

test("the summary of a copy is that of the original", () => {
  const x = nn.input({ shape: [4] });
  const y = nn.sequential([nn.dense({ units: 4 }), nn.batchNorm()]).apply(x);
  const m = nn.model({ inputs: x, outputs: nn.add().apply([x, y]) });
  const copy = Object.assign(Object.create(nn.Model.prototype) as typeof m, m);
  expect(copy.summary({ expandNested: true })).toBe(m.summary({ expandNested: true }));
});

test("options", () => {
  const net = nn.sequential([nn.dense({ units: 2, inputShape: [3], name: "a" })], { name: "m" });
  const lines: string[] = [];
  const text = net.summary({ print: (line) => lines.push(line), lineLength: 60 });
  expect(lines.join("\n")).toBe(text);
  expect(new Set(lines.slice(1, -3).map((line) => line.length))).toEqual(new Set([60]));
  expect(cells(net.summary({ showTrainable: true }))[0]!.at(-1)).toBe("Y");
  expect(() => net.summary({ lineLength: 10 })).toThrow(ArgumentError);
  expect(() => net.summary({ width: 60 } as never)).toThrow(/lineLength.*"width"/);
});

describe("tables", () => {
  const column = (width: number) => ({ header: "a head", align: "left", width }) as const;
  test("have lines of one length, whatever the words", () => {
    const words = fc.array(fc.string({ unit: fc.constantFrom("a", "b", " ", "(") }), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(
        fc.array(words, { maxLength: 5 }),
        fc.integer({ min: 4, max: 20 }),
        (rows, width) => {
          const columns = [
            column(width),
            { ...column(width + 3), align: "right" as const },
            column(9),
          ];
          const lengths = new Set(formatTable(columns, rows).map((line) => line.length));
          expect([...lengths]).toEqual([2 * width + 3 + 9 + 4]);
        },
      ),
    );
  });

  test("break between words, and cut words that are too long", () => {
    expect(wrapWords("one two three", 7)).toEqual(["one two", "three"]);
    expect(wrapWords("one two three", 8)).toEqual(["one two", "three"]);
    expect(wrapWords("extraordinary (long)", 6)).toEqual(["extra…", "(long)"]);
    expect(wrapWords("", 6)).toEqual([""]);
  });

  test("take widths away evenly, halves to the even side", () => {
    expect(reduceEvenly(10, [41, 33, 20])).toEqual([38, 29, 17]);
    expect(reduceEvenly(13, [34, 30, 22, 30])).toEqual([31, 27, 18, 27]);
    expect(reduceEvenly(5, [10, 10])).toEqual([8, 7]);
  });
});

test("names in Keras' style", () => {
  const names = {
    Dense: "dense",
    Conv2D: "conv2d",
    Conv2DTranspose: "conv2d_transpose",
    MaxPooling2D: "max_pooling2d",
    GlobalAveragePooling2D: "global_average_pooling2d",
    ReLU: "re_lu",
    LeakyReLU: "leaky_re_lu",
    InputLayer: "input_layer",
    BatchNormalization: "batch_normalization",
    ODEBlock: "ode_block",
  };
  for (const [className, name] of Object.entries(names)) expect(snakeCase(className)).toBe(name);
  expect(classNameOf("depthwiseConv2d")).toBe("DepthwiseConv2D");
  expect(classNameOf("conv2dTranspose")).toBe("Conv2DTranspose");
  expect(classNameOf("dense")).toBe("Dense");
  expect(nearNames("block5_conv", ["input", "block5_conv4", "block4_conv4"])[0]).toBe(
    "block5_conv4",
  );
});
