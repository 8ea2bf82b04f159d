/** @file Every ONNX operator that is read, in every way of using it that files have, against onnxruntime. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Tensor, tensor } from "../../src/index.ts";
import { loadModel, supportedFormats } from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";

interface Case {
  readonly name: string;
  /** The file, in base64. */
  readonly model: string;
  /** Shapes of the inputs. */
  readonly inputs: readonly (readonly number[])[];
  readonly outputs: readonly { readonly shape: readonly number[]; readonly data: string }[];
  readonly tolerance?: number;
  readonly scale?: number;
}

const { cases } = JSON.parse(
  readFileSync(new URL("../golden/onnx-operators.json", import.meta.url), "utf8"),
) as { readonly cases: readonly Case[] };

const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The input of an index, as test/golden/make-onnx-operators.py has it. */
function fed(shape: readonly number[], k: number, scale = 1): Tensor {
  const data = Float32Array.from(
    { length: sizeOf(shape) },
    (_, i) => Math.fround(scale) * Math.fround((((7919 * i + 101 * k) % 1009) / 1009) * 4 - 2),
  );
  return tensor(data, { shape: [...shape] });
}

const long = (shape: readonly number[]): number[] => shape.filter((n) => n !== 1);
const isSame = (a: readonly number[], b: readonly number[]): boolean => a.join() === b.join();

/** Elements of an output in ONNX' order: images lie with channels last, and axes of extent 1 may be missing. */
function unlaid(output: Tensor, shape: readonly number[]): ArrayLike<number> {
  const [n, c, h, w] = shape as [number, number, number, number];
  if (shape.length !== 4 || !isSame(long(output.shape), long([n, h, w, c]))) {
    expect(long(output.shape)).toEqual(long(shape));
    return output.data();
  }
  return output.reshape([n, h, w, c]).transpose([0, 3, 1, 2]).data();
}

describe("operators", () => {
  test.each(cases.map((one) => [one.name, one] as const))("%s", async (_, one) => {
    const model = (await loadModel(bytesOf(one.model))) as unknown as nn.Model;
    const { dtype } = model.inputs[0]!;
    const inputs = one.inputs.map((shape, k) => {
      const x = fed(shape, k, one.scale).cast(dtype);
      const isLast = isSame(model.inputs[k]!.shape, shape.slice(1));
      return shape.length === 4 && !isLast ? x.transpose([0, 2, 3, 1]) : x;
    });
    const found = model.forward(inputs.length === 1 ? inputs[0]! : inputs);
    const outputs = Array.isArray(found) ? (found as Tensor[]) : [found as Tensor];
    expect(outputs).toHaveLength(one.outputs.length);
    for (const [index, { shape, data }] of one.outputs.entries()) {
      const bytes = bytesOf(data);
      const expected = new Float32Array(bytes.buffer, 0, bytes.length / 4);
      const output = outputs[index]!;
      expect(output.size).toBe(expected.length);
      const elements = unlaid(output, shape);
      const largest = Math.max(1, ...expected.map(Math.abs));
      for (const [i, value] of expected.entries())
        expect(Math.abs(elements[i]! - value) / largest).toBeLessThan(one.tolerance ?? 2e-5);
    }
  });

  test("all have cases", () => {
    const text = cases
      .map(({ model }) => Buffer.from(model, "base64").toString("latin1"))
      .join("\n");
    // As a file has it: the number of the field, the length, the name.
    const field = (name: string): string => `"${String.fromCharCode(name.length)}${name}`;
    const missing = supportedFormats().operators.filter(({ name }) => !text.includes(field(name)));
    expect(missing).toEqual([]);
  });
});
