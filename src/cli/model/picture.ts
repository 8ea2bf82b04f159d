// A picture as a network's input: which size, which channels, which scaling.
import type { Tensor } from "../../index.ts";
import {
  type Interpolation,
  type LoadedModel,
  type Picture,
  type PreprocessMode,
  architectures,
  loadImage,
  preprocess,
} from "../../models/index.ts";
import { UsageError, WorkError } from "../errors.ts";
import { type Opened, checkFile } from "./open.ts";

/** How pixels become input, and how that is known. */
export interface Preprocessing {
  readonly mode: PreprocessMode;
  /** Undefined where it was said, or belongs to the network. */
  readonly guess?: string;
}

/** The scaling that a network wants: said, its architecture's, or what the names and first layers of a file tell, else none. */
export function preprocessingOf(
  { model, architecture }: Opened,
  file: string,
  said: PreprocessMode | undefined,
): Preprocessing {
  if (said !== undefined) return { mode: said };
  if (architecture !== undefined) return { mode: architecture.preprocess };
  const names = [...file.split(/[\\/]/).slice(-2), model.name ?? ""].map((name) =>
    name.toLowerCase().replaceAll(/[^a-z\d]/g, ""),
  );
  const named = architectures
    .toSorted((a, b) => b.name.length - a.name.length)
    .find((known) => names.some((name) => name.includes(known.name.toLowerCase())));
  if (named !== undefined)
    return { mode: named.preprocess, guess: `as for ${named.name}, which its name says it is` };
  const first = model.layers.slice(0, 3) as readonly { readonly kind?: string }[];
  if (first.some(({ kind }) => kind === "rescaling" || kind === "normalization"))
    return { mode: "raw", guess: "it scales its input itself" };
  return { mode: "raw", guess: "nothing says what it wants" };
}

/**
 * The picture in a file.
 * @throws WorkError for what is not there, FormatError for what is no picture
 */
export async function readPicture(path: string): Promise<Picture> {
  await checkFile(path);
  return loadImage(path);
}

/**
 * A picture as the network's input, [1, rows, columns, channels].
 * @throws WorkError for networks that take no pictures, UsageError for scalings that they cannot have
 */
export function inputOf(
  picture: Picture,
  { model }: Opened,
  mode: PreprocessMode,
  interpolation: Interpolation,
): Tensor {
  const [rows, columns, channels] = inputShapeOf(model);
  if (channels === 1 && !["raw", "unit", "tf"].includes(mode))
    throw new UsageError(
      `--preprocess ${mode} is for three channels, and the network takes one; use raw, unit or tf`,
    );
  return preprocess(picture, { mode, size: [rows, columns], interpolation, channels });
}

/** Rows, columns and channels of the pictures that a network takes. */
export function inputShapeOf({ inputShape }: LoadedModel): readonly [number, number, 1 | 3] {
  const shape: readonly unknown[] = inputShape ?? [];
  const [rows, columns, channels] = shape;
  if (shape.length === 3 && (channels === 1 || channels === 3))
    return [rows as number, columns as number, channels];
  throw new WorkError(
    `the network does not take pictures: expected an input [rows, columns, 1 or 3], got [${shape.join(", ")}]`,
  );
}
