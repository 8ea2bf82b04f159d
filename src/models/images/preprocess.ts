/** @file Pictures -> tensors, scaled and ordered as the networks of the published collections want them. */
import { ArgumentError, ShapeError, complaint } from "../../ir/errors.ts";
import { checkChoice, checkOptions } from "../../ir/options.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { tensor } from "../../ops/creation.ts";
import { type Picture, checkPicture } from "./picture.ts";
import { type Interpolation, resize } from "./resize.ts";

/** What becomes of samples of 0 to 255. */
export type PreprocessMode = "caffe" | "tf" | "torch" | "unit" | "raw" | "raw-bgr";

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

/** Every mode by name. */
export const preprocessModes: readonly PreprocessMode[] = Object.keys(scalings) as PreprocessMode[];

/** Options of `preprocess`. */
export interface PreprocessOptions {
  /**
   * `caffe`: blue, green, red, less their means in ImageNet (VGG, ResNet); `tf`: -1 to 1 (MobileNet, Inception); `torch`: 0 to 1,
   * standardised by ImageNet's means and deviations (DenseNet); `unit`: 0 to 1; `raw`: 0 to 255; `raw-bgr`: the same, blue first.
   */
  readonly mode: PreprocessMode;
  /** Height and width that pictures are resized to; a single number for both. As they are unless given. */
  readonly size?: number | readonly [height: number, width: number];
  /** How they are resized: "nearest" unless given, as Keras' `load_img`. */
  readonly interpolation?: Interpolation;
}

/**
 * One picture or several of one size -> a float32 tensor [N, height, width, 3], the same bits as Keras' `load_img`, `img_to_array` and
 * `preprocess_input`. Throws ArgumentError for an unknown mode or impossible sizes, ShapeError for pictures of different sizes.
 */
export function preprocess(
  pictures: Picture | readonly Picture[],
  options: PreprocessOptions,
): Tensor {
  checkOptions("preprocess", options, ["mode", "size", "interpolation"]);
  const { mode, size, interpolation } = options;
  checkChoice("preprocess: mode", mode, preprocessModes);
  const given = Array.isArray(pictures) ? (pictures as Picture[]) : [pictures as Picture];
  if (given.length === 0)
    throw new ArgumentError(complaint("preprocess", "a picture, or several", "none"));
  const [height, width] = typeof size === "number" ? [size, size] : (size ?? []);
  const list = given.map((picture) => {
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
  const samples = first.data.length;
  const elements = new Float32Array(list.length * samples);
  const { bgr = false } = scalings[mode];
  const table = levels(scalings[mode]);
  for (const [index, { data }] of list.entries())
    for (let at = 0; at < samples; at += 3)
      for (let c = 0; c < 3; c++)
        elements[index * samples + at + c] = table[256 * c + data[at + (bgr ? 2 - c : c)]!]!;
  return tensor(elements, { shape: [list.length, first.height, first.width, 3] });
}

/** What each of the 256 levels becomes in each channel of the result, rounded to float32 after every operation as in numpy. */
function levels({ by = 1, mean = [0, 0, 0], deviation = [1, 1, 1] }: Scaling): Float32Array {
  const f = Math.fround;
  return Float32Array.from({ length: 3 * 256 }, (_, i) => {
    const [channel, level] = [i >> 8, i & 255];
    return f(f(f(level / by) - f(mean[channel]!)) / f(deviation[channel]!));
  });
}
