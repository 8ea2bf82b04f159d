/** @file MobileNet: a depthwise convolution for space, a 1x1 convolution for channels, thirteen times. */
import * as nn from "../../nn/index.ts";
import { type Architecture, architecture } from "./architecture.ts";
import type { WidthOptions } from "./definition.ts";
import { kerasWeights } from "../pretrained/published.ts";
import { checkAlpha, publishedSize, publishedVersion } from "./width.ts";

/** Filters and strides of the thirteen blocks. */
const blocks = [
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
const versions = new Map([
  [0.25, "2_5"],
  [0.5, "5_0"],
  [0.75, "7_5"],
  [1, "1_0"],
]);

/** Batch normalisation and min(max(x, 0), 6) behind a convolution. */
function activated(x: nn.SymbolicTensor, name: string): nn.SymbolicTensor {
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
  y = activated(y, name);
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
  return activated(y, mixed);
}

export const mobilenetArchitecture: Architecture<WidthOptions> = architecture<WidthOptions>({
  name: "mobilenet",
  paper: "Howard et al. 2017, arXiv:1704.04861",
  inputSize: 224,
  leastSize: 32,
  preprocess: "tf",
  ownOptions: ["alpha"],
  check: (options) => checkAlpha("mobilenet", options, 1 / 32),
  published({ alpha = 1, includeTop = true, inputShape }) {
    const version = publishedVersion("mobilenet", alpha, versions);
    const size = publishedSize(inputShape, [128, 160, 192, 224]);
    const top = includeTop ? "" : "_no_top";
    return kerasWeights(`mobilenet/mobilenet_${version}_${size}_tf${top}.h5`);
  },
  modelName: ({ alpha = 1 }, rows) => `mobilenet_${alpha.toFixed(2)}_${rows}`,
  features(images, { alpha = 1 }) {
    const stem = { kernelSize: 3, strides: 2, padding: "same", useBias: false } as const;
    const filters = Math.floor(32 * alpha);
    let x = nn.conv2d({ ...stem, filters, name: "conv1" }).apply(images);
    x = activated(x, "conv1");
    for (const [index, [filters, strides]] of blocks.entries())
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
