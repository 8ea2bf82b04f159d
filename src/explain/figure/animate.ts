/** @file Pictures one after another -> animated GIF files. */
import * as namespace from "gifenc";
import { ArgumentError, ShapeError, complaint, describe } from "../../base/errors.ts";
import { checkOptions } from "../../base/options.ts";
import { type Picture, checkPicture } from "../../models/images/picture.ts";

/** A CommonJS module that says it was an ES module: loaders disagree on where its exports are. */
const gifenc = (namespace as Partial<typeof namespace>).quantize ? namespace : namespace.default;

/** A picture and how long it stays. */
export interface Frame {
  readonly picture: Picture;
  /** Milliseconds, of which GIF keeps hundredths of a second: 100 unless given, 20 at least, since browsers slow faster ones down. */
  readonly delay?: number;
}

/** Options of `animate`. */
export interface AnimateOptions {
  /** How often the frames are shown: for ever unless given. */
  readonly repeat?: number;
}

/** Pixels that the palette is made from: more make it no better. */
const mostSamples = 2 ** 18;

/**
 * The bytes of an animated GIF file. All frames share the 256 colours that suit them best, so that nothing flickers that does not
 * change. Throws ShapeError for frames of different sizes, ArgumentError for none, and for delays that GIF cannot keep.
 */
export function animate(frames: readonly Frame[], options: AnimateOptions = {}): Uint8Array {
  checkOptions("animate", options, ["repeat"]);
  const { repeat = Infinity } = options;
  checkFrames(frames);
  if (!(repeat >= 1 && repeat <= 65_535 && Number.isInteger(repeat)) && repeat !== Infinity)
    throw new ArgumentError(complaint("animate: repeat", "1 to 65535", describe(repeat)));
  const { width, height } = frames[0]!.picture;
  const palette = gifenc.quantize(samples(frames), 256);
  const file = gifenc.GIFEncoder();
  for (const { picture, delay = 100 } of frames)
    file.writeFrame(gifenc.applyPalette(withAlpha(picture), palette), width, height, {
      palette,
      delay,
      // 0 is for ever, -1 once; else how often it is shown again.
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

/** Pixels of all frames, evenly. */
function samples(frames: readonly Frame[]): Uint8Array {
  const pixels = frames[0]!.picture.data.length / 3;
  // An odd step does not keep to the columns of pictures of common sizes.
  const step = Math.ceil((pixels * frames.length) / mostSamples) | 1;
  const rgba: number[] = [];
  for (let at = 0; at < pixels * frames.length; at += step) {
    const { data } = frames[Math.floor(at / pixels)]!.picture;
    const from = 3 * (at % pixels);
    rgba.push(data[from]!, data[from + 1]!, data[from + 2]!, 255);
  }
  return Uint8Array.from(rgba);
}
