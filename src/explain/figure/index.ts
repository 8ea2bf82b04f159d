/** @file Figures of maps: colours, overlays, panels side by side, animations. */
export { colourMaps } from "./colour-maps.ts";
export type { ColourMapName } from "./colour-maps.ts";
export type { HeatMap, Range } from "./heat-map.ts";
export { colourise, overlay } from "./overlay.ts";
export type { ColourOptions, OverlayOptions } from "./overlay.ts";
export { upsample, upsamplings } from "./upsample.ts";
export type { Upsampling } from "./upsample.ts";
