/** @file Pictures in memory: what decoders give, and resizing, preprocessing and figures take. */
import { ArgumentError, complaint, describe } from "../../base/errors.ts";

/** A picture of 8-bit red, green and blue samples. */
export interface Picture {
  /** Pixels from left to right. */
  readonly width: number;
  /** Pixels from top to bottom. */
  readonly height: number;
  /** Three samples per pixel, row by row from the top: `3 * width * height` of them. */
  readonly data: Uint8Array;
}

/** Most pixels of a picture: 2^26, above what any common camera takes. A small file can claim more than any memory holds. */
export const mostPixels: number = 2 ** 26;

/** Throws ArgumentError naming `who` unless the value is a picture whose data has the size it says. */
export function checkPicture(who: string, picture: Picture): void {
  const { width, height, data } = (picture ?? {}) as Partial<Picture>;
  checkSides(who, width!, height!);
  if (!(data instanceof Uint8Array) || data.length !== 3 * width! * height!)
    throw new ArgumentError(
      complaint(
        `${who}: data`,
        `a Uint8Array of ${3 * width! * height!} samples (3 for each of ${width} x ${height} pixels)`,
        data instanceof Uint8Array ? `${data.length} samples` : describe(data),
        data instanceof Uint8Array && data.length === 4 * width! * height!
          ? "Leave out the alpha samples."
          : undefined,
      ),
    );
}

/** Throws ArgumentError naming `who` unless a picture can have this width and height. */
export function checkSides(who: string, width: number, height: number): void {
  for (const [name, side] of [
    ["width", width],
    ["height", height],
  ] as const)
    if (!Number.isSafeInteger(side) || side < 1)
      throw new ArgumentError(
        complaint(`${who}: ${name}`, "a whole number of pixels, 1 or more", describe(side)),
      );
  if (width * height > mostPixels)
    throw new ArgumentError(complaint(who, `at most ${mostPixels} pixels`, `${width} x ${height}`));
}
