/** @file The data set `shapes`, its networks and their weights. */
export { shapes } from "./dataset.ts";
export type { Shapes, ShapesOptions } from "./dataset.ts";
export { shapeNames } from "./outlines.ts";
export { shapesCnn, shapesOdeNet } from "./networks.ts";
export type { ShapesOdeOptions } from "./networks.ts";
export { trainedShapesNetwork } from "./trained.ts";
