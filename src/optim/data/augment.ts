/**
 * @file Augmentation: images changed at random, each in its own way, so that a network sees none of them twice. Pixels are moved
 * by copying rows of plain typed arrays, which no compiled program does faster.
 */
import { allocate } from "../../ir/dtype.ts";
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import { formatShape } from "../../ir/shape.ts";
import { Tensor, concreteElements } from "../../ir/tensor.ts";
import { untraced } from "../../ir/trace.ts";
import { requireTensor } from "../../ops/bind.ts";
import { random } from "../../ops/index.ts";
import { checkWhole } from "./batches.ts";

/** Images [N, H, W, C] and a random key to images [N, H', W', C]. The same key gives the same bits on every machine. */
export type Augmentation = (images: Tensor, key: Tensor) => Tensor;

/** Several augmentations one after another, each with a key of its own. */
export function augmentations(...steps: readonly Augmentation[]): Augmentation {
  for (const [index, step] of steps.entries())
    if (typeof step !== "function")
      throw new ArgumentError(
        complaint(`augmentations: argument ${index}`, "an augmentation", describe(step)),
      );
  return (images, key) =>
    steps.reduce(
      (changed, step, index) =>
        step(
          changed,
          untraced(() => random.foldIn(key, index)),
        ),
      images,
    );
}

/** Each image mirrored, or not, with equal chance: left to right (unless `horizontal` is false), top to bottom (if `vertical`). */
export function randomFlip(
  options: { readonly horizontal?: boolean; readonly vertical?: boolean } = {},
): Augmentation {
  checkOptions("randomFlip", options, ["horizontal", "vertical"]);
  const { horizontal = true, vertical = false } = options;
  return (images, key) => {
    const { n, h, w, c, from } = imagesOf("randomFlip", images);
    const coins = draws(key, [n, 2], 2);
    const to = allocate(images.dtype, from.length);
    const line = w * c;
    for (let image = 0; image < n; image++) {
      const across = horizontal && coins[2 * image] === 1;
      const over = vertical && coins[2 * image + 1] === 1;
      for (let row = 0; row < h; row++) {
        const source = (image * h + (over ? h - 1 - row : row)) * line;
        const target = (image * h + row) * line;
        if (!across) to.set(from.subarray(source, source + line), target);
        else
          for (let column = 0; column < w; column++)
            for (let channel = 0; channel < c; channel++)
              to[target + column * c + channel] = from[source + (w - 1 - column) * c + channel]!;
      }
    }
    return new Tensor(images, to);
  };
}

/** Options of `randomCrop`. */
export interface RandomCropOptions {
  /** Rows and columns of the part: one number for a square. */
  readonly size: number | readonly [rows: number, columns: number];
  /** Pixels of `fill` laid around the image before: 0 unless given. */
  readonly padding?: number;
  /** 0 unless given. */
  readonly fill?: number;
}

/** Of each image a part of the given size, from a random place of the image with `padding` pixels of `fill` around it. */
export function randomCrop(options: RandomCropOptions): Augmentation {
  checkOptions("randomCrop", options, ["size", "padding", "fill"]);
  const { size, padding = 0, fill = 0 } = options;
  const [rows, columns] = typeof size === "number" ? [size, size] : size;
  checkWhole("randomCrop: size", rows, 1);
  checkWhole("randomCrop: size", columns, 1);
  checkWhole("randomCrop: padding", padding, 0);
  return (images, key) => {
    const { n, h, w, from, c } = imagesOf("randomCrop", images);
    const [spareRows, spareColumns] = [h + 2 * padding - rows, w + 2 * padding - columns];
    if (spareRows < 0 || spareColumns < 0)
      throw new ShapeError(
        complaint(
          "randomCrop",
          `images of at least ${rows - 2 * padding} x ${columns - 2 * padding} pixels`,
          formatShape(images.shape),
        ),
      );
    const top = draws(split(key, 0), [n], spareRows + 1);
    const left = draws(split(key, 1), [n], spareColumns + 1);
    const to = allocate(images.dtype, n * rows * columns * c);
    for (let image = 0; image < n; image++)
      cut(
        from,
        to,
        image,
        [h, w, c],
        [rows, columns],
        top[image]! - padding,
        left[image]! - padding,
        fill,
      );
    return new Tensor({ shape: [n, rows, columns, c], dtype: images.dtype }, to);
  };
}

/** Each image moved by up to `rows` pixels up or down and `columns` left or right (2 unless given), `fill` (0) where nothing is left. */
export function randomShift(
  options: { readonly rows?: number; readonly columns?: number; readonly fill?: number } = {},
): Augmentation {
  checkOptions("randomShift", options, ["rows", "columns", "fill"]);
  const { rows = 2, columns = 2, fill = 0 } = options;
  checkWhole("randomShift: rows", rows, 0);
  checkWhole("randomShift: columns", columns, 0);
  return (images, key) => {
    const { n, h, w, c, from } = imagesOf("randomShift", images);
    const down = draws(split(key, 0), [n], 2 * rows + 1);
    const right = draws(split(key, 1), [n], 2 * columns + 1);
    const to = allocate(images.dtype, from.length);
    for (let image = 0; image < n; image++)
      cut(from, to, image, [h, w, c], [h, w], down[image]! - rows, right[image]! - columns, fill);
    return new Tensor(images, to);
  };
}

type Elements = ReturnType<typeof allocate>;

/** Copies of one image the part whose upper left corner is at (top, left), which may lie outside. */
function cut(
  from: Elements,
  to: Elements,
  image: number,
  [h, w, c]: readonly [number, number, number],
  [rows, columns]: readonly [number, number],
  top: number,
  left: number,
  fill: number,
): void {
  const first = Math.max(0, -left);
  const last = Math.max(first, Math.min(columns, w - left));
  for (let row = 0; row < rows; row++) {
    const target = (image * rows + row) * columns * c;
    const y = top + row;
    const inside = y >= 0 && y < h;
    if (fill !== 0) to.fill(fill, target, target + columns * c);
    if (!inside || last === first) continue;
    const source = ((image * h + y) * w + left + first) * c;
    to.set(from.subarray(source, source + (last - first) * c), target + first * c);
  }
}

/** Integers in [0, count), one for each place. */
function draws(key: Tensor, shape: readonly number[], count: number): Int32Array {
  return untraced(() => random.randint(key, shape, { max: count }).data() as Int32Array);
}

function split(key: Tensor, index: number): Tensor {
  return untraced(() => random.foldIn(key, index));
}

interface Images {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly c: number;
  readonly from: Elements;
}

function imagesOf(who: string, images: Tensor): Images {
  requireTensor(who, images);
  if (images.rank !== 4)
    throw new ShapeError(complaint(who, "images [N, H, W, C]", formatShape(images.shape)));
  const [n, h, w, c] = images.shape as [number, number, number, number];
  return { n, h, w, c, from: concreteElements(images, who) };
}
