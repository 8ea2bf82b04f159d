/** @file MobileNetV2: blocks that widen, convolve each channel by itself, and narrow again without an activation. */
import * as nn from "../../nn/index.ts";
import { type Architecture, architecture } from "./architecture.ts";
import type { WidthOptions } from "./definition.ts";
import { meansToClasses } from "./head.ts";
import { kerasWeights } from "../pretrained/published.ts";
import { oddBorder } from "./odd-border.ts";
import { checkAlpha, nearMultiple, publishedSize, publishedVersion } from "./width.ts";

/** Expansion, filters, repetitions and strides of the first (table 2). */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** Widths with published weights, as their files are called. */
const versions = new Map([
  [0.35, "0.35"],
  [0.5, "0.5"],
  [0.75, "0.75"],
  [1, "1.0"],
  [1.3, "1.3"],
  [1.4, "1.4"],
]);

const normalized = (x: nn.SymbolicTensor, name: string): nn.SymbolicTensor =>
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
    y = relu6(normalized(y, `${prefix}expand_BN`), `${prefix}expand_relu`);
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
  y = relu6(normalized(y, `${prefix}depthwise_BN`), `${prefix}depthwise_relu`);
  y = nn.conv2d({ ...pointwise, filters, name: `${prefix}project` }).apply(y);
  y = normalized(y, `${prefix}project_BN`);
  return channels === filters && strides === 1 ? nn.add({ name: `${prefix}add` }).apply([x, y]) : y;
}

export const mobilenetV2Architecture: Architecture<WidthOptions> = architecture<WidthOptions>({
  name: "mobilenetV2",
  paper: "Sandler et al. 2018, arXiv:1801.04381",
  inputSize: 224,
  leastSize: 32,
  preprocess: "tf",
  ownOptions: ["alpha"],
  check: (options) => checkAlpha("mobilenetV2", options, 1 / 16),
  published({ alpha = 1, includeTop = true, inputShape }) {
    const version = publishedVersion("mobilenetV2", alpha, versions);
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
    x = relu6(normalized(x, "bn_Conv1"), "Conv1_relu");
    let block = 0;
    for (const [expansion, filters, times, strides] of stages)
      for (let i = 0; i < times; i++, block++) {
        const prefix = block === 0 ? "expanded_conv_" : `block_${block}_`;
        const width = nearMultiple(Math.floor(filters * alpha), 8);
        x = bottleneck(x, expansion, width, i === 0 ? strides : 1, prefix);
      }
    // The last convolution gets wider with alpha, but not narrower.
    const last = alpha > 1 ? nearMultiple(1280 * alpha, 8) : 1280;
    x = nn.conv2d({ ...conv, filters: last, kernelSize: 1, name: "Conv_1" }).apply(x);
    return relu6(normalized(x, "Conv_1_bn"), "out_relu");
  },
  top: (maps, options) => meansToClasses(maps, options),
});

/**
 * MobileNetV2, 3,538,984 parameters at `alpha: 1` (Sandler et al. 2018, table 2).
 * Images [batch, 224, 224, 3] from -1 to 1 ("tf").
 */
export const mobilenetV2: Architecture<WidthOptions>["build"] = mobilenetV2Architecture.build;
