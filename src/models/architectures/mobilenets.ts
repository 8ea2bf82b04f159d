/**
 * @file Networks of depthwise convolutions: MobileNet, MobileNetV2 with inverted residuals, and EfficientNet-B0, which adds gates
 * on its channels.
 */
import * as nn from "../../nn/index.ts";
import { ArgumentError, complaint, describe } from "../../base/errors.ts";
import { flag } from "../../base/kinds.ts";
import { type OptionsOf, optional } from "../../base/options.ts";
import type { Shape } from "../../ir/shape.ts";
import {
  type WidthOptions,
  type Architecture,
  architecture,
  meansToClasses,
  type ArchitectureOptions,
  widthSpec,
  publishedPair,
} from "./architecture.ts";
import { kerasWeights } from "../pretrained/download.ts";

/** The multiple of `divisor` next to a number, but not less than nine tenths of it. */
function nearMultiple(value: number, divisor: number): number {
  const near = Math.max(divisor, Math.floor((value + divisor / 2) / divisor) * divisor);
  return near < 0.9 * value ? near + divisor : near;
}

/** What published files call a width. Throws ArgumentError listing the widths that have any. */
function publishedVersion(
  who: string,
  alpha: number,
  versions: ReadonlyMap<number, string>,
): string {
  const version = versions.get(alpha);
  if (version !== undefined) return version;
  throw new ArgumentError(
    complaint(
      `${who}: alpha`,
      `one with published weights (${[...versions.keys()].join(", ")})`,
      describe(alpha),
    ),
  );
}

/** The rows and columns of images that published weights were trained for: those of the network if there are any, or 224. */
function publishedSize(inputShape: Shape | undefined, sizes: readonly number[]): number {
  const [rows, columns] = inputShape ?? [];
  return rows !== undefined && rows === columns && sizes.includes(rows) ? rows : 224;
}

/**
 * [[top, bottom], [left, right]] for a kernel of odd size: even extents get one row or column less before than after, so that
 * kernels stand where padding "same" has them.
 */
function oddBorder(
  x: nn.SymbolicTensor,
  kernelSize: number,
): readonly [readonly [number, number], readonly [number, number]] {
  const half = Math.floor(kernelSize / 2);
  const along = (extent: number): readonly [number, number] => [half - 1 + (extent % 2), half];
  return [along(x.shape[0]!), along(x.shape[1]!)];
}

/** Filters and strides of the thirteen blocks. */
const blocksV1 = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
] as const;

/** Widths with published weights, as their files are called. */
const versionsV1 = new Map([
  [0.25, "2_5"],
  [0.5, "5_0"],
  [0.75, "7_5"],
  [1, "1_0"],
]);

/** Batch normalisation and min(max(x, 0), 6) behind a convolution. */
function activatedV1(x: nn.SymbolicTensor, name: string): nn.SymbolicTensor {
  const normalized = nn.batchNorm({ name: `${name}_bn` }).apply(x);
  return nn.relu({ maxValue: 6, name: `${name}_relu` }).apply(normalized);
}

function separated(
  x: nn.SymbolicTensor,
  block: number,
  filters: number,
  strides: number,
): nn.SymbolicTensor {
  const border = [0, 1] as const;
  let y = x;
  if (strides === 2)
    y = nn.zeroPadding2d({ padding: [border, border], name: `conv_pad_${block}` }).apply(y);
  const name = `conv_dw_${block}`;
  y = nn
    .depthwiseConv2d({
      kernelSize: 3,
      strides,
      padding: strides === 1 ? "same" : "valid",
      useBias: false,
      name,
    })
    .apply(y);
  y = activatedV1(y, name);
  const mixed = `conv_pw_${block}`;
  y = nn
    .conv2d({
      filters,
      kernelSize: 1,
      padding: "same",
      useBias: false,
      name: mixed,
    })
    .apply(y);
  return activatedV1(y, mixed);
}

export const mobilenetArchitecture: Architecture<WidthOptions> = architecture<WidthOptions>({
  name: "mobilenet",
  paper: "Howard et al. 2017, arXiv:1704.04861",
  inputSize: 224,
  leastSize: 32,
  preprocess: "tf",
  own: widthSpec(1 / 32),
  published({ alpha = 1, includeTop = true, inputShape }) {
    const version = publishedVersion("mobilenet", alpha, versionsV1);
    const size = publishedSize(inputShape, [128, 160, 192, 224]);
    const top = includeTop ? "" : "_no_top";
    return kerasWeights(`mobilenet/mobilenet_${version}_${size}_tf${top}.h5`);
  },
  modelName: ({ alpha = 1 }, rows) => `mobilenet_${alpha.toFixed(2)}_${rows}`,
  features(images, { alpha = 1 }) {
    const stem = { kernelSize: 3, strides: 2, padding: "same", useBias: false } as const;
    const filters = Math.floor(32 * alpha);
    let x = nn.conv2d({ ...stem, filters, name: "conv1" }).apply(images);
    x = activatedV1(x, "conv1");
    for (const [index, [filters, strides]] of blocksV1.entries())
      x = separated(x, index + 1, Math.floor(filters * alpha), strides);
    return x;
  },
  top(maps, { classes, activation }) {
    let x = nn.globalAveragePool2d({ keepDims: true }).apply(maps);
    x = nn.dropout({ rate: 1e-3, name: "dropout" }).apply(x);
    const options = { filters: classes, kernelSize: 1, padding: "same" } as const;
    x = nn.conv2d({ ...options, name: "conv_preds" }).apply(x);
    x = nn.reshape({ targetShape: [classes], name: "reshape_2" }).apply(x);
    return nn.activation({ activation, name: "predictions" }).apply(x);
  },
});

/**
 * MobileNet, 4,253,864 parameters at `alpha: 1` and 475,544 at 0.25 (Howard et al. 2017, table 1).
 * Images [batch, 224, 224, 3] from -1 to 1 ("tf").
 */
export const mobilenet: Architecture<WidthOptions>["build"] = mobilenetArchitecture.build;

/** Expansion, filters, repetitions and strides of the first (table 2). */
const stagesV2 = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** Widths with published weights, as their files are called. */
const versionsV2 = new Map([
  [0.35, "0.35"],
  [0.5, "0.5"],
  [0.75, "0.75"],
  [1, "1.0"],
  [1.3, "1.3"],
  [1.4, "1.4"],
]);

const normalizedV2 = (x: nn.SymbolicTensor, name: string): nn.SymbolicTensor =>
  nn.batchNorm({ epsilon: 1e-3, momentum: 0.999, name }).apply(x);

const relu6 = (x: nn.SymbolicTensor, name: string): nn.SymbolicTensor =>
  nn.relu({ maxValue: 6, name }).apply(x);

/** Figure 3, right: the inverted residual. */
function bottleneck(
  x: nn.SymbolicTensor,
  expansion: number,
  filters: number,
  strides: number,
  prefix: string,
): nn.SymbolicTensor {
  const channels = x.shape[2]!;
  const pointwise = { kernelSize: 1, padding: "same", useBias: false } as const;
  let y = x;
  if (expansion > 1) {
    y = nn
      .conv2d({ ...pointwise, filters: expansion * channels, name: `${prefix}expand` })
      .apply(y);
    y = relu6(normalizedV2(y, `${prefix}expand_BN`), `${prefix}expand_relu`);
  }
  if (strides === 2)
    y = nn.zeroPadding2d({ padding: oddBorder(y, 3), name: `${prefix}pad` }).apply(y);
  y = nn
    .depthwiseConv2d({
      kernelSize: 3,
      strides,
      padding: strides === 1 ? "same" : "valid",
      useBias: false,
      name: `${prefix}depthwise`,
    })
    .apply(y);
  y = relu6(normalizedV2(y, `${prefix}depthwise_BN`), `${prefix}depthwise_relu`);
  y = nn.conv2d({ ...pointwise, filters, name: `${prefix}project` }).apply(y);
  y = normalizedV2(y, `${prefix}project_BN`);
  return channels === filters && strides === 1 ? nn.add({ name: `${prefix}add` }).apply([x, y]) : y;
}

export const mobilenetV2Architecture: Architecture<WidthOptions> = architecture<WidthOptions>({
  name: "mobilenetV2",
  paper: "Sandler et al. 2018, arXiv:1801.04381",
  inputSize: 224,
  leastSize: 32,
  preprocess: "tf",
  own: widthSpec(1 / 16),
  published({ alpha = 1, includeTop = true, inputShape }) {
    const version = publishedVersion("mobilenetV2", alpha, versionsV2);
    const size = publishedSize(inputShape, [96, 128, 160, 192, 224]);
    const name = `mobilenet_v2_weights_tf_dim_ordering_tf_kernels_${version}_${size}`;
    return kerasWeights(`mobilenet_v2/${name}${includeTop ? "" : "_no_top"}.h5`);
  },
  modelName: ({ alpha = 1 }, rows) => `mobilenetv2_${alpha.toFixed(2)}_${rows}`,
  features(images, { alpha = 1 }) {
    const conv = { useBias: false } as const;
    const filters = nearMultiple(32 * alpha, 8);
    let x = nn
      .conv2d({ ...conv, filters, kernelSize: 3, strides: 2, padding: "same", name: "Conv1" })
      .apply(images);
    x = relu6(normalizedV2(x, "bn_Conv1"), "Conv1_relu");
    let block = 0;
    for (const [expansion, filters, times, strides] of stagesV2)
      for (let i = 0; i < times; i++, block++) {
        const prefix = block === 0 ? "expanded_conv_" : `block_${block}_`;
        const width = nearMultiple(Math.floor(filters * alpha), 8);
        x = bottleneck(x, expansion, width, i === 0 ? strides : 1, prefix);
      }
    // The last convolution gets wider with alpha, but not narrower.
    const last = alpha > 1 ? nearMultiple(1280 * alpha, 8) : 1280;
    x = nn.conv2d({ ...conv, filters: last, kernelSize: 1, name: "Conv_1" }).apply(x);
    return relu6(normalizedV2(x, "Conv_1_bn"), "out_relu");
  },
  top: (maps, options) => meansToClasses(maps, options),
});

/**
 * MobileNetV2, 3,538,984 parameters at `alpha: 1` (Sandler et al. 2018, table 2).
 * Images [batch, 224, 224, 3] from -1 to 1 ("tf").
 */
export const mobilenetV2: Architecture<WidthOptions>["build"] = mobilenetV2Architecture.build;

const scalingSpec = {
  imagenetScaling: optional(
    flag,
    undefined,
    "Whether channels are divided by the square roots of ImageNet's deviations once more, as the published weights need it: false unless given, true with those weights.",
  ),
};

/** Options of `efficientnetB0`. */
export type EfficientNetOptions = ArchitectureOptions & OptionsOf<typeof scalingSpec>;

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
    own: scalingSpec,
    published: publishedPair("keras-applications/efficientnetb0", [
      "902e53a9f72be733fc0bcb005b3ebbac",
      "50bc09e76180e00e4465e1a485ddc09d",
    ]),
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
