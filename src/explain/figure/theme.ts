/** @file How figures of maps look: light, one type face, few sizes. */

export const ink = {
  text: "#1f2328",
  quiet: "#59636e",
  line: "#a9b2bc",
  warning: "#b35900",
  paper: "#ffffff",
} as const;

/** Type sizes in logical pixels; files in pixels have twice as many. */
export const type = { title: 17, text: 13, small: 12 } as const;

export const fontFamily = "Inter, system-ui, sans-serif";
