/** @file A picture as a network's input (size, channels, scaling), and the network's answer: probabilities of classes, and their names. */
import type { Tensor } from "../../index.ts";
import {
  type Interpolation,
  type LoadedModel,
  type Picture,
  type PreprocessMode,
  architectures,
  loadImage,
  preprocess,
  DownloadError,
  imagenetClassNames,
  parseClassNames,
} from "../../models/index.ts";
import { UsageError, WorkError } from "../errors.ts";
import { type Opened, checkFile } from "./open.ts";
import { readText } from "../files.ts";

/** How pixels become input, and how that is known. */
export interface Preprocessing {
  readonly mode: PreprocessMode;
  /** Undefined where it was said, or belongs to the network. */
  readonly guess?: string;
}

/** The scaling that a network wants: as given, otherwise its architecture's, otherwise what the file's name and first layers tell. */
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
 * Throws WorkError for files that do not exist, FormatError for files that are not pictures.
 */
export async function readPicture(path: string): Promise<Picture> {
  await checkFile(path);
  return loadImage(path);
}

/**
 * A picture as the network's input, [1, rows, columns, channels].
 * Throws WorkError for networks that do not take pictures, UsageError for scalings that do not fit the channels.
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

/** Largest file of names. */
const cap = 2 ** 24;

/**
 * Probabilities from a network's output [1, C]. Scores that are not probabilities become some by softmax; a single number from 0 to 1 is the
 * probability of the second of two classes.
 * Throws WorkError for outputs that are not scores of classes.
 */
export function probabilitiesOf(output: unknown): {
  readonly probabilities: Tensor;
  readonly isSoftmax: boolean;
} {
  const { shape } = output as Partial<Tensor>;
  if (shape === undefined || shape.length < 2 || shape.slice(1, -1).some((n) => n !== 1))
    throw new WorkError(
      shape === undefined
        ? "the network has several outputs, and no single one that names classes"
        : `the network does not classify: expected scores [classes], got an output [${shape.slice(1).join(", ")}]`,
    );
  const scores = (output as Tensor).reshape([shape.at(-1)!]);
  const values = [...scores.data()];
  if (!values.every(Number.isFinite))
    throw new WorkError("the network gives scores that are not finite; are its weights right?");
  const within = values.every((value) => value >= 0 && value <= 1 + 1e-6);
  if (values.length === 1) {
    const p = within ? scores : scores.sigmoid();
    return { probabilities: p.neg().add(1).concat([p], 0), isSoftmax: !within };
  }
  const sum = values.reduce((total, value) => total + value, 0);
  if (within && Math.abs(sum - 1) < 1e-3) return { probabilities: scores, isSoftmax: false };
  const exponentials = scores.sub(scores.max()).exp();
  return { probabilities: exponentials.div(exponentials.sum()), isSoftmax: true };
}

/**
 * Names of `count` classes: those of a file, or ImageNet's where there are 1000. `note` says why there are none.
 * Throws WorkError or FormatError for files with another number of names.
 */
export async function classNamesFor(
  count: number,
  file: string | undefined,
): Promise<{ readonly names?: readonly string[]; readonly note?: string }> {
  if (file !== undefined) {
    const names = parseClassNames(await readText(file, cap), file);
    if (names.length === count) return { names };
    throw new WorkError(
      `${file}: expected ${count} names, one for each class, got ${names.length}`,
    );
  }
  if (count !== 1000) return {};
  try {
    return { names: await imagenetClassNames() };
  } catch (error) {
    if (!(error instanceof DownloadError)) throw error;
    return { note: `classes have no names: ${error.message}` };
  }
}
