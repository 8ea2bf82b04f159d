// EfficientNet-B0 (Tan and Le 2019, table 1) as keras.applications builds it: a large graph, and Keras' count of it.
import { expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";

/** Kernel, repetitions, filters, expansion, strides. */
const stages = [
  [3, 1, 16, 1, 1],
  [3, 2, 24, 6, 2],
  [5, 2, 40, 6, 2],
  [3, 3, 80, 6, 2],
  [5, 3, 112, 6, 1],
  [5, 4, 192, 6, 2],
  [3, 1, 320, 6, 1],
] as const;

const base = {
  kernelSize: 1,
  padding: "same",
  useBias: false,
  kernelInitializer: "zeros",
} as const;

function convolved(x: nn.SymbolicTensor, options: { filters: number }): nn.SymbolicTensor {
  return nn.batchNorm().apply(nn.conv2d({ ...base, ...options }).apply(x));
}

const silu = (x: nn.SymbolicTensor): nn.SymbolicTensor =>
  nn.activation({ activation: "silu" }).apply(x);

function block(
  input: nn.SymbolicTensor,
  kernelSize: number,
  filters: number,
  expansion: number,
  strides: number,
): nn.SymbolicTensor {
  const channels = input.shape[2]!;
  const wide = channels * expansion;
  let x = expansion === 1 ? input : silu(convolved(input, { filters: wide }));
  if (strides === 2) {
    const [odd, half] = [x.shape[0]! % 2, Math.floor(kernelSize / 2)];
    const border = [half - 1 + odd, half] as const;
    x = nn.zeroPadding2d({ padding: [border, border] }).apply(x);
  }
  x = nn
    .depthwiseConv2d({
      kernelSize,
      strides,
      padding: strides === 2 ? "valid" : "same",
      useBias: false,
    })
    .apply(x);
  x = silu(nn.batchNorm().apply(x));
  let gate = nn.reshape({ targetShape: [1, 1, wide] }).apply(nn.globalAveragePool2d().apply(x));
  const squeezed = { ...base, useBias: true };
  gate = nn
    .conv2d({ ...squeezed, filters: Math.floor(channels / 4), activation: "silu" })
    .apply(gate);
  gate = nn.conv2d({ ...squeezed, filters: wide, activation: "sigmoid" }).apply(gate);
  x = convolved(nn.multiply().apply([x, gate]), { filters });
  if (strides !== 1 || channels !== filters) return x;
  return nn.add().apply([nn.dropout({ rate: 0.2, noiseShape: [null, 1, 1, 1] }).apply(x), input]);
}

test("EfficientNet-B0 has Keras' 5,330,571 parameters, 42,023 of them not trained", () => {
  const image = nn.input({ shape: [224, 224, 3] });
  let x = nn.normalization().apply(nn.rescaling({ scale: 1 / 255 }).apply(image));
  const border = [0, 1] as const;
  x = nn.zeroPadding2d({ padding: [border, border] }).apply(x);
  x = nn.conv2d({ ...base, filters: 32, kernelSize: 3, strides: 2, padding: "valid" }).apply(x);
  x = silu(nn.batchNorm().apply(x));
  for (const [kernel, times, filters, expansion, strides] of stages)
    for (let i = 0; i < times; i++) x = block(x, kernel, filters, expansion, i === 0 ? strides : 1);
  x = nn.globalAveragePool2d().apply(silu(convolved(x, { filters: 1280 })));
  x = nn.dropout({ rate: 0.2 }).apply(x);
  const outputs = nn.dense({ units: 1000, activation: "softmax" }).apply(x);
  const model = nn.model({ inputs: image, outputs, name: "efficientnetb0" });
  expect(model.layers.length).toBe(240);
  expect(model.parameterCount).toBe(5_330_571);
  expect(model.summary()).toContain("Non-trainable params: 42,023");
});
