// How figures look: one palette, one type face, one size.

/** Okabe and Ito's palette (2008), told apart under every common colour blindness; yellow left out, too pale for lines. */
export const palette: readonly string[] = [
  "#0072b2", // blue
  "#d55e00", // vermilion
  "#009e73", // bluish green
  "#aa4499", // reddish purple, darkened for lines
  "#e69f00", // orange
  "#3a9fd4", // sky blue, darkened for lines
  "#4d4d4d",
  "#882255",
];

export const ink = {
  text: "#1f2328",
  quiet: "#59636e",
  faint: "#d5dae0",
  field: "#a9b2bc",
  validation: "#f1f3f6",
  forecast: "#fdf5e6",
  paper: "#ffffff",
} as const;

/** Logical pixels; PNG files have twice as many. */
export const size = { width: 800, height: 450, font: 13, title: 17 } as const;

/** Zoom of PNG files: 1600 pixels wide. */
export const pngZoom = 2;

export const fontFamily = "Inter, system-ui, sans-serif";
