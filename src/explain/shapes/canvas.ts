/** @file A picture in the making: red, green and blue from 0 to 1, painted through coverage. */
import type { Outline } from "./outlines.ts";

/** Red, green, blue. */
export type Colour = readonly [number, number, number];

/** How much of a pixel is painted, 0 to 1, by the coordinates of its centre. */
export type Coverage = (x: number, y: number) => number;

/** Where and how an outline lies on the canvas. */
export interface Placement {
  readonly x: number;
  readonly y: number;
  /** Pixels that the outline's unit is long: the root of the area it covers. */
  readonly size: number;
  readonly turn: readonly [cos: number, sin: number];
}

/** Signed distance in pixels from an outline in its place. */
export function placed(outline: Outline, { x, y, size, turn: [cos, sin] }: Placement): Outline {
  return (px, py) => {
    const [dx, dy] = [(px - x) / size, (py - y) / size];
    return size * outline(cos * dx + sin * dy, cos * dy - sin * dx);
  };
}

/** Sharp edges a pixel wide: what an edge through the pixel at this distance from its centre covers, if it is straight. */
export const sharp =
  (distance: Outline): Coverage =>
  (x, y) =>
    Math.min(1, Math.max(0, 0.5 - distance(x, y)));

/** A square picture. */
export class Canvas {
  readonly size: number;
  /** Row-major, three values a pixel. */
  readonly values: Float64Array;

  constructor(size: number) {
    this.size = size;
    this.values = new Float64Array(3 * size * size);
  }

  /** Calls `visit` for the pixels whose centres lie within `radius` of a point, with the centre and the place in `values`. */
  around(
    x: number,
    y: number,
    radius: number,
    visit: (px: number, py: number, at: number) => void,
  ): void {
    const { size } = this;
    const from = (centre: number): number => Math.max(0, Math.floor(centre - radius));
    const to = (centre: number): number => Math.min(size, Math.ceil(centre + radius));
    for (let row = from(y); row < to(y); row++)
      for (let column = from(x); column < to(x); column++)
        visit(column + 0.5, row + 0.5, 3 * (row * size + column));
  }

  /** Paints a colour over what is there, as opaque as `coverage` says. `radius` bounds where it is not 0. */
  paint(
    { x, y, radius }: { readonly x: number; readonly y: number; readonly radius: number },
    coverage: Coverage,
    colourAt: (px: number, py: number) => Colour,
  ): void {
    this.around(x, y, radius, (px, py, at) => {
      const opacity = coverage(px, py);
      if (opacity === 0) return;
      const colour = colourAt(px, py);
      for (let c = 0; c < 3; c++)
        this.values[at + c] = this.values[at + c]! * (1 - opacity) + colour[c]! * opacity;
    });
  }

  /** Red, green and blue as whole numbers from 0 to 255. */
  bytes(): Uint8Array {
    return Uint8Array.from(this.values, (value) =>
      Math.round(255 * Math.min(1, Math.max(0, value))),
    );
  }
}
