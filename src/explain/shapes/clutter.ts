/** @file What a shape lies on: a textured ground, and strokes and blobs that say nothing about its class. */
import { type Canvas, type Colour, sharp } from "./canvas.ts";
import type { Draws } from "./draws.ts";

/** Random numbers that `texture` takes for octaves of these many cells. */
const octaves = [3, 6, 12];
const mostStrokes = 5;
const mostBlobs = 4;

/** Random numbers that all of the clutter takes at most, grain aside. */
export const clutterDraws: number =
  octaves.reduce((sum, cells) => sum + (cells + 1) * (cells + 1), 0) +
  12 * mostStrokes +
  12 * mostBlobs +
  32;

/** Values in [0, 1] that vary smoothly over a square: lattices of random numbers at several scales (value noise). */
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
export function colour(draws: Draws): Colour {
  return [draws.between(0, 1), draws.between(0, 1), draws.between(0, 1)];
}

/** A colour near another one. */
function near(draws: Draws, [r, g, b]: Colour, reach: number): Colour {
  const shift = (value: number): number =>
    Math.min(1, Math.max(0, value + draws.between(-reach, reach)));
  return [shift(r), shift(g), shift(b)];
}

export const mix = (a: Colour, b: Colour, share: number): Colour => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
];

/** Paints the ground, blobs and strokes. Gives the mean colour of the ground. */
export function drawClutter(canvas: Canvas, draws: Draws): Colour {
  const { size } = canvas;
  const [one, grain] = [colour(draws), texture(draws, size)];
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

/** A lump without an edge: the square of a paraboloid over an ellipse. */
function drawBlob(canvas: Canvas, draws: Draws): void {
  const { size } = canvas;
  const [x, y] = [draws.between(0, size), draws.between(0, size)];
  const [a, b] = [draws.between(0.1, 0.3) * size, draws.between(0.1, 0.3) * size];
  const [cos, sin] = draws.turn();
  const tone = colour(draws);
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

/** A straight or bent line: a quadratic Bézier curve in eight pieces. */
function drawStroke(canvas: Canvas, draws: Draws): void {
  const { size } = canvas;
  const [x, y] = [draws.between(0, size), draws.between(0, size)];
  const reach = draws.between(0.15, 0.5) * size;
  const [cos, sin] = draws.turn();
  const bend = draws.between(-0.5, 0.5) * reach;
  const half = draws.between(0.5, 1.3);
  const tone = colour(draws);
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
