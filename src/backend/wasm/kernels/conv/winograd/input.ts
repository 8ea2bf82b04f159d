// Transformed images as operands of the products: all channels of a range of strips.
import { type ComputedConv, winogradForm } from "../../../../../ir/conv.ts";
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
  /** Alike but for where they lie; their channels follow each other. */
  readonly images: readonly Images[];
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

/** Every `fold`-th row or column of an image, from `first` on: how many there are, and how many before them are padding. */
function every(
  fold: number,
  phase: number,
  extent: number,
  before: number,
): { first: number; count: number; before: number } {
  const first = (((phase - before) % fold) + fold) % fold;
  return {
    first,
    count: Math.ceil((extent - first) / fold),
    before: (before - phase + first) / fold,
  };
}

/** The tiles that a convolution reads: one image for each place of a pixel among those folded into one. */
export function inputImages(work: ComputedConv): readonly Images[] {
  const { height, width, channels, top, left } = work.shape;
  const { fold, outputs, tile } = winogradForm(work);
  const phases = Array.from({ length: fold }, (_, phase) => phase);
  const pixel = channels * 4;
  return phases.flatMap((y) =>
    phases.map((x) => {
      const rows = every(fold, y, height, top);
      const columns = every(fold, x, width, left);
      return {
        height: rows.count,
        width: columns.count,
        channels,
        top: rows.before,
        left: columns.before,
        tiles: tilesOf(work),
        tile,
        step: outputs,
        first: (rows.first * width + columns.first) * pixel,
        bytes: { image: height * width * pixel, row: fold * width * pixel, pixel: fold * pixel },
      };
    }),
  );
}

/** The tiles of its result. */
export function outputImages(work: ComputedConv): readonly Images[] {
  const { outHeight, outWidth, filters } = work.shape;
  const { outputs, tile } = winogradForm(work);
  const pixel = filters * 4;
  return [
    {
      height: outHeight,
      width: outWidth,
      channels: filters,
      top: 0,
      left: 0,
      tiles: tilesOf(work),
      tile,
      step: outputs,
      first: 0,
      bytes: { image: outHeight * outWidth * pixel, row: outWidth * pixel, pixel },
    },
  ];
}

/** Steps in bytes: from tile to tile of a strip, from strip to strip, and to a number of vectors of channels. */
function steps(
  order: PlaneOrder,
  lines: number,
  depth: number,
): { tile: number; strip: number; vector: (index: number) => number } {
  switch (order) {
    case "tiles":
      return {
        tile: vectorBytes,
        strip: (depth / 4) * lineBytes,
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
  const channels = inVectors(images[0]!.channels);
  const step = steps(order, planes.lines, images.length * channels);
  forRange(fn, strip, to, 1, () => {
    const tile = scaled(fn, strip, stripTiles);
    images.forEach(({ first, ...each }, index) => {
      pointAt(fn, pixel, image);
      advance(fn, pixel, first);
      pointAt(fn, place, stripPlace);
      advance(fn, place, step.vector((index * channels) / 4));
      const moves = [
        [pixel, vectorBytes],
        [place, step.vector(gatherVectors) / gatherVectors],
      ] as const;
      forVectors(fn, each.channels, gatherVectors, moves, (widths) => {
        const vectors = widths.map((_, vector) => step.vector(vector));
        fn.get(tile);
        fn.get(pixel);
        fn.get(place);
        fn.get(scratch);
        fn.call(
          gatherFunction(module, {
            images: each,
            beyond,
            matrix,
            widths,
            target: { plane: planes.plane, tile: step.tile, vectors },
          }),
        );
      });
    });
    advance(fn, stripPlace, step.strip);
  });
}
