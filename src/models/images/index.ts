/** @file Pictures from files, and what networks take and give: decoding, resizing, preprocessing, names of classes. */
export { parseClassNames } from "./predictions.ts";
export { decodeImage } from "./load.ts";
export { encodePng } from "./png.ts";
export { loadImage } from "./load.ts";
export type { Picture } from "./picture.ts";
export { decodePredictions } from "./predictions.ts";
export type { DecodePredictionsOptions, Prediction } from "./predictions.ts";
export { interpolations, preprocessModes } from "../options.ts";
export type { Interpolation, PreprocessMode } from "../options.ts";
export { preprocess } from "./preprocess.ts";
export type { PreprocessOptions } from "./preprocess.ts";
export { resize } from "./resize.ts";
