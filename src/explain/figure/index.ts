/** @file Figures of maps: colours, overlays, panels side by side, animations. */
export { animate } from "./animate.ts";
export type { AnimateOptions, Frame } from "./animate.ts";
export { colourMaps } from "./colour-maps.ts";
export type { ColourMapName } from "./colour-maps.ts";
export { figure } from "./figure.ts";
export type { FigureOptions } from "./figure.ts";
export type { HeatMap, Range } from "./heat-map.ts";
export { originalFigure } from "./original.ts";
export type { OriginalTitles } from "./original.ts";
export { colourise, overlay } from "./overlay.ts";
export type { ColourOptions, OverlayOptions } from "./overlay.ts";
export type { Panel } from "./panel.ts";
export { svgToPng } from "./raster.ts";
export type { RasterOptions, RasterParts } from "./raster.ts";
export { upsample, upsamplings } from "./upsample.ts";
export type { Upsampling } from "./upsample.ts";
