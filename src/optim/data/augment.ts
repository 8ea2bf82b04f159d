/**
 * @file Augmentation: images changed at random, each in its own way, so that a network never sees the same picture twice. Pixels
 * move by copying rows of plain typed arrays, which no compiled program does faster.
 */
import { allocate } from "../../ir/dtype.ts";
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { finite, flag, whole } from "../../base/kinds.ts";
import { type OptionsOf, optional, required, schema } from "../../base/options.ts";
import { formatShape } from "../../ir/shape.ts";
import { Tensor, concreteElements } from "../../ir/tensor.ts";
import { untraced } from "../../ir/trace.ts";
import { pair } from "../../nn/kinds.ts";
import { requireTensor } from "../../ops/bind.ts";
import { random } from "../../ops/index.ts";

/** From images [N, H, W, C] and a random key to images [N, H', W', C]. The same key gives the same bits on every machine. */
export type Augmentation = (images: Tensor, key: Tensor) => Tensor;

/**
 * Several augmentations one after another as one, each with a key of its own. Throws ArgumentError for what is not a function.
 */
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

const flipSchema = schema({
  horizontal: optional(flag, true, "Whether images may be mirrored left to right."),
  vertical: optional(flag, false, "Whether images may be mirrored top to bottom."),
});

/** Each image mirrored, or not, with equal chance. Throws ArgumentError for options out of range. */
export function randomFlip(options: OptionsOf<typeof flipSchema.spec> = {}): Augmentation {
  const { horizontal, vertical } = flipSchema.read("randomFlip", options);
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

const fillOption = optional(finite, 0, "The value of pixels outside the image.");

const cropSchema = schema({
  size: required(pair(1), "Rows and columns of the part: one number for a square."),
  padding: optional(whole(0), 0, "Number of pixels of `fill` laid around the image first."),
  fill: fillOption,
});

/** Options of `randomCrop`. */
export type RandomCropOptions = OptionsOf<typeof cropSchema.spec>;

/**
 * From each image a part of the given size, at a random place of the image with `padding` pixels of `fill` around it. Throws
 * ArgumentError for options out of range, and ShapeError for smaller images.
 */
export function randomCrop(options: RandomCropOptions): Augmentation {
  const { size, padding, fill } = cropSchema.read("randomCrop", options);
  const [rows, columns] = size;
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
    const top = draws(fold(key, 0), [n], spareRows + 1);
    const left = draws(fold(key, 1), [n], spareColumns + 1);
    const to = allocate(images.dtype, n * rows * columns * c);
    for (let image = 0; image < n; image++)
      copyPart(
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

const shiftSchema = schema({
  rows: optional(whole(0), 2, "Most pixels up or down."),
  columns: optional(whole(0), 2, "Most pixels left or right."),
  fill: fillOption,
});

/** Each image moved at random; pixels that come from outside the image are `fill`. Throws ArgumentError for options out of range. */
export function randomShift(options: OptionsOf<typeof shiftSchema.spec> = {}): Augmentation {
  const { rows, columns, fill } = shiftSchema.read("randomShift", options);
  return (images, key) => {
    const { n, h, w, c, from } = imagesOf("randomShift", images);
    const down = draws(fold(key, 0), [n], 2 * rows + 1);
    const right = draws(fold(key, 1), [n], 2 * columns + 1);
    const to = allocate(images.dtype, from.length);
    for (let image = 0; image < n; image++)
      copyPart(
        from,
        to,
        image,
        [h, w, c],
        [h, w],
        down[image]! - rows,
        right[image]! - columns,
        fill,
      );
    return new Tensor(images, to);
  };
}

type Elements = ReturnType<typeof allocate>;

/** Copies the part of one image whose upper left corner is at (top, left), which may lie outside the image. */
function copyPart(
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

/** Integers in [0, most), one for each element of the shape. */
function draws(key: Tensor, shape: readonly number[], most: number): Int32Array {
  return untraced(() => random.randint(key, shape, { max: most }).data() as Int32Array);
}

function fold(key: Tensor, index: number): Tensor {
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
