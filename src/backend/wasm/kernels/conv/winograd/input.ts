// Transformed images as operands of the products: all channels of a range of strips.
import type { ConvShape } from "../../../../../ir/conv.ts";
import type { FunctionBuilder, Local, WasmModule } from "../../../asm/index.ts";
import { copyOf, forRange, scaled } from "../../chunks.ts";
import { advance, pointAt } from "../../pointers.ts";
import { gatherFunction, gatherVectors, type Images } from "./gather.ts";
import { inVectors, lineBytes, panelFilters, stripTiles, tilesOf, vectorBytes } from "./layout.ts";
import { forVectors } from "./vectors.ts";

/** Planes in memory: bytes from one to the next, and how many tiles each has room for. */
export interface Planes {
  readonly plane: number;
  readonly lines: number;
}

/** How a plane's numbers follow each other, for tiles t and channels c. */
export type PlaneOrder =
  /** Left operand with a row a tile: [t / 4][c / 4][t % 4][c % 4]. */
  | "tiles"
  /** Left operand with a row a channel: [c / 4][t][c % 4]. */
  | "channels"
  /** Right operand with a column a channel: panels [c / 8][t][c % 8]. */
  | "panels";

export interface StripsSpec {
  readonly images: Images;
  readonly matrix: "input" | "gradient";
  readonly order: PlaneOrder;
  readonly planes: Planes;
  /** Whether some of the strips' tiles do not exist. */
  readonly beyond: boolean;
  /** Address of the images. */
  readonly image: Local;
  /** Number of the first strip, and that after the last. */
  readonly from: Local;
  readonly to: Local;
  /** Address of the first strip's place in the first plane. */
  readonly target: Local;
  /** Address of the scratch memory of `gatherFunction`, its line of zeros written. */
  readonly scratch: Local;
}

/** The tiles that a convolution reads. */
export function inputImages(shape: ConvShape): Images {
  const { height, width, channels, top, left } = shape;
  return { height, width, channels, top, left, tiles: tilesOf(shape) };
}

/** The tiles of its result. */
export function outputImages(shape: ConvShape): Images {
  const { outHeight, outWidth, filters } = shape;
  return {
    height: outHeight,
    width: outWidth,
    channels: filters,
    top: 0,
    left: 0,
    tiles: tilesOf(shape),
  };
}

/** Steps in bytes: from tile to tile of a strip, from strip to strip, and to a number of vectors of channels. */
function steps(
  order: PlaneOrder,
  lines: number,
  channels: number,
): { tile: number; strip: number; vector: (index: number) => number } {
  switch (order) {
    case "tiles":
      return {
        tile: vectorBytes,
        strip: (inVectors(channels) / 4) * lineBytes,
        vector: (index) => index * lineBytes,
      };
    case "channels":
      return {
        tile: vectorBytes,
        strip: lineBytes,
        vector: (index) => index * lines * vectorBytes,
      };
    case "panels": {
      const vectors = panelFilters / 4;
      return {
        tile: vectors * vectorBytes,
        strip: stripTiles * vectors * vectorBytes,
        vector: (index) =>
          Math.floor(index / vectors) * lines * vectors * vectorBytes +
          (index % vectors) * vectorBytes,
      };
    }
  }
}

/** Transforms all channels of the strips [from, to). */
export function gatherStrips(
  module: WasmModule,
  fn: FunctionBuilder,
  { images, matrix, order, planes, beyond, image, from, to, target, scratch }: StripsSpec,
): void {
  const [strip, stripPlace] = [copyOf(fn, from), copyOf(fn, target)];
  const [place, pixel] = [fn.local("i32"), fn.local("i32")];
  const { channels } = images;
  const step = steps(order, planes.lines, channels);
  forRange(fn, strip, to, 1, () => {
    const tile = scaled(fn, strip, stripTiles);
    pointAt(fn, pixel, image);
    pointAt(fn, place, stripPlace);
    const moves = [
      [pixel, vectorBytes],
      [place, step.vector(gatherVectors) / gatherVectors],
    ] as const;
    forVectors(fn, channels, gatherVectors, moves, (widths) => {
      const vectors = widths.map((_, vector) => step.vector(vector));
      fn.get(tile);
      fn.get(pixel);
      fn.get(place);
      fn.get(scratch);
      fn.call(
        gatherFunction(module, {
          images,
          beyond,
          matrix,
          widths,
          target: { plane: planes.plane, tile: step.tile, vectors },
        }),
      );
    });
    advance(fn, stripPlace, step.strip);
  });
}
