/** @file Animated GIF files of pictures. */
import * as namespace from "gifenc";
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { either, kind, whole } from "../../base/kinds.ts";
import { type OptionsOf, optional, schema } from "../../base/options.ts";
import { type Picture, checkPicture } from "../../models/images/picture.ts";

/** A CommonJS module that calls itself an ES module: loaders disagree on where its exports are. */
const gifenc = (namespace as Partial<typeof namespace>).quantize ? namespace : namespace.default;

/** A picture and how long it is shown. */
export interface Frame {
  readonly picture: Picture;
  /**
   * Milliseconds, rounded to the hundredths of a second that GIF knows: 100 unless given, at least 20 because browsers slow
   * down faster ones.
   */
  readonly delay?: number;
}

const declared = schema({
  repeat: optional(
    either(
      whole(1, 65_535),
      kind<number>("Infinity", (given) => given === Infinity),
    ),
    Infinity,
    "How many times the frames are shown.",
  ),
});

/** Options of `animate`. */
export type AnimateOptions = OptionsOf<typeof declared.spec>;

/** Number of pixels that the palette is made from. More do not improve it. */
const mostSamples = 2 ** 18;

/**
 * The bytes of an animated GIF file. All frames share the 256 colours that suit them best, so that nothing flickers that does
 * not change. Throws ShapeError for frames of different sizes, ArgumentError for an empty list and for delays or sizes that GIF
 * cannot represent.
 */
export function animate(frames: readonly Frame[], options: AnimateOptions = {}): Uint8Array {
  const { repeat } = declared.read("animate", options);
  checkFrames(frames);
  const { width, height } = frames[0]!.picture;
  const palette = gifenc.quantize(samples(frames), 256);
  const file = gifenc.GIFEncoder();
  for (const { picture, delay = 100 } of frames)
    file.writeFrame(gifenc.applyPalette(withAlpha(picture), palette), width, height, {
      palette,
      delay,
      // 0 means for ever, -1 once, any other number how many times it is shown again.
      repeat: repeat === Infinity ? 0 : repeat === 1 ? -1 : repeat - 1,
    });
  file.finish();
  return file.bytes();
}

function checkFrames(frames: readonly Frame[]): void {
  if (frames.length === 0)
    throw new ArgumentError(complaint("animate", "one frame or more", "none"));
  const first = frames[0]!.picture;
  for (const [index, { picture, delay = 100 }] of frames.entries()) {
    checkPicture(`animate: frame ${index}`, picture);
    if (picture.width !== first.width || picture.height !== first.height)
      throw new ShapeError(
        complaint(
          `animate: frame ${index}`,
          `${first.width} x ${first.height} pixels like the first`,
          `${picture.width} x ${picture.height}`,
        ),
      );
    if (!(delay >= 20 && delay <= 655_350))
      throw new ArgumentError(
        complaint(`animate: frame ${index}`, "a delay of 20 to 655350 ms", describe(delay)),
      );
  }
  if (first.width > 65_535 || first.height > 65_535)
    throw new ArgumentError(
      complaint("animate", "sides of at most 65535 pixels", `${first.width} x ${first.height}`),
    );
}

function withAlpha({ data }: Picture): Uint8Array {
  const rgba = new Uint8Array((data.length / 3) * 4).fill(255);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4)
    rgba.set(data.subarray(from, from + 3), to);
  return rgba;
}

/** Evenly spaced pixels of all frames. */
function samples(frames: readonly Frame[]): Uint8Array {
  const pixels = frames[0]!.picture.data.length / 3;
  // An odd step does not stay in the same columns of pictures of common sizes.
  const step = Math.ceil((pixels * frames.length) / mostSamples) | 1;
  const rgba: number[] = [];
  for (let at = 0; at < pixels * frames.length; at += step) {
    const { data } = frames[Math.floor(at / pixels)]!.picture;
    const from = 3 * (at % pixels);
    rgba.push(data[from]!, data[from + 1]!, data[from + 2]!, 255);
  }
  return Uint8Array.from(rgba);
}
