/** @file The classes of Keras whose settings are our layers' options. */
import * as nn from "../../nn/index.ts";
import { type KerasClass, plain } from "./class.ts";

const kernel = [
  "kernel_size",
  "strides",
  "padding",
  "data_format",
  "dilation_rate",
  "activation",
  "use_bias",
];
/** Those of convolutions that can be computed in more ways than one; the last is ours. */
const convolution = ["filters", ...kernel, "algorithm"];
const windows = ["pool_size", "strides", "padding", "data_format"];
const whole = ["keepdims", "data_format"];
const statistics = ["axis", "epsilon", "center", "scale"];

/** Layers that do nothing but in training, where ours do not do it either. */
const idle = [
  "GaussianNoise",
  "GaussianDropout",
  "AlphaDropout",
  "ActivityRegularization",
  "Identity",
  "RandomFlip",
  "RandomRotation",
  "RandomZoom",
  "RandomTranslation",
  "RandomContrast",
  "RandomBrightness",
];
const settingsOfIdle = [
  "stddev",
  "rate",
  "l1",
  "l2",
  "mode",
  "factor",
  "height_factor",
  "width_factor",
  "fill_mode",
  "fill_value",
  "interpolation",
  "value_range",
  "data_format",
];

/** Every one: Keras' class, our function, and the settings that both have. */
export const classes: readonly KerasClass[] = [
  plain("Dense", nn.dense, ["units", "activation", "use_bias"], { kind: "dense" }),
  plain("Conv2D", nn.conv2d, ["groups", ...convolution], {
    kind: "conv2d",
    aliases: ["Convolution2D"],
  }),
  plain("DepthwiseConv2D", nn.depthwiseConv2d, ["depth_multiplier", ...kernel, "algorithm"], {
    kind: "depthwiseConv2d",
  }),
  plain("SeparableConv2D", nn.separableConv2d, ["depth_multiplier", ...convolution], {
    kind: "separableConv2d",
    aliases: ["SeparableConvolution2D"],
  }),
  plain("Conv2DTranspose", nn.conv2dTranspose, ["output_padding", ...convolution], {
    kind: "conv2dTranspose",
    aliases: ["Convolution2DTranspose"],
  }),
  plain("MaxPooling2D", nn.maxPool2d, windows, { kind: "maxPool2d", aliases: ["MaxPool2D"] }),
  plain("AveragePooling2D", nn.averagePool2d, windows, {
    kind: "averagePool2d",
    aliases: ["AvgPool2D"],
  }),
  plain("GlobalAveragePooling2D", nn.globalAveragePool2d, whole, {
    kind: "globalAveragePool2d",
    aliases: ["GlobalAvgPool2D"],
  }),
  plain("GlobalMaxPooling2D", nn.globalMaxPool2d, whole, {
    kind: "globalMaxPool2d",
    aliases: ["GlobalMaxPool2D"],
  }),
  plain("ZeroPadding2D", nn.zeroPadding2d, ["padding", "data_format"], { kind: "zeroPadding2d" }),
  plain("Cropping2D", nn.cropping2d, ["cropping", "data_format"], { kind: "cropping2d" }),
  plain("UpSampling2D", nn.upSampling2d, ["size", "interpolation", "data_format"], {
    kind: "upSampling2d",
  }),
  plain("Flatten", nn.flatten, ["data_format"], { kind: "flatten" }),
  plain("Reshape", nn.reshape, ["target_shape"], { kind: "reshape" }),
  plain("Permute", nn.permute, ["dims"], { kind: "permute" }),
  plain("BatchNormalization", nn.batchNorm, [...statistics, "momentum"], {
    kind: "batchNorm",
    aliases: ["BatchNormalizationV1", "BatchNormalizationV2", "SyncBatchNormalization"],
  }),
  plain("LayerNormalization", nn.layerNorm, statistics, { kind: "layerNorm" }),
  plain("GroupNormalization", nn.groupNorm, [...statistics, "groups"], { kind: "groupNorm" }),
  plain("Rescaling", nn.rescaling, ["scale", "offset"], { kind: "rescaling" }),
  plain("Activation", nn.activation, ["activation"], { kind: "activation" }),
  plain("ReLU", nn.relu, ["max_value", "negative_slope", "threshold"], { kind: "relu" }),
  plain("ThresholdedReLU", nn.relu, ["threshold"], { renamed: { theta: "threshold" } }),
  plain("LeakyReLU", nn.leakyRelu, ["negative_slope"], {
    kind: "leakyRelu",
    renamed: { alpha: "negative_slope" },
  }),
  plain("ELU", nn.elu, ["alpha"], { kind: "elu" }),
  plain("PReLU", nn.prelu, ["shared_axes"], { kind: "prelu" }),
  plain("Softmax", nn.softmax, ["axis"], { kind: "softmax" }),
  plain("Dropout", nn.dropout, ["rate", "noise_shape", "seed"], { kind: "dropout" }),
  plain("SpatialDropout2D", nn.dropout, ["rate", "seed"], {
    options: () => ({ noiseShape: [null, 1, 1, null] }),
  }),
  plain("Add", nn.add, [], { kind: "add" }),
  plain("Subtract", nn.subtract, [], { kind: "subtract" }),
  plain("Multiply", nn.multiply, [], { kind: "multiply" }),
  plain("Average", nn.average, [], { kind: "average" }),
  plain("Maximum", nn.maximum, [], { kind: "maximum" }),
  plain("Minimum", nn.minimum, [], { kind: "minimum" }),
  plain("Concatenate", nn.concatenate, ["axis"], { kind: "concatenate" }),
  // What Keras lacks.
  plain("Divide", nn.divide, [], { kind: "divide" }),
  plain("LogSoftmax", nn.logSoftmax, ["axis"], { kind: "logSoftmax" }),
  plain("Clip", nn.clip, ["min_value", "max_value"], { kind: "clip" }),
  plain("Pad", nn.pad, ["padding", "value"], { kind: "pad" }),
  plain("Slice", nn.slice, ["starts", "stops", "steps"], { kind: "slice" }),
  plain("Reduce", nn.reduce, ["operation", "axis", "keep_dims"], { kind: "reduce" }),
  plain("Unary", nn.unary, ["operation"], { kind: "unary" }),
  plain("Arithmetic", nn.arithmetic, ["operation", "operand_shape", "operand_first"], {
    kind: "arithmetic",
  }),
  plain("LocalResponseNorm", nn.localResponseNorm, ["size", "alpha", "beta", "k"], {
    kind: "localResponseNorm",
  }),
  ...idle.map((className): KerasClass => ({
    className,
    settings: settingsOfIdle,
    read: (_config, { base }) => nn.activation({ ...base, activation: "linear" }),
  })),
];
