/** @file Pictures from files, and what networks take and give: decoding, resizing, preprocessing, names of classes. */
export { parseClassNames } from "./predictions.ts";
export { decodeImage } from "./load.ts";
export { encodePng } from "./png.ts";
export { loadImage } from "./load.ts";
export type { Picture } from "./picture.ts";
export { decodePredictions } from "./predictions.ts";
export type { DecodePredictionsOptions, Prediction } from "./predictions.ts";
export { preprocess, preprocessModes } from "./preprocess.ts";
export type { PreprocessMode, PreprocessOptions } from "./preprocess.ts";
export { interpolations, resize } from "./resize.ts";
export type { Interpolation } from "./resize.ts";
