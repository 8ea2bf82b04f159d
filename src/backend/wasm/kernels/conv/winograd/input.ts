/**
 * @file Images transformed into operands of the products: tiles read with zeros around the image, and multiplied from
 * both sides by a constant matrix.
 */
import type { ComputedConv } from "../../../../../ir/conv.ts";
import type { FunctionBuilder, Local, WasmModule } from "../../../asm/index.ts";
import {
  copyOf,
  forRange,
  scaled,
  advance,
  pointAt,
  addScaled,
  divided,
  repeat,
  sharedFunction,
} from "../../flow.ts";
import {
  inVectors,
  lineBytes,
  panelFilters,
  stripTiles,
  tilesOf,
  vectorBytes,
  type Tiles,
} from "./layout.ts";
import { forVectors, gradientMatrix, inputMatrix, type Transform, Vectors } from "./matrices.ts";
import { winogradForm, largestTile } from "../../../target.ts";

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

// Tiles of an image, transformed: read with zeros around the image, multiplied from both sides by a constant matrix, spread
// over the planes.

/** Images of pixels at even distances. Tile (i, j) of one begins at row step i - top and column step j - left. */
export interface Images {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly top: number;
  readonly left: number;
  readonly tiles: Tiles;
  /** Side of a tile of inputs, and of its outputs: from tile to tile. */
  readonly tile: number;
  readonly step: number;
  /** Where the first pixel lies, in bytes. */
  readonly first: number;
  /** From image to image, from row to row, from pixel to pixel. */
  readonly bytes: { readonly image: number; readonly row: number; readonly pixel: number };
}

/** Where a strip's transformed numbers go, in bytes. */
export interface Target {
  /** From plane to plane. */
  readonly plane: number;
  /** From tile to tile of the strip. */
  readonly tile: number;
  /** From the first vector of channels to each other one. */
  readonly vectors: readonly number[];
}

export interface GatherSpec {
  /** The first pixel is where the function is told. */
  readonly images: Omit<Images, "first">;
  /** Whether tiles beyond the last one are asked for: they come out as zeros. */
  readonly beyond: boolean;
  /** Which matrix: B^T on tiles of inputs, or A on those of gradients. */
  readonly matrix: "input" | "gradient";
  /** Lanes in use of 1 to 4 vectors of channels that are taken at once: as many as `target.vectors`. */
  readonly widths: readonly number[];
  readonly target: Target;
}

/** Vectors of channels that a call takes: a cache line of a pixel. */
export const gatherVectors = 4;

/** Bytes of a strip's tiles transformed along one axis, with a line of zeros before. */
export const gatherScratch: number = lineBytes + largestTile * stripTiles * largestTile * lineBytes;

/**
 * A function (tile: number of the strip's first one; image, to, scratch: addresses) -> nothing. `image` is the address of
 * the first pixel's first channel of those to take, `scratch` that of `gatherScratch` bytes which begin with a line of
 * zeros.
 */
export function gatherFunction(module: WasmModule, spec: GatherSpec): FunctionBuilder {
  const name = `winograd_gather_${JSON.stringify(spec)}`;
  return sharedFunction(module, name, { params: ["i32", "i32", "i32", "i32"], results: [] }, (fn) =>
    new GatherEmitter(fn, spec).emit(),
  );
}

/** Writes the line of zeros that `gatherFunction` wants. */
export function clearGatherScratch(fn: FunctionBuilder, scratch: Local): void {
  for (let offset = 0; offset < lineBytes; offset += vectorBytes) {
    fn.get(scratch);
    fn.v128({ f32x4: [0, 0, 0, 0] });
    fn.store("v128.store", offset, 4);
  }
}

class GatherEmitter {
  readonly #fn: FunctionBuilder;
  readonly #spec: GatherSpec;
  readonly #vectors: Vectors;
  /** Rows and columns of what is read of a tile, and the matrix they are multiplied by. */
  readonly #side: number;
  readonly #matrix: Transform;
  readonly #tile: Local;
  readonly #image: Local;
  readonly #to: Local;
  readonly #scratch: Local;
  /** Row and column of the image's pixel where the tile begins. */
  readonly #row: Local;
  readonly #column: Local;
  readonly #pixel: Local;

  constructor(fn: FunctionBuilder, spec: GatherSpec) {
    this.#fn = fn;
    this.#spec = spec;
    this.#vectors = new Vectors(fn);
    const { tile, step } = spec.images;
    this.#side = spec.matrix === "input" ? tile : step;
    this.#matrix = spec.matrix === "input" ? inputMatrix(tile) : gradientMatrix(tile);
    this.#tile = fn.param(0);
    this.#image = fn.param(1);
    this.#to = fn.param(2);
    this.#scratch = fn.param(3);
    this.#row = fn.local("i32");
    this.#column = fn.local("i32");
    this.#pixel = fn.local("i32");
  }

  /** Bytes of a tile in scratch memory's row of tiles, and of that row. */
  get #tileBytes(): number {
    return this.#side * lineBytes;
  }

  get #rowBytes(): number {
    return stripTiles * this.#tileBytes;
  }

  emit(): void {
    const fn = this.#fn;
    const between = fn.local("i32");
    pointAt(fn, between, this.#scratch);
    repeat(fn, stripTiles, () => {
      this.#findTile();
      this.#downColumns(between);
      advance(fn, this.#tile, 1);
      advance(fn, between, this.#tileBytes);
    });
    this.#alongRows();
  }

  /** From the tile's number to its place. */
  #findTile(): void {
    const fn = this.#fn;
    const { tiles, top, left, step, bytes } = this.#spec.images;
    const across = divided(fn, this.#tile, tiles.columns);
    const down = divided(fn, across.quotient, tiles.rows);
    pointAt(fn, this.#row, scaled(fn, down.rest, step, -top));
    pointAt(fn, this.#column, scaled(fn, across.rest, step, -left));
    pointAt(fn, this.#pixel, this.#image);
    addScaled(fn, this.#pixel, down.quotient, bytes.image);
    addScaled(fn, this.#pixel, this.#row, bytes.row);
    addScaled(fn, this.#pixel, this.#column, bytes.pixel);
    if (!this.#spec.beyond) return;
    // Tiles that do not exist lie above the image.
    fn.i32(-largestTile);
    fn.get(this.#row);
    fn.get(this.#tile);
    fn.i32(tiles.count);
    fn.op("i32.ge_u");
    fn.select();
    fn.set(this.#row);
  }

  /** Transforms the tile's columns. */
  #downColumns(between: Local): void {
    const fn = this.#fn;
    const { height, width, bytes } = this.#spec.images;
    const [to, last] = [fn.local("i32"), this.#side - 1];
    const columns = (body: () => void): void => {
      pointAt(fn, to, between);
      repeat(fn, this.#side, () => {
        body();
        advance(fn, this.#pixel, bytes.pixel);
        advance(fn, to, lineBytes);
      });
    };
    // Unsigned comparison: what is left of or above the image is far to the right of or below it.
    const fits = (at: Local, extent: number): void => {
      fn.get(at);
      fn.i32(Math.max(0, extent - last));
      fn.op("i32.lt_u");
    };
    fits(this.#row, height);
    fits(this.#column, width);
    fn.op("i32.and");
    fn.if(
      () =>
        columns(() =>
          this.#downColumn((row) => ({ pointer: this.#pixel, offset: row * bytes.row }), to),
        ),
      () => {
        const rows = Array.from({ length: this.#side }, (_, row) => this.#exists(row));
        const column = fn.local("i32");
        pointAt(fn, column, this.#column);
        columns(() => {
          const pointers = rows.map((exists, row) => this.#pixelOrZeros(row, exists, column));
          this.#downColumn((row) => ({ pointer: pointers[row]!, offset: 0 }), to);
          advance(fn, column, 1);
        });
      },
    );
  }

  /** Whether a row of the tile lies in the image. */
  #exists(row: number): Local {
    const fn = this.#fn;
    const exists = fn.local("i32");
    fn.get(this.#row);
    fn.i32(row);
    fn.op("i32.add");
    fn.i32(this.#spec.images.height);
    fn.op("i32.lt_u");
    fn.set(exists);
    return exists;
  }

  #pixelOrZeros(row: number, exists: Local, column: Local): Local {
    const fn = this.#fn;
    const { width, bytes } = this.#spec.images;
    const pointer = fn.local("i32");
    fn.get(this.#pixel);
    fn.i32(row * bytes.row);
    fn.op("i32.add");
    fn.get(this.#scratch);
    fn.get(exists);
    fn.get(column);
    fn.i32(width);
    fn.op("i32.lt_u");
    fn.op("i32.and");
    fn.select();
    fn.set(pointer);
    return pointer;
  }

  #downColumn(at: (row: number) => { pointer: Local; offset: number }, to: Local): void {
    const v = this.#vectors;
    this.#spec.widths.forEach((width, vector) => {
      const column = Array.from({ length: this.#side }, (_, row) => {
        const { pointer, offset } = at(row);
        return v.load(pointer, offset + vector * vectorBytes, width);
      });
      this.#matrix(v, column).forEach((element, row) =>
        v.store(to, lineBytes + row * this.#rowBytes + vector * vectorBytes, element),
      );
    });
  }

  /** Transforms the rows that the columns' transforms left, into the planes. */
  #alongRows(): void {
    const fn = this.#fn;
    const v = this.#vectors;
    const { plane, tile, vectors } = this.#spec.target;
    const { tile: side } = this.#spec.images;
    const [from, planesOfRow, to] = [fn.local("i32"), this.#to, fn.local("i32")];
    pointAt(fn, from, this.#scratch);
    repeat(fn, side, () => {
      pointAt(fn, to, planesOfRow);
      repeat(fn, stripTiles, () => {
        vectors.forEach((vectorAt, vector) => {
          const row = Array.from({ length: this.#side }, (_, x) =>
            v.load(from, lineBytes + x * lineBytes + vector * vectorBytes),
          );
          this.#matrix(v, row).forEach((element, x) => v.store(to, x * plane + vectorAt, element));
        });
        advance(fn, from, this.#tileBytes);
        advance(fn, to, tile);
      });
      advance(fn, planesOfRow, side * plane);
    });
  }
}
