/** @file EfficientNet-B0: MobileNetV2's blocks with gates on their channels, in sizes that a search has found. */
import * as nn from "../../nn/index.ts";
import { type Architecture, architecture } from "./architecture.ts";
import type { ArchitectureOptions } from "./definition.ts";
import { kerasFile } from "../pretrained/published.ts";
import { oddBorder } from "./odd-border.ts";

/** Options of `efficientnetB0`. */
export interface EfficientNetOptions extends ArchitectureOptions {
  /**
   * Whether channels are divided by the square roots of ImageNet's deviations once more: false unless given. Keras does so in
   * networks that get the published weights, which were trained that way.
   */
  readonly imagenetScaling?: boolean;
}

/** Normal of variance 2 / (units that one feeds), cut at two deviations. */
const kernelInitializer = nn.initializers.varianceScaling({ scale: 2, mode: "fanOut" });

/** Kernel, repetitions, filters, expansion and strides of the first (table 1). */
const stages = [
  [3, 1, 16, 1, 1],
  [3, 2, 24, 6, 2],
  [5, 2, 40, 6, 2],
  [3, 3, 80, 6, 2],
  [5, 3, 112, 6, 1],
  [5, 4, 192, 6, 2],
  [3, 1, 320, 6, 1],
] as const;
const blockCount = stages.reduce((sum, [, times]) => sum + times, 0);

/** The share of samples that skip the last block in training; it grows in proportion to depth. */
const dropRate = 0.2;

const deviations = [0.229, 0.224, 0.225];

const silu = (x: nn.SymbolicTensor, name: string): nn.SymbolicTensor =>
  nn.activation({ activation: "silu", name }).apply(x);

const normalized = (x: nn.SymbolicTensor, name: string): nn.SymbolicTensor =>
  nn.batchNorm({ name }).apply(x);

/** Each channel times a gate that depends on the means of all (Hu et al. 2018, "squeeze and excitation"). */
function excited(x: nn.SymbolicTensor, squeezed: number, prefix: string): nn.SymbolicTensor {
  const channels = x.shape[2]!;
  const pointwise = { kernelSize: 1, padding: "same", kernelInitializer } as const;
  let gate = nn.globalAveragePool2d({ name: `${prefix}se_squeeze` }).apply(x);
  gate = nn.reshape({ targetShape: [1, 1, channels], name: `${prefix}se_reshape` }).apply(gate);
  const reduce = { filters: squeezed, activation: "silu", name: `${prefix}se_reduce` } as const;
  gate = nn.conv2d({ ...pointwise, ...reduce }).apply(gate);
  const expand = { filters: channels, activation: "sigmoid", name: `${prefix}se_expand` } as const;
  gate = nn.conv2d({ ...pointwise, ...expand }).apply(gate);
  return nn.multiply({ name: `${prefix}se_excite` }).apply([x, gate]);
}

function block(
  x: nn.SymbolicTensor,
  [kernelSize, , filters, expansion]: (typeof stages)[number],
  strides: number,
  rate: number,
  prefix: string,
): nn.SymbolicTensor {
  const channels = x.shape[2]!;
  const pointwise = { kernelSize: 1, padding: "same", useBias: false, kernelInitializer } as const;
  let y = x;
  if (expansion > 1) {
    const expand = { filters: channels * expansion, name: `${prefix}expand_conv` };
    y = nn.conv2d({ ...pointwise, ...expand }).apply(y);
    y = silu(normalized(y, `${prefix}expand_bn`), `${prefix}expand_activation`);
  }
  if (strides === 2)
    y = nn
      .zeroPadding2d({ padding: oddBorder(y, kernelSize), name: `${prefix}dwconv_pad` })
      .apply(y);
  y = nn
    .depthwiseConv2d({
      kernelSize,
      strides,
      padding: strides === 1 ? "same" : "valid",
      useBias: false,
      depthwiseInitializer: kernelInitializer,
      name: `${prefix}dwconv`,
    })
    .apply(y);
  y = silu(normalized(y, `${prefix}bn`), `${prefix}activation`);
  y = excited(y, Math.floor(channels / 4), prefix);
  y = nn.conv2d({ ...pointwise, filters, name: `${prefix}project_conv` }).apply(y);
  y = normalized(y, `${prefix}project_bn`);
  if (strides !== 1 || channels !== filters) return y;
  if (rate > 0)
    y = nn.dropout({ rate, noiseShape: [null, 1, 1, 1], name: `${prefix}drop` }).apply(y);
  return nn.add({ name: `${prefix}add` }).apply([y, x]);
}

export const efficientnetB0Architecture: Architecture<EfficientNetOptions> =
  architecture<EfficientNetOptions>({
    name: "efficientnetB0",
    paper: "Tan and Le 2019, arXiv:1905.11946",
    inputSize: 224,
    leastSize: 32,
    preprocess: "raw",
    ownOptions: ["imagenetScaling"],
    published: ({ includeTop = true }) =>
      includeTop
        ? kerasFile("keras-applications/efficientnetb0.h5", "902e53a9f72be733fc0bcb005b3ebbac")
        : kerasFile(
            "keras-applications/efficientnetb0_notop.h5",
            "50bc09e76180e00e4465e1a485ddc09d",
          ),
    publishedOptions: { imagenetScaling: true },
    modelName: () => "efficientnetb0",
    poolNames: { avg: "avg_pool", max: "max_pool" },
    features(images, { imagenetScaling = false }) {
      let x = nn.rescaling({ scale: 1 / 255 }).apply(images);
      x = nn.normalization().apply(x);
      if (imagenetScaling)
        x = nn
          .rescaling({ scale: deviations.map((deviation) => 1 / Math.sqrt(deviation)) })
          .apply(x);
      x = nn.zeroPadding2d({ padding: oddBorder(x, 3), name: "stem_conv_pad" }).apply(x);
      const conv = { useBias: false, kernelInitializer } as const;
      const stem = { filters: 32, kernelSize: 3, strides: 2, name: "stem_conv" };
      x = nn.conv2d({ ...conv, ...stem }).apply(x);
      x = silu(normalized(x, "stem_bn"), "stem_activation");
      let number = 0;
      for (const [index, stage] of stages.entries())
        for (let i = 0; i < stage[1]; i++, number++) {
          const strides = i === 0 ? stage[4] : 1;
          const prefix = `block${index + 1}${"abcd"[i]}_`;
          x = block(x, stage, strides, (dropRate * number) / blockCount, prefix);
        }
      const last = { filters: 1280, kernelSize: 1, padding: "same", name: "top_conv" } as const;
      x = nn.conv2d({ ...conv, ...last }).apply(x);
      return silu(normalized(x, "top_bn"), "top_activation");
    },
    top(maps, { classes, activation }) {
      let x = nn.globalAveragePool2d({ name: "avg_pool" }).apply(maps);
      x = nn.dropout({ rate: 0.2, name: "top_dropout" }).apply(x);
      return nn
        .dense({
          units: classes,
          activation,
          kernelInitializer: nn.initializers.varianceScaling({
            scale: 1 / 3,
            mode: "fanOut",
            distribution: "uniform",
          }),
          name: "predictions",
        })
        .apply(x);
    },
  });

/**
 * EfficientNet-B0, 5,330,571 parameters (Tan and Le 2019, table 1). Its first layers do the preprocessing:
 * images [batch, 224, 224, 3] from 0 to 255 ("raw").
 */
export const efficientnetB0: Architecture<EfficientNetOptions>["build"] =
  efficientnetB0Architecture.build;
