/** @file The public entrance of `adjoint/shapes`: a data set with known answers, and networks trained on it. */
import "../compile/evaluate.ts";
import "../ops/index.ts";

export { shapes } from "./dataset.ts";
export type { Shapes, ShapesOptions } from "./dataset.ts";
export { shapeNames } from "./outlines.ts";
export { shapesCnn, shapesOdeNet, trainedShapesNetwork } from "./networks.ts";
export type { ShapesOdeOptions } from "./networks.ts";
