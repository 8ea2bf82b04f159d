/** @file The passes of interlaced PNG files: pictures of some of the rows and columns, one after another. */

/** The size of a picture and what its samples are. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits a sample. */
  readonly depth: number;
  readonly channels: number;
  readonly interlaced: boolean;
}

/** Some of the rows and columns of a picture. */
export interface Pass {
  readonly x: number;
  readonly y: number;
  readonly stepX: number;
  readonly stepY: number;
  readonly columns: number;
  readonly rows: number;
  /** Bytes of its rows when decompressed, each with its filter's byte. */
  readonly bytes: number;
}

/** Column and row of the first pixel, and the steps between pixels, of the passes of an interlaced file. */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** The passes that a file consists of, without empty ones. */
export function passes({ width, height, depth, channels, interlaced }: PngHeader): Pass[] {
  return (interlaced ? adam7 : ([[0, 0, 1, 1]] as const))
    .map(([x, y, stepX, stepY]) => {
      const columns = Math.ceil((width - x) / stepX);
      const rows = Math.ceil((height - y) / stepY);
      const bytes = rows * (1 + Math.ceil((columns * depth * channels) / 8));
      return { x, y, stepX, stepY, columns, rows, bytes };
    })
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
}
