/** @file Pictures of other sizes, equal to Pillow's (version 13) to the bit. */
import { checkChoice } from "../../base/options.ts";
import { type Picture, checkPicture, checkSides } from "./picture.ts";
import { type Filter, resampleColumns, resampleRows } from "./resample.ts";

/** How pixels between pixels are found. */
export type Interpolation = "nearest" | "box" | "bilinear" | "bicubic";

/** Filters by name; Keys' cubic convolution (1981) with a = -1/2. */
export const filters: Readonly<Record<Exclude<Interpolation, "nearest">, Filter>> = {
  box: { support: 0.5, weigh: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weigh: (x) => Math.max(1 - Math.abs(x), 0) },
  bicubic: {
    support: 2,
    weigh(x) {
      const a = -0.5;
      const d = Math.abs(x);
      if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
      return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
    },
  },
};

/** Every way of resizing by name. */
export const interpolations: readonly string[] = ["nearest", ...Object.keys(filters)];

/**
 * The picture with other numbers of columns and rows, its aspect ratio given up, as `Image.resize` of Pillow and `load_img` of Keras
 * make it: the same bits. "nearest" picks the pixel under each new pixel's centre; the others average over all pixels that a
 * new pixel covers (antialiasing), in Pillow 13's order of columns and rows (before 13, tall pictures differ by a level). Throws ArgumentError for sizes that are not whole and positive, or unknown interpolations.
 */
export function resize(
  picture: Picture,
  width: number,
  height: number,
  interpolation: Interpolation = "nearest",
): Picture {
  checkPicture("resize", picture);
  checkSides("resize", width, height);
  checkChoice("resize: interpolation", interpolation, interpolations);
  if (interpolation === "nearest") return pick(picture, width, height);
  const filter = filters[interpolation];
  const passes = [
    (p: Picture) => (p.width === width ? p : resampleColumns(p, width, filter)),
    (p: Picture) => (p.height === height ? p : resampleRows(p, height, filter)),
  ];
  // Pillow's rule since version 13: rows first where many more of them than of the columns go.
  const lost = picture.height - height;
  if (lost > 0 && lost > 2 * (picture.width - width)) passes.reverse();
  const done = passes.reduce((p, pass) => pass(p), picture);
  return done === picture ? { ...picture, data: picture.data.slice() } : done;
}

/** The source position of each of `size` pixels; sums of steps rather than products, for Pillow's rounding. */
function positions(sourceSize: number, size: number): number[] {
  const step = sourceSize / size;
  let at = step * 0.5;
  return Array.from({ length: size }, () => {
    const found = Math.trunc(at);
    at += step;
    return found;
  });
}

function pick(picture: Picture, width: number, height: number): Picture {
  const data = new Uint8Array(3 * width * height);
  const columns = positions(picture.width, width);
  let to = 0;
  for (const row of positions(picture.height, height))
    for (const column of columns) {
      const from = 3 * (row * picture.width + column);
      data[to++] = picture.data[from]!;
      data[to++] = picture.data[from + 1]!;
      data[to++] = picture.data[from + 2]!;
    }
  return { width, height, data };
}
