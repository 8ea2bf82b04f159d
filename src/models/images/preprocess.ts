/** @file Pictures -> tensors, scaled and ordered as the networks of the published collections want them. */
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { count, either, kind, listOf } from "../../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../../base/options.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { tensor } from "../../ops/creation.ts";
import { type Picture, checkPicture } from "./picture.ts";
import { type PreprocessMode, pictureSpec } from "../options.ts";
import { resize } from "./resize.ts";

interface Scaling {
  /** Blue first. */
  readonly bgr?: boolean;
  /** The samples are divided by this first. */
  readonly by?: number;
  /** What is subtracted then, and divided by last, of each channel of the result. */
  readonly mean?: readonly [number, number, number];
  readonly deviation?: readonly [number, number, number];
}

/** Scalings of `preprocess_input` in Keras (keras/src/applications/imagenet_utils.py), and three plain ones. */
const scalings: Readonly<Record<PreprocessMode, Scaling>> = {
  caffe: { bgr: true, mean: [103.939, 116.779, 123.68] },
  tf: { by: 127.5, mean: [1, 1, 1] },
  torch: { by: 255, mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] },
  unit: { by: 255 },
  raw: {},
  "raw-bgr": { bgr: true },
};

const options = schema({
  ...pictureSpec,
  size: optional(
    either(count, listOf(count, { least: 2, most: 2 })),
    undefined,
    "Height and width that pictures are resized to, or one number for both. Otherwise they keep their size.",
  ),
  channels: optional(
    kind<1 | 3>("1 or 3", (given) => given === 1 || given === 3),
    3,
    '1 for networks that take grey pictures, with Pillow\'s convert("L"), in modes that treat all channels alike.',
  ),
});

/** Options of `preprocess`. */
export type PreprocessOptions = OptionsOf<typeof options.spec> & {
  readonly size?: number | readonly [height: number, width: number] | undefined;
};

/**
 * One picture or several of one size -> a float32 tensor [N, height, width, channels], the same bits as Keras' `load_img`, `img_to_array` and
 * `preprocess_input`. Throws ArgumentError for an unknown mode or impossible sizes, ShapeError for pictures of different sizes.
 */
export function preprocess(
  pictures: Picture | readonly Picture[],
  given: PreprocessOptions,
): Tensor {
  const { mode, size, interpolation, channels } = options.read("preprocess", given);
  checkChannels(channels, mode);
  const all = Array.isArray(pictures) ? (pictures as Picture[]) : [pictures as Picture];
  if (all.length === 0)
    throw new ArgumentError(complaint("preprocess", "a picture, or several", "none"));
  const [height, width] = typeof size === "number" ? [size, size] : (size ?? []);
  const list = all.map((picture) => {
    checkPicture("preprocess", picture);
    return size === undefined ? picture : resize(picture, width!, height!, interpolation);
  });
  const first = list[0]!;
  const other = list.find((p) => p.width !== first.width || p.height !== first.height);
  if (other !== undefined)
    throw new ShapeError(
      complaint(
        "preprocess",
        `pictures of ${first.width} x ${first.height} pixels like the first`,
        `${other.width} x ${other.height}`,
        "Give a size that all are resized to.",
      ),
    );
  const pixels = first.width * first.height;
  const elements = new Float32Array(list.length * pixels * channels);
  const { bgr = false } = scalings[mode];
  const table = levels(scalings[mode]);
  let to = 0;
  for (const { data } of list)
    for (let at = 0; at < 3 * pixels; at += 3)
      if (channels === 1) elements[to++] = table[greyOf(data, at)]!;
      else
        for (let c = 0; c < 3; c++)
          elements[to++] = table[256 * c + data[at + (bgr ? 2 - c : c)]!]!;
  return tensor(elements, { shape: [list.length, first.height, first.width, channels] });
}

function checkChannels(channels: number, mode: PreprocessMode): void {
  const { mean = [0], bgr = false } = scalings[mode];
  if (channels === 1 && (bgr || new Set(mean).size > 1))
    throw new ArgumentError(
      complaint(
        "preprocess: mode",
        "tf, unit or raw for a grey picture",
        describe(mode),
        "It treats each colour in its own way.",
      ),
    );
}

/** Luma of a pixel in 16 binary digits (ITU-R 601-2), as Pillow rounds it (libImaging/Convert.c: L24). */
function greyOf(data: Uint8Array, at: number): number {
  return (19_595 * data[at]! + 38_470 * data[at + 1]! + 7471 * data[at + 2]! + 0x8000) >> 16;
}

/** What each of the 256 levels becomes in each channel of the result, rounded to float32 after every operation as in numpy. */
function levels({ by = 1, mean = [0, 0, 0], deviation = [1, 1, 1] }: Scaling): Float32Array {
  const f = Math.fround;
  return Float32Array.from({ length: 3 * 256 }, (_, i) => {
    const [channel, level] = [i >> 8, i & 255];
    return f(f(f(level / by) - f(mean[channel]!)) / f(deviation[channel]!));
  });
}
