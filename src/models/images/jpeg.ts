/** @file JPEG files -> pictures. */
import jpeg from "jpeg-js";
import { complaint } from "../../base/errors.ts";
import { FormatError } from "../errors.ts";
import { toRgb } from "./jpeg-colours.ts";
import { readJpegFile } from "./jpeg-file.ts";
import type { Picture } from "./picture.ts";

/**
 * Decodes a baseline or progressive JPEG file of grey, colour or CMYK samples. An orientation in its EXIF data is ignored, as Pillow
 * and Keras do. The standard leaves rounding open: samples differ from Pillow's by a level here and there.
 * Throws FormatError naming the place in the file.
 */
export function decodeJpeg(bytes: Uint8Array, name: string): Picture {
  const { components, isYcc, adobeAt } = readJpegFile(bytes, name);
  const isColour = components.length === 3;
  let source = bytes;
  if (isColour && adobeAt !== undefined) {
    // jpeg-js converts colours whenever it sees this marker; here that is done below.
    source = bytes.slice();
    source[adobeAt] = 0;
  }
  try {
    const { width, height, data } = jpeg.decode(source, {
      useTArray: true,
      formatAsRGBA: false,
      ...(isColour ? { colorTransform: false } : {}),
      maxMemoryUsageInMB: 1024,
    });
    if (isColour && isYcc) {
      const [luminance, ...differences] = components;
      const [blue, red] = differences.map(({ across, down }) => ({
        across: luminance!.across / across,
        down: luminance!.down / down,
      }));
      toRgb(data, width, height, [blue!, red!]);
    }
    return { width, height, data };
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new FormatError(
      complaint(
        name,
        "a JPEG that can be decoded",
        `"${reason}"`,
        reason.includes("maxMemoryUsage") ? "Make the picture smaller." : "Is it damaged?",
      ),
      { cause },
    );
  }
}
