/**
 * @file The outlines of the classes as signed distances, negative inside and positive outside. Each encloses an area of 1
 * around the origin, so at equal size no class covers more pixels than another.
 */

/** Signed distance of a point from an outline, both in the outline's units. */
export type Outline = (x: number, y: number) => number;

type Point = readonly [x: number, y: number];

const root5 = Math.sqrt(5);
/** Cosine and sine of 0, 36, ..., 324 degrees, written with square roots so that every JavaScript engine gives the same bits. */
const tenths: readonly Point[] = (() => {
  const cos36 = (1 + root5) / 4;
  const cos72 = (root5 - 1) / 4;
  const sin36 = Math.sqrt(10 - 2 * root5) / 4;
  const sin72 = Math.sqrt(10 + 2 * root5) / 4;
  const half: Point[] = [
    [1, 0],
    [cos36, sin36],
    [cos72, sin72],
    [-cos72, sin72],
    [-cos36, sin36],
  ];
  return [...half, ...half.map(([x, y]): Point => [-x, -y])];
})();

/** Area and centroid of a simple polygon (Gauss's formula). */
function measure(points: readonly Point[]): { area: number; centre: Point } {
  let [twice, cx, cy] = [0, 0, 0];
  for (const [i, [x0, y0]] of points.entries()) {
    const [x1, y1] = points[(i + 1) % points.length]!;
    const cross = x0 * y1 - x1 * y0;
    twice += cross;
    cx += (x0 + x1) * cross;
    cy += (y0 + y1) * cross;
  }
  return { area: Math.abs(twice) / 2, centre: [cx / (3 * twice), cy / (3 * twice)] };
}

/** Exact signed distance from a polygon, moved to its centroid and scaled to area 1. */
function polygon(given: readonly Point[]): Outline {
  const { area, centre } = measure(given);
  const scale = 1 / Math.sqrt(area);
  const points = given.map(([x, y]): Point => [(x - centre[0]) * scale, (y - centre[1]) * scale]);
  return (x, y) => {
    let nearest = Infinity;
    let inside = false;
    for (let i = 0, j = points.length - 1; i < points.length; j = i++) {
      const [x0, y0] = points[j]!;
      const [x1, y1] = points[i]!;
      const [ex, ey, px, py] = [x1 - x0, y1 - y0, x - x0, y - y0];
      const along = Math.min(1, Math.max(0, (px * ex + py * ey) / (ex * ex + ey * ey)));
      const [dx, dy] = [px - along * ex, py - along * ey];
      nearest = Math.min(nearest, dx * dx + dy * dy);
      if (y0 > y !== y1 > y && px < (ex * py) / ey) inside = !inside;
    }
    return inside ? -Math.sqrt(nearest) : Math.sqrt(nearest);
  };
}

const disc =
  (radius: number, cx = 0): Outline =>
  (x, y) =>
    Math.sqrt((x - cx) * (x - cx) + y * y) - radius;

/** One outline minus another. The sign of the distance is exact, its size only away from where the two meet. */
const without =
  (whole: Outline, hole: Outline): Outline =>
  (x, y) =>
    Math.max(whole(x, y), -hole(x, y));

/** Radius of the disc of area 1. */
const unit = 1 / Math.sqrt(Math.PI);
/** Hole over outer radius. */
const ringHole = 0.5;
const ringRadius = unit / Math.sqrt(1 - ringHole * ringHole);
/**
 * A disc of radius 1 minus one of radius 0.8 whose centre is 0.6 away. 0.6, 0.8 and 1 form a right triangle, so the circles meet
 * above and below the small one's centre: half of the small disc is taken away, and a segment of the large one, acos(0.6) - 0.48.
 */
const crescentRadius = 1 / Math.sqrt(Math.PI - 0.32 * Math.PI - (0.927_295_218_001_612_2 - 0.48));

/** The classes, in the order of their labels. */
export const outlines: Readonly<Record<string, Outline>> = {
  circle: disc(unit),
  ring: without(disc(ringRadius), disc(ringRadius * ringHole)),
  crescent: without(disc(crescentRadius), disc(0.8 * crescentRadius, 0.6 * crescentRadius)),
  square: polygon([
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 1],
  ]),
  triangle: polygon([
    [0, 0],
    [2, 0],
    [1, Math.sqrt(3)],
  ]),
  cross: polygon([
    [1, 0],
    [2, 0],
    [2, 1],
    [3, 1],
    [3, 2],
    [2, 2],
    [2, 3],
    [1, 3],
    [1, 2],
    [0, 2],
    [0, 1],
    [1, 1],
  ]),
  star: polygon(tenths.map(([x, y], i): Point => (i % 2 === 0 ? [x, y] : [0.45 * x, 0.45 * y]))),
  arrow: polygon([
    [0, 1.2],
    [2.2, 1.2],
    [2.2, 0],
    [4.4, 1.9],
    [2.2, 3.8],
    [2.2, 2.6],
    [0, 2.6],
  ]),
};

/** Names of the eight classes, in the order of the labels. */
export const shapeNames: readonly string[] = Object.keys(outlines);
