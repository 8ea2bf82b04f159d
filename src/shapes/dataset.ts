/**
 * @file A data set with known answers: a shape in clutter, its class and exactly which pixels it covers. Class, place, size,
 * rotation, colours, ground and clutter are drawn independently of one another, so only the outline tells the class.
 */
import { whole } from "../base/kinds.ts";
import { type OptionsOf, optional, required, schema } from "../base/options.ts";
import { Tensor } from "../ir/tensor.ts";
import { untraced } from "../ir/trace.ts";
import {
  Canvas,
  type Colour,
  type Draws,
  clutterDraws,
  drawClutter,
  drawsOf,
  mix,
  placed,
  randomColour,
  sharp,
} from "./drawing.ts";
import { outlines, shapeNames } from "./outlines.ts";

const declared = schema({
  count: required(whole(1), "Number of pictures."),
  from: optional(whole(0), 0, "Index of the first picture in the seed's endless sequence."),
  seed: optional(whole(0), 0, "Which sequence of pictures."),
  size: optional(whole(16), 64, "Rows, and columns, of a picture in pixels."),
});

/** Options of `shapes`. */
export type ShapesOptions = OptionsOf<typeof declared.spec>;

/** Pictures with known answers, as `fit` takes them. */
export type Shapes = {
  /** Red, green and blue, whole numbers from 0 to 255: float32 [count, size, size, 3]. */
  readonly x: Tensor;
  /** The class, an index into `shapeNames`: int32 [count]. */
  readonly y: Tensor;
  /** Whether the shape covers the pixel's centre: bool [count, size, size]. */
  readonly mask: Tensor;
};

/** The smallest difference between a shape's colour and its ground's mean, in at least one of red, green and blue. */
const contrast = 0.35;
/** Amplitude of the noise of single pixels. */
const grain = 0.06;

/**
 * Pictures of one shape each in clutter: `shapes({ count: 100, seed: 1 })`. Picture number `from + i` of a seed has the same bits
 * on every machine, whatever `from` and `count` are. Throws ArgumentError for options out of range.
 */
export function shapes(options: ShapesOptions): Shapes {
  const { count, from, seed, size } = declared.read("shapes", options);
  const pixels = size * size;
  const x = new Float32Array(count * pixels * 3);
  const y = new Int32Array(count);
  const mask = new Uint8Array(count * pixels);
  const draws = untraced(() => drawsOf(seed, 32 + clutterDraws + pixels));
  for (let i = 0; i < count; i++) {
    const picture = untraced(() => drawShape(draws(from + i), size));
    x.set(picture.bytes, i * pixels * 3);
    mask.set(picture.mask, i * pixels);
    y[i] = picture.label;
  }
  return {
    x: new Tensor({ shape: [count, size, size, 3], dtype: "float32" }, x),
    y: new Tensor({ shape: [count], dtype: "int32" }, y),
    mask: new Tensor({ shape: [count, size, size], dtype: "bool" }, mask),
  };
}

interface Picture {
  readonly bytes: Uint8Array;
  readonly mask: Uint8Array;
  readonly label: number;
}

function drawShape(draws: Draws, size: number): Picture {
  const canvas = new Canvas(size);
  const label = draws.pick(shapeNames.length);
  // The square root of the covered area. No outline reaches farther than 0.9 of it from its origin.
  const extent = draws.between(0.22, 0.38) * size;
  const radius = 0.9 * extent + 1;
  const margin = 0.9 * extent;
  const placement = {
    x: draws.between(margin, size - margin),
    y: draws.between(margin, size - margin),
    size: extent,
    turn: draws.turn(),
  };
  const [first, second] = [randomColour(draws), draws.between(-0.25, 0.25)];
  const shading = draws.turn();
  const ground = drawClutter(canvas, draws);
  const distance = placed(outlines[shapeNames[label]!]!, placement);
  const tone = apart(first, ground);
  const shade: Colour = second < 0 ? [0, 0, 0] : [1, 1, 1];
  canvas.paint({ ...placement, radius }, sharp(distance), (px, py) => {
    const along = (shading[0] * (px - placement.x) + shading[1] * (py - placement.y)) / radius;
    return mix(tone, shade, Math.abs(second) * (0.5 + 0.5 * along));
  });
  const mask = new Uint8Array(size * size);
  canvas.around(placement.x, placement.y, radius, (px, py, at) => {
    if (distance(px, py) < 0) mask[at / 3] = 1;
  });
  for (let pixel = 0; pixel < size * size; pixel++) {
    const noise = draws.between(-grain, grain);
    for (let c = 0; c < 3; c++) canvas.values[3 * pixel + c]! += noise;
  }
  return { bytes: canvas.bytes(), mask, label };
}

/** The colour, or one with r, g and b each moved by a half if it would not show on the ground. */
function apart(tone: Colour, ground: Colour): Colour {
  const shows = tone.some((value, c) => Math.abs(value - ground[c]!) >= contrast);
  const moved = (value: number): number => (value < 0.5 ? value + 0.5 : value - 0.5);
  return shows ? tone : [moved(tone[0]), moved(tone[1]), moved(tone[2])];
}
