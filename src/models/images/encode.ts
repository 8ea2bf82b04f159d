/** @file Pictures -> PNG files. */
import { encode } from "fast-png";
import { type Picture, checkPicture } from "./picture.ts";

/** The picture as the bytes of a PNG file, the same for the same picture everywhere. */
export function encodePng(picture: Picture): Uint8Array {
  checkPicture("encodePng", picture);
  const { width, height, data } = picture;
  return encode({ width, height, data, channels: 3, depth: 8 });
}
