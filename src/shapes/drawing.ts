/**
 * @file What pictures of the data set are drawn with: random numbers that follow from a seed and an index, a canvas of red, green
 * and blue from 0 to 1 that is painted through coverage, and the clutter around a shape.
 */
import { jit } from "../compile/jit.ts";
import { Tensor } from "../ir/tensor.ts";
import { random } from "../ops/index.ts";
import type { Outline } from "./outlines.ts";

/** A cursor over uniform random numbers in [0, 1). */
export class Draws {
  readonly #numbers: ArrayLike<number>;
  #next = 0;

  constructor(numbers: ArrayLike<number>) {
    this.#numbers = numbers;
  }

  /** Uniform in [from, to). */
  between(from: number, to: number): number {
    return from + (to - from) * this.#numbers[this.#next++]!;
  }

  /** An integer in [0, count). */
  pick(count: number): number {
    return Math.floor(this.between(0, count));
  }

  /** `count` numbers in [0, 1). */
  several(count: number): number[] {
    return Array.from({ length: count }, () => this.between(0, 1));
  }

  /**
   * Cosine and sine of an angle anywhere on the circle, without trigonometric functions: the rational parametrisation
   * ((1 - s^2) / (1 + s^2), 2 s / (1 + s^2)) of an eighth, mirrored. The density deviates from uniform by at most a sixth.
   */
  turn(): readonly [cos: number, sin: number] {
    const s = this.between(0, Math.SQRT2 - 1);
    const cos = (1 - s * s) / (1 + s * s);
    const sin = (2 * s) / (1 + s * s);
    const eighth = this.pick(8);
    const [x, y] = eighth % 2 === 0 ? [cos, sin] : [sin, cos];
    return [eighth & 2 ? -x : x, eighth & 4 ? -y : y];
  }
}

/** `count` numbers for each picture of a seed: the same for a seed and an index on every machine, whatever else is drawn. */
export function drawsOf(seed: number, count: number): (index: number) => Draws {
  const key = random.key(seed);
  const numbers = jit((index: Tensor) => random.uniform(random.foldIn(key, index), [count]));
  return (index) =>
    new Draws(
      numbers(new Tensor({ shape: [], dtype: "int32" }, Int32Array.of(index)))
        .elements as Float32Array,
    );
}

/** Red, green, blue. */
export type Colour = readonly [number, number, number];

/** How much of a pixel is painted, 0 to 1, by the coordinates of its centre. */
export type Coverage = (x: number, y: number) => number;

/** Position, size and rotation of an outline on the canvas. */
export interface Placement {
  readonly x: number;
  readonly y: number;
  /** Length of the outline's unit in pixels: the square root of the area it covers. */
  readonly size: number;
  readonly turn: readonly [cos: number, sin: number];
}

/** Signed distance in pixels from an outline that was moved, turned and scaled. */
export function placed(outline: Outline, { x, y, size, turn: [cos, sin] }: Placement): Outline {
  return (px, py) => {
    const [dx, dy] = [(px - x) / size, (py - y) / size];
    return size * outline(cos * dx + sin * dy, cos * dy - sin * dx);
  };
}

/** Antialiased edges: the share of a pixel that a straight edge at this distance from its centre covers. */
export const sharp =
  (distance: Outline): Coverage =>
  (x, y) =>
    Math.min(1, Math.max(0, 0.5 - distance(x, y)));

/** A square picture. */
export class Canvas {
  readonly size: number;
  /** [size, size, 3], row-major. */
  readonly values: Float64Array;

  constructor(size: number) {
    this.size = size;
    this.values = new Float64Array(3 * size * size);
  }

  /**
   * Calls `visit` for the pixels in the square of half side `radius` around a point, with their centres and indices into
   * `values`.
   */
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

  /** Blends a colour into the canvas with the opacity that `coverage` gives, which is 0 beyond `radius`. */
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

  /** [size, size, 3]: red, green and blue as whole numbers from 0 to 255. */
  bytes(): Uint8Array {
    return Uint8Array.from(this.values, (value) =>
      Math.round(255 * Math.min(1, Math.max(0, value))),
    );
  }
}

/** Cells along each side of the lattices that make up a texture. */
const octaves = [3, 6, 12];
const mostStrokes = 5;
const mostBlobs = 4;

/** An upper bound of the random numbers that clutter takes. */
export const clutterDraws: number =
  octaves.reduce((sum, cells) => sum + (cells + 1) * (cells + 1), 0) +
  12 * mostStrokes +
  12 * mostBlobs +
  32;

/** Value noise: values in [0, 1] that vary smoothly over a square, interpolated from random lattices at several scales. */
function texture(draws: Draws, size: number): (x: number, y: number) => number {
  const lattices = octaves.map((cells) => ({
    cells,
    values: draws.several((cells + 1) * (cells + 1)),
  }));
  const smooth = (t: number): number => t * t * (3 - 2 * t);
  return (x, y) => {
    let [sum, weight, total] = [0, 1, 0];
    for (const { cells, values } of lattices) {
      const [u, v] = [(x / size) * cells, (y / size) * cells];
      const [i, j] = [Math.min(cells - 1, Math.floor(u)), Math.min(cells - 1, Math.floor(v))];
      const [a, b] = [smooth(u - i), smooth(v - j)];
      const at = j * (cells + 1) + i;
      const upper = values[at]! * (1 - a) + values[at + 1]! * a;
      const lower = values[at + cells + 1]! * (1 - a) + values[at + cells + 2]! * a;
      sum += weight * (upper * (1 - b) + lower * b);
      total += weight;
      weight /= 1.6;
    }
    return sum / total;
  };
}

/** A random colour. */
export function randomColour(draws: Draws): Colour {
  return [draws.between(0, 1), draws.between(0, 1), draws.between(0, 1)];
}

/** A random colour that differs from another one by at most `reach` in red, green and blue. */
function near(draws: Draws, [r, g, b]: Colour, reach: number): Colour {
  const shift = (value: number): number =>
    Math.min(1, Math.max(0, value + draws.between(-reach, reach)));
  return [shift(r), shift(g), shift(b)];
}

/** The colour that lies `share` of the way from `a` to `b`. */
export const mix = (a: Colour, b: Colour, share: number): Colour => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
];

/**
 * Paints what a shape lies on: a textured ground, then blobs and strokes that say nothing about its class. Returns the ground's
 * mean colour.
 */
export function drawClutter(canvas: Canvas, draws: Draws): Colour {
  const { size } = canvas;
  const [one, grain] = [randomColour(draws), texture(draws, size)];
  const other = near(draws, one, 0.4);
  const whole = { x: size / 2, y: size / 2, radius: size };
  canvas.paint(
    whole,
    () => 1,
    (x, y) => mix(one, other, grain(x, y)),
  );
  const blobs = draws.pick(mostBlobs + 1);
  for (let i = 0; i < blobs; i++) drawBlob(canvas, draws);
  const strokes = draws.pick(mostStrokes + 1);
  for (let i = 0; i < strokes; i++) drawStroke(canvas, draws);
  return mix(one, other, 0.5);
}

/** A blob without an edge: its opacity is the square of a paraboloid over an ellipse. */
function drawBlob(canvas: Canvas, draws: Draws): void {
  const { size } = canvas;
  const [x, y] = [draws.between(0, size), draws.between(0, size)];
  const [a, b] = [draws.between(0.1, 0.3) * size, draws.between(0.1, 0.3) * size];
  const [cos, sin] = draws.turn();
  const tone = randomColour(draws);
  canvas.paint(
    { x, y, radius: Math.max(a, b) },
    (px, py) => {
      const [dx, dy] = [px - x, py - y];
      const [u, v] = [(cos * dx + sin * dy) / a, (cos * dy - sin * dx) / b];
      const height = Math.max(0, 1 - u * u - v * v);
      return 0.8 * height * height;
    },
    () => tone,
  );
}

/** A straight or bent stroke: a quadratic Bézier curve in eight straight pieces. */
function drawStroke(canvas: Canvas, draws: Draws): void {
  const { size } = canvas;
  const [x, y] = [draws.between(0, size), draws.between(0, size)];
  const reach = draws.between(0.15, 0.5) * size;
  const [cos, sin] = draws.turn();
  const bend = draws.between(-0.5, 0.5) * reach;
  const half = draws.between(0.5, 1.3);
  const tone = randomColour(draws);
  const pieces = 8;
  const points = Array.from({ length: pieces + 1 }, (_, i) => {
    const t = (2 * i) / pieces - 1;
    const [u, v] = [t * reach, bend * (1 - t * t)];
    return [x + cos * u - sin * v, y + sin * u + cos * v] as const;
  });
  const distance = (px: number, py: number): number => {
    let nearest = Infinity;
    for (let i = 0; i < pieces; i++) {
      const [[x0, y0], [x1, y1]] = [points[i]!, points[i + 1]!];
      const [ex, ey, dx, dy] = [x1 - x0, y1 - y0, px - x0, py - y0];
      const along = Math.min(1, Math.max(0, (dx * ex + dy * ey) / (ex * ex + ey * ey)));
      const [rx, ry] = [dx - along * ex, dy - along * ey];
      nearest = Math.min(nearest, rx * rx + ry * ry);
    }
    return Math.sqrt(nearest) - half;
  };
  canvas.paint({ x, y, radius: 1.2 * reach + 2 }, sharp(distance), () => tone);
}
