/** @file The public entrance of `adjoint/models`: networks and images from files. */
import "../compile/evaluate.ts";
import "../ops/index.ts";

export * from "./architectures/index.ts";
export { DownloadError, FormatError } from "./errors.ts";
export * from "./images/index.ts";
export { exportOnnx } from "./formats/onnx/write/index.ts";
export type { Exportable, OnnxInput, OnnxOptions } from "./formats/onnx/write/index.ts";
export type { LoadedModel } from "./format.ts";
export { loadModel } from "./load.ts";
export type { LoadOptions } from "./load.ts";
export { cacheFolder } from "./pretrained/cache.ts";
export { cachePathOf } from "./pretrained/cache.ts";
export { imagenetClassNames } from "./pretrained/cache.ts";
export type { PublishedFile } from "./pretrained/download.ts";
export type { WeightsOptions, WeightsProgress } from "./pretrained/weights.ts";
export { encodeModel, saveModel } from "./save.ts";
export type { ByteSource } from "./source.ts";
export type { SourceLike } from "./source.ts";
export { supportedFormats } from "./formats/index.ts";
export type { FormatInfo } from "./formats/index.ts";
